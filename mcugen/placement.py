"""Where things are to lie: with the caller or in the arena, and in which memory of a board."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from mcugen.errors import OptionError
from mcugen.ir import Io, printable
from mcugen.target import RAM, Board

_FORMS = (
    "arena=REGION or state=REGION, each once; weights=REGION or weights:LAYER=REGION, and code as "
    "weights, where LAYER is the number of a layer or a pattern of names"
)


@dataclass(frozen=True, slots=True)
class Rule:
    """Something of the layers whose number or name a pattern is goes to a region."""

    layer: str
    region: str

    def matches(self, index: int, name: str) -> bool:
        """Whether this layer is meant."""
        return self.layer == str(index) or fnmatchcase(name, self.layer)


Rules = tuple[Rule, ...]


def region_of(rules: Rules, index: int, name: str) -> str:
    """The region for a layer, by the last rule that matches it; empty where none does."""
    return next((rule.region for rule in reversed(rules) if rule.matches(index, name)), "")


@dataclass(frozen=True, slots=True)
class Placement:
    """What the caller asks for.

    `io` says where inputs and outputs lie. The rest are regions of the board's RAM: those that the
    firmware has arena and state in, where None leaves the arena to `regions`; and those into which
    it copies constants, and the code of kernels, from flash.
    """

    io: Io = Io.ARENA
    arena: str | None = None
    state: str = RAM
    weights: Rules = ()
    code: Rules = ()

    @classmethod
    def parse(cls, places: Iterable[str], io: str = Io.ARENA.value) -> Placement:
        """From texts such as `arena=ccm`; raises OptionError for what is none."""
        known: dict[str, str] = {}
        rules: dict[str, Rules] = {"weights": (), "code": ()}
        for text in places:
            found = re.fullmatch(r"(arena|state|(weights|code)(?::(.+))?)=([^\s=]+)", text)
            if not found or found[1] in known:
                raise OptionError(f"place: {text}: say {_FORMS}")
            if found[2]:
                rules[found[2]] += (Rule(found[3] or "*", found[4]),)
            else:
                known[found[1]] = found[4]
        return cls(Io(io), known.get("arena"), known.get("state", RAM), **rules)

    def check(self, board: Board) -> None:
        """Raise OptionError for regions that a board does not have."""
        wanted = {self.arena, *(rule.region for rule in (*self.weights, *self.code))} - {None}
        wanted |= {self.state} - {RAM}
        if board.is_host and wanted:
            raise OptionError(f"place: {board.name} has no regions of memory; leave --place out")
        for name in sorted(str(name) for name in wanted):
            if name not in board.rams:
                raise OptionError(
                    f"place: {name!r} is no region of {board.name}; known: {', '.join(board.rams)}"
                )

    def check_layers(self, layers: Sequence[tuple[int, str]]) -> None:
        """Raise OptionError for rules that no layer follows; layers are numbers and names."""
        for what, rules in (("weights", self.weights), ("code", self.code)):
            for rule in rules:
                if not any(rule.matches(*layer) for layer in layers):
                    known = ", ".join(f"{number} {printable(name)}" for number, name in layers)
                    raise OptionError(
                        f"place: {what}:{rule.layer}: no such layer; layers are {known}"
                    )


ANYWHERE = Placement()


def regions(board: Board, wanted: str | None) -> tuple[str, ...]:
    """Where the arena may lie, best first: where it must, else `ram`, else smaller ones first."""
    if wanted is not None:
        return (wanted,)
    others = sorted(dict(board.more_ram), key=lambda name: board.rams[name].size)
    return (RAM, *others)
