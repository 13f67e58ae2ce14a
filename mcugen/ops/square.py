"""SQUARE: each value times itself.

It has no kernels: `mcugen.passes.square_as_product` makes a MUL of it, which computes the same and
exists for integers.
"""

from __future__ import annotations

import numpy as np

from mcugen.ir import Call, DType
from mcugen.ops import table
from mcugen.ops.base import Array, Arrays, Op, no_attributes


def types_are_float32(call: Call) -> str | None:
    """Input and output must be float32: the references have no other SQUARE."""
    found = call.input().dtype, call.output.dtype
    if set(found) == {DType.FLOAT32}:
        return None
    return ", ".join(dtype.value for dtype in found)


def floating(call: Call, inputs: Arrays) -> list[Array]:
    """Float32 square."""
    return [np.square(inputs[0])]


OP = Op(
    name="square",
    tflite="SQUARE",
    decode=no_attributes,
    infer=table.infer,
    rules=(types_are_float32,),
    floating=floating,
    arity=(1, 1),
)
