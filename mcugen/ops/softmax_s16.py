"""Softmax of int16 values, by interpolation in two tables of the reference.

As reference_ops::SoftmaxInt16 and LUTPopulateInt16: e**x for x in [-10, 0] and 1 / (1 + x) for x in
[0, 1], 512 steps each, in Q0.15. An entry of a table is shifted by half of what interpolation is
off in the middle of its step.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np

from mcugen.fixed import I64, multiply_by_quantized_multiplier, round_half_away
from mcugen.ops.base import Array

STEPS = 512
INT16 = np.iinfo(np.int16)


def _table(function: Callable[[Array], Array], low: float, high: float) -> Array:
    """LUTPopulateInt16 for a function on [low, high], with outputs in [-1, 1].

    All in float32, as in TFLite Micro. LiteRT computes in double, which changes two entries.
    """
    start, step = np.float32(low), np.float32(high - low) / np.float32(STEPS)
    here = start + np.arange(STEPS + 1, dtype=np.float32) * step
    middle = here[:-1] + step / np.float32(2)
    here[-1] = high
    exact, between = (function(x) * np.float32(2**15) for x in (here, middle))
    interpolated = _rounded((exact[1:] + _rounded(exact[:-1])) / np.float32(2))
    bias = _rounded((interpolated - _rounded(between)) / np.float32(2))
    entries = np.append(_rounded(exact[:-1]) - bias, _rounded(exact[-1:]))
    table: Array = np.clip(entries, INT16.min, INT16.max).astype(np.int16)
    return table


def _rounded(x: Array) -> Array:
    return round_half_away(x).astype(np.float32)


@cache
def exp_table() -> Array:
    """e**x of x in [-10, 0]."""
    return _table(lambda x: np.exp(x.astype(np.float64)).astype(np.float32), -10.0, 0.0)


@cache
def reciprocal_table() -> Array:
    """1 / (1 + x) of x in [0, 1]."""
    return _table(lambda x: np.float32(1) / (np.float32(1) + x), 0.0, 1.0)


def _lookup(table: Array, x: I64) -> I64:
    """LUTLookup: the table at an int16 value, with 7 bits between two entries."""
    index, offset = 256 + (x >> 7), x & 0x7F
    base = table.astype(np.int64)[index]
    slope = table.astype(np.int64)[index + 1] - base
    value: I64 = base + ((slope * offset + 64) >> 7)
    return value


def softmax(x: Array, multiplier: int, shift: int) -> Array:
    """Probabilities in Q0.15 along the last axis; the multiplier scales x to steps of 10/65535."""
    wide = x.astype(np.int64)
    diff = wide - wide.max(axis=-1, keepdims=True)
    scaled = multiply_by_quantized_multiplier(diff, multiplier, shift) + 32767
    exps = _lookup(exp_table(), np.clip(scaled, INT16.min, INT16.max))  # Q0.15
    sums = exps.sum(axis=-1, keepdims=True)  # Q16.15
    headroom = 32 - np.frexp(sums.astype(np.float64))[1].astype(np.int64)  # leading zero bits
    shifted = ((sums << (headroom - 1)) + (1 << 13)) >> 14
    reciprocal = _lookup(reciprocal_table(), np.clip(shifted - 98304, INT16.min, INT16.max))
    right = 31 - headroom
    steps = (exps * reciprocal + (1 << (right - 1))) >> right
    result: Array = np.clip(steps, 0, 32767).astype(np.int16)
    return result
