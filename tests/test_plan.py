"""The planner: verified, bounded, deterministic, and optimal where that can be known."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcugen.plan import Buffer, MemoryPlan, Share, lower_bound, overlaps_in_time, plan
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
TINY = st.builds(
    interval,
    size=st.integers(1, 6),
    start=st.integers(0, 3),
    length=st.integers(0, 2),
    align=st.sampled_from([1, 1, 2]),
)

Problem = tuple[list[Buffer], list[Share]]


@st.composite
def problems(
    draw: st.DrawFn, buffers: st.SearchStrategy[Buffer], most: int, exact: bool = True
) -> Problem:
    """Buffers, and shares between some that meet; each step has one output that may share."""
    found = draw(st.lists(buffers, max_size=most))
    born: dict[int, int] = {}
    for i, buffer in enumerate(found):
        born.setdefault(buffer.first, i)
    shares = []
    for i, buffer in enumerate(found):
        output = born.get(buffer.last, i)
        if buffer.first < found[output].first and draw(st.booleans()):
            is_exact = exact and draw(st.booleans())
            distance = 0 if is_exact else draw(st.integers(0, found[output].bytes))
            shares.append(Share(output, i, distance, is_exact))
    return found, shares


def collide(a: Buffer, at_a: int, b: Buffer, at_b: int, share: Share | None) -> bool:
    """Whether two buffers may not lie where they do; with a share, a is the output."""
    apart = at_a + a.bytes <= at_b or at_b + b.bytes <= at_a
    if apart or not overlaps_in_time(a, b):
        return False
    if share is None:
        return True
    return at_b - at_a != share.distance if share.exact else at_b - at_a < share.distance


def free(problem: Problem, i: int, at: int, placed: dict[int, int]) -> bool:
    buffers, shares = problem
    for j, offset in placed.items():
        over = next((s for s in shares if (s.output, s.input) == (i, j)), None)
        under = next((s for s in shares if (s.output, s.input) == (j, i)), None)
        if under is not None and collide(buffers[j], offset, buffers[i], at, under):
            return False
        if under is None and collide(buffers[i], at, buffers[j], offset, over):
            return False
    return True


def first_fit(buffers: list[Buffer], order: list[int], shares: Sequence[Share] = ()) -> int:
    """The plain method, written without regard to speed: try every offset."""
    placed: dict[int, int] = {}
    for i in order:
        at = 0
        while not free((buffers, list(shares)), i, at, placed):
            at += buffers[i].align
        placed[i] = at
    return max((at + buffers[i].bytes for i, at in placed.items()), default=0)


def fits(problem: Problem, arena: int, placed: dict[int, int]) -> bool:
    """Whether the buffers behind those placed find any places in an arena."""
    buffers = problem[0]
    i = len(placed)
    return i == len(buffers) or any(
        free(problem, i, at, placed) and fits(problem, arena, {**placed, i: at})
        for at in range(0, arena - buffers[i].bytes + 1, buffers[i].align)
    )


def by_size(buffers: list[Buffer]) -> list[int]:
    return sorted(range(len(buffers)), key=lambda i: -buffers[i].bytes)


@settings(max_examples=150, deadline=None)
@given(problems(BUFFERS, most=9))
def test_plan_is_legal_and_bounded(problem: Problem) -> None:
    buffers, shares = problem
    result = plan(buffers, shares)
    verify(buffers, result, shares)
    least = lower_bound(buffers, shares)
    assert least <= result.bound <= result.arena_bytes
    assert result.arena_bytes <= first_fit(buffers, by_size(buffers), shares)
    assert result.arena_bytes <= first_fit(buffers, by_size(buffers))


@settings(max_examples=100, deadline=None)
@given(problems(TINY, most=5, exact=False))
def test_small_plan_is_optimal(problem: Problem) -> None:
    """Equal to the smallest arena in which trying every offset of every buffer succeeds."""
    result = plan(*problem)
    assert result.bound == result.arena_bytes
    assert fits(problem, result.arena_bytes, {})
    assert result.arena_bytes == 0 or not fits(problem, result.arena_bytes - 1, {})


@settings(max_examples=50, deadline=None)
@given(problems(TINY, most=5))
def test_the_bound_is_never_above_the_optimum(problem: Problem) -> None:
    result = plan(*problem)
    assert result.bound == 0 or not fits(problem, result.bound - 1, {})


def test_a_chain_in_place_takes_its_largest_buffer() -> None:
    """Distances add up as the chain moves down, until there is room for a fresh start."""
    sizes = [100, 100, 100, 40, 100]
    buffers = [Buffer(size, i - 1, i, 1) for i, size in enumerate(sizes)]
    in_place = [Share(i + 1, i, 0) for i in range(4)]
    assert plan(buffers, in_place).arena_bytes == 100
    moving = [Share(i + 1, i, 7) for i in range(4)]
    result = plan(buffers, moving)
    assert result.arena_bytes == result.bound == 128
    assert lower_bound(buffers, moving) == 107


def test_a_sum_takes_the_place_of_either_operand() -> None:
    buffers = [Buffer(10, 0, 1, 1), Buffer(10, 0, 1, 1), Buffer(10, 1, 2, 1)]
    shares = [Share(2, 0, 0), Share(2, 1, 0)]
    result = plan(buffers, shares)
    assert result.arena_bytes == 20 and result.offsets[2] == 0


def test_exact_means_this_place_and_no_other() -> None:
    """The larger output could start in front of its input, if it were not exact."""
    buffers = [Buffer(4, 0, 1, 1), Buffer(8, 1, 2, 1), Buffer(2, 0, 1, 1)]
    assert plan(buffers, [Share(1, 0, 2)]).arena_bytes == 10
    exact = [Share(1, 0, 0, exact=True)]
    result = plan(buffers, exact)
    assert result.arena_bytes == 10 and result.offsets[0] == result.offsets[1]


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
