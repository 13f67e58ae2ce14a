"""mcu_conv2d_1x1_stack_s8_dsp, ..k...: 1x1 convolutions with their window on the stack.

One serves 4 to 64 input channels, others a certain number each, with code for all of its products
in a row. `four_pixels` says what they read. The words of weights begin with the last one, then go
on as `conv2d_1x1_s8_dsp` has them. Where channels are odd, the last two are a pair once more.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mcugen.ir import Call, DType
from mcugen.ops import overlap
from mcugen.ops.base import Array, Cost, Family, Fields, Kernel, Overlaps
from mcugen.ops.kernels.conv2d_1x1_s8_dsp import channels_are, pairs, window_is_a_pixel
from mcugen.ops.kernels.conv2d_rules import (
    multipliers_fit,
    one_group_without_dilation,
    sums_fit,
    weights_pair_up,
)
from mcugen.ops.kernels.four_pixels import (
    AROUND,
    CHANNELS,
    PIXELS,
    one_shift_serves,
    stream,
    stream_bytes,
)
from mcugen.ops.kernels.requant import clamp_is_saturation

COUNTS = (8, 16, 32, 64)  # input channels that have a kernel of their own
MOST, LEAST = 64, 4  # input channels of the other one


# ---- rules


def input_channels_fit(call: Call) -> str | None:
    """There must be 4 to 64 input channels."""
    in_ch: int = call.input(0).shape[3]
    return None if LEAST <= in_ch <= MOST else f"{in_ch} input channels"


def output_channels_are_two(call: Call) -> str | None:
    """There must be 2 output channels or more."""
    out_ch = call.output.shape[3]
    return None if out_ch >= CHANNELS else f"{out_ch} output channels"


# ---- params


def params(call: Call) -> Fields:
    """Fields of mcu_conv2d_1x1_s8_dsp_params."""
    out_ch, _, _, in_ch = call.input(1).shape
    return {
        "pixels": call.output.elements // out_ch,
        "in_ch": in_ch,
        "out_ch": out_ch,
        "stream": stream(call, order(in_ch)),
    }


def order(in_ch: int) -> Array:
    """[pairs][2]: the taps that share a word, as `pairs` has them, but the last word first."""
    return np.roll(pairs(in_ch), 1, axis=0)


def overlaps(call: Call) -> Overlaps:
    """All channels of four pixels at a time, then of one."""
    in_ch, out_ch = call.input(0).shape[3], call.output.shape[3]
    pixels = call.output.elements // out_ch
    firsts = overlap.fours(pixels)
    return {0: overlap.forwards(firsts * in_ch, np.append(firsts[1:], pixels) * out_ch)}


def cost(call: Call) -> Cost:
    """As `unrolled_cost`, and a jump for two channels of four pixels."""
    in_ch = call.input(0).shape[3]
    fill = 24 * (in_ch // 4) + (0, 30, 28, 36)[in_ch % 4] + 10
    return _cost(call, 15 * len(pairs(in_ch)) + AROUND + 5, fill)


def unrolled_cost(call: Call) -> Cost:
    """15 cycles for 16 products, 48 for two channels of four pixels, the windows; for a pixel
    that is left half as many as for four."""
    in_ch = call.input(0).shape[3]
    return _cost(call, 15 * (in_ch // 2) + AROUND, 44 * (in_ch // 8))


def _cost(call: Call, each: int, fill: int) -> Cost:
    """Of cycles for two channels of four pixels, and for their windows."""
    in_ch, out_ch = call.input(0).shape[3], call.output.shape[3]
    words, both = len(pairs(in_ch)), -(-out_ch // CHANNELS)
    steps, left = divmod(call.output.elements // out_ch, PIXELS)
    odd = 20 if out_ch % CHANNELS else 0
    alone = both * (25 * words // 4 + 28) + 5 * words + 60 + odd
    cycles = steps * (both * each + fill + 22 + odd) + left * alone + 60
    return Cost(cycles, stream_bytes(CHANNELS * both, words))


def _kernel(name: str, cost: Callable[[Call], Cost], first: Callable[[Call], str | None]) -> Kernel:
    return Kernel(
        name=f"mcu_conv2d_1x1_{name}_s8_dsp",
        family=Family.DSP,
        dtype=DType.INT8,
        params=params,
        params_type="mcu_conv2d_1x1_s8_dsp_params",
        header="mcu_conv2d_1x1_s8_dsp.h",
        applies=(
            first,
            window_is_a_pixel,
            one_group_without_dilation,
            output_channels_are_two,
            weights_pair_up,
            sums_fit,
            clamp_is_saturation,
            multipliers_fit,
            one_shift_serves,
        ),
        overlap=overlaps,
        cost=cost,
    )


KERNEL = _kernel("stack", cost, input_channels_fit)
KERNELS = (KERNEL, *(_kernel(f"k{n}", unrolled_cost, channels_are(n)) for n in COUNTS))
