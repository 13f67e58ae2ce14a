"""Two output channels A and B in one weight word: lanes 256 * w_A + w_B of two taps."""

from __future__ import annotations

from mcugen.ops.base import Array

CHANNELS = 4  # output channels that share a pass


def groups_of(channels: int, together: int = CHANNELS) -> int:
    """Groups of channels that share a pass, the last one filled up."""
    return -(-channels // together)


def weights_pair_up(rows: Array) -> str | None:
    """What is found where a weight is -128, so that 256 * w_A + w_B may not fit a lane."""
    return None if rows.min(initial=0) > -128 else "a weight of -128"


def lanes(high: Array, low: Array) -> Array:
    """Words of two lanes 256 * high + low; arrays [..., 2] of int8 values, lane 0 first."""
    lanes = (256 * high + low) & 0xFFFF
    words: Array = lanes[..., 0] | lanes[..., 1] << 16
    return words
