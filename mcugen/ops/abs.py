"""ABS and NEG."""

from __future__ import annotations

import numpy as np

from mcugen.fixed import quantize_multiplier, requantize
from mcugen.ir import Call
from mcugen.ops import rules, table, unary_f32
from mcugen.ops.base import Array, Arrays, Op, Scheme, no_attributes
from mcugen.ops.quantize import MAX_SHIFT
from mcugen.ops.window import same_rows

# ---- rules


def scale_ratio_fits(call: Call) -> str | None:
    """The int8 input's scale must be below 2**22 output scales."""
    if call.input().dtype.is_float or multiplier(call)[1] <= MAX_SHIFT:
        return None
    return f"input scale {call.input().scale:g}, output scale {call.output.scale:g}"


def zero_point_is_zero(call: Call) -> str | None:
    """An int8 input must have zero point 0: the reference negates the integers themselves."""
    if call.input().dtype.is_float or call.input().zero_point == 0:
        return None
    return f"zero point {call.input().zero_point}"


# ---- semantics


def abs_floating(call: Call, inputs: Arrays) -> list[Array]:
    """Float32 magnitude."""
    return [np.abs(inputs[0])]


def abs_quantized(call: Call, inputs: Arrays) -> list[Array]:
    """Int8 magnitude, as TFLite Micro's AbsEvalQuantized.

    It divides the scales in double, BUILTIN_REF in float32; neither multiplies where they are
    equal.
    """
    magnitude = np.abs(inputs[0].astype(np.int64) - call.input().zero_point)
    if call.input().scale == call.output.scale:
        return [np.clip(magnitude + call.output.zero_point, -128, 127).astype(np.int8)]
    return [requantize(magnitude, *multiplier(call), call.output.zero_point, -128, 127)]


def multiplier(call: Call) -> tuple[int, int]:
    """(Q0.31 multiplier, shift) from the input's scale to the output's."""
    return quantize_multiplier(call.input().scale / call.output.scale)


def neg(call: Call, inputs: Arrays) -> list[Array]:
    """The negative, -128 for -128, as BUILTIN_REF; TFLite Micro has none for int8."""
    return [-inputs[0]]


# ---- the operators

ABS = Op(
    name="abs",
    tflite="ABS",
    decode=no_attributes,
    infer=table.infer,
    rows=same_rows,
    rules=(rules.same_type_in_out, rules.quantized_per_tensor, scale_ratio_fits),
    floating=abs_floating,
    quantized=abs_quantized,
    arity=(1, 1),
    kernels=(table.kernel(abs_quantized), unary_f32.kernel("abs", 9)),
)

NEG = Op(
    name="neg",
    tflite="NEG",
    scheme=Scheme(shares=True),
    decode=no_attributes,
    infer=table.infer,
    rows=same_rows,
    rules=(
        rules.same_type_in_out,
        rules.quantized_per_tensor,
        rules.same_quantization_in_out,
        zero_point_is_zero,
    ),
    floating=neg,
    quantized=neg,
    arity=(1, 1),
    kernels=(table.kernel(neg), unary_f32.kernel("neg", 9)),
)
