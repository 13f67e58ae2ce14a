"""SQUEEZE: drops axes of size 1; it costs nothing at run time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mcugen.ir import Call
from mcugen.ops import rules
from mcugen.ops.base import Array, Arrays, Op, Options, Scheme, Shape

# ---- attributes and decode


@dataclass(frozen=True, slots=True)
class SqueezeAttrs:
    """The axes to drop, negative ones counted from the end; none means every axis of size 1."""

    axes: tuple[int, ...]


def decode(options: Any) -> SqueezeAttrs:
    """Read SqueezeOptions."""
    if options is None or options.SqueezeDimsIsNone():
        return SqueezeAttrs(())
    return SqueezeAttrs(tuple(int(axis) for axis in options.SqueezeDimsAsNumpy()))


def encode(call: Call) -> Options:
    """Write SqueezeOptions."""
    return {"squeezeDims": list(call.attrs.axes)}


# ---- infer


def infer(call: Call) -> tuple[Shape, ...]:
    """The input's shape without the dropped axes."""
    shape, axes = call.input().shape, call.attrs.axes
    dropped = {axis % len(shape) for axis in axes if shape}
    return (tuple(n for i, n in enumerate(shape) if (i not in dropped if axes else n != 1)),)


# ---- rules


def axes_have_size_1(call: Call) -> str | None:
    """The axes must lie within the input's rank and have size 1."""
    shape, axes = call.input().shape, call.attrs.axes
    if all(-len(shape) <= axis < len(shape) and shape[axis] == 1 for axis in axes):
        return None
    return f"input of shape {list(shape)}, axes {list(axes)}"


# ---- semantics


def squeeze(call: Call, inputs: Arrays) -> list[Array]:
    """The same elements in the inferred shape."""
    return [inputs[0].reshape(infer(call)[0])]


OP = Op(
    name="squeeze",
    tflite="SQUEEZE",
    scheme=Scheme(shares=True),
    decode=decode,
    encode=encode,
    infer=infer,
    rules=(rules.same_type, rules.same_quantization_in_out, axes_have_size_1),
    floating=squeeze,
    quantized=squeeze,
    alias=True,
    arity=(1, 1),
)
