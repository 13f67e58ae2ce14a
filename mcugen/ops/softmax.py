"""SOFTMAX along the last axis."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from mcugen.fixed import (
    exp_on_negative_values,
    one_over_one_plus_x,
    quantize_multiplier,
    rounding_divide_by_pot,
    saturating_rounding_doubling_high_mul,
)
from mcugen.ir import Call, DType
from mcugen.ops import float32, overlap, rules, softmax_s16
from mcugen.ops.base import (
    Array,
    Arrays,
    Const,
    Cost,
    Family,
    Fields,
    Kernel,
    Op,
    Options,
    Scheme,
    Shape,
)

DIFF_BITS = 5  # integer bits of the scaled distance from the maximum: Q5.26
SUM_BITS = 12  # integer bits of the sum of exponentials: Q12.19
MAX_CLASSES = 2**SUM_BITS - 1  # each exponential is at most 1
MAX_SCALE_16 = 4.0  # of an int16 input times beta: differences keep within an int32 when shifted

# ---- attributes and decode


@dataclass(frozen=True, slots=True)
class SoftmaxAttrs:
    """`beta` multiplies the input."""

    beta: float


def decode(options: Any) -> SoftmaxAttrs:
    """Read SoftmaxOptions."""
    return SoftmaxAttrs(options.Beta())


def encode(call: Call) -> Options:
    """Write SoftmaxOptions."""
    return {"beta": call.attrs.beta}


# ---- infer


def infer(call: Call) -> tuple[Shape, ...]:
    """The input's shape."""
    return (call.input().shape,)


# ---- rules


def classes_fit(call: Call) -> str | None:
    """The last axis must have 1 to 4095 elements: the reference sums with 12 integer bits."""
    shape = call.input().shape
    return None if shape and 1 <= shape[-1] <= MAX_CLASSES else f"input of shape {list(shape)}"


def output_is_a_probability(call: Call) -> str | None:
    """The output must have scale 1/256 and zero point -128; of int16, 1/32768 and 0."""
    output = call.output
    if output.dtype is DType.INT16:
        return rules.not_scaled_by(output, 2.0**-15, 0)
    if output.dtype.is_float or (output.scale, output.zero_point) == (1 / 256, -128):
        return None
    return f"output scale {output.scale:g} zero point {output.zero_point}"


def scale_is_representable(call: Call) -> str | None:
    """beta * input scale must be above 2**-26, of int16 up to 4; for floats, beta positive."""
    beta: float = call.attrs.beta
    if call.input().dtype is DType.INT16 and not beta * call.input().scale <= MAX_SCALE_16:
        return f"beta {beta:g}, input scale {call.input().scale:g}"
    least = 0.0 if call.input().dtype.is_float else 2.0**-26 / call.input().scale
    return None if beta > least else f"beta {beta:g}"


RULES = (
    rules.same_type_in_out_16,
    rules.quantized_per_tensor,
    classes_fit,
    output_is_a_probability,
    scale_is_representable,
)


# ---- semantics


def floating(call: Call, inputs: Arrays) -> list[Array]:
    """Float32 softmax, as reference_ops::Softmax, but for the last bits of the exponentials."""
    scaled = (inputs[0] - inputs[0].max(axis=-1, keepdims=True)) * np.float32(call.attrs.beta)
    exps = float32.exp(scaled)
    return [exps / float32.add_up_rows(exps)]


def quantized(call: Call, inputs: Arrays) -> list[Array]:
    """Int8 or int16 softmax, as reference_ops::Softmax and SoftmaxInt16.

    For int8 the reference stops the program where the exponentials add up to 512 or more, which
    takes as many classes: its last shift would exceed 31 bits. Every output is below half a step
    then.
    """
    if call.input().dtype is DType.INT16:
        return [softmax_s16.softmax(inputs[0], *scaling_s16(call))]
    multiplier, shift, diff_min = scaling(call)
    x = inputs[0].astype(np.int64)
    diff = x - x.max(axis=-1, keepdims=True)
    near = diff >= diff_min
    scaled = saturating_rounding_doubling_high_mul(np.where(near, diff, 0) << shift, multiplier)
    exps = np.where(near, exp_on_negative_values(scaled, DIFF_BITS), 0)  # Q0.31
    sums = rounding_divide_by_pot(exps, SUM_BITS).sum(axis=-1, keepdims=True)  # Q12.19
    headroom = 32 - np.frexp(sums.astype(np.float64))[1].astype(np.int64)  # leading zero bits
    reciprocal = one_over_one_plus_x((sums << headroom) - 2**31)  # Q0.31
    exponent = SUM_BITS - headroom + 31 - 8
    product = saturating_rounding_doubling_high_mul(reciprocal, exps)
    steps = rounding_divide_by_pot(product, np.minimum(exponent, 31))
    return [np.clip(np.where(exponent > 31, 0, steps) - 128, -128, 127).astype(np.int8)]


