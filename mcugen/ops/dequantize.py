"""DEQUANTIZE: to float32, at the edge of a model or of constant weights; there is no kernel."""

from __future__ import annotations

import numpy as np

from mcugen.ir import Call, DType
from mcugen.ops.base import Array, Arrays, Op, Shape, no_attributes

# ---- infer


def infer(call: Call) -> tuple[Shape, ...]:
    """The input's shape."""
    return (call.input().shape,)


# ---- rules


def output_is_float32(call: Call) -> str | None:
    """The input must be float16, or an integer with scale and zero point, the output float32."""
    source, target = call.input(), call.output
    legal = source.dtype is DType.FLOAT16 or (
        source.dtype in (DType.INT8, DType.UINT8, DType.INT16) and source.quant is not None
    )
    if legal and target.dtype is DType.FLOAT32:
        return None
    kind = "" if source.quant is not None or source.dtype.is_float else " without a scale"
    return f"input {source.dtype.value}{kind}, output {target.dtype.value}"


# ---- semantics


def floating(call: Call, inputs: Arrays) -> list[Array]:
    """Float16 to float32."""
    return [inputs[0].astype(np.float32)]


def quantized(call: Call, inputs: Arrays) -> list[Array]:
    """Integers to float32, as reference_ops::Dequantize: one product in double, then rounded."""
    quant = call.input().quant
    assert quant is not None
    shape = [1] * inputs[0].ndim
    if quant.axis is not None:
        shape[quant.axis] = -1
    centred = inputs[0] - np.array(quant.zero_point, np.int64).reshape(shape)
    return [(centred * np.array(quant.scale).reshape(shape)).astype(np.float32)]


OP = Op(
    name="dequantize",
    tflite="DEQUANTIZE",
    decode=no_attributes,
    infer=infer,
    rules=(output_is_float32,),
    floating=floating,
    quantized=quantized,
    arity=(1, 1),
)
