"""PACK: stacks tensors along a new axis, of shapes that fold away as well as of data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mcugen.ir import Call
from mcugen.ops import movers
from mcugen.ops.base import Array, Arrays, Op, Options, Scheme, Shape

# ---- attributes and decode


@dataclass(frozen=True, slots=True)
class PackAttrs:
    """`axis` is counted in the output, from its end if negative; `count` is that of the inputs."""

    axis: int
    count: int


def decode(options: Any) -> PackAttrs:
    """Read PackOptions."""
    return PackAttrs(options.Axis(), options.ValuesCount())


def encode(call: Call) -> Options:
    """Write PackOptions."""
    return {"axis": call.attrs.axis, "valuesCount": len(call.inputs)}


# ---- infer


def axis(call: Call) -> int:
    """The new axis, counted from the start."""
    return int(call.attrs.axis % (len(call.input().shape) + 1))


def infer(call: Call) -> tuple[Shape, ...]:
    """The inputs' shape with their number inserted."""
    shape, at = call.input().shape, axis(call)
    return ((*shape[:at], len(call.inputs), *shape[at:]),)


# ---- rules


def axis_fits(call: Call) -> str | None:
    """The axis must lie within the output's rank."""
    rank, at = len(call.input().shape) + 1, call.attrs.axis
    return None if -rank <= at < rank else f"axis {at} of an output of rank {rank}"


def shapes_are_alike(call: Call) -> str | None:
    """All inputs must have one shape."""
    shapes = {call.input(i).shape for i in range(len(call.inputs))}
    return None if len(shapes) == 1 else f"inputs of shapes {sorted(map(list, shapes))}"


def count_is_right(call: Call) -> str | None:
    """The option `values_count` must be the number of inputs."""
    count = call.attrs.count
    return None if count == len(call.inputs) else f"{count} for {len(call.inputs)} inputs"


# ---- semantics


def pack(call: Call, inputs: Arrays) -> list[Array]:
    """The inputs, stacked."""
    return [np.stack(inputs, axis=axis(call))]


OP = Op(
    name="pack",
    tflite="PACK",
    scheme=Scheme(shares=True),
    decode=decode,
    encode=encode,
    infer=infer,
    rules=(movers.inputs_match, shapes_are_alike, count_is_right, axis_fits),
    floating=pack,
    quantized=pack,
    kernels=(movers.concat_kernel(axis),),
)
