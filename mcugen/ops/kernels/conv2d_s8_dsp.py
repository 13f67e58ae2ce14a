"""mcu_conv2d_s8_dsp: what the convolution for cores with SIMD reads, and when it applies.

The constants are one stream of words in the order in which the kernel reads them. For each four
output channels A, B, C, D:

    4 words      256 * bias_A + bias_B, bias_B, 256 * bias_C + bias_D, bias_D
    2 per pair   of taps: lanes 256 * w_A + w_B, then lanes 256 * w_C + w_D
    12 words     multiplier, offset, shift of each channel

The taps are the weights of a channel in their order, [kernel_h][kernel_w][in_ch]. The pairs of four
taps k..k+3 are (k, k+2) and (k+1, k+3): what SXTB16 makes of a word. Output channels are filled up
to a multiple of four, taps likewise, with zeros.
"""

from __future__ import annotations

import numpy as np

from mcugen.ir import Call, DType
from mcugen.ops.base import Array, Const, Cost, Family, Fields, Kernel
from mcugen.ops.kernels.requant import (
    clamp_is_saturation,
    multipliers_are_small,
    requant,
    sums,
    sums_fit_24_bits,
)
from mcugen.ops.window import axis

CHANNELS = 4  # output channels that share a pass
PIXELS = 2


def _rows(call: Call) -> Array:
    """The weights [out_ch][taps]."""
    weights = call.input(1).values()
    return weights.reshape(weights.shape[0], -1)


def _pixels(call: Call) -> int:
    return call.output.elements // call.output.shape[3]


# ---- rules


def one_group_without_dilation(call: Call) -> str | None:
    """The convolution must have one group and no dilation."""
    depth, in_ch, dilation = call.input(1).shape[3], call.input(0).shape[3], call.attrs.dilation
    if depth == in_ch and dilation == (1, 1):
        return None
    return f"{in_ch // depth} groups, dilation {list(dilation)}"


def weights_pair_up(call: Call) -> str | None:
    """Weights must lie in [-127, 127], so that two fit a lane of 16 bits."""
    return None if _rows(call).min(initial=0) > -128 else "a weight of -128"


def sums_fit(call: Call) -> str | None:
    """Every sum must stay below 2**23 in size, so that 256 times it fits a register."""
    return sums_fit_24_bits(call, _rows(call))


# ---- params


def pack_lanes(high: Array, low: Array) -> Array:
    """Words of two lanes 256 * high + low; arrays [..., 2] of int8 values, lane 0 first."""
    lanes = (256 * high.astype(np.int64) + low.astype(np.int64)) & 0xFFFF
    words: Array = lanes[..., 0] | lanes[..., 1] << 16
    return words


def params(call: Call) -> Fields:
    """Fields of mcu_conv2d_s8_dsp_params."""
    rows = _rows(call)
    out_ch, taps = rows.shape
    form = requant(call, rows)
    bias = sums(call, rows)[0]
    outs, ins = -out_ch % CHANNELS, -taps % 4

    def fours(values: Array) -> Array:
        """[groups][A, B, C, D]."""
        return np.pad(values, (0, outs)).reshape(-1, CHANNELS)

    weights = np.pad(rows, ((0, outs), (0, ins)))
    # [groups][channel][four taps][pair][lane]; taps k, k+2 and k+1, k+3 are neighbours
    weights = weights.reshape(-1, CHANNELS, (taps + ins) // 4, 2, 2).swapaxes(3, 4)
    lanes = np.stack(
        [pack_lanes(weights[:, 0], weights[:, 1]), pack_lanes(weights[:, 2], weights[:, 3])],
        axis=-1,
    )
    b = fours(bias)
    start = np.stack([256 * b[:, 0] + b[:, 1], b[:, 1], 256 * b[:, 2] + b[:, 3], b[:, 3]], axis=1)
    finish = np.stack([fours(form.multiplier), fours(form.offset), fours(form.shift)], axis=2)
    groups = len(start)
    stream = np.concatenate([start, lanes.reshape(groups, -1), finish.reshape(groups, -1)], axis=1)
    batch, in_h, in_w, in_ch = call.input(0).shape
    _, out_h, out_w, _ = call.output.shape
    _, kernel_h, kernel_w, _ = call.input(1).shape
    (stride_h, stride_w), padding = call.attrs.stride, call.attrs.padding
    return {
        "batch": batch,
        "in_h": in_h,
        "in_w": in_w,
        "in_ch": in_ch,
        "out_h": out_h,
        "out_w": out_w,
        "out_ch": out_ch,
        "kernel_h": kernel_h,
        "kernel_w": kernel_w,
        "stride_h": stride_h,
        "stride_w": stride_w,
        "pad_top": axis(in_h, kernel_h, stride_h, 1, padding).before,
        "pad_left": axis(in_w, kernel_w, stride_w, 1, padding).before,
        "input_zero_point": call.input(0).zero_point,
        "clamped": form.form.value,
        "stream": Const(stream.astype(np.uint32).view(np.int32).reshape(-1), "int32_t"),
    }


def _fours(call: Call) -> int:
    """Taps of a channel, in fours."""
    taps: int = _rows(call).shape[1]
    return -(-taps // 4)


def scratch(call: Call) -> int:
    """The windows of two pixels as int16, and one as int8 with room for a word behind it."""
    return (2 * PIXELS + 1) * 4 * _fours(call) + 4


def cost(call: Call) -> Cost:
    """15 cycles for 16 products, about 100 for each four channels of two pixels, the windows."""
    pixels, fours = _pixels(call), _fours(call)
    kernel_h, in_ch = call.input(1).shape[1], call.input(0).shape[3]
    groups = -(-call.output.shape[3] // CHANNELS)
    requantization = 97 if call.output.zero_point == -128 else 115
    window = 7 * fours + (10 * kernel_h + 120 if in_ch % 4 == 0 else 24 * kernel_h + 170)
    cycles = -(-pixels // PIXELS) * groups * (30 * fours + requantization) + pixels * window
    return Cost(cycles, flash=groups * (16 * fours + 64))


KERNEL = Kernel(
    name="mcu_conv2d_s8_dsp",
    family=Family.DSP,
    dtype=DType.INT8,
    params=params,
    params_type="mcu_conv2d_s8_dsp_params",
    header="mcu_conv2d_s8_dsp.h",
    applies=(
        one_group_without_dilation,
        weights_pair_up,
        sums_fit,
        clamp_is_saturation,
        multipliers_are_small,
    ),
    scratch=scratch,
    cost=cost,
)
