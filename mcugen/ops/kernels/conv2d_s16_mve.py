"""mcu_conv2d_s16_mve: what the 16x8 convolution for cores with Helium reads, and when it applies.

Its constants are a stream of int32 words. For each two output channels A, B:

    4 words      of 8 taps of A, 8 taps of B; again until all taps are there
    4 words      bias of A, of B, multiplier of A, of B

Taps are [kernel_h][kernel_w][in_ch], filled up with zeros. B's multiplier is doubled, plus 1 where
two more channels follow. A last odd channel is its own partner, and the stream ends before it too:
the kernel computes it in a pass of its own.
"""

from __future__ import annotations

import numpy as np

from mcugen.ir import Call, DType
from mcugen.ops import overlap
from mcugen.ops.base import Const, Cost, Family, Fields, Kernel, folded_bias
from mcugen.ops.kernels import round_once
from mcugen.ops.kernels.conv2d_rules import geometry, one_group_without_dilation, rows
from mcugen.ops.kernels.conv2d_s8_mve import (
    CHANNELS,
    PIXELS,
    collecting,
    places_fit_16_bits,
    scratch,
    window_vectors,
)
from mcugen.ops.kernels.vectors import up_to, words
from mcugen.ops.window import convolution

TAPS = 8  # int16 lanes


def stream(call: Call) -> Const:
    """The stream of constants."""
    weights = rows(call)
    count, taps = weights.shape
    pairs = np.minimum(np.arange(up_to(count, CHANNELS)), count - 1).reshape(-1, CHANNELS)
    steps = np.pad(weights, ((0, 0), (0, -taps % TAPS)))[pairs]
    steps = steps.reshape(len(pairs), CHANNELS, -1, TAPS).swapaxes(1, 2)
    multipliers = round_once.half_words(call).astype(np.uint32)[pairs]
    multipliers[:, 1] *= 2
    multipliers[: count // CHANNELS - 1, 1] += 1
    parts = [
        words(steps).reshape(len(pairs), -1),
        folded_bias(call, weights)[pairs],
        multipliers.view(np.int32),
    ]
    return Const(np.hstack(parts).reshape(-1), "int32_t")


def params(call: Call) -> Fields:
    """Fields of mcu_conv2d_mve_params."""
    return {
        **geometry(call),
        "output_offset": 0,
        "clamped": int(round_once.is_relu(call)),
        "stream": stream(call),
    }


def cost(call: Call) -> Cost:
    """14 instructions for 64 products, 20 for two channels of four pixels, the windows."""
    out_ch, pixels = call.output.shape[3], call.output.elements // call.output.shape[3]
    pairs, steps = -(-out_ch // CHANNELS), window_vectors(call)
    core = pairs * (14 * steps + 2 * ((steps - 1) // 8) + 20)
    last = 125 * (out_ch % CHANNELS)
    flash = pairs * CHANNELS * (TAPS * steps + 8)
    return Cost(-(-pixels // PIXELS) * (core + last + collecting(call)), flash)


KERNEL = Kernel(
    name="mcu_conv2d_s16_mve",
    family=Family.MVE,
    dtype=DType.INT16,
    params=params,
    params_type="mcu_conv2d_mve_params",
    header="mcu_conv2d_mve.h",
    applies=(
        one_group_without_dilation,
        round_once.sums_fit_a_word,
        round_once.multipliers_round_doubled,
        round_once.clamp_is_one_instruction,
        places_fit_16_bits,
    ),
    scratch=scratch,
    overlap=overlap.windows(convolution, overlap.all_channels, PIXELS),
    cost=cost,
)
