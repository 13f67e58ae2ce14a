"""mcu_conv2d_3x3_stack_s8_dsp, ..stride2..: 3x3 convolutions with their window on the stack.

Their constants are a stream of int32 words. For each 16 input channels, for each two output
channels A, B:

    2 words      256 * bias_A + bias_B, bias_B, for the first input channels
    3 words      lanes 256 * w_A + w_B of two channels, one word for each column of the window;
                 for channels (0, 2), (1, 3), (4, 6), ... of the window's first row, then the next
    4 or 6       the constants of A and of B, see `times_256`, for the last input channels

With stride 2 the columns come in the order 0, 2, 1.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from mcugen.ir import Call, DType
from mcugen.ops.base import Array, Const, Cost, Family, Fields, Kernel
from mcugen.ops.kernels.channel_pairs import lanes
from mcugen.ops.kernels.conv2d_3x3_s8_dsp import (
    CHANNELS,
    PIXELS,
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
ROWS = 2  # of the output, of a pass with stride 1
COLUMNS = 9  # of the input, that a pass with stride 2 sees
ORDERS = {1: (0, 1, 2), 2: (0, 2, 1)}  # of the columns of weights, by stride


# ---- rules


def window_is_3x3_stride_2(call: Call) -> str | None:
    """The window must be 3x3 with stride 2."""
    window, stride = call.input(1).shape[1:3], call.attrs.stride
    if window == (3, 3) and stride == (2, 2):
        return None
    return f"window {list(window)}, stride {list(stride)}"


def rows_hold_a_pass(call: Call) -> str | None:
    """Rows must be 9 pixels long or longer, those of the output 4."""
    width, out_w = call.input(0).shape[2], call.output.shape[2]
    return None if width >= COLUMNS and out_w >= PIXELS else f"rows of {width} and {out_w}"


def channels_fill_passes(call: Call) -> str | None:
    """Input channels must be a multiple of 16, output channels of 2."""
    in_ch, out_ch = call.input(0).shape[3], call.output.shape[3]
    if in_ch % DEPTH == out_ch % CHANNELS == 0:
        return None
    return f"{in_ch} input channels, {out_ch} output channels"


# ---- params


def _stream(sums: Sums, form: Finish, order: tuple[int, ...]) -> Const:
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
    words = _stream(sums, form, ORDERS[call.attrs.stride[0]])
    return {**geometry_3x3(call), "fixed": int(form.fixed), "stream": words}


def scratch(call: Call, at_once: int) -> int:
    """The sums of four pixels of each row of a pass."""
    _, out_h, _, out_ch = call.output.shape
    return 16 * out_ch * min(at_once, out_h) if call.input(0).shape[3] > DEPTH else 0


def cost(call: Call) -> Cost:
    """39 cycles for 48 products; for each two channels of four pixels about 60; the windows."""
    return _cost(call, 936, 200, 150, ROWS)


def stride2_cost(call: Call) -> Cost:
    """42 cycles for 48 products; for each two channels of four pixels about 60; the windows."""
    return _cost(call, 1008, 300, 230, 1)


def _cost(call: Call, products: int, window: int, row: int, at_once: int) -> Cost:
    """Of cycles for the products of a pass, to fill its window, and for each row of that."""
    batch, out_h, _, out_ch = call.output.shape
    in_ch = call.input(0).shape[3]
    likely_fixed = call.output.zero_point == -128
    passes = in_ch // DEPTH
    pairs = out_ch // CHANNELS
    core = pairs * (passes * products + (passes - 1) * 30 + (56 if likely_fixed else 92))
    rounds = -(-out_h // at_once)
    windows = rounds * window + (out_h + 2 * rounds if at_once > 1 else 3 * out_h) * row
    columns = batch * len(first_columns(call))
    flash = out_ch * (9 * in_ch + (12 if likely_fixed else 16))
    return Cost(columns * (out_h * core + passes * windows), flash)


def _kernel(
    name: str, at_once: int, cost: Callable[[Call], Cost], *first: Callable[[Call], str | None]
) -> Kernel:
    return Kernel(
        name=f"mcu_conv2d_3x3_{name}_s8_dsp",
        family=Family.DSP,
        dtype=DType.INT8,
        params=params,
        params_type="mcu_conv2d_3x3_stack_s8_dsp_params",
        header="mcu_conv2d_3x3_stack_s8_dsp.h",
        applies=(
            *first,
            one_group_without_dilation,
            channels_fill_passes,
            padding_is_narrow,
            weights_pair_up,
            sums_fit,
            clamp_is_saturation,
            multipliers_fit,
        ),
        scratch=partial(scratch, at_once=at_once),
        overlap=partial(overlaps, rows=at_once),
        cost=cost,
    )


KERNEL = _kernel("stack", ROWS, cost, window_is_3x3, rows_are_long)
STRIDE2 = _kernel("stride2", 1, stride2_cost, window_is_3x3_stride_2, rows_hold_a_pass)
KERNELS = (KERNEL, STRIDE2)
