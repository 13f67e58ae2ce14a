"""LEAKY_RELU: negative values times a constant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mcugen.fixed import multiply_by_quantized_multiplier, quantize_multiplier
from mcugen.ir import Call
from mcugen.ops import rules, table, unary_f32
from mcugen.ops.base import Array, Arrays, Op, Options

# ---- attributes and decode


@dataclass(frozen=True, slots=True)
class LeakyReluAttrs:
    """`alpha` multiplies negative values; it may be negative, or above 1."""

    alpha: float


def decode(options: Any) -> LeakyReluAttrs:
    """Read LeakyReluOptions."""
    return LeakyReluAttrs(options.Alpha())


def encode(call: Call) -> Options:
    """Write LeakyReluOptions."""
    return {"alpha": call.attrs.alpha}


# ---- rules


def alpha_is_finite(call: Call) -> str | None:
    """alpha must be a finite number."""
    return None if np.isfinite(call.attrs.alpha) else f"alpha {call.attrs.alpha:g}"


def scale_ratio_fits(call: Call) -> str | None:
    """The int8 input's scale, and alpha times that, must be below 2**22 output scales."""
    if call.input().dtype.is_float or max(map(abs, ratios(call))) < 2.0**22:
        return None
    scales = f"input scale {call.input().scale:g}, output scale {call.output.scale:g}"
    return f"alpha {call.attrs.alpha:g}, {scales}"


# ---- semantics


def floating(call: Call, inputs: Arrays) -> list[Array]:
    """Float32."""
    x = inputs[0]
    return [np.where(x > 0, x, x * np.float32(call.attrs.alpha))]


def quantized(call: Call, inputs: Arrays) -> list[Array]:
    """Int8, as reference_ops::QuantizeLeakyRelu.

    A negative alpha rounds halves down, as if its multiplier's magnitude were used and the result
    negated.
    """
    identity, leak = (quantize_multiplier(abs(ratio)) for ratio in ratios(call))
    sign = -1 if call.attrs.alpha < 0 else 1
    centred = inputs[0].astype(np.int64) - call.input().zero_point
    scaled = np.where(
        centred >= 0,
        multiply_by_quantized_multiplier(centred, *identity),
        sign * multiply_by_quantized_multiplier(centred, *leak),
    )
    return [np.clip(scaled + call.output.zero_point, -128, 127).astype(np.int8)]


def ratios(call: Call) -> tuple[float, float]:
    """Input scale to output scale, and the same times alpha; the reference computes in float32."""
    source, target = np.float32(call.input().scale), np.float32(call.output.scale)
    with np.errstate(over="ignore"):
        return float(source / target), float(source * np.float32(call.attrs.alpha) / target)


OP = Op(
    name="leaky_relu",
    tflite="LEAKY_RELU",
    decode=decode,
    encode=encode,
    infer=table.infer,
    rules=(rules.same_type_in_out, rules.quantized_per_tensor, alpha_is_finite, scale_ratio_fits),
    floating=floating,
    quantized=quantized,
    arity=(1, 1),
    kernels=(
        table.kernel(quantized),
        unary_f32.kernel("leaky_relu", 12, lambda call: call.attrs.alpha),
    ),
)
