"""Requantization with one shift for all channels, so that the shift can be an immediate.

    SSAT(hi((factor * S + extra) * multiplier) >> shift)

for the exact sum S, where hi() is the high word of a product. The factor, per channel, goes into
weights and bias; the extra, which goes into the bias too, is the output's zero point and the
rounding in steps of the sum.

The reference reaches each int8 value from some sum on. Each of these thresholds lets the extra, for
a multiplier, and the multiplier, for an extra, lie between two bounds; where they agree on one,
both formulas are equal for every sum. A larger factor makes the steps of the extra finer, and each
lets them fall elsewhere: some factor fits in general where multipliers are below 2**(7-shift).
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from mcugen.fixed import INT32_MAX
from mcugen.ir import Call
from mcugen.ops.base import Array
from mcugen.ops.kernels.requant import Sums, channel_multipliers, reference, thresholds

FACTORS = range(256, 192, -1)  # 256 times an int8 weight fits 16 bits
HOPELESS = 254  # if half of the channels fit no factor down to here, some fit none
# Distances of the multiplier from the one that is nearest, for a factor that is given.
NUDGES = (0, 1, -1, *(sign * step << i for i in range(12) for step in (2, 3) for sign in (1, -1)))
SMALL = 15  # the extra fits 32 bits for multipliers down to 2**-15, and with half the factor below
CONSTANT = 30  # the multiplier of channels that do not vary is a power of two
NEVER = 1 << 60  # a bound that is none
TARGETS = np.arange(-127, 128)  # the values that have a threshold


@dataclass(frozen=True, slots=True, eq=False)
class FixedShift:
    """Constants of the form, per channel."""

    factor: Array
    extra: Array
    multiplier: Array


@dataclass(frozen=True, slots=True, eq=False)
class _Steps:
    """What channels must do: reach each target from these sums on, between these ends."""

    thresholds: Array  # [channels][targets]
    least: Array
    greatest: Array
    multiplier: Array  # real, times 2**(shift + 32)
    lessened: Array  # bits by which the factor is less

    def of(self, channels: Array) -> _Steps:
        """Some of the channels."""
        return _Steps(*(getattr(self, field.name)[channels] for field in fields(self)))


def fixed_shift(call: Call, sums: Sums, shift: int) -> FixedShift | None:
    """The form with this shift, if it is exact for every channel of a call."""
    steps, form = _steps(call, sums, shift), _constants(sums, shift)
    missing = np.flatnonzero(sums.varies)
    for factor in FACTORS:
        for nudge in (0, 1, -1):
            these = steps.of(missing)
            factors = factor >> these.lessened
            fits, extra, multiplier = _fit(these, factors, nudge, shift)
            form.factor[missing[fits]] = factors[fits]
            form.extra[missing[fits]] = extra[fits]
            form.multiplier[missing[fits]] = multiplier[fits]
            missing = missing[~fits]
        if not len(missing):
            return form
        if factor == HOPELESS and 2 * len(missing) > sums.varies.sum():
            break
    return None


def fixed_factor(call: Call, sums: Sums, shift: int) -> FixedShift | None:
    """The form with factor 256 for all channels that vary, if it is exact for every one."""
    steps, form = _steps(call, sums, shift), _constants(sums, shift)
    nearest = np.rint(steps.multiplier / FACTORS[0]).astype(np.int64)
    missing = np.flatnonzero(sums.varies)
    for nudge in NUDGES:
        factor = np.full_like(missing, FACTORS[0])
        multiplier = np.clip(nearest[missing] + nudge, 1, INT32_MAX)
        low, high = _extras(steps.of(missing), factor, multiplier, shift)
        extra = (low + high) >> 1
        ends = np.stack([sums.least, sums.greatest])[:, missing] * factor + extra
        fits = (low <= high) & (np.abs(ends) <= INT32_MAX).all(axis=0)
        form.factor[missing[fits]] = factor[fits]
        form.extra[missing[fits]] = extra[fits]
        form.multiplier[missing[fits]] = multiplier[fits]
        missing = missing[~fits]
        if not len(missing):
            return form
    return None


def _steps(call: Call, sums: Sums, shift: int) -> _Steps:
    mantissa, right = channel_multipliers(call)
    exact = np.ldexp(mantissa.astype(np.float64), np.clip(1 + shift - right, -64, 64))
    lessened = np.clip(right - SMALL, 0, 7)
    return _Steps(thresholds(reference(call), sums), sums.least, sums.greatest, exact, lessened)


def _constants(sums: Sums, shift: int) -> FixedShift:
    """Right for channels that do not vary: hi() takes back what the value is shifted here."""
    return FixedShift(
        factor=np.zeros_like(sums.value),
        extra=sums.value << (shift + 32 - CONSTANT),
        multiplier=np.full_like(sums.value, 1 << CONSTANT),
    )


def _fit(steps: _Steps, factor: Array, nudge: int, shift: int) -> tuple[Array, Array, Array]:
    """Which channels their factor fits, with which extra and multiplier.

    The extra is the one in the middle for the multiplier that is nearest, and `nudge`.
    """
    nearest = np.clip(np.rint(steps.multiplier / factor), 1, INT32_MAX).astype(np.int64)
    low, high = _extras(steps, factor, nearest, shift)
    extra = ((low + high) >> 1) + nudge
    least, most = _multipliers(steps, factor, extra, shift)
    ends = np.stack([steps.least, steps.greatest]) * factor + extra
    fits = (least <= most) & (np.abs(ends) <= INT32_MAX).all(axis=0)
    return fits, extra, np.minimum(np.maximum(nearest, least), most)


# For a threshold t of the value v, both must hold, the first if t can be reached, the second if
# less than t can:
#     multiplier * (factor * t + extra)       >= v << (shift + 32)
#     multiplier * (factor * (t - 1) + extra) <  v << (shift + 32)


def _extras(steps: _Steps, factor: Array, multiplier: Array, shift: int) -> tuple[Array, Array]:
    """The least and the greatest extra of each channel for its multiplier, crossed if none."""
    reaching = -((-TARGETS << shift + 32) // multiplier[:, None])  # a sum, rounded up
    least = reaching - steps.thresholds * factor[:, None]
    low = np.where(steps.thresholds <= steps.greatest[:, None], least, -NEVER).max(axis=1)
    high = np.where(
        steps.thresholds > steps.least[:, None], least + factor[:, None] - 1, NEVER
    ).min(axis=1)
    return low, high


def _multipliers(steps: _Steps, factor: Array, extra: Array, shift: int) -> tuple[Array, Array]:
    """The least and the greatest multiplier of each channel for its extra, crossed if none."""
    target = np.broadcast_to(TARGETS << shift + 32, steps.thresholds.shape)
    at = steps.thresholds * factor[:, None] + extra[:, None]
    # Both conditions as: multiplier * scaled >= targets.
    scaled = np.concatenate([at, factor[:, None] - at], axis=1)
    targets = np.concatenate([target, 1 - target], axis=1)
    reached = steps.thresholds <= steps.greatest[:, None]
    apply = np.concatenate([reached, steps.thresholds > steps.least[:, None]], axis=1)
    rising, falling = apply & (scaled > 0), apply & (scaled < 0)
    divisor = np.where(scaled == 0, 1, scaled)
    low = np.where(rising, -(-targets // divisor), 1).max(axis=1)
    high = np.where(falling, targets // divisor, INT32_MAX).min(axis=1)
    never = (apply & (scaled == 0) & (targets > 0)).any(axis=1)
    return np.where(never, NEVER, low), high


def evaluate(form: FixedShift, acc: Array, shift: int) -> Array:
    """What the instructions compute, for sums [channels, n], without wrapping."""
    scaled = acc * form.factor[:, None] + form.extra[:, None]
    high = scaled * form.multiplier[:, None] >> 32
    clipped: Array = np.clip(high >> shift, -128, 127)
    return clipped
