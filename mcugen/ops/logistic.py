"""LOGISTIC and TANH: in int8 their outputs have the scale and zero point that TFLite fixes.

They follow TFLite Micro. BUILTIN_REF has tables filled in float32, which differ by one step here
and there, and by half the range at a real 0 where an input step is 16 or more.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from mcugen import fixed
from mcugen.fixed import round_half_away
from mcugen.ir import Call, DType
from mcugen.ops import float32, overlap, rules, sigmoid_s16, table, unary_f32
from mcugen.ops.base import (
    Array,
    Arrays,
    Const,
    Cost,
    Family,
    Fields,
    Kernel,
    Op,
    Scheme,
    no_attributes,
)
from mcugen.ops.window import same_rows

INTEGER_BITS = 4  # of the scaled int8 input: Q4.27
LOWEST_F32, HIGHEST_F32 = np.float32(-9), np.float32(16.619047164916992188)
MAX_SCALE_16 = 4.0  # of an int16 input, so that its multiplier keeps products in an int32

# ---- rules


def output_is_unsigned_fraction(call: Call) -> str | None:
    """The output must have scale 1/256 and zero point -128; of int16, 1/32768 and 0."""
    if call.output.dtype is DType.INT16:
        return rules.not_scaled_by(call.output, 2.0**-15, 0)
    return rules.not_scaled_by(call.output, 1 / 256, -128)


def output_is_signed_fraction(call: Call) -> str | None:
    """The output must have scale 1/128, of int16 1/32768, and zero point 0."""
    scale = 2.0**-15 if call.output.dtype is DType.INT16 else 1 / 128
    return rules.not_scaled_by(call.output, scale, 0)


def scale_is_representable(call: Call) -> str | None:
    """An int8 input's scale must be at least 2**-28 and below 2**35, an int16 one's below 4."""
    if call.input().dtype is DType.INT16:
        scale = call.input().scale
        return None if scale < MAX_SCALE_16 else f"input scale {scale:g}"
    if call.input().dtype.is_float or 2.0**-28 <= call.input().scale < 2.0**35:
        return None
    return f"input scale {call.input().scale:g}"


# ---- semantics


def logistic_floating(call: Call, inputs: Arrays) -> list[Array]:
    """Float32 sigmoid with the cutoffs of reference_ops::Logistic.

    Below -9 it is e^x there, which is larger by up to 1.2e-4 of itself.
    """
    x = inputs[0]
    below, above = x < LOWEST_F32, x > HIGHEST_F32
    result = np.where(below, float32.exp(x), float32.logistic(x))
    return [np.where(above, np.float32(1), result)]


def tanh_floating(call: Call, inputs: Arrays) -> list[Array]:
    """Float32 hyperbolic tangent."""
    return [float32.tanh(inputs[0])]


def logistic_quantized(call: Call, inputs: Arrays) -> list[Array]:
    """Int8 or int16 sigmoid, as reference_integer_ops::Logistic."""
    if call.input().dtype is DType.INT16:
        return [sigmoid_s16.sigmoid_of_steps(steps_s16(call, inputs[0]))]
    return _fixed_point(call, inputs[0], fixed.logistic, 8)


def tanh_quantized(call: Call, inputs: Arrays) -> list[Array]:
    """Int8 or int16 hyperbolic tangent, as reference_integer_ops::Tanh."""
    if call.input().dtype is DType.INT16:
        return [sigmoid_s16.tanh_of_steps(steps_s16(call, inputs[0]))]
    return _fixed_point(call, inputs[0], fixed.tanh, 7)


def _fixed_point(
    call: Call, x: Array, function: Callable[[Array, int], Array], fraction_bits: int
) -> list[Array]:
    """A function in fixed point where the input is within +-15, else the int8 range's end.

    The lower end comes first: with a scale of 16 and more the radius is 0 and a real 0 becomes
    -128, although the function has another value there.
    """
    multiplier, shift, radius = scaling(call)
    centred = x.astype(np.int64) - call.input().zero_point
    near = np.where(np.abs(centred) < radius, centred, 0)
    scaled = fixed.multiply_by_quantized_multiplier(near, multiplier, shift)
    result = fixed.rounding_divide_by_pot(function(scaled, INTEGER_BITS), 31 - fraction_bits)
    result = np.clip(result + call.output.zero_point, -128, 127)
    result = np.where(centred >= radius, 127, result)
    return [np.where(centred <= -radius, -128, result).astype(np.int8)]


def scaling(call: Call) -> tuple[int, int, int]:
    """(Q0.31 multiplier, shift to Q4.27, distance at which the result saturates)."""
    mantissa, shift = math.frexp(call.input().scale * 2.0 ** (31 - INTEGER_BITS))
    radius = math.floor((2**INTEGER_BITS - 1) * 2.0 ** (31 - INTEGER_BITS) / 2.0**shift)
    return round(mantissa * 2**31), min(shift, 31), radius


def steps_s16(call: Call, x: Array) -> Array:
    """The input in steps of the reference's table of sigmoids."""
    multiplier, shift = scaling_s16(call)
    rounding = 1 << (shift - 1) if shift > 0 else 0
    return (x.astype(np.int64) * multiplier + rounding) >> shift


