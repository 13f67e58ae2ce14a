"""LOGISTIC and TANH: in int8 their outputs have the scale and zero point that TFLite fixes.

They follow TFLite Micro. BUILTIN_REF has tables filled in float32, which differ by one step here
and there, and by half the range at a real 0 where an input step is 16 or more.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from mcugen import fixed
from mcugen.ir import Call
from mcugen.ops import float32, rules, table, unary_f32
from mcugen.ops.base import Array, Arrays, Op, Scheme, no_attributes

INTEGER_BITS = 4  # of the scaled input: Q4.27

# ---- rules


def output_is_unsigned_fraction(call: Call) -> str | None:
    """An int8 output must have scale 1/256 and zero point -128."""
    return rules.not_scaled_by(call.output, 1 / 256, -128)


def output_is_signed_fraction(call: Call) -> str | None:
    """An int8 output must have scale 1/128 and zero point 0."""
    return rules.not_scaled_by(call.output, 1 / 128, 0)


def scale_is_representable(call: Call) -> str | None:
    """An int8 input's scale must be at least 2**-28 and below 2**35."""
    if call.input().dtype.is_float or 2.0**-28 <= call.input().scale < 2.0**35:
        return None
    return f"input scale {call.input().scale:g}"


# ---- semantics


def logistic_floating(call: Call, inputs: Arrays) -> list[Array]:
    """Float32 sigmoid."""
    return [float32.logistic(inputs[0])]


def tanh_floating(call: Call, inputs: Arrays) -> list[Array]:
    """Float32 hyperbolic tangent."""
    return [float32.tanh(inputs[0])]


def logistic_quantized(call: Call, inputs: Arrays) -> list[Array]:
    """Int8 sigmoid, as reference_integer_ops::Logistic."""
    return _fixed_point(call, inputs[0], fixed.logistic, 8)


def tanh_quantized(call: Call, inputs: Arrays) -> list[Array]:
    """Int8 hyperbolic tangent, as reference_integer_ops::Tanh."""
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


# ---- the operators

_RULES = (rules.same_type_in_out, rules.quantized_per_tensor, scale_is_representable)

LOGISTIC = Op(
    name="logistic",
    tflite="LOGISTIC",
    scheme=Scheme(output=(1 / 256, -128)),
    decode=no_attributes,
    infer=table.infer,
    rules=(*_RULES, output_is_unsigned_fraction),
    floating=logistic_floating,
    quantized=logistic_quantized,
    arity=(1, 1),
    kernels=(table.kernel(logistic_quantized), unary_f32.kernel("logistic", 60)),
)

TANH = Op(
    name="tanh",
    tflite="TANH",
    scheme=Scheme(output=(1 / 128, 0)),
    decode=no_attributes,
    infer=table.infer,
    rules=(*_RULES, output_is_signed_fraction),
    floating=tanh_floating,
    quantized=tanh_quantized,
    arity=(1, 1),
    kernels=(table.kernel(tanh_quantized), unary_f32.kernel("tanh", 70)),
)