def scaling(call: Call) -> tuple[int, int, int]:
    """(multiplier, left shift, least difference that counts), as PreprocessSoftmaxScaling.

    A multiplier of 2**30 or more gets shift 30 here, 31 in the reference. The difference -1 then
    counts here and not there, but exp(-16) vanishes in the sum and in the output alike.
    """
    fraction_bits = 31 - DIFF_BITS
    real = min(call.attrs.beta * call.input().scale * 2.0**fraction_bits, 2.0**31 - 1)
    multiplier, shift = quantize_multiplier(real)
    radius = (2**DIFF_BITS - 1) * 2.0**fraction_bits / 2.0**shift
    return multiplier, shift, -math.floor(radius)


def scaling_s16(call: Call) -> tuple[int, int]:
    """(multiplier, shift) from an int16 input to steps of 10/65535."""
    return quantize_multiplier(call.input().scale * call.attrs.beta / (10.0 / 65535.0))


# ---- C parameters and kernels


def params_s8(call: Call) -> Fields:
    """Fields of mcu_softmax_s8_params."""
    *outer, classes = call.input().shape
    multiplier, shift, diff_min = scaling(call)
    return {
        "rows": math.prod(outer),
        "classes": classes,
        "multiplier": multiplier,
        "shift": shift,
        "diff_min": diff_min,
    }


def params_s16(call: Call) -> Fields:
    """Fields of mcu_softmax_s16_params."""
    *outer, classes = call.input().shape
    multiplier, shift = scaling_s16(call)
    return {
        "rows": math.prod(outer),
        "classes": classes,
        "multiplier": multiplier,
        "shift": shift,
        "exponentials": Const(softmax_s16.exp_table(), "int16_t"),
        "reciprocals": Const(softmax_s16.reciprocal_table(), "int16_t"),
    }


def params_f32(call: Call) -> Fields:
    """Fields of mcu_softmax_f32_params."""
    *outer, classes = call.input().shape
    return {"rows": math.prod(outer), "classes": classes, "beta": call.attrs.beta}


OP = Op(
    name="softmax",
    tflite="SOFTMAX",
    scheme=Scheme(output=(1 / 256, -128)),
    decode=decode,
    encode=encode,
    infer=infer,
    rules=RULES,
    floating=floating,
    quantized=quantized,
    arity=(1, 1),
    kernels=(
        Kernel(
            name="mcu_softmax_s8_ref",
            family=Family.REF,
            dtype=DType.INT8,
            params=params_s8,
            params_type="mcu_softmax_s8_params",
            header="mcu_softmax.h",
            overlap=overlap.elementwise,
            cost=lambda call: Cost(cycles=400 * call.output.elements + 200),
        ),
        Kernel(
            name="mcu_softmax_s16_ref",
            family=Family.REF,
            dtype=DType.INT16,
            params=params_s16,
            params_type="mcu_softmax_s16_params",
            header="mcu_softmax_s16.h",
            overlap=overlap.elementwise,
            cost=lambda call: Cost(cycles=90 * call.output.elements + 200, flash=2052),
        ),
        Kernel(
            name="mcu_softmax_f32_ref",
            family=Family.REF,
            dtype=DType.FLOAT32,
            params=params_f32,
            params_type="mcu_softmax_f32_params",
            header="mcu_softmax_f32.h",
            overlap=overlap.elementwise,
            cost=lambda call: Cost(cycles=80 * call.output.elements + 100),
        ),
    ),
)
