"""The planner: verified, bounded, deterministic, and optimal where that can be known."""

from __future__ import annotations

import random
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcugen.plan import Buffer, MemoryPlan, lower_bound, overlaps_in_time, plan
from mcugen.plan_verify import verify


def interval(size: int, start: int, length: int, align: int) -> Buffer:
    return Buffer(size, start, start + length, align)


BUFFERS = st.builds(
    interval,
    size=st.integers(1, 300),
    start=st.integers(-1, 12),
    length=st.integers(0, 5),
    align=st.sampled_from([1, 4, 16]),
)


def first_fit(buffers: list[Buffer], order: list[int]) -> int:
    """The plain method, written without regard to speed: try every offset."""
    placed: list[tuple[int, Buffer]] = []
    for buffer in (buffers[i] for i in order):
        offset = 0
        while any(
            overlaps_in_time(buffer, other)
            and offset < start + other.bytes
            and start < offset + buffer.bytes
            for start, other in placed
        ):
            offset += buffer.align
        placed.append((offset, buffer))
    return max((start + b.bytes for start, b in placed), default=0)


def by_size(buffers: list[Buffer]) -> list[int]:
    return sorted(range(len(buffers)), key=lambda i: -buffers[i].bytes)


@settings(max_examples=150, deadline=None)
@given(st.lists(BUFFERS, max_size=9))
def test_plan_is_legal_and_bounded(buffers: list[Buffer]) -> None:
    result = plan(buffers)
    verify(buffers, result)
    assert lower_bound(buffers) <= result.arena_bytes <= first_fit(buffers, by_size(buffers))


@settings(max_examples=25, deadline=None)
@given(st.lists(BUFFERS, max_size=5))
def test_small_plan_is_optimal(buffers: list[Buffer]) -> None:
    best = min(first_fit(buffers, list(order)) for order in permutations(range(len(buffers))))
    assert plan(buffers).arena_bytes == best


def test_large_plan_is_legal_and_deterministic() -> None:
    rng = random.Random(1)
    buffers = [
        interval(rng.randrange(1, 5000), rng.randrange(40), rng.randrange(8), 4) for _ in range(80)
    ]
    result = plan(buffers)
    verify(buffers, result)
    assert result == plan(buffers)
    assert result.arena_bytes <= first_fit(buffers, by_size(buffers))


def test_chain_takes_its_two_largest_neighbours() -> None:
    chain = [Buffer(size, i - 1, i, 4) for i, size in enumerate([640, 128, 128, 8, 128, 640])]
    assert plan(chain) == MemoryPlan((0, 640, 0, 128, 0, 128), 768, 768)


def test_decreasing_size_is_not_enough() -> None:
    """Buffers for which the plain method leaves a hole, and the search does not."""
    spans = [(3, 2, 4), (2, 3, 3), (5, 2, 2), (4, 2, 3), (4, 3, 3), (3, 2, 4)]
    buffers = [Buffer(size, first, last, 1) for size, first, last in spans]
    assert first_fit(buffers, by_size(buffers)) == 17
    assert plan(buffers).arena_bytes == lower_bound(buffers) == 16


@pytest.mark.parametrize("buffers", [[], [Buffer(0, 0, 0, 4)], [Buffer(7, -1, 9, 16)]])
def test_trivial(buffers: list[Buffer]) -> None:
    assert plan(buffers).arena_bytes == sum(b.bytes for b in buffers)
