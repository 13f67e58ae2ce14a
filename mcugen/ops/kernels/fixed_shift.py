"""Requantization with one shift for all channels, so that the shift can be an immediate.

    SSAT((hi(2**scale * S * multiplier) + offset) >> shift)

for the exact sum S, where hi() is the high word of a product. The scale, per channel, goes into
weights and bias; in exchange the multiplier keeps its bits. As for the other forms, thresholds are
compared with those of the reference before a kernel may use it: it serves channels whose output
clamps at its zero point, with multipliers of about 2**-(shift-1) to 2**(7-shift), and channels that
do not vary.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mcugen.fixed import INT32_MAX
from mcugen.ir import Call
from mcugen.ops.base import Array
from mcugen.ops.kernels.requant import Sums, channel_multipliers, equal, reference

MAX_SCALE = 8  # 2**8 times an int8 weight fits 16 bits


@dataclass(frozen=True, slots=True, eq=False)
class FixedShift:
    """Constants of the form, per channel."""

    scale: Array
    multiplier: Array
    offset: Array


def fixed_shift(call: Call, sums: Sums, shift: int) -> FixedShift | None:
    """The form with this shift, if it is exact for every channel of a call."""
    multiplier, right = channel_multipliers(call)
    scale = np.clip(shift + 1 - right, 0, MAX_SCALE) * sums.varies
    lost = scale + right - shift - 1  # bits of the multiplier, 0 within the range of the scale
    if (lost < 0)[sums.varies].any():
        return None  # a multiplier of more than 31 bits
    lost = np.clip(lost, 0, 31)
    factor = ((multiplier + (1 << lost >> 1)) >> lost) * sums.varies
    # Halves up, and up too what the reference's first rounding lifts to a half.
    half = (1 << (shift - 1)) + (1 << np.clip(shift - right, 0, shift) >> 1)
    offset = np.where(sums.varies, half + (call.output.zero_point << shift), sums.value << shift)
    form = FixedShift(scale, factor, offset)
    ends = np.stack([sums.least, sums.greatest], axis=1) << scale[:, None]
    fits = np.abs(ends).max() <= INT32_MAX  # a high word is below 2**30, an offset below 2**19
    if fits and equal(lambda acc: evaluate(form, acc, shift), reference(call), sums):
        return form
    return None


def evaluate(form: FixedShift, acc: Array, shift: int) -> Array:
    """What the instructions compute, for sums [channels, n], without wrapping."""
    scale, multiplier, offset = (v[:, None] for v in (form.scale, form.multiplier, form.offset))
    clipped: Array = np.clip((((acc << scale) * multiplier >> 32) + offset) >> shift, -128, 127)
    return clipped
