"""Requantization in fewer instructions than the reference's double rounding, and the proof.

From an accumulator to an int8 value is a monotone step function. Two formulas are equal on a range
of accumulators if and only if each of the 255 thresholds lies at the same accumulator in both: that
is computed here, channel by channel, before a kernel may use the shorter one.

Both forms take the exact sum S and saturate to int8 at the end (SSAT):

    CLAMPED  (hi(256 S * m) + C) >> shift      C = 2**(s+6) + 2**6 + (zero_point << (s+7))
             where the output clamps at its zero point -128: the reference rounds halves away from
             zero, which differs from rounding up only for results that are clamped
    GENERAL  (x + (x < 0 ? -1 : 0) + C) >> shift, x = hi(2 S * m), rounded
                                               C = 2**(s-1) + (zero_point << s)

where hi() is the high word of a product, m * 2**(-31-s) the real multiplier.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from mcugen.fixed import INT32_MAX, quantize_multipliers, requantize
from mcugen.ir import Call
from mcugen.ops.base import Array, activation_range, folded_bias

SUM_LIMIT = 2**23  # 256 * S must fit an int32
MAX_RIGHT_SHIFT = 22  # zero_point << s must fit an int32, with room for the sum

Formula = Callable[[Array], Array]  # [channels, n] accumulators to int8 values


class Form(enum.Enum):
    """Which requantization a kernel runs; the value is what its params say."""

    GENERAL = 0
    CLAMPED = 1


@dataclass(frozen=True, slots=True, eq=False)
class Requant:
    """Constants of a form, per channel: SSAT((hi(...) + offset) >> shift)."""

    form: Form
    multiplier: Array
    offset: Array
    shift: Array


@dataclass(frozen=True, slots=True, eq=False)
class Sums:
    """Exact sums per channel: weights * input + bias, and between what they lie for int8 inputs.

    `varies` is false where the output is `value` whatever the input.
    """

    weights: Array  # [channels][taps]
    bias: Array
    least: Array
    greatest: Array
    varies: Array
    value: Array


def channel_multipliers(call: Call) -> tuple[Array, Array]:
    """(Q0.31 multiplier, right shift) per output channel."""
    weights = call.input(1)
    assert weights.quant is not None
    real = call.input(0).scale * np.array(weights.quant.scale) / call.output.scale
    multiplier, shift = quantize_multipliers(np.broadcast_to(real, call.output.shape[-1:]))
    return multiplier.astype(np.int64), -shift.astype(np.int64)


def exact_sums(call: Call, rows: Array) -> Sums:
    """The sums of a call whose weights are `rows`, [channels][taps].

    The bias has the input's zero point folded in; padding is done with the zero point itself. A
    channel whose output is the same for every input loses its weights and its bias.
    """
    weights = rows.astype(np.int64)
    bias = folded_bias(call, rows).astype(np.int64)
    least = bias + np.minimum(weights * -128, weights * 127).sum(axis=1)
    greatest = bias + np.maximum(weights * -128, weights * 127).sum(axis=1)
    ends = reference(call)(np.stack([least, greatest], axis=1))
    # A left shift may wrap, and then the ends say nothing of the values between.
    left = np.maximum(-channel_multipliers(call)[1], 0)
    wraps = np.maximum(np.abs(least), np.abs(greatest)) << left > INT32_MAX
    varies = (ends[:, 0] != ends[:, 1]) | wraps
    return Sums(
        weights=weights * varies[:, None],
        bias=bias * varies,
        least=least * varies,
        greatest=greatest * varies,
        varies=varies,
        value=ends[:, 0],
    )


def reference(call: Call) -> Formula:
    """What the reference kernels compute from sums."""
    multiplier, right = channel_multipliers(call)
    low, high = activation_range(call.attrs.activation, call.output)

    def formula(acc: Array) -> Array:
        scale, shift = multiplier[:, None], -right[:, None]
        return requantize(acc, scale, shift, call.output.zero_point, low, high).astype(np.int64)

    return formula


def requant(call: Call, sums: Sums) -> Requant:
    """The shortest form that is exact for every channel of a call."""
    zero_point = call.output.zero_point
    low, _ = activation_range(call.attrs.activation, call.output)
    if low == zero_point == -128:
        multiplier, right = _multipliers(call)
        offset = (1 << (right + 6)) + 64 + (zero_point << (right + 7))
        clamped = _with_constants(Requant(Form.CLAMPED, multiplier, offset, right + 7), sums)
        if _fits(clamped, sums) and equal(partial(evaluate, clamped), reference(call), sums):
            return clamped
    return general(call, sums)


def general(call: Call, sums: Sums) -> Requant:
    """The form that serves every call."""
    multiplier, right = _multipliers(call)
    offset = (1 << (right - 1)) + (call.output.zero_point << right)
    form = _with_constants(Requant(Form.GENERAL, multiplier, offset, right), sums)
    assert equal(partial(evaluate, form), reference(call), sums), call.node.where
    return form


def _multipliers(call: Call) -> tuple[Array, Array]:
    """(Q0.31 multiplier, right shift) per channel; beyond the clip a channel does not vary."""
    multiplier, right = channel_multipliers(call)
    return multiplier, np.clip(right, 1, MAX_RIGHT_SHIFT)


def _with_constants(form: Requant, sums: Sums) -> Requant:
    """Sums that do not vary get their value from the offset alone."""
    return Requant(
        form.form,
        np.where(sums.varies, form.multiplier, 0),
        np.where(sums.varies, form.offset, sums.value),
        np.where(sums.varies, form.shift, 0),
    )


def evaluate(form: Requant, acc: Array) -> Array:
    """What the instructions compute, for sums [channels, n], without wrapping."""
    multiplier, offset, shift = (v[:, None] for v in (form.multiplier, form.offset, form.shift))
    if form.form is Form.CLAMPED:
        scaled = (acc * 256 * multiplier) >> 32
    else:
        scaled = (acc * 2 * multiplier + (1 << 31)) >> 32
        scaled = scaled + (scaled >> 31)
    clipped: Array = np.clip((scaled + offset) >> shift, -128, 127)
    return clipped


def _fits(form: Requant, sums: Sums) -> bool:
    """Do all intermediate values of CLAMPED fit 32 bits?"""
    if (form.shift > 31).any():
        return False
    ends = np.stack([sums.least, sums.greatest], axis=1)
    scaled = (ends * 256 * form.multiplier[:, None]) >> 32
    return bool((np.abs(scaled) + np.abs(form.offset)[:, None] <= INT32_MAX).all())


def equal(formula: Formula, reference: Formula, sums: Sums) -> bool:
    """Are two monotone formulas equal for every sum of the channels that vary?"""
    ends = np.stack([sums.least, sums.greatest], axis=1)
    same_ends = formula(ends) == reference(ends)
    same = thresholds(formula, sums) == thresholds(reference, sums)
    return bool((same_ends.all(axis=1) & same.all(axis=1) | ~sums.varies).all())


def thresholds(formula: Formula, sums: Sums) -> Array:
    """[channels, 255]: the least sum in range that reaches -127, -126, ... 127."""
    targets = np.arange(-127, 128)
    least, greatest = sums.least, sums.greatest
    low = np.repeat(least[:, None], len(targets), axis=1)
    high = np.repeat(greatest[:, None] + 1, len(targets), axis=1)
    while (low < high).any():
        middle = (low + high) >> 1
        reached = (formula(middle) >= targets) & (middle <= greatest[:, None])
        low, high = (
            np.where(reached, low, np.minimum(middle + 1, high)),
            np.where(reached, middle, high),
        )
    return low


# ---- rules


def sums_fit_24_bits(call: Call, rows: Array) -> str | None:
    """What is found where a sum may not stay below 2**23 in size; `rows` holds the weights."""
    sums = exact_sums(call, rows)
    bound = int(max(-sums.least.min(), sums.greatest.max()))
    return None if bound < SUM_LIMIT else f"a sum may reach {bound}"


def clamp_is_saturation(call: Call) -> str | None:
    """The fused activation must clamp to the whole range of int8, as converters arrange it."""
    low, high = activation_range(call.attrs.activation, call.output)
    return None if (low, high) == (-128, 127) else f"clamp to [{low}, {high}]"


def multipliers_are_small(call: Call, rows: Array) -> str | None:
    """What is found where the multiplier of a channel that varies is not in [2**-23, 1/2)."""
    right = channel_multipliers(call)[1][exact_sums(call, rows).varies]
    if (right >= 1).all() and (right <= MAX_RIGHT_SHIFT).all():
        return None
    return f"multipliers below 2**{-int(right.min())}, the least of them 2**{-int(right.max())}"
