"""mcu_conv2d_3x3_stack_s8_dsp: what the 3x3 convolution with its window on the stack reads.

Its constants are a stream of int32 words. For each 16 input channels, for each two output channels
A, B:

    2 words      256 * bias_A + bias_B, bias_B, for the first input channels
    3 words      lanes 256 * w_A + w_B of two channels, one word for each column of the window;
                 for channels (0, 2), (1, 3), (4, 6), ... of the window's first row, then the next
    4 or 6       the constants of A and of B, see `times_256`, for the last input channels
"""

from __future__ import annotations

import numpy as np

from mcugen.ir import Call, DType
from mcugen.ops.base import Array, Const, Cost, Family, Fields, Kernel
from mcugen.ops.kernels.channel_pairs import lanes
from mcugen.ops.kernels.conv2d_3x3_s8_dsp import (
    CHANNELS,
    first_columns,
    overlaps,
    padding_is_narrow,
    rows_are_long,
)
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

DEPTH = 16  # input channels of a pass


# ---- rules


def channels_fill_passes(call: Call) -> str | None:
    """Input channels must be a multiple of 16, output channels of 2."""
    in_ch, out_ch = call.input(0).shape[3], call.output.shape[3]
    if in_ch % DEPTH == out_ch % CHANNELS == 0:
        return None
    return f"{in_ch} input channels, {out_ch} output channels"


# ---- params


def stream(sums: Sums, form: Finish, order: tuple[int, ...] = (0, 1, 2)) -> Const:
    """The stream of constants; `order` is that of the window's columns."""
    bias = sums.bias.reshape(-1, CHANNELS)
    start = np.stack([256 * bias[:, 0] + bias[:, 1], bias[:, 1]], axis=1)
    # [output pair][A, B][row][column][pass][four channels][two][lane]; channels k, k+2 and k+1, k+3
    # are paired
    shape = (len(bias), CHANNELS, 3, 3, -1, DEPTH // 4, 2, 2)
    quads = sums.weights.reshape(shape).swapaxes(6, 7)
    words: Array = lanes(quads[:, 0], quads[:, 1])[:, :, list(order)].transpose(3, 0, 1, 4, 5, 2)
    passes = [words_of.reshape(len(bias), -1) for words_of in words]
    passes[0] = np.concatenate([start, passes[0]], axis=1)
    passes[-1] = np.concatenate([passes[-1], form.constants.reshape(len(bias), -1)], axis=1)
    joined = np.concatenate([words_of.reshape(-1) for words_of in passes])
    return Const(joined.astype(np.uint32).view(np.int32), "int32_t")


def params(call: Call) -> Fields:
    """Fields of mcu_conv2d_3x3_stack_s8_dsp_params."""
    sums = exact_sums(call, rows(call))
    form = finish(call, sums)
    return {**geometry_3x3(call), "fixed": int(form.fixed), "stream": stream(sums, form)}


def scratch(call: Call) -> int:
    """The sums of four pixels."""
    return 16 * call.output.shape[3] if call.input(0).shape[3] > DEPTH else 0


def cost(call: Call) -> Cost:
    """39 cycles for 48 products; for each two channels of four pixels about 70; the windows."""
    batch, out_h, _, out_ch = call.output.shape
    in_ch = call.input(0).shape[3]
    likely_fixed = call.output.zero_point == -128
    passes = in_ch // DEPTH
    pairs = out_ch // CHANNELS
    core = pairs * (passes * 936 + (passes - 1) * 30 + (74 if likely_fixed else 104))
    steps = batch * out_h * len(first_columns(call))
    flash = out_ch * (9 * in_ch + (12 if likely_fixed else 16))
    return Cost(steps * (core + passes * 660 + 60), flash)


KERNEL = Kernel(
    name="mcu_conv2d_3x3_stack_s8_dsp",
    family=Family.DSP,
    dtype=DType.INT8,
    params=params,
    params_type="mcu_conv2d_3x3_stack_s8_dsp_params",
    header="mcu_conv2d_3x3_stack_s8_dsp.h",
    applies=(
        window_is_3x3,
        one_group_without_dilation,
        channels_fill_passes,
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
