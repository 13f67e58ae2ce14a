"""CONCATENATION: the inputs one after the other along an axis.

TFLite Micro copies int8 bytes whatever the scales say, and ignores a fused activation; LiteRT wants
equal scales and no activation. So do we.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mcugen.ir import Call
from mcugen.ops import movers, window
from mcugen.ops.base import Activation, Array, Arrays, Op, Options, Scheme, Shape
from mcugen.ops.window import Axis

# ---- attributes and decode


@dataclass(frozen=True, slots=True)
class ConcatenationAttrs:
    """`axis` is counted from the end if negative."""

    axis: int
    activation: Activation


def decode(options: Any) -> ConcatenationAttrs:
    """Read ConcatenationOptions."""
    return ConcatenationAttrs(options.Axis(), Activation(options.FusedActivationFunction()))


def encode(call: Call) -> Options:
    """Write ConcatenationOptions."""
    attrs: ConcatenationAttrs = call.attrs
    return {"axis": attrs.axis, "fusedActivationFunction": attrs.activation.value}


# ---- infer


def axis(call: Call) -> int:
    """The axis, counted from the start."""
    return int(call.attrs.axis % len(call.input().shape))


def infer(call: Call) -> tuple[Shape, ...]:
    """The first input's shape, with the sum of all sizes along the axis."""
    at, shape = axis(call), list(call.input().shape)
    shape[at] = sum(call.input(i).shape[at] for i in range(len(call.inputs)))
    return (tuple(shape),)


# ---- rows


def rows(call: Call) -> dict[int, Axis]:
    """Each row from the same row of every input, where columns or channels are joined."""
    shape = call.output.shape
    if len(shape) != 4 or axis(call) < 2 or any(t is None or t.is_const for t in call.inputs):
        return {}
    return {
        position: window.axis(shape[1], 1, 1, 1, window.Padding.VALID)
        for position in range(len(call.inputs))
    }


# ---- rules


def axis_exists(call: Call) -> str | None:
    """The axis must be in the range [-rank, rank) of the inputs."""
    rank, at = len(call.input().shape), call.attrs.axis
    return None if -rank <= at < rank else f"axis {at} of {rank} dimensions"


def shapes_agree(call: Call) -> str | None:
    """The inputs' shapes may differ along the axis only."""
    at = axis(call)
    shapes = [call.input(i).shape for i in range(len(call.inputs))]
    others = {(*shape[:at], *shape[at + 1 :]) for shape in shapes}
    if len(others) == 1 and len({len(shape) for shape in shapes}) == 1:
        return None
    return f"shapes {', '.join(str(list(shape)) for shape in shapes)}"


def activation_is_none(call: Call) -> str | None:
    """A fused activation is not supported."""
    activation = call.attrs.activation
    return None if activation is Activation.NONE else f"activation {activation.name}"


# ---- semantics and kernel


def concatenate(call: Call, inputs: Arrays) -> list[Array]:
    """The inputs, joined."""
    return [np.concatenate(inputs, axis=axis(call))]


OP = Op(
    name="concatenation",
    tflite="CONCATENATION",
    scheme=Scheme(shares=True),
    decode=decode,
    encode=encode,
    infer=infer,
    rows=rows,
    rules=(movers.inputs_match, axis_exists, shapes_agree, activation_is_none),
    floating=concatenate,
    quantized=concatenate,
    kernels=(movers.concat_kernel(axis),),
)
