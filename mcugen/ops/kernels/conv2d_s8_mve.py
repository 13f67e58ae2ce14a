"""mcu_conv2d_s8_mve: what the convolution for cores with Helium reads, and when it applies.

Its constants are a stream of int32 words. For each two output channels A, B:

    8 words      of 16 taps of A, 16 taps of B; again until all taps are there
    6 words      bias of A, of B, multiplier of A, of B, shift of A, of B

Taps are [kernel_h][kernel_w][in_ch], filled up with zeros. A shift is negative, in the low byte;
bit 31 of B's is set where two more channels follow. A last odd channel is its own partner, and
the stream ends before it too: the kernel computes it in a pass of its own.
"""

from __future__ import annotations

import numpy as np

from mcugen.ir import Call, DType
from mcugen.ops import overlap
from mcugen.ops.base import Const, Cost, Family, Fields, Kernel
from mcugen.ops.kernels.conv2d_rules import (
    geometry,
    multipliers_fit,
    one_group_without_dilation,
    rows,
)
from mcugen.ops.kernels.requant import clamp_is_saturation
from mcugen.ops.kernels.vectors import VECTOR, Channels, at_border, channels, up_to, words
from mcugen.ops.window import convolution

PIXELS = 4  # output pixels that share a pass
CHANNELS = 2  # output channels that share a pass
MORE = -(1 << 31)  # two more channels follow


# ---- rules


def places_fit_16_bits(call: Call) -> str | None:
    """There must be at most 16,383 output channels."""
    out_ch = call.output.shape[3]
    return None if out_ch * PIXELS < 2**16 else f"{out_ch} output channels"


# ---- params


def stream(form: Channels) -> Const:
    """The stream of constants."""
    count, taps = form.weights.shape
    pairs = np.minimum(np.arange(up_to(count, CHANNELS)), count - 1).reshape(-1, CHANNELS)
    weights = np.pad(form.weights, ((0, 0), (0, -taps % VECTOR)))[pairs]
    steps = weights.reshape(len(pairs), CHANNELS, -1, VECTOR).swapaxes(1, 2)
    shift = -form.shift[pairs] & 0xFF
    shift[: count // CHANNELS - 1, 1] += MORE
    parts = [
        words(steps).reshape(len(pairs), -1),
        form.bias[pairs],
        form.multiplier[pairs],
        shift,
    ]
    return Const(np.hstack(parts).astype(np.int32).reshape(-1), "int32_t")


def params(call: Call) -> Fields:
    """Fields of mcu_conv2d_mve_params."""
    return {
        **geometry(call),
        "output_offset": call.output.zero_point,
        "clamped": int(call.output.zero_point == -128),
        "stream": stream(channels(call, rows(call))),
    }


def window_vectors(call: Call) -> int:
    """Vectors that a window fills, int8 or int16."""
    taps: int = rows(call).shape[1]
    return -(-taps * call.input(0).dtype.bytes // VECTOR)


def scratch(call: Call) -> int:
    """The windows of four pixels, and one that is being collected."""
    return (PIXELS + 1) * VECTOR * window_vectors(call)


def cost(call: Call) -> Cost:
    """14 instructions for 128 products, 23 or 27 for two channels of four pixels, the windows.

    A Cortex-M55 takes two cycles for a vector instruction, but overlaps loads and products.
    """
    out_ch, pixels = call.output.shape[3], call.output.elements // call.output.shape[3]
    pairs, steps = -(-out_ch // CHANNELS), window_vectors(call)
    finish = 23 if call.output.zero_point == -128 else 27
    core = pairs * (14 * steps + 2 * ((steps - 1) // 8) + finish)
    last = 125 * (out_ch % CHANNELS)
    flash = pairs * (8 * CHANNELS * 2 * steps + 24)
    return Cost(-(-pixels // PIXELS) * (core + last + collecting(call)), flash)


def collecting(call: Call) -> int:
    """Instructions that collect four windows, int8 or int16."""
    _, kernel_h, kernel_w, in_ch = call.input(1).shape
    pixel = in_ch * call.input(0).dtype.bytes
    axes = convolution(call)
    if kernel_h * kernel_w * axes[0].stride * axes[1].stride == 1:
        return 75 + 11 * (pixel // VECTOR) + 28 * (pixel % VECTOR > 0)
    steps = window_vectors(call)
    vectors, rest = divmod(kernel_w * pixel, VECTOR)
    rows = (16 + 6 * vectors) * kernel_h + 20 if rest else 10 * kernel_h
    return int(PIXELS * (78 + rows + 3 * steps + at_border(axes) * (80 + 4 * steps)))


KERNEL = Kernel(
    name="mcu_conv2d_s8_mve",
    family=Family.MVE,
    dtype=DType.INT8,
    params=params,
    params_type="mcu_conv2d_mve_params",
    header="mcu_conv2d_mve.h",
    applies=(
        one_group_without_dilation,
        clamp_is_saturation,
        multipliers_fit,
        places_fit_16_bits,
    ),
    scratch=scratch,
    overlap=overlap.windows(convolution, overlap.all_channels, PIXELS),
    cost=cost,
)
