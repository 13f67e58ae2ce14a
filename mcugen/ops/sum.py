"""SUM over some axes; the second input lists them.

SUM follows TFLite Micro, which scales a sum as MEAN does, without the division. BUILTIN_REF's int8
SUM is far from the sum of the real values.
"""

from __future__ import annotations

import numpy as np

from mcugen.fixed import quantize_multiplier, requantize
from mcugen.ir import Call, DType
from mcugen.ops import mean, rules
from mcugen.ops.base import Array, Arrays, Cost, Family, Fields, Kernel, Op

# ---- rules

RULES = (
    mean.axes_are_constant,
    mean.axes_form_two_groups,
    rules.same_type_in_out,
    rules.activations_are_quantized,
    mean.sum_fits_int32,
    mean.ratio_is_defined,
)


# ---- semantics


def floating(call: Call, inputs: Arrays) -> list[Array]:
    """Float32 sum."""
    return [mean.sums_f32(call, inputs[0])]


def quantized(call: Call, inputs: Arrays) -> list[Array]:
    """Int8 sum."""
    total = inputs[0].astype(np.int64).sum(axis=mean.axes(call)) + mean.sum_offset(call)
    multiplier, shift = scaling(call)
    sums = requantize(total, multiplier, shift, call.output.zero_point, -128, 127)
    return [sums.reshape(call.output.shape)]


def scaling(call: Call) -> tuple[int, int]:
    """(Q0.31 multiplier, shift) of a sum."""
    return quantize_multiplier(call.input(0).scale / call.output.scale)


# ---- C parameters and kernels


def params(call: Call) -> Fields:
    """Fields of mcu_mean_s8_params: a sum is a mean that is not divided."""
    multiplier, shift = scaling(call)
    return {
        **mean.size_fields(call),
        "sum_offset": mean.sum_offset(call),
        "output_offset": call.output.zero_point,
        "multiplier": multiplier,
        "shift": shift,
    }


def params_f32(call: Call) -> Fields:
    """Fields of mcu_mean_f32_params."""
    return {**mean.size_fields(call), "divisor": 1.0}


def _cost(call: Call) -> Cost:
    return Cost(cycles=6 * call.input(0).elements + 30 * call.output.elements)


OP = Op(
    name="sum",
    tflite="SUM",
    decode=mean.decode,
    encode=mean.encode,
    infer=mean.infer,
    arity=(2, 2),
    rules=RULES,
    floating=floating,
    quantized=quantized,
    kernels=(
        Kernel(
            name="mcu_mean_s8_ref",
            family=Family.REF,
            dtype=DType.INT8,
            params=params,
            params_type="mcu_mean_s8_params",
            header="mcu_mean.h",
            cost=_cost,
        ),
        Kernel(
            name="mcu_mean_f32_ref",
            family=Family.REF,
            dtype=DType.FLOAT32,
            params=params_f32,
            params_type="mcu_mean_f32_params",
            header="mcu_mean_f32.h",
            cost=_cost,
        ),
    ),
)
