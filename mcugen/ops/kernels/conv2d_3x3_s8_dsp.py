"""mcu_conv2d_3x3_s8_dsp: what the 3x3 convolution for cores with SIMD reads, and when it applies.

Its constants are a stream of int32 words. For each two output channels A, B:

    2 words      256 * bias_A + bias_B, bias_B
    3 words      lanes 256 * w_A + w_B of two channels, one word for each column of the window;
                 for channels (0, 2), (1, 3), (4, 6), ... of the window's first row, then the next
    4 or 6       the constants of A and of B, see `times_256`
"""

from __future__ import annotations

import numpy as np

from mcugen.ir import Call, DType
from mcugen.ops import overlap
from mcugen.ops.base import Array, Const, Cost, Family, Fields, Kernel, Overlaps
from mcugen.ops.kernels.channel_pairs import lanes
from mcugen.ops.kernels.conv2d_rules import (
    geometry_3x3,
    multipliers_fit,
    one_group_without_dilation,
    rows,
    sums_fit,
    weights_pair_up,
    window_is_3x3,
)
from mcugen.ops.kernels.requant import Sums, clamp_is_saturation, exact_sums
from mcugen.ops.kernels.times_256 import Finish, finish
from mcugen.ops.window import convolution

PIXELS = 4  # output pixels of a row that share a pass
COLUMNS = 6  # of the input, that they see
CHANNELS = 2  # output channels that share a pass


# ---- rules


def channels_fit_words(call: Call) -> str | None:
    """Input channels must be a multiple of 4, output channels of 2."""
    in_ch, out_ch = call.input(0).shape[3], call.output.shape[3]
    if in_ch % 4 == out_ch % CHANNELS == 0:
        return None
    return f"{in_ch} input channels, {out_ch} output channels"


def rows_are_long(call: Call) -> str | None:
    """Rows of the input must be 6 pixels long or longer."""
    width = call.input(0).shape[2]
    return None if width >= COLUMNS else f"rows of {width}"


def padding_is_narrow(call: Call) -> str | None:
    """There may be one column of padding on each side."""
    _, across = convolution(call)
    if max(across.before, across.after) <= 1:
        return None
    return f"{across.before} columns of padding to the left, {across.after} to the right"


# ---- params


def stream(sums: Sums, form: Finish) -> Const:
    """The stream of constants."""
    bias = sums.bias.reshape(-1, CHANNELS)
    start = np.stack([256 * bias[:, 0] + bias[:, 1], bias[:, 1]], axis=1)
    # [pair][A, B][row][column][four channels][two][lane]; channels k, k+2 and k+1, k+3 are paired
    quads = sums.weights.reshape(len(bias), CHANNELS, 3, 3, -1, 2, 2).swapaxes(5, 6)
    words = lanes(quads[:, 0], quads[:, 1]).transpose(0, 1, 3, 4, 2)
    parts = [start, words, form.constants]
    joined = np.concatenate([part.reshape(len(bias), -1) for part in parts], axis=1)
    return Const(joined.astype(np.uint32).view(np.int32).reshape(-1), "int32_t")


def params(call: Call) -> Fields:
    """Fields of mcu_conv2d_3x3_s8_dsp_params."""
    sums = exact_sums(call, rows(call))
    form = finish(call, sums)
    return {**geometry_3x3(call), "fixed": int(form.fixed), "stream": stream(sums, form)}


def scratch(call: Call) -> int:
    """The window as int16, and a word before and behind it."""
    return 36 * call.input(0).shape[3] + 8


def first_columns(call: Call) -> Array:
    """The first column of each step of a row of the output: the last one ends with the row."""
    width = call.output.shape[2]
    return np.minimum(np.arange(0, width, PIXELS), width - PIXELS)


def overlaps(call: Call, rows: int = 1) -> Overlaps:
    """Four pixels of each of some rows in a step; the last step begins where four are left."""
    out_h = call.output.shape[1]
    top, left = np.arange(0, out_h, rows), first_columns(call)
    down = overlap.Stretch(top, np.minimum(top + rows, out_h) - 1)
    across = overlap.Stretch(left, left + PIXELS - 1)
    return overlap.blocks_of_positions(call, convolution, down, across)


def cost(call: Call) -> Cost:
    """43 cycles for 48 products, about 65 for each two channels of four pixels, the windows."""
    batch, out_h, _, out_ch = call.output.shape
    in_ch = call.input(0).shape[3]
    likely_fixed = call.output.zero_point == -128
    core = out_ch // CHANNELS * (64.5 * in_ch + (70 if likely_fixed else 92))
    window = 28 * in_ch + 170
    steps = batch * out_h * len(first_columns(call))
    flash = out_ch * (9 * in_ch + (12 if likely_fixed else 16))
    return Cost(round(steps * (core + window)), flash)


KERNEL = Kernel(
    name="mcu_conv2d_3x3_s8_dsp",
    family=Family.DSP,
    dtype=DType.INT8,
    params=params,
    params_type="mcu_conv2d_3x3_s8_dsp_params",
    header="mcu_conv2d_3x3_s8_dsp.h",
    applies=(
        window_is_3x3,
        one_group_without_dilation,
        channels_fit_words,
        rows_are_long,
        padding_is_narrow,
        weights_pair_up,
        sums_fit,
        clamp_is_saturation,
        multipliers_fit,
    ),
    scratch=scratch,
    overlap=overlaps,
    cost=cost,
)
