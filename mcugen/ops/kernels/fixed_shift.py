"""Requantization with one shift for all channels, so that the shift can be an immediate.

    SSAT((hi((2**scale * S + extra) * multiplier) + offset) >> shift)

for the exact sum S, where hi() is the high word of a product. The scale, per channel, goes into
weights and bias, the extra into the bias; in exchange the multiplier keeps its bits.

The reference reaches each int8 value from some sum on. Each of these thresholds lets the extra lie
between two bounds, and where they agree on one, both formulas are equal for every sum. They do so
in general where the output clamps at its zero point and multipliers are below 2**(7-shift).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mcugen.fixed import INT32_MAX
from mcugen.ir import Call
from mcugen.ops.base import Array
from mcugen.ops.kernels.requant import Sums, channel_multipliers, reference, thresholds

MAX_SCALE = 8  # 2**8 times an int8 weight fits 16 bits

TARGETS = np.arange(-127, 128)  # the values that have a threshold


@dataclass(frozen=True, slots=True, eq=False)
class FixedShift:
    """Constants of the form, per channel."""

    scale: Array
    extra: Array
    multiplier: Array
    offset: Array


def fixed_shift(call: Call, sums: Sums, shift: int) -> FixedShift | None:
    """The form with this shift, if it is exact for every channel of a call."""
    multiplier, right = channel_multipliers(call)
    steps = thresholds(reference(call), sums)
    # Halves up, and up too what the reference's first rounding lifts to a half.
    half = (1 << (shift - 1)) + (1 << np.clip(shift - right, 0, shift) >> 1)
    offset = half + (call.output.zero_point << shift)
    scales, extras, multipliers = np.zeros((3, len(right)), np.int64)
    offsets = sums.value << shift  # right for channels that do not vary
    missing = sums.varies.copy()
    for scale in range(MAX_SCALE + 1):
        lost = scale + right - shift - 1  # bits of the multiplier
        rounded = (multiplier + (1 << np.clip(lost, 0, 31) >> 1)) >> np.clip(lost, 0, 31)
        factor = np.maximum(rounded, 1)
        low, high = _extras(sums, steps, scale, factor, offset, shift)
        extra = np.clip(0, low, high)
        ends = (np.stack([sums.least, sums.greatest]) << scale) + extra
        fits = (np.abs(ends) <= INT32_MAX).all(axis=0) & (factor <= INT32_MAX)
        found = missing & (lost >= 0) & (low <= high) & fits
        scales[found] = scale
        extras[found] = extra[found]
        multipliers[found] = factor[found]
        offsets[found] = offset[found]
        missing &= ~found
    return None if missing.any() else FixedShift(scales, extras, multipliers, offsets)


def _extras(
    sums: Sums, steps: Array, scale: int, factor: Array, offset: Array, shift: int
) -> tuple[Array, Array]:
    """The least and the greatest extra of each channel, for thresholds `steps`."""
    short = offset[:, None] - (TARGETS << shift)  # of a target, negated
    reaching = -((short << 32) // factor[:, None])  # a scaled sum, rounded up
    least = reaching - (steps << scale)
    low = np.where(steps <= sums.greatest[:, None], least, -INT32_MAX).max(axis=1)
    most = least + (1 << scale) - 1
    high = np.where(steps > sums.least[:, None], most, INT32_MAX).min(axis=1)
    return low, high


def evaluate(form: FixedShift, acc: Array, shift: int) -> Array:
    """What the instructions compute, for sums [channels, n], without wrapping."""
    scaled = (acc << form.scale[:, None]) + form.extra[:, None]
    high = scaled * form.multiplier[:, None] >> 32
    clipped: Array = np.clip((high + form.offset[:, None]) >> shift, -128, 127)
    return clipped
