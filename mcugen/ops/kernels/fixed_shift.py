"""Requantization with one shift for all channels, so that the shift can be an immediate.

    SSAT(hi((factor * S + extra) * multiplier) >> shift)

for the exact sum S, where hi() is the high word of a product. The factor, per channel, goes into
weights and bias; the extra, which goes into the bias too, is the output's zero point and the
rounding in steps of the sum.

The reference reaches each int8 value from some sum on. Each of these thresholds lets the extra lie
between two bounds, and where they agree on one, both formulas are equal for every sum. A larger
factor makes the steps of the extra finer, a smaller one leaves the multiplier more bits; as both
are free, one of the factors fits in general where the output clamps at its zero point and
multipliers are below 2**(7-shift).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mcugen.fixed import INT32_MAX
from mcugen.ir import Call
from mcugen.ops.base import Array
from mcugen.ops.kernels.requant import Sums, channel_multipliers, reference, thresholds

MAX_FACTOR = 256  # times an int8 weight fits 16 bits
CONSTANT = 30  # the multiplier of channels that do not vary is a power of two
NEVER = 1 << 60  # a bound that is none
TARGETS = np.arange(-127, 128)  # the values that have a threshold


@dataclass(frozen=True, slots=True, eq=False)
class FixedShift:
    """Constants of the form, per channel."""

    factor: Array
    extra: Array
    multiplier: Array


def fixed_shift(call: Call, sums: Sums, shift: int) -> FixedShift | None:
    """The form with this shift, if it is exact for every channel of a call."""
    mantissa, right = channel_multipliers(call)
    exact = np.ldexp(mantissa.astype(np.float64), np.clip(1 + shift - right, -64, 64))
    steps = thresholds(reference(call), sums)
    # Right for channels that do not vary: hi() takes back what the value is shifted here.
    factors, multipliers = np.zeros_like(right), np.full_like(right, 1 << CONSTANT)
    extras = sums.value << (shift + 32 - CONSTANT)
    missing = sums.varies.copy()
    for factor in range(MAX_FACTOR, 0, -1):
        multiplier = np.clip(np.rint(exact / factor), 1, INT32_MAX + 1).astype(np.int64)
        low, high = _extras(sums, steps, factor, multiplier, shift)
        ends = np.stack([sums.least, sums.greatest]) * factor + low
        fits = (np.abs(ends) <= INT32_MAX).all(axis=0) & (multiplier <= INT32_MAX)
        found = missing & (low <= high) & fits
        factors[found] = factor
        extras[found] = low[found]
        multipliers[found] = multiplier[found]
        missing &= ~found
        if not missing.any():
            return FixedShift(factors, extras, multipliers)
    return None


def _extras(
    sums: Sums, steps: Array, factor: int, multiplier: Array, shift: int
) -> tuple[Array, Array]:
    """The least and the greatest extra of each channel, for thresholds `steps`."""
    reaching = -((-(TARGETS << shift) << 32) // multiplier[:, None])  # a sum, rounded up
    least = reaching - steps * factor
    low = np.where(steps <= sums.greatest[:, None], least, -NEVER).max(axis=1)
    high = np.where(steps > sums.least[:, None], least + factor - 1, NEVER).min(axis=1)
    return low, high


def evaluate(form: FixedShift, acc: Array, shift: int) -> Array:
    """What the instructions compute, for sums [channels, n], without wrapping."""
    scaled = acc * form.factor[:, None] + form.extra[:, None]
    high = scaled * form.multiplier[:, None] >> 32
    clipped: Array = np.clip(high >> shift, -128, 127)
    return clipped
