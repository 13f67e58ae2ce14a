"""mcu_conv2d_1x1_s8_dsp: what the 1x1 convolution for cores with SIMD reads, and when it applies.

The constants are one stream of words in the order in which the kernel reads them. For each four
output channels A, B, C, D:

    4 words      256 * bias_A + bias_B, bias_B, 256 * bias_C + bias_D, bias_D
    2 per pair   of input channels: lanes 256 * w_A + w_B, then lanes 256 * w_C + w_D
    12 words     multiplier, offset, shift of each channel

The pairs of four input channels k..k+3 are (k, k+2) and (k+1, k+3): what SXTB16 makes of a word.
Output channels are filled up to a multiple of four, input channels likewise, with zeros.
"""

from __future__ import annotations

import numpy as np

from mcugen.ir import Call, DType
from mcugen.ops.base import Array, Const, Cost, Family, Fields, Kernel
from mcugen.ops.kernels.requant import (
    SUM_LIMIT,
    clamp_is_saturation,
    multipliers_are_small,
    requant,
    sums,
)

CHANNELS = 4  # output channels that share a pass
PIXELS = 2


def _rows(call: Call) -> Array:
    """The weights [out_ch][in_ch]."""
    weights = call.input(1).values()
    return weights.reshape(weights.shape[0], -1)


def _pixels(call: Call) -> int:
    return call.output.elements // call.output.shape[3]


# ---- rules


def window_is_one_pixel(call: Call) -> str | None:
    """The kernel must be 1x1 with stride 1, in one group."""
    weights, stride = call.input(1).shape, call.attrs.stride
    if weights[1:3] == (1, 1) and stride == (1, 1) and weights[3] == call.input(0).shape[3]:
        return None
    return f"weights of shape {list(weights)}, strides {list(stride)}"


def two_pixels(call: Call) -> str | None:
    """There must be two pixels or more."""
    return None if _pixels(call) >= PIXELS else "one pixel"


def weights_pair_up(call: Call) -> str | None:
    """Weights must lie in [-127, 127], so that two fit a lane of 16 bits."""
    return None if _rows(call).min(initial=0) > -128 else "a weight of -128"


def sums_fit_24_bits(call: Call) -> str | None:
    """Every sum must stay below 2**23 in size, so that 256 times it fits a register."""
    _, least, greatest = sums(call, _rows(call))
    bound = int(max(-least.min(), greatest.max()))
    return None if bound < SUM_LIMIT else f"a sum may reach {bound}"


# ---- params


def pack_lanes(high: Array, low: Array) -> Array:
    """Words of two lanes 256 * high + low; arrays [..., 2] of int8 values, lane 0 first."""
    lanes = (256 * high.astype(np.int64) + low.astype(np.int64)) & 0xFFFF
    words: Array = lanes[..., 0] | lanes[..., 1] << 16
    return words


def params(call: Call) -> Fields:
    """Fields of mcu_conv2d_1x1_s8_dsp_params."""
    rows = _rows(call)
    out_ch, in_ch = rows.shape
    form = requant(call, rows)
    bias = sums(call, rows)[0]
    outs, ins = -out_ch % CHANNELS, -in_ch % 4

    def fours(values: Array) -> Array:
        """[groups][A, B, C, D]."""
        return np.pad(values, (0, outs)).reshape(-1, CHANNELS)

    weights = np.pad(rows, ((0, outs), (0, ins)))
    # [groups][channel][four inputs][pair][lane]; inputs k, k+2 and k+1, k+3 are neighbours
    weights = weights.reshape(-1, CHANNELS, (in_ch + ins) // 4, 2, 2).swapaxes(3, 4)
    lanes = np.stack(
        [pack_lanes(weights[:, 0], weights[:, 1]), pack_lanes(weights[:, 2], weights[:, 3])],
        axis=-1,
    )
    b = fours(bias)
    start = np.stack([256 * b[:, 0] + b[:, 1], b[:, 1], 256 * b[:, 2] + b[:, 3], b[:, 3]], axis=1)
    finish = np.stack([fours(form.multiplier), fours(form.offset), fours(form.shift)], axis=2)
    groups = len(start)
    stream = np.concatenate([start, lanes.reshape(groups, -1), finish.reshape(groups, -1)], axis=1)
    return {
        "pixels": _pixels(call),
        "in_ch": in_ch,
        "out_ch": out_ch,
        "clamped": form.form.value,
        "stream": Const(stream.astype(np.uint32).view(np.int32).reshape(-1), "int32_t"),
    }


def scratch(call: Call) -> int:
    """Two pixels as int16."""
    return 2 * PIXELS * -(-call.input(0).shape[3] // 4 * 4)


def cost(call: Call) -> Cost:
    """15 cycles for 16 products, about 95 for each four channels of two pixels."""
    pairs = -(-_pixels(call) // PIXELS)
    groups, inputs = -(-call.output.shape[3] // CHANNELS), -(-call.input(0).shape[3] // 4)
    cycles = pairs * (groups * (30 * inputs + 95) + 18 * inputs + 40)
    return Cost(cycles, flash=groups * (16 * inputs + 64))


KERNEL = Kernel(
    name="mcu_conv2d_1x1_s8_dsp",
    family=Family.DSP,
    dtype=DType.INT8,
    params=params,
    params_type="mcu_conv2d_1x1_s8_dsp_params",
    header="mcu_conv2d_1x1_s8_dsp.h",
    applies=(
        window_is_one_pixel,
        two_pixels,
        weights_pair_up,
        sums_fit_24_bits,
        clamp_is_saturation,
        multipliers_are_small,
    ),
    scratch=scratch,
    cost=cost,
)
