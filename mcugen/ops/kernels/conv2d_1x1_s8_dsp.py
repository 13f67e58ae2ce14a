"""mcu_conv2d_1x1_..._s8_dsp: what 1x1 convolutions for cores with SIMD read, and when they apply.

One kernel serves any number of input channels, another 128, with code for all of its products in a
row. They read a stream of int32 words. For each four output channels A, B, C, D:

    4 words      256 * bias_A + extra_A + bias_B, bias_B, 256 * bias_C + extra_C + bias_D, bias_D
    2 per pair   of input channels: lanes 256 * w_A + w_B, then lanes 256 * w_C + w_D
    6 words      multiplier_A, multiplier_B, extra_B, multiplier_C, multiplier_D, extra_D

Requantization has the form of `fixed_shift` with factor 256.

Where channels are no multiple of four, the last four are a group once more.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mcugen.ir import Call, DType
from mcugen.ops import overlap
from mcugen.ops.base import Array, Const, Cost, Family, Fields, Kernel
from mcugen.ops.kernels.channel_pairs import CHANNELS, groups_of, lanes
from mcugen.ops.kernels.conv2d_rules import (
    multipliers_fit,
    one_group_without_dilation,
    rows,
    sums_fit,
    weights_pair_up,
)
from mcugen.ops.kernels.conv2d_s8_dsp import PIXELS
from mcugen.ops.kernels.fixed_shift import fixed_factor
from mcugen.ops.kernels.requant import Sums, clamp_is_saturation, exact_sums
from mcugen.ops.window import convolution

SHIFT = 13
LEAST = 4  # channels, of the input and of the output


# ---- rules


def window_is_a_pixel(call: Call) -> str | None:
    """The window must be 1x1 with stride 1."""
    window, stride = call.input(1).shape[1:3], call.attrs.stride
    if window == (1, 1) and stride == (1, 1):
        return None
    return f"window {list(window)}, stride {list(stride)}"


def channels_are_four(call: Call) -> str | None:
    """There must be 4 input channels or more, and 4 output channels or more."""
    in_ch, out_ch = call.input(0).shape[3], call.output.shape[3]
    if min(in_ch, out_ch) >= LEAST:
        return None
    return f"{in_ch} input channels, {out_ch} output channels"


def channels_are(count: int) -> Callable[[Call], str | None]:
    """The rule of a kernel for a certain number of input channels."""

    def rule(call: Call) -> str | None:
        in_ch: int = call.input(0).shape[3]
        return None if in_ch == count else f"{in_ch} input channels"

    rule.__doc__ = f"There must be {count} input channels."
    return rule


def one_shift_serves(call: Call) -> str | None:
    """Requantization with a shift by 13 must be exact for all channels.

    As it mostly is for multipliers below 2**-6 and outputs that clamp at their zero point.
    """
    form = fixed_factor(call, exact_sums(call, rows(call)), SHIFT)
    return None if form is not None else "channels that it does not"


# ---- params


def pairs(taps: int) -> Array:
    """[pairs][2]: the taps that share a word; -1 is none."""
    rest = taps % 4
    four = np.arange(taps - rest).reshape(-1, 2, 2).swapaxes(1, 2).reshape(-1, 2)
    last = {0: [], 1: [[-1, taps - 1]], 2: [[taps - 2, taps - 1]]}.get(
        rest, [[-1, taps - 2], [taps - 3, taps - 1]]
    )
    order: Array = np.concatenate([four, np.array(last, four.dtype).reshape(-1, 2)])
    return order


def _order(out_ch: int) -> Array:
    """The channels of all groups."""
    rest = out_ch % CHANNELS
    whole = np.arange(out_ch - rest)
    return np.append(whole, np.arange(out_ch - CHANNELS, out_ch)) if rest else whole


def params(call: Call) -> Fields:
    """Fields of mcu_conv2d_1x1_s8_dsp_params."""
    sums = exact_sums(call, rows(call))
    out_ch, in_ch = sums.weights.shape
    return {
        "pixels": call.output.elements // out_ch,
        "in_ch": in_ch,
        "out_ch": out_ch,
        "stream": _stream(call, sums),
    }


def _stream(call: Call, sums: Sums) -> Const:
    order = _order(len(sums.weights))
    form = fixed_factor(call, sums, SHIFT)
    assert form is not None, call.node.where
    bias, extra = sums.bias[order].reshape(-1, 2), form.extra[order].reshape(-1, 2)  # [..., A B]
    start = np.stack([256 * bias[:, 0] + extra[:, 0] + bias[:, 1], bias[:, 1]], axis=1)
    weights = np.pad(sums.weights, ((0, 0), (0, 1)))[order][:, pairs(sums.weights.shape[1])]
    words = lanes(weights[0::2], weights[1::2]).reshape(len(start) // 2, 2, -1).swapaxes(1, 2)
    constants = np.append(form.multiplier[order].reshape(-1, 2), extra[:, 1:], axis=1)
    parts = [part.reshape(len(words), -1) for part in (start, words, constants)]
    joined = np.concatenate(parts, axis=1)
    return Const(joined.astype(np.uint32).view(np.int32).reshape(-1), "int32_t")


def scratch(call: Call) -> int:
    """Two pixels as int16."""
    return 4 * PIXELS * len(pairs(call.input(0).shape[3]))


def cost(call: Call) -> Cost:
    """15 cycles for 16 products, 64 for each four channels of two pixels, the windows."""
    in_ch = call.input(0).shape[3]
    steps = len(pairs(in_ch))
    each = 15 * steps + 59 + 4 * ((steps - 2) // 16)
    fill = 24 * (in_ch // 8) + 12 * (in_ch // 4 % 2) + (10, 30, 30, 34)[in_ch % 4]
    return _cost(call, each, fill)


def unrolled_cost(call: Call) -> Cost:
    """The same with fewer cycles for what is around the products."""
    in_ch = call.input(0).shape[3]
    return _cost(call, 15 * (in_ch // 2) + 52, 41 * (in_ch // 16))


def _cost(call: Call, each: int, fill: int) -> Cost:
    """Of cycles for each group of channels, and for windows."""
    out_ch = call.output.shape[3]
    groups, passes = groups_of(out_ch), -(-(call.output.elements // out_ch) // PIXELS)
    rest = 24 if out_ch % CHANNELS else 0
    cycles = passes * (groups * each + fill + rest + 24) + 100
    return Cost(cycles, groups * (8 * len(pairs(call.input(0).shape[3])) + 40))


def _kernel(
    name: str, cost: Callable[[Call], Cost], *first: Callable[[Call], str | None]
) -> Kernel:
    return Kernel(
        name=name,
        family=Family.DSP,
        dtype=DType.INT8,
        params=params,
        params_type="mcu_conv2d_1x1_s8_dsp_params",
        header="mcu_conv2d_1x1_s8_dsp.h",
        applies=(
            *first,
            window_is_a_pixel,
            one_group_without_dilation,
            channels_are_four,
            weights_pair_up,
            sums_fit,
            clamp_is_saturation,
            multipliers_fit,
            one_shift_serves,
        ),
        scratch=scratch,
        overlap=overlap.windows(convolution, overlap.all_channels, PIXELS),
        cost=cost,
    )


KERNEL = _kernel("mcu_conv2d_1x1_s8_dsp", cost)
K128 = _kernel("mcu_conv2d_1x1_k128_s8_dsp", unrolled_cost, channels_are(128))
KERNELS = (KERNEL, K128)
