"""The pieces of memory that a model works in: the caller hands over a pointer to each of them.

The arena may hold anything between two inferences. The state is what outlives them. Inputs and
outputs lie in the arena, or are pieces of their own, as the graph's `io` says.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Kind(enum.Enum):
    """What a space is for; the values are the arguments' names in C."""

    ARENA = "arena"
    STATE = "state"
    INPUT = "input"
    OUTPUT = "output"


@dataclass(frozen=True, slots=True)
class Space:
    """One piece of memory; `name` is the argument's."""

    kind: Kind
    name: str


ARENA = Space(Kind.ARENA, Kind.ARENA.value)
STATE = Space(Kind.STATE, Kind.STATE.value)


@dataclass(frozen=True, slots=True)
class Place:
    """Where something begins, in bytes from the start of its space."""

    space: Space
    offset: int

    def __add__(self, distance: int) -> Place:
        return Place(self.space, self.offset + distance)


def port_names(kind: Kind, count: int) -> tuple[str, ...]:
    """The names of all inputs or of all outputs: `input`, or `input_0`, `input_1` and so on."""
    if count == 1:
        return (kind.value,)
    return tuple(f"{kind.value}_{number}" for number in range(count))


@dataclass(frozen=True, slots=True)
class Piece:
    """A space as those see it who hand it over; `region` of the board's RAM has the firmware's."""

    kind: str
    name: str
    bytes: int
    align: int
    region: str
