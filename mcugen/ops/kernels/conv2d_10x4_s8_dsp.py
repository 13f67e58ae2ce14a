"""mcu_conv2d_10x4_s8_dsp: what a convolution of ten rows of four taps reads, and when it applies.

Such a window, with stride 2 down the rows, stands at the front of networks that spot keywords.
`four_pixels` says what it reads, `ORDER` which taps share a word.
"""

from __future__ import annotations

import numpy as np

from mcugen.ir import Call, DType
from mcugen.ops import overlap
from mcugen.ops.base import Array, Cost, Family, Fields, Kernel, Overlaps
from mcugen.ops.kernels.conv2d_rules import (
    geometry,
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
    output_channels_are_even,
    stream,
    stream_bytes,
)
from mcugen.ops.kernels.requant import clamp_is_saturation
from mcugen.ops.window import convolution

ROWS, TAPS, STRIDE = 10, 4, 2
KNOWN = ("kernel_h", "kernel_w", "stride_h")  # of the geometry

# [pairs][2]: for even rows, then odd ones, taps (0, 2) of each row, then taps (1, 3).
ORDER: Array = np.arange(ROWS * TAPS).reshape(-1, STRIDE, 2, 2).transpose(1, 3, 0, 2).reshape(-1, 2)


# ---- rules


def window_is_ten_rows_of_four(call: Call) -> str | None:
    """The window must have 10 rows of 4 taps, with a stride of 2 down the rows."""
    (_, height, width, in_ch), stride = call.input(1).shape, call.attrs.stride
    if (height, width * in_ch, stride[0]) == (ROWS, TAPS, STRIDE):
        return None
    return f"{height} rows of {width * in_ch}, stride {list(stride)}"


def image_holds_a_step(call: Call) -> str | None:
    """Rows of the input must be as long as the window or longer, columns of the output 4."""
    width, out_h = call.input(0).shape[2], call.output.shape[1]
    if width >= call.input(1).shape[2] and out_h >= PIXELS:
        return None
    return f"rows of {width}, columns of {out_h}"


def windows_see_a_column(call: Call) -> str | None:
    """Padding on each side must be narrower than the window."""
    _, across = convolution(call)
    if max(across.before, across.after) < across.kernel:
        return None
    return f"{across.before} columns of padding to the left, {across.after} to the right"


# ---- params


def params(call: Call) -> Fields:
    """Fields of mcu_conv2d_10x4_s8_dsp_params."""
    known = {name: value for name, value in geometry(call).items() if name not in KNOWN}
    return {**known, "stream": stream(call, ORDER)}


def _firsts(call: Call) -> Array:
    """The first row of each step of a column of the output.

    The last step is of one pixel, if one is left; if two or three are, it ends with the column.
    """
    height = call.output.shape[1]
    firsts = np.arange(0, height, PIXELS)
    return firsts if height % PIXELS == 1 else np.minimum(firsts, height - PIXELS)


def overlaps(call: Call) -> Overlaps:
    """A step's pixels of a column at a time; steps go along the rows."""
    _, out_h, out_w, _ = call.output.shape
    rows, columns = _firsts(call), np.arange(out_w)
    down = overlap.Stretch(rows, np.minimum(rows + PIXELS, out_h) - 1)
    return overlap.blocks_of_positions(call, convolution, down, overlap.Stretch(columns, columns))


def cost(call: Call) -> Cost:
    """300 cycles for two channels of four pixels, 145 for those of one; the windows."""
    batch, out_h, out_w, out_ch = call.output.shape
    steps, ones = len(_firsts(call)), int(out_h % PIXELS == 1)
    channels = out_ch // CHANNELS * ((steps - ones) * (252 + AROUND) + ones * 145)
    return Cost(batch * out_w * (channels + steps * 400), stream_bytes(out_ch, len(ORDER)))


KERNEL = Kernel(
    name="mcu_conv2d_10x4_s8_dsp",
    family=Family.DSP,
    dtype=DType.INT8,
    params=params,
    params_type="mcu_conv2d_10x4_s8_dsp_params",
    header="mcu_conv2d_10x4_s8_dsp.h",
    applies=(
        window_is_ten_rows_of_four,
        one_group_without_dilation,
        image_holds_a_step,
        windows_see_a_column,
        output_channels_are_even,
        weights_pair_up,
        sums_fit,
        clamp_is_saturation,
        multipliers_fit,
        one_shift_serves,
    ),
    overlap=overlaps,
    cost=cost,
)
