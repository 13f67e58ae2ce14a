"""How much flash and RAM a model may take: by the board, and by the user."""

from __future__ import annotations

from dataclasses import dataclass

from mcugen.ir import Graph
from mcugen.target import Board

HARNESS_FLASH = 12 * 1024  # what runs a model on a board takes less
HARNESS_RAM = 1024  # besides the stack and its own copy of the inputs


@dataclass(frozen=True, slots=True)
class Figures:
    """Modelled cycles, bytes of flash (constants and kernels), bytes of RAM (the arena)."""

    cycles: int
    flash: int
    ram: int


@dataclass(frozen=True, slots=True)
class Limits:
    """The most bytes of flash (constants and kernels) and RAM (arena); None where there is none."""

    flash: int | None = None
    ram: int | None = None

    def and_(self, other: Limits) -> Limits:
        """Both limits together."""
        return Limits(_least(self.flash, other.flash), _least(self.ram, other.ram))

    def excess(self, cost: Figures) -> tuple[str, ...]:
        """What is above a limit, and by how much."""
        rows = (("flash", cost.flash, self.flash), ("RAM", cost.ram, self.ram))
        return tuple(
            f"{used:,} bytes of {kind}, {used - limit:,} more than the limit of {limit:,}"
            for kind, used, limit in rows
            if limit is not None and used > limit
        )


NO_LIMITS = Limits()


def room(board: Board, graph: Graph) -> Limits:
    """What a board leaves to a model: the harness, its stack and its inputs are there as well."""
    inputs = sum(graph.tensors[i].bytes for i in graph.inputs)
    taken = board.stack_bytes + inputs + HARNESS_RAM
    return Limits(
        flash=max(board.flash.size - HARNESS_FLASH, 0) if board.flash else None,
        ram=max(board.ram.size - taken, 0) if board.ram else None,
    )


def _least(one: int | None, other: int | None) -> int | None:
    return min((limit for limit in (one, other) if limit is not None), default=None)
