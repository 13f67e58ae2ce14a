"""VIEW and JOIN: tensors that are a stretch of another one's memory.

No file has these operators: `mcugen.in_place` makes them of slices and concatenations whose parts
lie in one piece. Neither costs anything at run time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mcugen.ir import Call
from mcugen.ops.base import Array, Arrays, Op, Shape, no_attributes


@dataclass(frozen=True, slots=True)
class ViewAttrs:
    """Bytes from the input's start to the output's."""

    start: int


def infer(call: Call) -> tuple[Shape, ...]:
    """What it was made for."""
    return (call.output.shape,)


def view(call: Call, inputs: Arrays) -> list[Array]:
    """A stretch of the input."""
    first = call.attrs.start // inputs[0].itemsize
    elements = inputs[0].reshape(-1)[first : first + call.output.elements]
    return [elements.reshape(call.output.shape)]


def join(call: Call, inputs: Arrays) -> list[Array]:
    """The inputs, one behind the other."""
    return [np.concatenate([x.reshape(-1) for x in inputs]).reshape(call.output.shape)]


VIEW = Op(
    name="view",
    tflite="VIEW",
    decode=no_attributes,
    infer=infer,
    floating=view,
    quantized=view,
    alias=True,
)

JOIN = Op(
    name="join",
    tflite="JOIN",
    decode=no_attributes,
    infer=infer,
    floating=join,
    quantized=join,
    alias=True,
)
