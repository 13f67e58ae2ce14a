"""Where everything lies: the plan of the arena, and what is outside of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mcugen.ir import TensorId
from mcugen.lifetimes import Lifetimes
from mcugen.plan import MemoryPlan
from mcugen.spaces import ARENA, Place, Space


@dataclass(frozen=True, slots=True)
class Layout:
    """The places of all tensors and scratch."""

    lives: Lifetimes
    plan: MemoryPlan

    @property
    def spaces(self) -> Mapping[Space, int]:
        """All spaces with their bytes, in the order in which a caller hands them over."""
        return {ARENA: self.plan.arena_bytes, **self.lives.spaces}

    def place(self, tensor: TensorId) -> Place:
        """That of a tensor."""
        if tensor in self.lives.outside:
            return self.lives.outside[tensor]
        offset = self.plan.offsets[self.lives.tensors[tensor]] + self.lives.inside[tensor]
        return Place(ARENA, offset)

    def scratch(self, step: int) -> Place | None:
        """That of a step's scratch; None where it has none."""
        buffer = self.lives.scratch.get(step)
        return None if buffer is None else Place(ARENA, self.plan.offsets[buffer])


@dataclass(frozen=True, slots=True)
class Addresses:
    """All spaces in a row, for judges that mark bytes; the arena comes first."""

    layout: Layout

    @property
    def bytes(self) -> int:
        """The end of the last space."""
        return max((span.stop for _, span in self._spans()), default=0)

    def of(self, place: Place, size: int) -> slice | None:
        """The bytes at a place; None if its space has not so many."""
        span = dict(self._spans())[place.space]
        start = span.start + place.offset
        inside = span.start <= start and start + size <= span.stop
        return slice(start, start + size) if inside else None

    def _spans(self) -> Iterator[tuple[Space, slice]]:
        start = 0
        for space, size in self.layout.spaces.items():
            yield space, slice(start, start + size)
            start += size
