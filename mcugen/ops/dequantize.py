"""DEQUANTIZE: to float32. Kernels take int8 and int16; constants of any type are folded."""

from __future__ import annotations

import numpy as np

from mcugen.ir import Call, DType
from mcugen.ops.base import (
    Array,
    Arrays,
    Cost,
    Family,
    Fields,
    Kernel,
    Op,
    Shape,
    no_attributes,
)
from mcugen.ops.window import same_rows

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


# ---- C parameters and kernels


def scale_is_single(call: Call) -> str | None:
    """The input must have one scale and one zero point."""
    quant = call.input().quant
    return "scales per channel" if quant is not None and quant.is_per_channel else None


def params(call: Call) -> Fields:
    """Fields of mcu_quantize_params."""
    source = call.input()
    return {"elements": source.elements, "scale": source.scale, "zero_point": source.zero_point}


def _kernel(dtype: DType, name: str) -> Kernel:
    return Kernel(
        name=f"mcu_dequantize_{name}_f32_ref",
        family=Family.REF,
        dtype=dtype,
        params=params,
        params_type="mcu_quantize_params",
        header="mcu_quantize.h",
        applies=(scale_is_single,),
        cost=lambda call: Cost(cycles=10 * call.output.elements + 50),
    )


OP = Op(
    name="dequantize",
    tflite="DEQUANTIZE",
    decode=no_attributes,
    infer=infer,
    rows=same_rows,
    rules=(output_is_float32,),
    floating=floating,
    quantized=quantized,
    arity=(1, 1),
    kernels=(_kernel(DType.INT8, "s8"), _kernel(DType.INT16, "s16")),
)
