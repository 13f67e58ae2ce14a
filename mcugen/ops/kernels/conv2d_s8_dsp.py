"""mcu_conv2d_s8_dsp: what the convolution for cores with SIMD reads, and when it applies.

Its constants are a stream of int32 words. For each four output channels A, B, C, D:

    4 words      256 * bias_A + bias_B, bias_B, 256 * bias_C + bias_D, bias_D
    2 per pair   of taps: lanes 256 * w_A + w_B, then lanes 256 * w_C + w_D
    8 or 12      the constants of A, B, C and D, see `times_256`

Channels are filled up to a multiple of four with zeros. The kernel says which taps are a pair.
"""

from __future__ import annotations

import numpy as np

from mcugen.ir import Call, DType
from mcugen.ops import overlap
from mcugen.ops.base import Array, Const, Cost, Family, Fields, Kernel
from mcugen.ops.kernels.channel_pairs import CHANNELS, groups_of, lanes
from mcugen.ops.kernels.conv2d_rules import (
    geometry,
    multipliers_fit,
    one_group_without_dilation,
    rows,
    sums_fit,
    weights_pair_up,
)
from mcugen.ops.kernels.requant import Sums, clamp_is_saturation, exact_sums
from mcugen.ops.kernels.times_256 import Finish, finish
from mcugen.ops.window import Axis, convolution

PIXELS = 2  # output pixels that share a pass


def pairs(kernel_h: int, length: int) -> Array:
    """[pairs][2]: the taps of a window of rows of `length` that share a word; -1 is none."""
    four = length // 4 * 4
    row: Array = np.arange(four).reshape(-1, 2, 2).swapaxes(1, 2).reshape(-1, 2)
    if length - four >= 2:
        row = np.concatenate([row, [[four, four + 1]]])
    begins = length * np.arange(kernel_h)
    most: Array = (begins[:, None, None] + row).reshape(-1, 2)
    if length % 2 == 0:
        return most
    last = np.pad(begins + length - 1, (0, kernel_h % 2), constant_values=-1)
    return np.concatenate([most, last.reshape(-1, 2)])


def _pairs(call: Call) -> Array:
    _, kernel_h, kernel_w, in_ch = call.input(1).shape
    return pairs(kernel_h, kernel_w * in_ch)


# ---- params


def stream(sums: Sums, form: Finish, order: Array) -> Const:
    """The stream of constants; `order` says which taps are a pair."""
    more = -len(sums.weights) % CHANNELS
    weights = np.pad(sums.weights, ((0, more), (0, 1)))[:, order]  # of tap -1 it is 0
    weights = weights.reshape(-1, CHANNELS, *order.shape)
    bias = np.pad(sums.bias, (0, more)).reshape(-1, CHANNELS)
    a, b, c, d = bias.T
    start = np.stack([256 * a + b, b, 256 * c + d, d], axis=1)
    words = np.stack(
        [lanes(weights[:, 0], weights[:, 1]), lanes(weights[:, 2], weights[:, 3])], axis=-1
    )
    parts = [start, words, np.pad(form.constants, ((0, more), (0, 0)))]
    joined = np.concatenate([part.reshape(len(bias), -1) for part in parts], axis=1)
    return Const(joined.astype(np.uint32).view(np.int32).reshape(-1), "int32_t")


def params(call: Call) -> Fields:
    """Fields of mcu_conv2d_s8_dsp_params."""
    sums = exact_sums(call, rows(call))
    form = finish(call, sums)
    return {
        **geometry(call),
        "fixed": int(form.fixed),
        "stream": stream(sums, form, _pairs(call)),
    }


def scratch(call: Call) -> int:
    """The windows of two pixels as int16, and as int8; the latter may lie where the former end."""
    _, kernel_h, kernel_w, in_ch = call.input(1).shape
    taps = kernel_h * kernel_w * in_ch
    if kernel_w * in_ch % 2 == 0:
        return (3 + PIXELS) * taps
    return 4 * PIXELS * len(_pairs(call)) + PIXELS * taps


def cost(call: Call) -> Cost:
    """15 cycles for 16 products, about 69 for each four channels of two pixels, the windows."""
    out_ch = call.output.shape[3]
    passes, steps = -(-(call.output.elements // out_ch) // PIXELS), len(_pairs(call))
    rounds, groups = (steps - 2) // 16, groups_of(out_ch)
    likely_fixed = call.output.zero_point == -128
    core = groups * (15 * steps + 5 * rounds + (69 if likely_fixed else 99))
    rest = 150 if out_ch % CHANNELS else 0
    cycles = passes * (core + rest + _windows(call)) + _outside(call) * _collect(call)
    return Cost(cycles, groups * (8 * steps + (48 if likely_fixed else 64)))


def _windows(call: Call) -> int:
    """Cycles to fill the windows of two pixels from the image."""
    _, kernel_h, kernel_w, in_ch = call.input(1).shape
    length = kernel_w * in_ch
    if (kernel_h, length) == (3, 9):
        return 108 + 108
    pointwise = kernel_h * kernel_w == 1 and call.attrs.stride == (1, 1)
    if pointwise and length % 8 == 0:
        return 3 * length + 63
    row = 14 + 24 * (length // 8) + 12 * (length // 4 % 2) + 10 * (length // 2 % 2)
    last = 20 + 15 * -(-kernel_h // 2) if length % 2 else 0
    return kernel_h * row + last + (90 if pointwise else 160)


def _outside(call: Call) -> int:
    """How many windows lie outside of the image in part."""
    down, across = convolution(call)

    def inside(axis: Axis) -> int:
        begins = np.arange(axis.out) * axis.stride - axis.before
        return int(((begins >= 0) & (begins + axis.kernel <= axis.size)).sum())

    batch = call.output.shape[0]
    return batch * (down.out * across.out - inside(down) * inside(across))


def _collect(call: Call) -> int:
    """Cycles to collect the bytes of such a window."""
    _, kernel_h, kernel_w, in_ch = call.input(1).shape
    return kernel_h * kernel_w * in_ch + 25 * kernel_h + 120


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
        multipliers_fit,
    ),
    scratch=scratch,
    overlap=overlap.windows(convolution, overlap.all_channels, PIXELS),
    cost=cost,
)
