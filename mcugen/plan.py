"""The memory planner: intervals in, offsets out. It knows nothing of tensors or kernels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


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
