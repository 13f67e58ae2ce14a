"""How the Winograd convolution requantizes: sums come times 576.

    FIXED    SSAT((hi((576 S + e) * m) + C) >> 16)      e; constants m, C of each channel
    SIGNED   SSAT((z - (z < 0 ? d : 0) + C) >> 16)      e; m, C, d; z = hi((576 S + e) * m)
    SCALED   FIXED of `times_256`                       multiplier, offset
    GENERAL  as in `requant`, of 2 S                    multiplier, offset, shift

for the exact sum S, where hi() is the high word of a product. e goes into the bias: it is a part of
a step of C. d is one step of the reference's first rounding: 2**(16 - shift), by which the
reference's rounding of halves away from zero moves what is negative.

The reference reaches each int8 value from some sum on. For a multiplier m and an extra e, each of
these thresholds bounds C on both sides; where all bounds leave room, the form is exact.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from itertools import product

import numpy as np

from mcugen.fixed import INT32_MAX
from mcugen.ir import Call
from mcugen.ops.base import Array
from mcugen.ops.kernels import times_256
from mcugen.ops.kernels.requant import Sums, channel_multipliers, reference, thresholds

FACTOR = 576
SHIFT = 16
NUDGES = (0, 1, -1, 2, -2)  # of the multiplier, until all thresholds agree
EXTRAS = range(40)  # a step of C is 36 of them at most where multipliers are 2**-10 or more
TARGETS = np.arange(-127, 128)  # the values that have a threshold
ANY = 1 << 40  # a bound that bounds nothing


class Form(enum.IntEnum):
    """What the params of the kernel say."""

    GENERAL = 0
    FIXED = 1
    SIGNED = 2
    SCALED = 3


@dataclass(frozen=True, slots=True, eq=False)
class Finish:
    """The extra of each channel, and its constants: two for FIXED and SCALED, else three."""

    form: Form
    extra: Array
    constants: Array


def finish(call: Call, sums: Sums) -> Finish:
    """The shortest form that is exact for every channel of a call."""
    right = channel_multipliers(call)[1]
    none = np.zeros_like(right)
    found = _constants(call, sums, none)
    if found is not None:
        return Finish(Form.FIXED, found[:, 0], found[:, 1:3])
    scaled = times_256.finish(call, sums)
    if scaled.fixed:
        return Finish(Form.SCALED, none, scaled.constants)
    found = _constants(call, sums, _first_steps(right))
    if found is not None:
        return Finish(Form.SIGNED, found[:, 0], found[:, 1:])
    return Finish(Form.GENERAL, none, scaled.constants)


def _first_steps(right: Array) -> Array:
    """d of each channel, 0 where it is no whole number; the proof says whether that will do."""
    return np.where(right <= SHIFT, 1 << np.maximum(SHIFT - right, 0), 0)


def _constants(call: Call, sums: Sums, moved: Array) -> Array | None:
    """e, m, C and d of each channel for its d, or None if one of them has none."""
    full, right = channel_multipliers(call)
    nominal = np.rint(np.ldexp(full / FACTOR, np.clip(1 + SHIFT - right, -40, 40))).astype(np.int64)
    steps = thresholds(reference(call), sums)
    ends = FACTOR * np.stack([sums.least, sums.greatest])
    if np.abs(ends).max() + EXTRAS[-1] > INT32_MAX:
        return None
    zeros = np.zeros_like(full)
    constants = np.stack([zeros, zeros, sums.value << SHIFT, zeros], axis=1)
    missing = sums.varies.copy()
    for extra, nudge in product(EXTRAS, NUDGES):
        factor = np.clip(nominal + nudge, 1, INT32_MAX)
        low, high = _offsets(sums, steps, extra, factor, moved)
        offset = (low + high) >> 1
        most = np.abs((ends + extra) * factor >> 32).max(axis=0) + np.abs(offset) + moved
        found = missing & (low <= high) & (most <= INT32_MAX)
        columns = np.stack([np.full_like(full, extra), factor, offset, moved], axis=1)
        constants[found] = columns[found]
        missing &= ~found
        if not missing.any():
            return constants
    return None


def _offsets(
    sums: Sums, steps: Array, extra: int, factor: Array, moved: Array
) -> tuple[Array, Array]:
    """The least and the greatest C of each channel for thresholds `steps`."""

    def short(reached: Array) -> Array:
        """What a sum lacks to reach each target."""
        scaled = _scaled(reached, np.full_like(factor, extra), factor, moved)
        lacking: Array = (TARGETS << SHIFT) - scaled
        return lacking

    low = np.where(steps <= sums.greatest[:, None], short(steps), -ANY).max(axis=1)
    high = np.where(steps > sums.least[:, None], short(steps - 1) - 1, ANY).min(axis=1)
    return low, high


def _scaled(acc: Array, extra: Array, factor: Array, moved: Array) -> Array:
    high = (FACTOR * acc + extra[:, None]) * factor[:, None] >> 32
    scaled: Array = high - np.where(high < 0, moved[:, None], 0)
    return scaled


def evaluate(form: Finish, acc: Array) -> Array:
    """What the instructions of FIXED and SIGNED compute, for sums [channels, n]."""
    multiplier, offset = form.constants[:, 0], form.constants[:, 1:2]
    moved = form.constants[:, 2] if form.form is Form.SIGNED else np.zeros_like(multiplier)
    scaled = _scaled(acc, form.extra, multiplier, moved)
    clipped: Array = np.clip((scaled + offset) >> SHIFT, -128, 127)
    return clipped
