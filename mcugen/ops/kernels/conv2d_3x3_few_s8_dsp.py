"""mcu_conv2d_3x3_c..._s8_dsp: what 3x3 convolutions of 1 to 4 input channels read, when they apply.

They stand at the front of most networks. Each number of channels has its own kernel, with code for
all of its products in a row. `four_pixels` says what they read, `pairs` which taps share a word.
"""

from __future__ import annotations

import numpy as np

from mcugen.ir import Call, DType
from mcugen.ops import overlap
from mcugen.ops.base import Array, Cost, Family, Fields, Kernel, Overlaps
from mcugen.ops.kernels.conv2d_3x3_s8_dsp import padding_is_narrow
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

MOST = 4  # input channels
APART = 2  # how far apart their windows are, in pixels of the input
COLUMNS = 8  # pixels of a row that a step sees at least
KNOWN = ("in_ch", "kernel_h", "kernel_w")  # of the geometry


def _span(call: Call) -> int:
    """Output pixels from a step to the next one."""
    return PIXELS * APART // int(call.attrs.stride[1])


# ---- rules


def window_is_3x3_stride_1_or_2(call: Call) -> str | None:
    """The window must be 3x3, with a stride along rows of 1 or 2."""
    window, stride = call.input(1).shape[1:3], call.attrs.stride
    if window == (3, 3) and stride[1] in (1, 2):
        return None
    return f"window {list(window)}, stride {list(stride)}"


def rows_hold_a_step(call: Call) -> str | None:
    """Rows of the input must be 8 pixels long or longer, those of the output 8, with stride 2 4."""
    width, out_w = call.input(0).shape[2], call.output.shape[2]
    return None if width >= COLUMNS and out_w >= _span(call) else f"rows of {width} and {out_w}"


# ---- params


def pairs(channels: int) -> Array:
    """[pairs][2]: the taps that share a word, in the order of the stream; -1 is none.

    A row has 3 C taps. Words c are tap c of the first two rows, words k taps 2 k and 2 k + 1 of the
    third row. A word follows the one that lies a pixel of the output in front of it.
    """
    row = 3 * channels
    columns = np.stack([np.arange(row), row + np.arange(row)], axis=1)
    taps = np.append(np.arange(2 * row, 3 * row), np.full(row % 2, -1))
    ordered = [
        words[np.argsort(np.arange(len(words)) % apart, kind="stable")]
        for words, apart in ((columns, APART * channels), (taps.reshape(-1, 2), channels))
    ]
    order: Array = np.concatenate(ordered)
    return order


def params(call: Call) -> Fields:
    """Fields of mcu_conv2d_3x3_few_s8_dsp_params."""
    known = {name: value for name, value in geometry(call).items() if name not in KNOWN}
    return {**known, "stream": stream(call, pairs(call.input(0).shape[3]))}


def _firsts(call: Call) -> Array:
    """[runs][steps]: the first column of each step of a row of the output."""
    span, width = _span(call), call.output.shape[2]
    first = np.arange(span // PIXELS)
    return first[:, None] + np.minimum(np.arange(0, width, span), width - span)


def overlaps(call: Call) -> Overlaps:
    """Four pixels in a step; with stride 1 even pixels of a row come before its odd ones."""
    rows, columns = np.arange(call.output.shape[1]), _firsts(call).reshape(-1)
    across = overlap.Stretch(columns, columns + (PIXELS - 1) * (_span(call) // PIXELS))
    return overlap.blocks_of_positions(call, convolution, overlap.Stretch(rows, rows), across)


def cost(call: Call) -> Cost:
    """27 cycles for a word and the next, 15 for one alone, 48 for two channels; the windows."""
    batch, out_h, out_w, out_ch = call.output.shape
    in_ch, firsts = call.input(0).shape[3], _firsts(call)
    words, followed = len(pairs(in_ch)), in_ch + (in_ch + 1) // 2
    window = 43 + 46 * in_ch
    steps = firsts.size * (out_ch // CHANNELS * (15 * words - 3 * followed + AROUND) + window)
    runs = len(firsts) * (2 if out_w % _span(call) else 1)
    lines = batch * (out_h * (steps + 123 * runs + 170) + _unaligned(call))
    return Cost(lines + 200, stream_bytes(out_ch, words))


def _unaligned(call: Call) -> int:
    """Cycles that the loads of an image's windows take more where they are not aligned."""
    _, in_h, in_w, in_ch = call.input(0).shape
    down, across = convolution(call)
    y = np.arange(down.out)[:, None] * down.stride - down.before + np.arange(down.kernel)
    x = _firsts(call).reshape(-1) * across.stride - across.before
    begin = in_ch * (in_w * y[(y >= 0) & (y < in_h)][:, None] + x)
    more = np.array([0, 2, 1, 2])
    return int((2 * in_ch * more[begin % 4] + more[(begin + in_ch) % 4]).sum())


def _kernel(channels: int) -> Kernel:
    def channels_are(call: Call) -> str | None:
        in_ch: int = call.input(0).shape[3]
        return None if in_ch == channels else f"{in_ch} input channels"

    channels_are.__doc__ = f"There must be {channels} input channel{'s' * (channels > 1)}."
    return Kernel(
        name=f"mcu_conv2d_3x3_c{channels}_s8_dsp",
        family=Family.DSP,
        dtype=DType.INT8,
        params=params,
        params_type="mcu_conv2d_3x3_few_s8_dsp_params",
        header="mcu_conv2d_3x3_few_s8_dsp.h",
        applies=(
            channels_are,
            window_is_3x3_stride_1_or_2,
            one_group_without_dilation,
            rows_hold_a_step,
            padding_is_narrow,
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


KERNELS = tuple(_kernel(channels) for channels in range(1, MOST + 1))
