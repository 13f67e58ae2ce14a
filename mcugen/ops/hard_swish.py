"""HARD_SWISH: x * relu6(x + 3) / 6."""

from __future__ import annotations

import numpy as np

from mcugen.fixed import quantize_multiplier, rounding_divide_by_pot
from mcugen.ir import Call
from mcugen.ops import rules, table, unary_f32
from mcugen.ops.base import Array, Arrays, Op, no_attributes
from mcugen.ops.window import same_rows

INT16 = np.iinfo(np.int16)

# ---- rules


def scales_fit(call: Call) -> str | None:
    """The int8 input's scale must be in [2**-22, 2**24), and in [2**-9, 2**7) output scales."""
    if call.input().dtype.is_float:
        return None
    source, target = call.input().scale, call.output.scale
    if 2.0**-22 <= source < 2.0**24 and 2.0**-16 <= ratios(call)[0] < 1:
        return None
    return f"input scale {source:g}, output scale {target:g}"


# ---- semantics


def floating(call: Call, inputs: Arrays) -> list[Array]:
    """Float32, in the reference's order."""
    x = inputs[0]
    return [x * np.clip(x + np.float32(3), np.float32(0), np.float32(6)) / np.float32(6)]


def quantized(call: Call, inputs: Arrays) -> list[Array]:
    """Int8, as reference_ops::HardSwish: 16-bit arithmetic, [-3, 3] as the int16 range.

    The last product but one is truncated towards zero: that cancels the bias of the rounded ones.
    """
    (multiplier, shift), (reluish_multiplier, reluish_shift) = map(_int16_multiplier, ratios(call))
    hires = (inputs[0].astype(np.int64) - call.input().zero_point) << 7
    preshift = _high_mul(hires, multiplier)

    reluish = np.clip(hires << max(reluish_shift - 1, 0), INT16.min, INT16.max)
    reluish = _high_mul(reluish, reluish_multiplier)
    reluish = np.clip(reluish << (reluish_shift > 0), INT16.min, INT16.max)
    reluish = rounding_divide_by_pot(reluish, max(-reluish_shift, 0))
    reluish = (reluish + 2**15) >> 1  # [0, 1] in Q0.15

    product = reluish * preshift
    truncated = np.sign(product) * (np.abs(product) >> 15)
    result = rounding_divide_by_pot(truncated, -shift) + call.output.zero_point
    return [np.clip(result, -128, 127).astype(np.int8)]


def ratios(call: Call) -> tuple[float, float]:
    """A 128th of the input scale in steps of the output, and of 3/32768.

    TFLite Micro's HardSwishPrepare divides in double, BUILTIN_REF's in float32: rounded to 16 bits,
    that is another multiplier for about one pair of scales in 1,000.
    """
    hires = call.input().scale / 128
    return hires / call.output.scale, hires / (3 / 32768)


def _int16_multiplier(real: float) -> tuple[int, int]:
    """(Q0.15 multiplier, shift), as DownScaleInt32ToInt16Multiplier."""
    multiplier, shift = quantize_multiplier(real)
    return min((multiplier + 2**15) >> 16, int(INT16.max)), shift


def _high_mul(a: Array, b: int) -> Array:
    """The high 16 bits of 2ab, rounded, halves up; b is positive."""
    product: Array = (a * b + 2**14) >> 15
    return product


OP = Op(
    name="hard_swish",
    tflite="HARD_SWISH",
    decode=no_attributes,
    infer=table.infer,
    rows=same_rows,
    rules=(rules.same_type_in_out, rules.quantized_per_tensor, scales_fit),
    floating=floating,
    quantized=quantized,
    arity=(1, 1),
    kernels=(table.kernel(quantized), unary_f32.kernel("hard_swish", 30)),
)
