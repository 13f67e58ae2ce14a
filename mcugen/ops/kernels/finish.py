"""Requantization by 32-bit products, for cores where a long multiply is dear (mcu_finish.h).

    (((S * multiplier) >> 2 * bits) - (S < 0 ? negative : 0) + offset) >> shift

for the exact sum S. `negative` is 0, or what makes up for the reference's rounding of halves away
from zero. The multiplier has three pieces of `bits` bits, and the sums leave room for a
product with one of them: three multiplications of 32 bits make the long one. `bits` is the same for
all channels: as many as the largest sum allows.

The reference reaches each int8 value from some sum on. For a multiplier, each of these thresholds
lets the offset lie between two bounds; where they agree on one, both formulas are equal for every
sum of the channel. Multipliers near the exact one are tried. Where none fits, a kernel computes as
the reference does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from mcugen.ir import Call
from mcugen.ops.base import Array, Const, activation_range, folded_bias
from mcugen.ops.kernels.requant import (
    Sums,
    channel_multipliers,
    exact_sums,
    reference,
    thresholds,
)

MOST_BITS = 10  # of a third of a multiplier
MOST_SHIFT = 22  # (value << shift) fits an int32, with room for sums that are clamped
# Distances from the multiplier that is nearest to the exact one, in the order of trying.
NUDGES = (0, *(sign * step << i for i in range(12) for step in (2, 3) for sign in (1, -1)))
NEVER = 1 << 60  # a bound that is none
TARGETS = np.arange(-127, 128)  # the values that have a threshold


@dataclass(frozen=True, slots=True, eq=False)
class Finish:
    """Constants of the form, per channel."""

    bits: int  # of a third of a multiplier
    negative: int
    multiplier: Array
    offset: Array
    shift: Array


@dataclass(frozen=True, slots=True, eq=False)
class Channels:
    """What a kernel needs of its channels: sums are weights * input + bias."""

    weights: Array  # [channels][taps]
    bias: Array
    finish: tuple[int, ...]  # an mcu_finish
    constants: Const


def channels(call: Call, rows: Array, fill: int = 1) -> Channels:
    """The channels of a call whose weights are `rows`, filled up to a multiple of `fill`.

    The bias has the input's zero point folded in. In the short form a channel whose output is the
    same for every input has no weights, and this output as its offset.
    """
    sums = exact_sums(call, rows)
    form = finish(call, sums)
    more = -len(rows) % fill
    if form is None:
        multiplier, right = channel_multipliers(call)
        zero_points = np.full_like(right, call.output.zero_point)
        words = np.stack([multiplier, zero_points, -right], axis=1)
        rounding, weights, bias = (0, 0), rows, folded_bias(call, rows)
    else:
        words = np.stack([form.multiplier, form.offset, form.shift], axis=1)
        rounding, weights, bias = (form.bits, form.negative), sums.weights, sums.bias
    same = bool((words == words[0]).all())
    constants = words[:1] if same else np.pad(words, ((0, more), (0, 0)))
    clamp = activation_range(call.attrs.activation, call.output)
    return Channels(
        np.pad(weights.astype(np.int64), ((0, more), (0, 0))),
        np.pad(bias.astype(np.int64), (0, more)),
        (*rounding, *clamp, 0 if same else words.shape[1]),
        Const(constants.astype(np.int32), "int32_t"),
    )


def finish(call: Call, sums: Sums) -> Finish | None:
    """The form, if it is exact for every channel of a call."""
    for halves_away in (False, True):
        form = _finish_alike(call, sums, halves_away) or _finish(call, sums, halves_away)
        if form is not None:
            return form
    return None


def _finish_alike(call: Call, sums: Sums, halves_away: bool) -> Finish | None:
    """The form with the same constants for all channels, where the reference has them."""
    multiplier, right = channel_multipliers(call)
    if not sums.varies.all() or len(set(zip(multiplier, right, strict=True))) > 1:
        return None
    least, greatest = (
        np.full_like(right, sums.least.min()),
        np.full_like(right, sums.greatest.max()),
    )
    return _finish(call, replace(sums, least=least, greatest=greatest), halves_away)


def _finish(call: Call, sums: Sums, halves_away: bool) -> Finish | None:
    mantissa, right = channel_multipliers(call)
    largest = np.maximum(np.maximum(-sums.least, sums.greatest), 1)
    bits = min(30 - int(largest.max()).bit_length(), MOST_BITS)
    missing = np.flatnonzero(sums.varies)
    if bits < 2 or (right < 1)[missing].any():
        return None
    negative = 1 << bits - 1 if halves_away else 0  # one step of the reference's first rounding
    shift = np.clip(bits - 1 + right, 1, MOST_SHIFT)
    exact = np.ldexp(mantissa.astype(np.float64), np.clip(2 * bits + shift - right - 31, -64, 0))
    nearest = np.maximum(np.rint(exact), 1).astype(np.int64)
    steps = thresholds(reference(call), sums)
    zeros = np.zeros_like(right)
    form = Finish(bits, negative, zeros, sums.value.copy(), zeros.copy())
    for nudge in NUDGES:
        at = missing
        multiplier = np.clip(nearest[at] + nudge, 1, (1 << 3 * bits) - 1)
        ends = (sums.least[at], sums.greatest[at])
        scale = partial(_scaled, multiplier[:, None], bits, negative)
        low, high = _offsets(steps[at], ends, scale, shift[at])
        offset = (low + high) >> 1
        beyond = (largest[at] * multiplier >> 2 * bits) + np.abs(offset) + negative + 1 >> 31
        fits = (low <= high) & (beyond == 0)
        form.multiplier[at[fits]] = multiplier[fits]
        form.offset[at[fits]] = offset[fits]
        form.shift[at[fits]] = shift[at[fits]]
        missing = at[~fits]
        if not len(missing):
            return form
    return None


def _scaled(multiplier: Array, bits: int, negative: int, sums: Array) -> Array:
    scaled: Array = (sums * multiplier >> 2 * bits) - np.where(sums < 0, negative, 0)
    return scaled


def _offsets(
    steps: Array, ends: tuple[Array, Array], scale: Callable[[Array], Array], shift: Array
) -> tuple[Array, Array]:
    """The least and the greatest offset of each channel for its multiplier, crossed if none."""
    value = TARGETS << shift[:, None]
    least = value - scale(steps)
    most = value - scale(steps - 1) - 1
    low = np.where(steps <= ends[1][:, None], least, -NEVER).max(axis=1)
    high = np.where(steps > ends[0][:, None], most, NEVER).min(axis=1)
    return low, high


def evaluate(form: Finish, acc: Array) -> Array:
    """What the instructions compute, for sums [channels, n], without wrapping."""
    scaled = _scaled(form.multiplier[:, None], form.bits, form.negative, acc)
    result: Array = (scaled + form.offset[:, None]) >> form.shift[:, None]
    return result
