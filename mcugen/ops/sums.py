"""From sums of products to outputs: what convolutions and dense layers share, in int8 and in 16x8.

16x8 has int16 inputs and outputs, whose zero point is 0, and int8 weights. The reference sums in
the type of the bias and has a way of scaling for each: int32 is rounded twice with a multiplier of
31 bits, int64 once with one of 15 bits. Without a bias it sums in int64.
"""

from __future__ import annotations

import numpy as np

from mcugen import int4
from mcugen.fixed import (
    multiply_by_quantized_multiplier,
    multiply_wide_by_quantized_multiplier,
    quantize_multipliers,
)
from mcugen.ir import Call
from mcugen.ops.base import Activation, Array, Const, Fields, activation_range
from mcugen.ops.rules import channel_axis, sums_are_wide


def multipliers(call: Call) -> tuple[Array, Array]:
    """(Q0.31 multipliers, shifts) per output channel, as PopulateConvolutionQuantizationParams."""
    weights = call.input(1)
    assert weights.quant is not None
    real = call.input(0).scale * np.array(weights.quant.scale) / call.output.scale
    channels = weights.shape[channel_axis(call)]
    multiplier, shift = quantize_multipliers(np.broadcast_to(real, (channels,)))
    return multiplier, shift


def finish(call: Call, sums: Array, multiplier: Array, shift: Array) -> Array:
    """Outputs from sums [..., channel]: scaled, moved to the zero point, clamped."""
    scale = (
        multiply_wide_by_quantized_multiplier
        if sums_are_wide(call)
        else multiply_by_quantized_multiplier
    )
    low, high = activation_range(call.attrs.activation, call.output)
    scaled = scale(sums.astype(np.int64), multiplier, shift) + call.output.zero_point
    return np.clip(scaled, low, high).astype(call.output.dtype.numpy)


def packed_weights(call: Call) -> Const:
    """The weights of int4, in the file's order, two in a byte."""
    return Const(int4.pack(call.input(1).values()), "int8_t")


def fields_s16(call: Call, activation: Activation, multiplier: Array, shift: Array) -> Fields:
    """The fields that all params structs of 16x8 end with."""
    bias = call.optional(2)
    low, high = activation_range(activation, call.output)
    return {
        "act_min": low,
        "act_max": high,
        "wide": int(sums_are_wide(call)),
        "weights": Const(call.input(1).values(), "int8_t"),
        "bias": None if bias is None else Const(bias.values().astype(np.int64), "int64_t"),
        "multiplier": Const(multiplier, "int32_t"),
        "shift": Const(shift.astype(np.int8), "int8_t"),
    }
