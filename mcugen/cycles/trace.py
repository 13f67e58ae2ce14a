"""From counted blocks to instructions and modelled cycles."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from mcugen.cycles.costs import Core, Step
from mcugen.cycles.image import Image

Block = tuple[int, int]  # address and bytes of a straight run of code

ENTRY: Block = (0, 0)  # stands before the first block


@dataclass(frozen=True, slots=True)
class Counts:
    """What was counted while the code ran."""

    edges: dict[tuple[Block, Block], int] = field(default_factory=dict)  # how often one followed
    splits: dict[Block, int] = field(default_factory=dict)  # transfers for want of alignment


@dataclass(frozen=True, slots=True)
class Usage:
    """Instructions, exact, and modelled cycles at zero wait states."""

    instructions: int = 0
    cycles: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(self.instructions + other.instructions, self.cycles + other.cycles)


@dataclass(frozen=True, slots=True)
class Trace:
    """What one run used. `functions` excludes what the functions called."""

    core: Core
    functions: Mapping[str, Usage]
    stack: int  # deepest use, bytes

    @property
    def total(self) -> Usage:
        """The sum over all functions."""
        return sum(self.functions.values(), Usage())

    @property
    def instructions(self) -> int:
        """Instructions, exact."""
        return self.total.instructions

    @property
    def cycles(self) -> int:
        """Modelled cycles, zero wait states."""
        return self.total.cycles

    def table(self) -> str:
        """The functions, the most expensive first."""
        rows = sorted(self.functions.items(), key=lambda item: -item[1].cycles)
        rows.append(("total", self.total))
        note = f", rough: {self.core.rough}" if self.core.rough else ""
        head = f"{self.core.name}, cycles modelled, zero wait states{note}"
        body = (f"{use.instructions:>12} {use.cycles:>12}  {name}" for name, use in rows)
        return "\n".join((head, "instructions       cycles  function", *body))


def measure(
    counts: Counts, image: Image, core: Core, steps: Callable[[Block], tuple[Step, ...]], stack: int
) -> Trace:
    """Charge each block once for every edge that led to it."""
    functions: dict[str, Usage] = defaultdict(Usage)
    for (source, block), count in counts.edges.items():
        run = steps(block)
        last = steps(source)[-1] if source != ENTRY else None
        if last is None:
            cycles = core.block(run)
        elif sum(source) == block[0]:
            cycles = core.block(run, last)
        else:
            cycles = core.block(run) + core.taken(last.leave, run[0])
        name = image.function_at(block[0])
        functions[name] += Usage(count * len(run), count * cycles)
    for block, splits in counts.splits.items():
        functions[image.function_at(block[0])] += Usage(0, splits * core.unaligned)
    return Trace(core, dict(functions), stack)
