"""Where things are to lie: with the caller or in the arena, and in which memory of a board."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from mcugen.errors import OptionError
from mcugen.ir import Io
from mcugen.target import RAM, Board

_FORMS = "arena=REGION or state=REGION, each once"


@dataclass(frozen=True, slots=True)
class Placement:
    """What the caller asks for.

    `io` says where inputs and outputs lie. `arena` and `state` are the regions of the board's RAM
    that the firmware has these in; None leaves the arena to `regions`.
    """

    io: Io = Io.ARENA
    arena: str | None = None
    state: str = RAM

    @classmethod
    def parse(cls, places: Iterable[str], io: str = Io.ARENA.value) -> Placement:
        """From texts such as `arena=ccm`; raises OptionError for what is none."""
        known: dict[str, str] = {}
        for text in places:
            found = re.fullmatch(r"(arena|state)=(\S+)", text)
            if not found or found[1] in known:
                raise OptionError(f"place: {text}: say {_FORMS}")
            known[found[1]] = found[2]
        return cls(Io(io), known.get("arena"), known.get("state", RAM))

    def check(self, board: Board) -> None:
        """Raise OptionError for regions that a board does not have."""
        wanted = {name for name in (self.arena, self.state) if name not in (None, RAM)}
        if board.is_host and (wanted or self.arena is not None):
            raise OptionError(f"place: {board.name} has no regions of memory; leave --place out")
        for name in sorted(str(name) for name in wanted):
            if name not in board.rams:
                raise OptionError(
                    f"place: {name!r} is no region of {board.name}; known: {', '.join(board.rams)}"
                )


ANYWHERE = Placement()


def regions(board: Board, wanted: str | None) -> tuple[str, ...]:
    """Where the arena may lie, best first: where it must, else `ram`, else smaller ones first."""
    if wanted is not None:
        return (wanted,)
    others = sorted(dict(board.more_ram), key=lambda name: board.rams[name].size)
    return (RAM, *others)
