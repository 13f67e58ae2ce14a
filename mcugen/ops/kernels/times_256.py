"""How the convolutions with two channels in a weight word requantize: sums come times 256.

    FIXED    SSAT((hi(256 S * m) + C) >> 13)            constants m, C of each channel
    GENERAL  as in `requant`, of 2 S                    multiplier, offset, shift of each channel

for the exact sum S, where hi() is the high word of a product. The one shift of FIXED is an
immediate, so a sum takes two instructions.

The reference reaches each int8 value from some sum on. For a multiplier m, each of these
thresholds bounds C on both sides; where all bounds leave room, FIXED is exact. It is so nearly
always where the output clamps at its zero point -128 and multipliers lie in [2**-13, 2**-6).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mcugen.fixed import INT32_MAX
from mcugen.ir import Call
from mcugen.ops.base import Array
from mcugen.ops.kernels.requant import Sums, channel_multipliers, general, reference, thresholds

SHIFT = 13
NUDGES = (0, 1, -1, 2, -2)  # of the multiplier, until all thresholds agree
TARGETS = np.arange(-127, 128)  # the values that have a threshold
ANY = 1 << 40  # a bound that bounds nothing


@dataclass(frozen=True, slots=True, eq=False)
class Finish:
    """The constants of each channel, [channels][2] if FIXED, [channels][3] if GENERAL."""

    fixed: bool
    constants: Array


def finish(call: Call, sums: Sums) -> Finish:
    """The shorter form, if it is exact for every channel of a call."""
    constants = _fixed(call, sums)
    if constants is not None:
        return Finish(True, constants)
    form = general(call, sums)
    return Finish(False, np.stack([form.multiplier, form.offset, form.shift], axis=1))


def _fixed(call: Call, sums: Sums) -> Array | None:
    """m and C of each channel, or None if one of them has none."""
    full, right = channel_multipliers(call)
    lost = 7 + right - SHIFT  # bits of the multiplier
    nominal = (full + (1 << np.clip(lost, 0, 31) >> 1)) >> np.clip(lost, 0, 31)
    steps = thresholds(reference(call), sums)
    ends = np.stack([sums.least, sums.greatest])
    constants = np.stack([np.zeros_like(full), sums.value << SHIFT], axis=1)
    missing = sums.varies.copy()
    for nudge in NUDGES:
        factor = np.clip(nominal + nudge, 1, INT32_MAX)
        low, high = _offsets(sums, steps, factor)
        offset = (low + high) >> 1
        most = np.abs(256 * ends * factor >> 32).max(axis=0) + np.abs(offset)
        found = missing & (lost >= 0) & (low <= high) & (most <= INT32_MAX)
        constants[found] = np.stack([factor, offset], axis=1)[found]
        missing &= ~found
    return None if missing.any() else constants


def _offsets(sums: Sums, steps: Array, factor: Array) -> tuple[Array, Array]:
    """The least and the greatest C of each channel for thresholds `steps`."""

    def short(reached: Array) -> Array:
        """What a sum lacks to reach each target."""
        lacking: Array = (TARGETS << SHIFT) - (256 * reached * factor[:, None] >> 32)
        return lacking

    low = np.where(steps <= sums.greatest[:, None], short(steps), -ANY).max(axis=1)
    high = np.where(steps > sums.least[:, None], short(steps - 1) - 1, ANY).min(axis=1)
    return low, high


def evaluate(form: Finish, acc: Array) -> Array:
    """What the instructions of FIXED compute, for sums [channels, n], without wrapping."""
    multiplier, offset = form.constants[:, :1], form.constants[:, 1:]
    clipped: Array = np.clip(((256 * acc * multiplier >> 32) + offset) >> SHIFT, -128, 127)
    return clipped
