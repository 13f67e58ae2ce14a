"""What the MLPerf Tiny models cost on emulated cores, beside other tools' figures.

    python bench/models.py MODELS_FOLDER [--json FILE] [--base bench/base.json] [--update]

Instructions are exact (QEMU), cycles modelled (zero wait states), bytes those of the model itself:
code and constants in flash; arena, variables and a bound on the stack in RAM. With --base the
figures are compared with a stored file, and growth of more than 1 % is an error; --update stores.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

import mcugen
from mcugen.api import Memory

MODELS = ("kws_int8", "ic_int8", "vww_int8", "ad_int8")
BOARDS = ("mps2-an386", "mps2-an500", "mps2-an505", "mps3-an547", "mps2-an385", "mps2-an385-m0")
GROWTH = 1.01

# TFLM (August 2026) with CMSIS-NN (July 2026), its release flags, instructions in QEMU 7.2.
TFLM_CMSIS_NN = {
    "mps2-an386": {
        "kws_int8": 7_698_000,
        "ic_int8": 29_863_000,
        "vww_int8": 24_102_000,
        "ad_int8": 583_000,
    },
    "mps2-an500": {
        "kws_int8": 7_644_000,
        "ic_int8": 30_026_000,
        "vww_int8": 24_026_000,
        "ad_int8": 583_000,
    },
    "mps3-an547": {
        "kws_int8": 1_814_000,
        "ic_int8": 4_911_000,
        "vww_int8": 6_558_000,
        "ad_int8": 150_000,
    },
    "mps2-an385": {
        "kws_int8": 10_533_000,
        "ic_int8": 41_847_000,
        "vww_int8": 31_959_000,
        "ad_int8": 956_000,
    },
    "mps2-an385-m0": {
        "kws_int8": 28_997_000,
        "ic_int8": 97_555_000,
        "vww_int8": 86_904_000,
        "ad_int8": 1_763_000,
    },
}


@dataclass(frozen=True, slots=True)
class Cost:
    """One model on one board."""

    model: str
    board: str
    macs: int
    instructions: int
    cycles: int | None
    flash: int
    arena: int
    stack: int | None

    @property
    def key(self) -> str:
        """The row's name in a base file."""
        return f"{self.model} {self.board}"


def measure(path: Path, board: str) -> Cost:
    """Build a model for a board and count one inference."""
    profile = mcugen.profile(path, board)
    memory = mcugen.analyze(path, board).memory
    assert isinstance(memory, Memory)
    return Cost(
        path.stem,
        board,
        profile.macs,
        profile.instructions,
        profile.cycles,
        memory.flash,
        memory.arena,
        memory.stack,
    )


def table(costs: list[Cost]) -> Table:
    """The figures, with the ratio to TFLM + CMSIS-NN where that was measured."""
    heads = (
        "model",
        "board",
        "instructions",
        "of TFLM",
        "cycles",
        "MAC/cycle",
        "flash",
        "arena",
        "stack",
    )
    result = Table(box=None)
    for head in heads:
        result.add_column(head, justify="left" if head in heads[:2] else "right")
    for cost in costs:
        peer = TFLM_CMSIS_NN.get(cost.board, {}).get(cost.model)
        result.add_row(
            cost.model,
            cost.board,
            f"{cost.instructions:,}",
            "" if peer is None else f"{cost.instructions / peer:.2f}",
            "" if cost.cycles is None else f"{cost.cycles:,}",
            "" if cost.cycles is None else f"{cost.macs / cost.cycles:.3f}",
            f"{cost.flash:,}",
            f"{cost.arena:,}",
            "" if cost.stack is None else f"{cost.stack:,}",
        )
    return result


def grown(costs: list[Cost], base: dict[str, dict[str, int]]) -> list[str]:
    """What costs more than the base allows."""
    found = []
    for cost in costs:
        before = base.get(cost.key, {})
        for field in ("instructions", "cycles", "flash", "arena", "stack"):
            now, then = getattr(cost, field), before.get(field)
            if now is not None and then is not None and now > then * GROWTH:
                found.append(f"{cost.key}: {field} {then:,} -> {now:,}, {now / then - 1:+.1%}")
    return found


def main() -> int:
    """Measure, print, compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", type=Path)
    parser.add_argument("--board", action="append", choices=BOARDS)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--base", type=Path)
    parser.add_argument("--update", action="store_true")
    options = parser.parse_args()
    costs = [
        measure(options.models / f"{model}.tflite", board)
        for board in options.board or BOARDS
        for model in MODELS
    ]
    Console(width=None if sys.stdout.isatty() else 120).print(table(costs))
    print("cycles are modelled, zero wait states; `of TFLM` is the share of TFLM + CMSIS-NN's")
    figures = {cost.key: asdict(cost) for cost in costs}
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n")
    if options.base is None:
        return 0
    stored = json.loads(options.base.read_text()) if options.base.exists() else {}
    if options.update:
        options.base.write_text(json.dumps({**stored, **figures}, indent=1, sort_keys=True) + "\n")
        return 0
    worse = grown(costs, stored)
    print("\n".join(worse) or "nothing grew by more than 1 % against the base")
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main())
