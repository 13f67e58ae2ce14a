"""The stream of constants of kernels that keep two output channels in one weight word.

For each four output channels A, B, C, D, in the order in which the kernel reads them:

    4 words      256 * bias_A + bias_B, bias_B, 256 * bias_C + bias_D, bias_D
    2 per pair   of taps: lanes 256 * w_A + w_B, then lanes 256 * w_C + w_D
    12 words     multiplier, offset, shift of each channel

or the same for each eight channels. Where all channels have the same requantization, 3 words may
stand for all of them.

The taps are the weights of a channel in their order. The pairs of four taps k..k+3 are (k, k+2) and
(k+1, k+3): what SXTB16 makes of a word. Sums are filled up to a multiple of four with zeros,
taps likewise.
"""

from __future__ import annotations

import numpy as np

from mcugen.ops.base import Array, Const
from mcugen.ops.kernels.requant import Requant, Sums

CHANNELS = 4  # output channels that share a pass


def groups_of(channels: int, together: int = CHANNELS) -> int:
    """Groups of channels that share a pass, the last one filled up."""
    return -(-channels // together)


def weights_pair_up(rows: Array) -> str | None:
    """What is found where a weight is -128, so that 256 * w_A + w_B may not fit a lane."""
    return None if rows.min(initial=0) > -128 else "a weight of -128"


def stream_bytes(channels: int, taps: int, together: int = CHANNELS) -> int:
    """Size of the stream."""
    return groups_of(channels, together) * together * (4 * -(-taps // 4) + 16)


def is_uniform(requant: Requant) -> bool:
    """Have all channels the same requantization?"""
    constants = (requant.multiplier, requant.offset, requant.shift)
    return all((values == values[0]).all() for values in constants)


def stream(sums: Sums, requant: Requant, together: int = CHANNELS, once: bool = False) -> Const:
    """The stream of a call's sums and their requantization, `once` if it is uniform."""
    channels, taps = sums.weights.shape
    more_channels, more_taps = -channels % together, -taps % 4

    def grouped(values: Array) -> Array:
        """[groups][A, B, C, D, ...]."""
        return np.pad(values, (0, more_channels)).reshape(-1, together)

    weights = np.pad(sums.weights, ((0, more_channels), (0, more_taps)))
    # [groups][channel][four taps][pair][lane]; taps k, k+2 and k+1, k+3 are neighbours
    weights = weights.reshape(-1, together, (taps + more_taps) // 4, 2, 2).swapaxes(3, 4)
    pairs = [lanes(weights[:, i], weights[:, i + 1]) for i in range(0, together, 2)]
    bias = grouped(sums.bias)
    start = np.stack([256 * bias[:, 0::2] + bias[:, 1::2], bias[:, 1::2]], axis=2)
    finish = np.stack(
        [grouped(v) for v in (requant.multiplier, requant.offset, requant.shift)], axis=2
    )
    finish = finish[:, :1] if once else finish
    parts = [start, np.stack(pairs, axis=-1), finish]
    words = np.concatenate([part.reshape(len(start), -1) for part in parts], axis=1)
    return Const(words.astype(np.uint32).view(np.int32).reshape(-1), "int32_t")


def lanes(high: Array, low: Array) -> Array:
    """Words of two lanes 256 * high + low; arrays [..., 2] of int8 values, lane 0 first."""
    lanes = (256 * high + low) & 0xFFFF
    words: Array = lanes[..., 0] | lanes[..., 1] << 16
    return words
