"""LEAKY_RELU: negative values times a constant.

It follows TFLite Micro; LiteRT divides the scales in float32, which moves a result by one step here
and there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mcugen.fixed import multiply_by_quantized_multiplier, quantize_multiplier
from mcugen.ir import Call, DType
from mcugen.ops import overlap, rules, table, unary_f32
from mcugen.ops.base import Array, Arrays, Cost, Family, Fields, Kernel, Op, Options
from mcugen.ops.window import same_rows

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
    """The input scale, also times alpha, must be below 2**22 output scales, of int16 2**15."""
    most = 2.0**15 if call.input().dtype is DType.INT16 else 2.0**22
    if call.input().dtype.is_float or max(map(abs, ratios(call))) < most:
        return None
    scales = f"input scale {call.input().scale:g}, output scale {call.output.scale:g}"
    return f"alpha {call.attrs.alpha:g}, {scales}"


# ---- semantics


def floating(call: Call, inputs: Arrays) -> list[Array]:
    """Float32."""
    x = inputs[0]
    return [np.where(x > 0, x, x * np.float32(call.attrs.alpha))]


def quantized(call: Call, inputs: Arrays) -> list[Array]:
    """Int8 or int16, as reference_ops::QuantizeLeakyRelu.

    With a negative alpha it gives what the positive one does, negated: halves go the other way.
    """
    identity, leak = scaling(call)
    centred = inputs[0].astype(np.int64) - call.input().zero_point
    scaled = np.where(
        centred >= 0,
        multiply_by_quantized_multiplier(centred, *identity),
        np.sign(call.attrs.alpha) * multiply_by_quantized_multiplier(centred, *leak),
    )
    limits = np.iinfo(call.output.dtype.numpy)
    return [np.clip(scaled + call.output.zero_point, limits.min, limits.max).astype(limits.dtype)]


def scaling(call: Call) -> tuple[tuple[int, int], tuple[int, int]]:
    """(Multiplier, shift) of positive values, and of negative ones by the size of alpha."""
    identity, leak = ratios(call)
    return quantize_multiplier(identity), quantize_multiplier(abs(leak))


def ratios(call: Call) -> tuple[float, float]:
    """Input scale to output scale, and the same times alpha, in double as in TFLite Micro."""
    source, target = call.input().scale, call.output.scale
    return source / target, source * float(np.float32(call.attrs.alpha)) / target


def params_s16(call: Call) -> Fields:
    """Fields of mcu_leaky_relu_s16_params."""
    (multiplier, shift), (leak, leak_shift) = scaling(call)
    return {
        "elements": call.output.elements,
        "multiplier": multiplier,
        "shift": shift,
        "leak_multiplier": leak,
        "leak_shift": leak_shift,
        "leak_sign": -1 if call.attrs.alpha < 0 else 1,
    }


OP = Op(
    name="leaky_relu",
    tflite="LEAKY_RELU",
    decode=decode,
    encode=encode,
    infer=table.infer,
    rows=same_rows,
    rules=(
        rules.same_type_in_out_16,
        rules.quantized_per_tensor,
        alpha_is_finite,
        scale_ratio_fits,
    ),
    floating=floating,
    quantized=quantized,
    arity=(1, 1),
    kernels=(
        table.kernel(quantized),
        Kernel(
            name="mcu_leaky_relu_s16_ref",
            family=Family.REF,
            dtype=DType.INT16,
            params=params_s16,
            params_type="mcu_leaky_relu_s16_params",
            header="mcu_leaky_relu_s16.h",
            overlap=overlap.elementwise,
            cost=lambda call: Cost(cycles=30 * call.output.elements + 50),
        ),
        unary_f32.kernel("leaky_relu", 12, lambda call: call.attrs.alpha),
    ),
)
