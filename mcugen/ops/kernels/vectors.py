"""What the kernels for Helium have in common: sums, and requantization on whole vectors.

    VQRDMULH   x = (sum + bias) * multiplier, rounded as the reference does
    VSHR VADD  x - 1 where x < 0
    VRSHL      x >> shift, halves up

One less before halves are rounded up is the reference's rounding, halves away from zero. Where the
output clamps at its zero point -128 the second line is not needed: it changes only results that are
clamped.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from mcugen.ir import Call
from mcugen.ops.base import Array
from mcugen.ops.kernels.requant import channel_multipliers, exact_sums
from mcugen.ops.window import Axis

VECTOR = 16  # int8 lanes


@dataclass(frozen=True, slots=True, eq=False)
class Channels:
    """What a kernel needs of each channel; a sum is weights * input + bias."""

    weights: Array  # [channels][taps]
    bias: Array
    multiplier: Array
    shift: Array  # to the right, 1 or more


def channels(call: Call, rows: Array) -> Channels:
    """The channels of a call whose weights are `rows`, [channels][taps].

    A channel whose output is the same for every input gets a bias that makes this output.
    """
    sums = exact_sums(call, rows)
    multiplier, right = channel_multipliers(call)
    return Channels(
        weights=sums.weights,
        bias=np.where(sums.varies, sums.bias, 4 * (sums.value - call.output.zero_point)),
        multiplier=np.where(sums.varies, multiplier, 1 << 30),
        shift=np.where(sums.varies, right, 1),
    )


def up_to(count: int, multiple: int) -> int:
    """The least multiple that is not below a count."""
    return -(-count // multiple) * multiple


def words(values: Array) -> Array:
    """Bytes [..., 4 n] as little-endian int32 [..., n]."""
    packed: Array = np.ascontiguousarray(values.astype(np.int8)).view("<i4")
    return packed


def at_border(axes: Iterable[Axis]) -> float:
    """The share of outputs whose windows lie outside of the input in part."""
    inside = 1.0
    for a in axes:
        starts = a.stride * np.arange(a.out) - a.before
        inside *= float(np.mean((starts >= 0) & (starts + a.kernel <= a.size)))
    return 1 - inside
