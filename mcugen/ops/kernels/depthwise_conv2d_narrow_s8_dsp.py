"""mcu_depthwise_conv2d_narrow_..._s8_dsp: 3x3 depthwise, images of few columns, stride 1 and 2.

The constants are a stream of 8 words per channel:

    6 words      of weights: lanes (w0, w1) and (w1, w2) of each row
    2            multiplier, and what a sum begins with

Weights and bias are multiplied by the factor that the requantization asks for. The kernel takes the
zero point from the input, so that it can leave padding out.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import partial

import numpy as np

from mcugen.ir import Call, DType
from mcugen.ops.base import Const, Cost, Family, Fields, Kernel, Overlap, Overlaps
from mcugen.ops.kernels import planes
from mcugen.ops.kernels.depthwise_conv2d_planes_s8_dsp import (
    SHIFT,
    kernel_is_3x3,
    shift_is_exact,
)
from mcugen.ops.kernels.fixed_shift import fixed_shift
from mcugen.ops.kernels.requant import clamp_is_saturation, exact_sums
from mcugen.ops.window import convolution

CHANNELS = 4  # sorted together
BLOCK_BYTES = 48  # of three words for each of them
# By columns of the output: cycles of a row of the kernel.
KERNEL_ROW = {3: 10, 4: 11, 5: 15, 6: 16, 7: 21}
KERNEL_ROW_TWELVE = {12: 42}  # two halves
KERNEL_ROW_STRIDE2 = {3: 11, 4: 15, 6: 21, 7: 26}


def blocks(call: Call) -> int:
    """Blocks in a row: of 6 pixels, and where that does not divide 7 or 14 one of 4."""
    return -(-call.input(0).shape[2] // 6)


# ---- rules


def image_is_narrow(call: Call) -> str | None:
    """The stride must be 1, with 3 to 7 columns, padded by 1 to the left and to the right."""
    return _columns(call, 1, (1, 1), KERNEL_ROW)


def image_has_12_columns(call: Call) -> str | None:
    """The stride must be 1, with 12 columns, padded by 1 to the left and to the right."""
    return _columns(call, 1, (1, 1), KERNEL_ROW_TWELVE)


def image_is_narrow_stride2(call: Call) -> str | None:
    """The stride must be 2, with 6, 8, 12 or 14 columns, padded by 1 to the right only."""
    return _columns(call, 2, (0, 1), KERNEL_ROW_STRIDE2)


def _columns(
    call: Call, stride: int, padding: tuple[int, int], known: Collection[int]
) -> str | None:
    """What is found where the output's columns are not among the known ones, or the rest is not."""
    _, cols = convolution(call)
    strides = call.attrs.stride
    fits = strides == (stride, stride) and cols.size == stride * cols.out and cols.out in known
    if fits and (cols.before, cols.after) == padding:
        return None
    return (
        f"strides {list(strides)}, {cols.size} columns to {cols.out}, "
        f"padding {cols.before} and {cols.after}"
    )


def middle_rows_exist(call: Call) -> str | None:
    """Padding above and below must be 0 or 1, and above only if there is one row of outputs."""
    rows, _ = convolution(call)
    below = _missing_below(call)
    if rows.before <= 1 and below <= 1 and (rows.out > 1 or below == 0):
        return None
    return f"{rows.size} rows, padding {rows.before} and {below}"


def channels_fill_a_word(call: Call) -> str | None:
    """There must be at least 4 channels, and the depth multiplier must be 1."""
    in_ch, out_ch = call.input(0).shape[3], call.output.shape[3]
    return None if in_ch == out_ch >= CHANNELS else f"{in_ch} channels to {out_ch}"


def channels_are_64(call: Call) -> str | None:
    """There must be 64 channels, and the depth multiplier must be 1."""
    in_ch, out_ch = call.input(0).shape[3], call.output.shape[3]
    return None if in_ch == out_ch == 64 else f"{in_ch} channels to {out_ch}"


def _missing_below(call: Call) -> int:
    """Rows of the last window that lie below the image."""
    rows, _ = convolution(call)
    return max(0, (rows.out - 1) * rows.stride + 3 - rows.before - rows.size)