def scaling_s16(call: Call) -> tuple[int, int]:
    """(Multiplier, right shift) from an int16 input to a third of Q3.12, as LogisticPrepare.

    Where the input is in Q3.12, or for TANH in Q4.11, the reference multiplies by 3 or 6, even if
    the scale is only near that (CheckedLog2); else by the scale's 14 or 15 leading bits.
    """
    scale = call.input().scale
    power = np.log(np.float32(scale)) * (np.float32(1) / np.log(np.float32(2)))
    doubled = int(round_half_away(power)) + 12
    is_fixed = abs(power - round_half_away(power).astype(np.float32)) < np.float32(1e-3)
    if is_fixed and doubled in ((0, 1) if call.node.op == "tanh" else (0,)):
        return 3 << doubled, 0
    multiplier, shift = scale * 4096.0 * 3.0, 0
    while multiplier <= 32767.0 / 2.0 and shift <= 30:
        multiplier, shift = multiplier * 2.0, shift + 1
    return int(multiplier), shift


# ---- C parameters and kernels


def params_s16(call: Call) -> Fields:
    """Fields of mcu_logistic_s16_params."""
    multiplier, shift = scaling_s16(call)
    return {
        "elements": call.output.elements,
        "multiplier": multiplier,
        "shift": shift,
        "table": Const(sigmoid_s16.TABLE.astype(np.uint16), "uint16_t"),
    }


def _kernel_s16(name: str) -> Kernel:
    return Kernel(
        name=name,
        family=Family.REF,
        dtype=DType.INT16,
        params=params_s16,
        params_type="mcu_logistic_s16_params",
        header="mcu_logistic_s16.h",
        overlap=overlap.elementwise,
        cost=lambda call: Cost(cycles=35 * call.output.elements + 50, flash=512),
    )


# ---- the operators

_RULES = (rules.same_type_in_out_16, rules.quantized_per_tensor, scale_is_representable)

LOGISTIC = Op(
    name="logistic",
    tflite="LOGISTIC",
    scheme=Scheme(output=(1 / 256, -128)),
    decode=no_attributes,
    infer=table.infer,
    rows=same_rows,
    rules=(*_RULES, output_is_unsigned_fraction),
    floating=logistic_floating,
    quantized=logistic_quantized,
    arity=(1, 1),
    kernels=(
        table.kernel(logistic_quantized),
        _kernel_s16("mcu_logistic_s16_ref"),
        unary_f32.kernel("logistic", 60),
    ),
)

TANH = Op(
    name="tanh",
    tflite="TANH",
    scheme=Scheme(output=(1 / 128, 0)),
    decode=no_attributes,
    infer=table.infer,
    rows=same_rows,
    rules=(*_RULES, output_is_signed_fraction),
    floating=tanh_floating,
    quantized=tanh_quantized,
    arity=(1, 1),
    kernels=(
        table.kernel(tanh_quantized),
        _kernel_s16("mcu_tanh_s16_ref"),
        unary_f32.kernel("tanh", 70),
    ),
)
