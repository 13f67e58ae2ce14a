"""The stream of constants of kernels that keep two output channels in one weight word.

For each four output channels A, B, C, D, in the order in which the kernel reads them:

    4 words      256 * bias_A + bias_B, bias_B, 256 * bias_C + bias_D, bias_D
    2 per pair   of taps: lanes 256 * w_A + w_B, then lanes 256 * w_C + w_D
    12 words     multiplier, offset, shift of each channel

The taps are the weights of a channel in their order. The pairs of four taps k..k+3 are (k, k+2) and
(k+1, k+3): what SXTB16 makes of a word. Sums are filled up to a multiple of four with zeros,
taps likewise.
"""

from __future__ import annotations

import numpy as np

from mcugen.ops.base import Array, Const
from mcugen.ops.kernels.requant import Requant, Sums

CHANNELS = 4  # output channels that share a pass


def groups_of(channels: int) -> int:
    """Groups of four channels, the last one filled up."""
    return -(-channels // CHANNELS)


def weights_pair_up(rows: Array) -> str | None:
    """What is found where a weight is -128, so that 256 * w_A + w_B may not fit a lane."""
    return None if rows.min(initial=0) > -128 else "a weight of -128"


def stream_bytes(channels: int, taps: int) -> int:
    """Size of the stream."""
    return groups_of(channels) * (16 * -(-taps // 4) + 64)


def stream(sums: Sums, requant: Requant) -> Const:
    """The stream of a call's sums and their requantization."""
    channels, taps = sums.weights.shape
    more_channels, more_taps = -channels % CHANNELS, -taps % 4

    def fours(values: Array) -> Array:
        """[groups][A, B, C, D]."""
        return np.pad(values, (0, more_channels)).reshape(-1, CHANNELS)

    weights = np.pad(sums.weights, ((0, more_channels), (0, more_taps)))
    # [groups][channel][four taps][pair][lane]; taps k, k+2 and k+1, k+3 are neighbours
    weights = weights.reshape(-1, CHANNELS, (taps + more_taps) // 4, 2, 2).swapaxes(3, 4)
    pairs = [lanes(weights[:, 0], weights[:, 1]), lanes(weights[:, 2], weights[:, 3])]
    b = fours(sums.bias)
    start = np.stack([256 * b[:, 0] + b[:, 1], b[:, 1], 256 * b[:, 2] + b[:, 3], b[:, 3]], axis=1)
    finish = np.stack(
        [fours(v) for v in (requant.multiplier, requant.offset, requant.shift)], axis=2
    )
    parts = [start, np.stack(pairs, axis=-1), finish]
    words = np.concatenate([part.reshape(len(start), -1) for part in parts], axis=1)
    return Const(words.astype(np.uint32).view(np.int32).reshape(-1), "int32_t")


def lanes(high: Array, low: Array) -> Array:
    """Words of two lanes 256 * high + low; arrays [..., 2] of int8 values, lane 0 first."""
    lanes = (256 * high + low) & 0xFFFF
    words: Array = lanes[..., 0] | lanes[..., 1] << 16
    return words
