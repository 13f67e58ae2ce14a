"""The judge finds every kind of bad plan."""

from __future__ import annotations

import pytest

from mcugen.plan import Buffer, MemoryPlan, Share
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


@pytest.mark.parametrize(
    ("offsets", "share", "legal"),
    [
        ((4, 0), Share(1, 0, 4), True),
        ((4, 0), Share(1, 0, 5), False),
        ((0, 0), Share(1, 0, 0), True),
        ((0, 4), Share(1, 0, 0), False),
        ((4, 0), Share(1, 0, 4, exact=True), True),
        ((4, 0), Share(1, 0, 0, exact=True), False),
        ((8, 0), Share(1, 0, 0, exact=True), True),
        ((0, 8), Share(1, 0, 8), True),
    ],
)
def test_an_output_may_overlap_as_far_as_its_share_says(
    offsets: tuple[int, int], share: Share, legal: bool
) -> None:
    plan = MemoryPlan(offsets, 16)
    if legal:
        verify(PAIR, plan, [share])
    else:
        with pytest.raises(PlanError, match=r"step 1: buffer 1 overwrites buffers \[0\]"):
            verify(PAIR, plan, [share])


def test_a_share_is_for_one_output_only() -> None:
    """Scratch of the step and the share's own direction are judged like anything else."""
    buffers = [*PAIR, Buffer(4, 1, 1, 4)]
    with pytest.raises(PlanError, match=r"buffer 2 overwrites buffers \[0\]"):
        verify(buffers, MemoryPlan((4, 0, 8), 16), [Share(1, 0, 4)])
    with pytest.raises(PlanError, match=r"buffer 2 overwrites buffers \[1\]"):
        verify(buffers, MemoryPlan((4, 0, 4), 16), [Share(1, 0, 4)])


def test_an_input_that_lives_on_cannot_be_shared() -> None:
    buffers = [Buffer(8, 0, 2, 4), Buffer(8, 1, 2, 4)]
    with pytest.raises(PlanError, match="buffer 0 does not die where buffer 1 begins"):
        verify(buffers, MemoryPlan((0, 0), 8), [Share(1, 0, 0)])


def test_a_large_arena_is_not_searched_for_every_buffer_that_died() -> None:
    """That would take hours here: buffers times steps times bytes."""
    count, size = 3000, 1024
    buffers = [Buffer(size, step, step + 1, 16) for step in range(count)]
    verify(buffers, MemoryPlan(tuple(size * i for i in range(count)), size * count))
