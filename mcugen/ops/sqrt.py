"""SQRT and RSQRT, the reciprocal of the square root.

The references stop the program at a negative int8 input. Here SQRT takes it as 0, and RSQRT gives
the largest output as it does for 0.
"""

from __future__ import annotations

import math

import numpy as np

from mcugen.fixed import inverse_sqrt, multiply_by_quantized_multiplier, quantize_multiplier
from mcugen.ir import Call
from mcugen.ops import float32, rules, table, unary_f32
from mcugen.ops.base import Array, Arrays, Op, no_attributes
from mcugen.ops.window import same_rows

_EVERY = table.BYTES.view(np.int8)
FRACTION_BITS = 20  # of the reciprocal of an integer's square root

# ---- rules


def roots_fit_int32(call: Call) -> str | None:
    """No int8 input may have a root of 2**30 output scales or more."""
    return None if call.input().dtype.is_float else table.beyond_int32(call, _roots(call, _EVERY))


def rsqrt_scales_fit(call: Call) -> str | None:
    """For int8, sqrt(input scale) * output scale must be above 2**-30 and at most 2**12."""
    if call.input().dtype.is_float or 2.0**-12 <= rsqrt_ratio(call) < 2.0**30:
        return None
    return f"input scale {call.input().scale:g}, output scale {call.output.scale:g}"


def rsqrt_ratio(call: Call) -> float:
    """The reciprocal of sqrt(1 step of the input), in steps of the output."""
    return 1 / (math.sqrt(call.input().scale) * call.output.scale)


# ---- semantics


def sqrt_floating(call: Call, inputs: Arrays) -> list[Array]:
    """Float32 square root; NaN below 0."""
    return [float32.sqrt(inputs[0])]


def sqrt_quantized(call: Call, inputs: Arrays) -> list[Array]:
    """Int8 square root, as SqrtEvalQuantized of BUILTIN_REF: in float32, and truncated.

    TFLite Micro has none for int8.
    """
    steps = np.trunc(_roots(call, inputs[0]))
    return [np.clip(steps + call.output.zero_point, -128, 127).astype(np.int8)]


def _roots(call: Call, x: Array) -> Array:
    """The roots in steps of the output, in float32."""
    centred = np.maximum(x.astype(np.int32) - call.input().zero_point, 0)
    real = np.sqrt(np.float32(call.input().scale) * centred.astype(np.float32))
    steps: Array = real / np.float32(call.output.scale)
    return steps


def rsqrt_floating(call: Call, inputs: Arrays) -> list[Array]:
    """Float32 reciprocal of the square root; NaN below 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return [np.float32(1) / float32.sqrt(inputs[0])]


def rsqrt_quantized(call: Call, inputs: Arrays) -> list[Array]:
    """Int8 reciprocal of the square root, as TFLite Micro's RsqrtEvalQuantized.

    It computes the ratio of the scales in double, BUILTIN_REF in float32.
    """
    multiplier, shift = quantize_multiplier(rsqrt_ratio(call))
    centred = inputs[0].astype(np.int64) - call.input().zero_point
    inverse, inverse_shift = inverse_sqrt(np.maximum(centred, 1))
    inverse = multiply_by_quantized_multiplier(1, inverse, inverse_shift + FRACTION_BITS)
    steps = multiply_by_quantized_multiplier(inverse, multiplier, shift - FRACTION_BITS)
    result = np.clip(steps + call.output.zero_point, -128, 127)
    return [np.where(centred <= 0, 127, result).astype(np.int8)]


# ---- the operators

SQRT = Op(
    name="sqrt",
    tflite="SQRT",
    decode=no_attributes,
    infer=table.infer,
    rows=same_rows,
    rules=(rules.same_type_in_out, rules.quantized_per_tensor, roots_fit_int32),
    floating=sqrt_floating,
    quantized=sqrt_quantized,
    arity=(1, 1),
    kernels=(table.kernel(sqrt_quantized), unary_f32.kernel("sqrt", 65)),
)

RSQRT = Op(
    name="rsqrt",
    tflite="RSQRT",
    decode=no_attributes,
    infer=table.infer,
    rows=same_rows,
    rules=(rules.same_type_in_out, rules.quantized_per_tensor, rsqrt_scales_fit),
    floating=rsqrt_floating,
    quantized=rsqrt_quantized,
    arity=(1, 1),
    kernels=(table.kernel(rsqrt_quantized), unary_f32.kernel("rsqrt", 80)),
)
