"""The memory planner: intervals in, offsets out. It knows nothing of tensors or kernels.

A plan follows from an order: each buffer in turn goes to the lowest place that is free during its
life. Some order always gives an optimal plan (take the buffers of an optimal one from the bottom
up), so the search is over orders: a few that do well in practice, then, unless one of them meets
the lower bound, all of them for a few buffers, or random swaps for many. The work is bounded by
counts, not by time: the same buffers always get the same plan.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations

_EXACT = 6  # buffers, for which all orders are tried
_SWAPS = 1_000_000  # times buffers squared; less than a second

Order = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Buffer:
    """A block of memory that is needed from step `first` to step `last`, both included."""

    bytes: int
    first: int
    last: int
    align: int


@dataclass(frozen=True, slots=True)
class MemoryPlan:
    """Where each buffer starts, in bytes from the arena's base, in the order of the buffers."""

    offsets: tuple[int, ...]
    arena_bytes: int


def overlaps_in_time(a: Buffer, b: Buffer) -> bool:
    """True if both are needed at some step."""
    return a.first <= b.last and b.first <= a.last


def lower_bound(buffers: Sequence[Buffer]) -> int:
    """No plan can be smaller: the largest sum of bytes that are needed at one step."""
    steps = {b.first for b in buffers}
    return max((sum(b.bytes for b in buffers if b.first <= s <= b.last) for s in steps), default=0)


def plan(buffers: Sequence[Buffer]) -> MemoryPlan:
    """The smallest arena that the search finds; never above first fit by decreasing size."""
    search = _Search(buffers)
    for order in _orders(buffers):
        search.consider(order)
    if len(buffers) <= _EXACT:
        for order in permutations(range(len(buffers))):
            search.consider(order)
    else:
        _swap(search)
    return search.best


class _Search:
    """The best plan so far; once it meets the lower bound, further orders cost nothing."""

    def __init__(self, buffers: Sequence[Buffer]) -> None:
        self._buffers = buffers
        self._conflicts = tuple(
            tuple(j for j, other in enumerate(buffers) if j != i and overlaps_in_time(one, other))
            for i, one in enumerate(buffers)
        )
        self._bound = lower_bound(buffers)
        self.order: Order = tuple(range(len(buffers)))
        self.best = self._first_fit(self.order)

    @property
    def optimal(self) -> bool:
        return self.best.arena_bytes == self._bound

    def consider(self, order: Order) -> None:
        """Take the order if it gives no larger an arena than the best one."""
        if not self.optimal:
            candidate = self._first_fit(order)
            if candidate.arena_bytes <= self.best.arena_bytes:
                self.best, self.order = candidate, order

    def _first_fit(self, order: Order) -> MemoryPlan:
        offsets = [-1] * len(self._buffers)
        top = 0
        for i in order:
            buffer = self._buffers[i]
            taken = sorted(
                (offsets[j], offsets[j] + self._buffers[j].bytes)
                for j in self._conflicts[i]
                if offsets[j] >= 0
            )
            offsets[i] = _lowest_gap(taken, buffer.bytes, buffer.align)
            top = max(top, offsets[i] + buffer.bytes)
        return MemoryPlan(tuple(offsets), top)


def _lowest_gap(taken: Sequence[tuple[int, int]], size: int, align: int) -> int:
    """The lowest aligned offset that is free; `taken` are (start, end), sorted."""
    offset = 0
    for start, end in taken:
        if offset + size <= start:
            break
        offset = max(offset, -(-end // align) * align)
    return offset


def _orders(buffers: Sequence[Buffer]) -> Iterator[Order]:
    """Orders that do well: large, long-lived or crowded buffers first."""
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
    for _ in range(_SWAPS // count**2):
        if search.optimal:
            return
        order = list(search.order)
        i, j = rng.sample(range(count), 2)
        order[i], order[j] = order[j], order[i]
        search.consider(tuple(order))
