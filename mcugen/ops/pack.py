"""PACK: stacks tensors along a new axis. Its place is in shape computations that fold away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mcugen.ir import Call
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


def infer(call: Call) -> tuple[Shape, ...]:
    """The inputs' shape with their number inserted."""
    shape = call.input().shape
    axis = call.attrs.axis % (len(shape) + 1)
    return ((*shape[:axis], len(call.inputs), *shape[axis:]),)


# ---- rules


def axis_fits(call: Call) -> str | None:
    """The axis must lie within the output's rank."""
    rank, axis = len(call.input().shape) + 1, call.attrs.axis
    return None if -rank <= axis < rank else f"axis {axis} of an output of rank {rank}"


def inputs_are_alike(call: Call) -> str | None:
    """All inputs must have one shape, and the type and quantization of the output."""
    output = call.output
    for position, tensor in enumerate(call.inputs):
        if tensor is None:
            return f"input {position} is absent"
        if tensor.shape != call.input().shape:
            return f"inputs of shape {list(call.input().shape)} and {list(tensor.shape)}"
        if tensor.dtype is not output.dtype:
            return f"input {position} {tensor.dtype.value}, output {output.dtype.value}"
        if tensor.quant != output.quant:
            return f"input {position} with another quantization than the output"
    return None


def count_is_right(call: Call) -> str | None:
    """The option `values_count` must be the number of inputs."""
    count = call.attrs.count
    return None if count == len(call.inputs) else f"{count} for {len(call.inputs)} inputs"


# ---- semantics


def pack(call: Call, inputs: Arrays) -> list[Array]:
    """The inputs, stacked."""
    return [np.stack(inputs, axis=call.attrs.axis)]


OP = Op(
    name="pack",
    tflite="PACK",
    scheme=Scheme(shares=True),
    decode=decode,
    encode=encode,
    infer=infer,
    rules=(inputs_are_alike, count_is_right, axis_fits),
    floating=pack,
    quantized=pack,
)