# ---- params


def params(call: Call) -> Fields:
    """Fields of mcu_depthwise_conv2d_narrow_s8_dsp_params."""
    sums = exact_sums(call, planes.weight_rows(call))
    form = fixed_shift(call, sums, SHIFT)
    assert form is not None, call.node.where
    weights = (sums.weights * form.factor[:, None]).reshape(-1, 3, 3)
    pairs = np.stack([weights[:, :, :2], weights[:, :, 1:]], axis=2) & 0xFFFF
    words = (pairs[..., 0] | pairs[..., 1] << 16).reshape(len(weights), 6)
    bias = sums.bias + call.input(0).zero_point * sums.weights.sum(axis=1)
    start = bias * form.factor + form.extra
    stream = np.concatenate([words, np.stack([form.multiplier, start], axis=1)], axis=1)
    batch, in_h, in_w, channels = call.input(0).shape
    _, out_h, out_w, _ = call.output.shape
    return {
        "batch": batch,
        "in_h": in_h,
        "in_w": in_w,
        "channels": channels,
        "out_h": out_h,
        "out_w": out_w,
        "pad_top": convolution(call)[0].before,
        "pad_bottom": _missing_below(call),
        "input_zero_point": call.input(0).zero_point,
        "stream": Const((stream & 0xFFFFFFFF).astype(np.uint32).view(np.int32), "int32_t"),
    }


def scratch(call: Call) -> int:
    """The blocks of four channels."""
    return BLOCK_BYTES * blocks(call) * call.input(0).shape[1]


def cost(call: Call, kernel_row: Mapping[int, int], store: int = 2) -> Cost:
    """The rows of a channel but for those in the padding, and sorting four channels.

    A result takes `store` cycles to get to the output.
    """
    batch, out_h, out_w, channels = call.output.shape
    rows, cols = convolution(call)
    kernel_rows = 3 * out_h - rows.before - _missing_below(call)
    finish = (2 + store) * out_w + min(out_w, 6) + 4
    core = kernel_rows * kernel_row[out_w] + out_h * finish + 20
    fours = cols.size in (3, 4, 8)
    sort = sum(
        rows.size * (35 if fours or 6 * block + 6 > cols.size + 1 else 50)
        for block in range(blocks(call))
    )
    if cols.size == 5:  # the fifth pixel is sorted alone
        sort -= 4 * rows.size
    cycles = channels * core + -(-channels // CHANNELS) * (sort + 75 + 30 * blocks(call))
    return Cost(batch * cycles, flash=32 * channels)


def overlap(call: Call) -> Overlaps:
    """In place: results of channels go where these were read from."""
    return {0: Overlap(0, exact=True)}


def _kernel(
    name: str,
    image_is_narrow: Callable[[Call], str | None],
    kernel_row: Mapping[int, int],
    channels_fit: Callable[[Call], str | None] = channels_fill_a_word,
    store: int = 2,
) -> Kernel:
    return Kernel(
        name=f"mcu_depthwise_conv2d_{name}_s8_dsp",
        family=Family.DSP,
        dtype=DType.INT8,
        params=params,
        params_type="mcu_depthwise_conv2d_narrow_s8_dsp_params",
        header="mcu_depthwise_conv2d_narrow_s8_dsp.h",
        applies=(
            kernel_is_3x3,
            image_is_narrow,
            middle_rows_exist,
            channels_fit,
            clamp_is_saturation,
            shift_is_exact,
        ),
        scratch=scratch,
        overlap=overlap,
        cost=partial(cost, kernel_row=kernel_row, store=store),
    )


KERNEL = _kernel("narrow", image_is_narrow, KERNEL_ROW)
STRIDE2 = _kernel("narrow_stride2", image_is_narrow_stride2, KERNEL_ROW_STRIDE2)
OF_64 = _kernel("narrow_c64", image_is_narrow, KERNEL_ROW, channels_are_64, store=1)
TWELVE = _kernel("twelve_c64", image_has_12_columns, KERNEL_ROW_TWELVE, channels_are_64, store=1)
KERNELS = (KERNEL, OF_64, TWELVE, STRIDE2)
