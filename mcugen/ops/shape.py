"""SHAPE: the input's shape as a tensor. It is known at generation time, so it has no kernel."""

from __future__ import annotations

import numpy as np

from mcugen.ir import Call, DType
from mcugen.ops.base import Array, Arrays, Op, Shape, no_attributes


def infer(call: Call) -> tuple[Shape, ...]:
    """One element per axis."""
    return ((len(call.input().shape),),)


def output_is_an_index(call: Call) -> str | None:
    """The output must be int32 or int64."""
    dtype = call.output.dtype
    return None if dtype in (DType.INT32, DType.INT64) else f"output {dtype.value}"


def fold(call: Call) -> list[Array] | None:
    """The shape, unless an axis is still open."""
    shape = call.input().shape
    return None if min(shape, default=0) < 0 else [np.array(shape, call.output.dtype.numpy)]


def shape(call: Call, inputs: Arrays) -> list[Array]:
    """The shape of the value at hand."""
    return [np.array(inputs[0].shape, call.output.dtype.numpy)]


OP = Op(
    name="shape",
    tflite="SHAPE",
    decode=no_attributes,
    infer=infer,
    rules=(output_is_an_index,),
    floating=shape,
    quantized=shape,
    fold=fold,
    arity=(1, 1),
)
