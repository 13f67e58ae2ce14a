"""Requantization of 16x8 in one instruction: a high product, rounded (SMMULR, VQRDMULH).

The reference scales an int64 sum by 15 bits of its multiplier and rounds once, halves up:

    (S * m + 2**(t - 1)) >> t          m < 2**15, t = 15 - shift

Where S fits an int32 and t is 16 to 32 that is

    (S * (m << (32 - t)) + 2**31) >> 32

the high word of a product of two int32, and never beyond 2**30. Zero points are 0, so nothing is
added, and where the fused activation is none or a ReLU, one saturating instruction does the rest.
Sums need only fit at their end: what lies beyond on the way there comes back modulo 2**32.
"""

from __future__ import annotations

import numpy as np

from mcugen.fixed import INT32_MAX, reduced_multiplier
from mcugen.ir import Call
from mcugen.ops import sums
from mcugen.ops.base import Array, activation_range
from mcugen.ops.rules import accumulator_bound, accumulator_bounds, sums_are_wide

LIMITS = ((-(2**15), 2**15 - 1), (0, 2**15 - 1))  # what SSAT #16 and USAT #15 leave


def words(call: Call) -> Array:
    """[channels]: m << (32 - t), int32; 0 for a channel whose sums all become 0.

    Where t is 15 this is 2**31 or more, and negative as an int32, 2**32 less: a kernel for
    `multipliers_below_one` adds the sum to the high product.
    """
    reduced, right = _reduced(call)
    found = np.where(right <= 32, reduced << np.maximum(32 - right, 0), 0)
    return found.astype(np.uint32).view(np.int32)


def half_words(call: Call) -> Array:
    """[channels]: m << (31 - t), int32, for VQRDMULH, which doubles products; 0 as above."""
    reduced, right = _reduced(call)
    return np.where(right <= 31, reduced << np.maximum(31 - right, 0), 0).astype(np.int32)


def is_relu(call: Call) -> bool:
    """Whether outputs are clamped to [0, 32767] (USAT #15) and not to all of int16 (SSAT #16)."""
    return activation_range(call.attrs.activation, call.output) == LIMITS[1]


def _reduced(call: Call) -> tuple[Array, Array]:
    """(m, t) per output channel."""
    multiplier, shift = sums.multipliers(call)
    return reduced_multiplier(multiplier), 15 - shift.astype(np.int64)


# ---- rules


def sums_fit_a_word(call: Call) -> str | None:
    """Sums must be int64 in the reference, and sum|w| * 2**15 + |bias| below 2**31 throughout."""
    if not sums_are_wide(call):
        return "a bias of int32"
    bound = accumulator_bound(call)
    return None if bound <= INT32_MAX else f"a sum may reach {bound}"


def multipliers_round_once(call: Call) -> str | None:
    """Multipliers must lie in [2**-18, 1/2); below, where every sum becomes 0."""
    return _one_rounding(call, 16)


def multipliers_below_one(call: Call) -> str | None:
    """Multipliers must lie in [2**-18, 1); below, where every sum becomes 0."""
    return _one_rounding(call, 15)


def multipliers_round_doubled(call: Call) -> str | None:
    """Multipliers must lie in [2**-17, 1); below, where every sum becomes 0."""
    return _one_rounding(call, 15, 31)


def _one_rounding(call: Call, least: int, most: int = 32) -> str | None:
    reduced, right = _reduced(call)
    found = right[reduced > 0].min(initial=32)
    if found < least:
        return f"a multiplier of 2**{int(14 - found)} or more"
    vanishes = [
        bound * int(m) < 1 << int(t) - 1
        for bound, m, t in zip(accumulator_bounds(call), reduced, right, strict=True)
    ]
    if ((right <= most) | vanishes).all():
        return None
    return f"a multiplier below 2**{int(15 - right.max())}"


def clamp_is_one_instruction(call: Call) -> str | None:
    """The fused activation must clamp to all of int16, or to its upper half, as a ReLU does."""
    low, high = activation_range(call.attrs.activation, call.output)
    return None if (low, high) in LIMITS else f"clamp to [{low}, {high}]"
