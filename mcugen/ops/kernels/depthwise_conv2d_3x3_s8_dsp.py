"""mcu_depthwise_conv2d_3x3_s8_dsp: what the depthwise kernel for cores with SIMD reads.

Nine words for each channel: lanes 256 * (w0, w2) of the three rows, 256 * w1 of the first two,
256 * w1 of the third, 256 * bias, multiplier, offset, shift.
"""

from __future__ import annotations

import numpy as np

from mcugen.ir import Call, DType
from mcugen.ops.base import Array, Const, Cost, Family, Fields, Kernel
from mcugen.ops.kernels.requant import (
    clamp_is_saturation,
    exact_sums,
    multipliers_are_small,
    requant,
    sums_fit_24_bits,
)
from mcugen.ops.window import convolution

CHANNELS = 4  # sorted together
ROW_BYTES = 32


def _rows(call: Call) -> Array:
    """The weights [channels][9]."""
    weights = call.input(1).values()
    rows: Array = weights.reshape(-1, weights.shape[3]).T
    return rows


# ---- rules


def window_is_3x3(call: Call) -> str | None:
    """The kernel must be 3x3 with stride 1, no dilation and depth multiplier 1."""
    attrs, weights, in_ch = call.attrs, call.input(1).shape, call.input(0).shape[3]
    if weights == (1, 3, 3, in_ch) and attrs.stride == attrs.dilation == (1, 1):
        return None
    return f"weights of shape {list(weights)}, strides {list(attrs.stride)}"


def channels_by_fours(call: Call) -> str | None:
    """The number of channels must be a multiple of 4."""
    channels = call.input(0).shape[3]
    return None if channels % CHANNELS == 0 else f"{channels} channels"


def sums_fit(call: Call) -> str | None:
    """Every sum must stay below 2**23 in size, so that 256 times it fits a register."""
    return sums_fit_24_bits(call, _rows(call))


def multipliers_fit(call: Call) -> str | None:
    """Requantization multipliers must lie in [2**-23, 1/2)."""
    return multipliers_are_small(call, _rows(call))


# ---- params


def _lanes(low: Array, high: Array) -> Array:
    """Words of two lanes, scaled by 256."""
    words: Array = (256 * low & 0xFFFF) | (256 * high & 0xFFFF) << 16
    return words


def params(call: Call) -> Fields:
    """Fields of mcu_depthwise_conv2d_3x3_s8_dsp_params."""
    rows = _rows(call)
    sums = exact_sums(call, rows)
    form = requant(call, sums)
    taps = sums.weights.reshape(-1, 3, 3)
    outer = _lanes(taps[:, :, 0], taps[:, :, 2])
    middle = taps[:, :, 1]
    stream = np.column_stack(
        [
            outer,
            _lanes(middle[:, 0], middle[:, 1]),
            256 * middle[:, 2],
            256 * sums.bias,
            form.multiplier,
            form.offset,
            form.shift,
        ]
    )
    batch, in_h, in_w, channels = call.input(0).shape
    _, out_h, out_w, _ = call.output.shape
    height, width = convolution(call)
    return {
        "batch": batch,
        "in_h": in_h,
        "in_w": in_w,
        "channels": channels,
        "out_h": out_h,
        "out_w": out_w,
        "pad_top": height.before,
        "pad_left": width.before,
        "input_zero_point": call.input(0).zero_point,
        "clamped": form.form.value,
        "stream": Const(stream.astype(np.uint32).view(np.int32).reshape(-1), "int32_t"),
    }


def _rows_in_scratch(call: Call) -> int:
    return -(-(call.output.shape[1] + 2) // 3) * 3 + 2


def scratch(call: Call) -> int:
    """The sorted rows of a strip of four channels."""
    return ROW_BYTES * _rows_in_scratch(call)


def cost(call: Call) -> Cost:
    """About 46 cycles for two outputs, and 195 for each strip of a channel."""
    batch, out_h, out_w, channels = call.output.shape
    finish = 16 if call.output.zero_point == -128 else 22
    strip = (9 + finish) * out_h + 21 * _rows_in_scratch(call) + 195
    return Cost(batch * channels * -(-out_w // 2) * strip, flash=36 * channels)


KERNEL = Kernel(
    name="mcu_depthwise_conv2d_3x3_s8_dsp",
    family=Family.DSP,
    dtype=DType.INT8,
    params=params,
    params_type="mcu_depthwise_conv2d_3x3_s8_dsp_params",
    header="mcu_depthwise_conv2d_3x3_s8_dsp.h",
    applies=(
        window_is_3x3,
        channels_by_fours,
        sums_fit,
        clamp_is_saturation,
        multipliers_fit,
    ),
    scratch=scratch,
    cost=cost,
)
