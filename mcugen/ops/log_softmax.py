"""LOG_SOFTMAX along the last axis: the logarithm of SOFTMAX."""

from __future__ import annotations

import math

import numpy as np

from mcugen import fixed
from mcugen.ir import Call, DType
from mcugen.ops import float32, overlap, rules
from mcugen.ops.base import (
    Array,
    Arrays,
    Cost,
    Family,
    Fields,
    Kernel,
    Op,
    Scheme,
    Shape,
    no_attributes,
)
from mcugen.ops.softmax import DIFF_BITS, SUM_BITS, classes_fit

OUTPUT_BITS = 4  # integer bits of the output: 16/256 a step

# ---- infer


def infer(call: Call) -> tuple[Shape, ...]:
    """The input's shape."""
    return (call.input().shape,)


# ---- rules


def output_is_a_logarithm(call: Call) -> str | None:
    """An int8 output must have scale 16/256 and zero point 127."""
    return rules.not_scaled_by(call.output, 16 / 256, 127)


def scale_is_representable(call: Call) -> str | None:
    """An int8 input's scale must be above 2**-26 and below 2**4."""
    if call.input().dtype.is_float or 2.0**-26 < call.input().scale < 2.0**4:
        return None
    return f"input scale {call.input().scale:g}"


# ---- semantics


def floating(call: Call, inputs: Arrays) -> list[Array]:
    """Float32, in the reference's order."""
    centred = inputs[0] - inputs[0].max(axis=-1, keepdims=True)
    return [centred - float32.log(float32.add_up_rows(float32.exp(centred)))]


def quantized(call: Call, inputs: Arrays) -> list[Array]:
    """Int8, as reference_ops::LogSoftmaxQuantized.

    A difference that counts in the sum may be too large for the output: the second limit.
    """
    multiplier, shift, diff_min = scaling(call)
    x = inputs[0].astype(np.int64)
    diff = x - x.max(axis=-1, keepdims=True)
    scaled = fixed.multiply_by_quantized_multiplier(np.maximum(diff, diff_min), multiplier, shift)
    exps = np.where(diff >= diff_min, fixed.exp_on_negative_values(scaled, DIFF_BITS), 0)
    sums = fixed.rounding_divide_by_pot(exps, SUM_BITS).sum(axis=-1, keepdims=True)
    log_sum = fixed.log(sums, SUM_BITS)  # Q5.26
    limit = fixed.multiply_by_quantized_multiplier(log_sum + fixed.INT32_MIN, *inverse(call))
    steps = fixed.rounding_divide_by_pot(scaled - log_sum, 31 - DIFF_BITS - OUTPUT_BITS) + 127
    counts = diff > np.maximum(limit, diff_min - 1)
    return [np.where(counts, np.clip(steps, -128, 127), -128).astype(np.int8)]


def scaling(call: Call) -> tuple[int, int, int]:
    """(multiplier, left shift, least difference that counts), as PreprocessSoftmaxScaling."""
    multiplier, shift = fixed.quantize_multiplier(call.input().scale * 2.0 ** (31 - DIFF_BITS))
    radius = (2**DIFF_BITS - 1) * 2.0 ** (31 - DIFF_BITS) / 2.0**shift
    return multiplier, shift, -math.floor(radius)


def inverse(call: Call) -> tuple[int, int]:
    """(Q0.31 multiplier, shift) from Q5.26 to steps of the input."""
    multiplier, shift, _ = scaling(call)
    return fixed.quantize_multiplier(2.0 ** (31 - shift) / multiplier)


# ---- C parameters and kernels


def params_s8(call: Call) -> Fields:
    """Fields of mcu_log_softmax_s8_params."""
    *outer, classes = call.input().shape
    multiplier, shift, diff_min = scaling(call)
    inverse_multiplier, inverse_shift = inverse(call)
    return {
        "rows": math.prod(outer),
        "classes": classes,
        "multiplier": multiplier,
        "shift": shift,
        "diff_min": diff_min,
        "inverse_multiplier": inverse_multiplier,
        "inverse_shift": inverse_shift,
    }


def params_f32(call: Call) -> Fields:
    """Fields of mcu_softmax_f32_params."""
    *outer, classes = call.input().shape
    return {"rows": math.prod(outer), "classes": classes, "beta": 1.0}


OP = Op(
    name="log_softmax",
    tflite="LOG_SOFTMAX",
    scheme=Scheme(output=(16 / 256, 127)),
    decode=no_attributes,
    infer=infer,
    rules=(
        rules.same_type_in_out,
        rules.quantized_per_tensor,
        classes_fit,
        output_is_a_logarithm,
        scale_is_representable,
    ),
    floating=floating,
    quantized=quantized,
    arity=(1, 1),
    kernels=(
        Kernel(
            name="mcu_log_softmax_s8_ref",
            family=Family.REF,
            dtype=DType.INT8,
            params=params_s8,
            params_type="mcu_log_softmax_s8_params",
            header="mcu_log_softmax.h",
            overlap=overlap.elementwise,
            cost=lambda call: Cost(cycles=250 * call.output.elements + 500),
        ),
        Kernel(
            name="mcu_log_softmax_f32_ref",
            family=Family.REF,
            dtype=DType.FLOAT32,
            params=params_f32,
            params_type="mcu_softmax_f32_params",
            header="mcu_softmax_f32.h",
            overlap=overlap.elementwise,
            cost=lambda call: Cost(cycles=65 * call.output.elements + 200),
        ),
    ),
)
