"""The judge finds every kind of bad plan."""

from __future__ import annotations

import pytest

from mcugen.plan import Buffer, MemoryPlan
from mcugen.plan_verify import PlanError, verify

PAIR = [Buffer(8, 0, 1, 4), Buffer(8, 1, 2, 4)]


@pytest.mark.parametrize(
    ("offsets", "size", "message"),
    [
        ((0, 4), 16, r"step 1: buffer 1 overwrites buffers \[0\]"),
        ((0, 0), 16, "overwrites"),
        ((8, 4), 16, "overwrites"),
        ((0, 8), 15, "buffer 1: at 8, outside of 15 bytes"),
        ((-4, 8), 16, "buffer 0: at -4, outside"),
        ((0, 10), 32, "buffer 1: offset 10 is not aligned to 4"),
        ((0,), 16, "1 offsets for 2 buffers"),
    ],
)
def test_bad_plan(offsets: tuple[int, ...], size: int, message: str) -> None:
    with pytest.raises(PlanError, match=message):
        verify(PAIR, MemoryPlan(offsets, size))


def test_overlap_within_a_long_life() -> None:
    """The second buffer is born and dies while the first is alive, far from both its ends."""
    buffers = [Buffer(16, 0, 100, 1), Buffer(1, 50, 50, 1)]
    with pytest.raises(PlanError, match="step 50"):
        verify(buffers, MemoryPlan((0, 15), 16))


def test_two_victims_are_both_named() -> None:
    buffers = [Buffer(4, 0, 9, 1), Buffer(4, 1, 9, 1), Buffer(8, 2, 3, 1)]
    with pytest.raises(PlanError, match=r"buffers \[0, 1\]"):
        verify(buffers, MemoryPlan((0, 4, 0), 8))


def test_good_plans() -> None:
    verify(PAIR, MemoryPlan((0, 8), 16))
    verify(PAIR, MemoryPlan((8, 0), 16))
    verify([Buffer(8, 0, 0, 4), Buffer(8, 1, 1, 4)], MemoryPlan((0, 0), 8))
    verify([], MemoryPlan((), 0))
