"""What kernels read that compute two output channels of four pixels at a time.

A stream of int32 words. For each two output channels A, B:

    2 words      256 * bias_A + extra_A + bias_B, bias_B
    1 per pair   of taps: lanes 256 * w_A + w_B, in a kernel's order
    3 words      multiplier_A, multiplier_B, extra_B

Requantization has the form of `fixed_shift` with factor 256.
"""

from __future__ import annotations

import numpy as np

from mcugen.ir import Call
from mcugen.ops.base import Array, Const
from mcugen.ops.kernels.channel_pairs import lanes
from mcugen.ops.kernels.conv2d_rules import rows
from mcugen.ops.kernels.fixed_shift import fixed_factor
from mcugen.ops.kernels.requant import exact_sums

CHANNELS = 2  # of the output, that share a pass
PIXELS = 4  # of the output, that share a step
SHIFT = 12
AROUND = 48  # cycles of two channels of four pixels besides their products


# ---- rules


def output_channels_are_even(call: Call) -> str | None:
    """Output channels must be a multiple of 2."""
    out_ch = call.output.shape[3]
    return None if out_ch % CHANNELS == 0 else f"{out_ch} output channels"


def one_shift_serves(call: Call) -> str | None:
    """Requantization with a shift by 12 must be exact for all channels.

    As it mostly is for multipliers below 2**-5 and outputs that clamp at their zero point.
    """
    form = fixed_factor(call, exact_sums(call, rows(call)), SHIFT)
    return None if form is not None else "channels that it does not"


# ---- params


def stream(call: Call, order: Array) -> Const:
    """The stream; `order` is [pairs][2], the taps that share a word, -1 being none.

    Where channels are odd, the last two are a pair once more.
    """
    sums = exact_sums(call, rows(call))
    form = fixed_factor(call, sums, SHIFT)
    assert form is not None, call.node.where
    channels = np.arange(len(sums.bias))
    channels = np.insert(channels, -1, channels[-2]) if len(channels) % CHANNELS else channels
    bias, extra = (
        sums.bias[channels].reshape(-1, CHANNELS),
        form.extra[channels].reshape(-1, CHANNELS),
    )
    start = np.stack([256 * bias[:, 0] + extra[:, 0] + bias[:, 1], bias[:, 1]], axis=1)
    weights = np.pad(sums.weights, ((0, 0), (0, 1)))[channels][:, order]  # of tap -1: 0
    words = lanes(weights[0::2], weights[1::2])
    constants = np.append(form.multiplier[channels].reshape(-1, CHANNELS), extra[:, 1:], axis=1)
    joined = np.concatenate([start, words, constants], axis=1)
    return Const(joined.astype(np.uint32).view(np.int32).reshape(-1), "int32_t")


def stream_bytes(out_ch: int, pairs: int) -> int:
    """Size of the stream."""
    return 4 * (out_ch // CHANNELS) * (pairs + 5)
