"""The memory planner: intervals in, offsets out. It knows nothing of tensors or kernels.

A plan follows from an order: each buffer in turn goes to the lowest place that is free during its
life. Some order always gives an optimal plan (take the buffers of an optimal one from the bottom
up), so the search is over orders: a few that do well in practice, then, unless one of them meets
the lower bound, branch and bound, which few buffers let come to its end, and random swaps. The work
is bounded by counts, not by time: the same buffers always get the same plan.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

_SWAPS = 20_000_000  # times buffers squared; about a second
_MOST_SWAPS = 2_000
_BRANCHES = 12_000_000  # times buffers cubed; about a second
_MOST_BRANCHES = 20_000

Order = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Buffer:
    """A block of memory that is needed from step `first` to step `last`, both included."""

    bytes: int
    first: int
    last: int
    align: int


@dataclass(frozen=True, slots=True)
class Share:
    """Buffer `output` may lie over an older buffer `input`, which dies at the step of its birth.

    It must then start `distance` bytes in front of it, or further in front unless `exact`. An input
    has one share at most.
    """

    output: int
    input: int
    distance: int
    exact: bool = False


@dataclass(frozen=True, slots=True)
class MemoryPlan:
    """Where each buffer starts, in bytes from the arena's base, in the order of the buffers.

    No plan needs less than `bound`: a plan is known to be optimal if it takes no more.
    """

    offsets: tuple[int, ...]
    arena_bytes: int
    bound: int = 0


def overlaps_in_time(a: Buffer, b: Buffer) -> bool:
    """True if both are needed at some step."""
    return a.first <= b.last and b.first <= a.last


def lower_bound(buffers: Sequence[Buffer], shares: Sequence[Share] = ()) -> int:
    """No plan can be smaller: the largest of the `loads`."""
    return max(loads(buffers, shares).values(), default=0)


def loads(buffers: Sequence[Buffer], shares: Sequence[Share] = ()) -> dict[int, int]:
    """For each step at which a buffer is born, the least bytes that must be there at once."""
    return {step: _union(members, buffers, shares) for step, members in _living(buffers).items()}


def _living(buffers: Sequence[Buffer]) -> dict[int, frozenset[int]]:
    """The buffers that live at each step at which one is born."""
    return {
        step: frozenset(i for i, b in enumerate(buffers) if b.first <= step <= b.last)
        for step in sorted({b.first for b in buffers})
    }


def _union(members: Iterable[int], buffers: Sequence[Buffer], shares: Iterable[Share]) -> int:
    """The least bytes that buffers take together which live at one step.

    An output and the inputs that it may lie over take at least the bytes of the output, of all
    inputs, and of each input with its distance. All but the topmost buffer are followed by one that
    is aligned.
    """
    alone = set(members)
    align = math.gcd(*(buffers[i].align for i in alone))

    def whole(size: int) -> int:
        return -(-size // align) * align

    sizes = {i: whole(buffers[i].bytes) for i in alone}
    spare = max(sizes[i] - buffers[i].bytes for i in alone)
    groups: dict[int, list[Share]] = {}
    for share in shares:
        if share.output in alone and share.input in alone:
            groups.setdefault(share.output, []).append(share)
    total = 0
    for output, group in groups.items():
        alone -= {output, *(share.input for share in group)}
        apart = (sizes[s.input] + min(whole(s.distance), sizes[output]) for s in group)
        total += max(sizes[output], sum(sizes[s.input] for s in group), *apart)
    return total + sum(sizes[i] for i in alone) - spare


def plan(buffers: Sequence[Buffer], shares: Sequence[Share] = ()) -> MemoryPlan:
    """The smallest arena that the search finds; never above first fit by decreasing size."""
    search = _Search(buffers, shares)
    for order in _orders(buffers):
        search.consider(order)
    _branch(search)
    _swap(search)
    return MemoryPlan(tuple(search.offsets), search.arena_bytes, search.bound)


@dataclass(frozen=True, slots=True)
class _Conflict:
    """Another buffer that lives at the same time; with a share, the one between the two."""

    other: int
    share: Share | None

    def above(self, at: int, size: int, offset: int, other_size: int) -> int:
        """The lowest allowed place at or above `at`; `offset` is that of the other buffer."""
        end = offset + other_size
        if at + size <= offset or at >= end:
            return at
        if self.share is None:
            return end
        if self.share.input == self.other:
            meeting = offset - self.share.distance
            if at <= meeting:
                return meeting if self.share.exact else at
            return end
        meeting = min(offset + self.share.distance, end)
        if at <= meeting:
            return meeting
        return end if self.share.exact else at


class _Search:
    """The best plan so far; once it meets the bound, further orders cost nothing."""

    def __init__(self, buffers: Sequence[Buffer], shares: Sequence[Share]) -> None:
        self.buffers = buffers
        self.shares = shares
        between = {frozenset((s.output, s.input)): s for s in shares}
        self.conflicts = tuple(
            tuple(
                _Conflict(j, between.get(frozenset((i, j))))
                for j, other in enumerate(buffers)
                if j != i and overlaps_in_time(one, other)
            )
            for i, one in enumerate(buffers)
        )
        self.bound = lower_bound(buffers, shares)
        self.order: Order = tuple(range(len(buffers)))
        self.offsets, self.arena_bytes = self._first_fit(self.order)

    @property
    def optimal(self) -> bool:
        return self.arena_bytes == self.bound

    def consider(self, order: Order) -> None:
        """Take the order if it gives no larger an arena than the best one."""
        if not self.optimal:
            offsets, arena_bytes = self._first_fit(order)
            if arena_bytes <= self.arena_bytes:
                self.offsets, self.arena_bytes, self.order = offsets, arena_bytes, order

    def _first_fit(self, order: Order) -> tuple[list[int], int]:
        offsets = [-1] * len(self.buffers)
        top = 0
        for i in order:
            offsets[i] = self.lowest(i, offsets)
            top = max(top, offsets[i] + self.buffers[i].bytes)
        return offsets, top

    def lowest(self, i: int, offsets: Sequence[int], start: int = 0) -> int:
        """The lowest place of a buffer at or above `start`; an offset of -1 is not placed yet."""
        buffer = self.buffers[i]
        at = start
        while True:
            place = -(-at // buffer.align) * buffer.align
            for conflict in self.conflicts[i]:
                offset = offsets[conflict.other]
                if offset >= 0:
                    size = self.buffers[conflict.other].bytes
                    place = conflict.above(place, buffer.bytes, offset, size)
            if place == at:
                return at
            at = place


def _orders(buffers: Sequence[Buffer]) -> Iterator[Order]:
    """Orders that do well: large, long-lived or crowded buffers first; time, either way."""
    steps = {b.first for b in buffers}
    load = {s: sum(b.bytes for b in buffers if b.first <= s <= b.last) for s in steps}
    crowd = [max(load[s] for s in steps if b.first <= s <= b.last) for b in buffers]
    keys = (
        lambda i: (-buffers[i].bytes,),
        lambda i: (-crowd[i], -buffers[i].bytes),
        lambda i: (-buffers[i].bytes * (buffers[i].last - buffers[i].first + 1),),
        lambda i: (buffers[i].first - buffers[i].last, -buffers[i].bytes),
        lambda i: (buffers[i].first, -buffers[i].bytes),
        lambda i: (-buffers[i].last, -buffers[i].bytes),
    )
    for key in keys:
        yield tuple(sorted(range(len(buffers)), key=key))


def _swap(search: _Search) -> None:
    """Swap two places of the best order again and again; sideways steps leave plateaus."""
    count = len(search.order)
    rng = random.Random(count)  # the sequence must not depend on what ran before
    for _ in range(min(_SWAPS // max(count, 1) ** 2, _MOST_SWAPS)):
        if search.optimal or count < 2:
            return
        order = list(search.order)
        i, j = rng.sample(range(count), 2)
        order[i], order[j] = order[j], order[i]
        search.consider(tuple(order))


def _branch(search: _Search) -> None:
    """Place buffers from the bottom up in every order that may still give a smaller arena.

    If the search ends before its budget, the best plan is optimal, and the bound says so. With
    exact shares there may be better ones: the lowest place of a buffer need not suit its partner.
    """
    if search.optimal:
        return
    tree = _Tree(search)
    done = tree.explore(frozenset(range(len(search.buffers))), (0, -1))
    if done and not any(share.exact for share in search.shares):
        search.bound = search.arena_bytes


class _Tree:
    """Branch and bound over sequences of rising offsets."""

    def __init__(self, search: _Search) -> None:
        self._search = search
        self._living = tuple(_living(search.buffers).values())
        self._offsets = [-1] * len(search.buffers)
        self._budget = min(_BRANCHES // len(search.buffers) ** 3, _MOST_BRANCHES)

    def explore(self, rest: frozenset[int], last: tuple[int, int]) -> bool:
        """Place the rest at or above the last offset; False if the budget was too small."""
        search, buffers = self._search, self._search.buffers
        if not rest:
            top = max(o + b.bytes for o, b in zip(self._offsets, buffers, strict=True))
            if top < search.arena_bytes:
                search.offsets, search.arena_bytes = list(self._offsets), top
            return True
        self._budget -= 1
        if self._budget < 0:
            return False
        lows = {i: search.lowest(i, self._offsets, last[0]) for i in rest}
        if self._least(rest, lows) >= search.arena_bytes:
            return True
        # What starts above another one's end leaves a gap into which that one could sink.
        ceiling = min(lows[i] + buffers[i].bytes for i in rest)
        for i in sorted(rest, key=lambda i: (lows[i], -buffers[i].bytes)):
            if lows[i] < ceiling and self._in_turn(i, lows[i], last):
                self._offsets[i] = lows[i]
                done = self.explore(rest - {i}, (lows[i], i))
                self._offsets[i] = -1
                if not done:
                    return False
                if search.optimal:
                    return True
        return True

    def _least(self, rest: frozenset[int], lows: dict[int, int]) -> int:
        """No plan that goes on from here is smaller."""
        search = self._search
        least = 0
        for living in self._living:
            waiting = living & rest
            if waiting:
                size = _union(waiting, search.buffers, search.shares)
                least = max(least, min(lows[i] for i in waiting) + size)
        return least

    def _in_turn(self, i: int, offset: int, last: tuple[int, int]) -> bool:
        """Of buffers at one offset that do not meet, only the order of their numbers is tried."""
        if offset > last[0] or i > last[1]:
            return True
        return any(conflict.other == last[1] for conflict in self._search.conflicts[i])
