"""What the MLPerf Tiny models cost on emulated cores, beside other tools' figures.

    python bench/models.py MODELS_FOLDER [--int16] [--board B] [-O OBJECTIVE] [--json FILE]
                           [--base bench/base.json] [--update]

Every board with -O balanced, and a Cortex-M4 with every -O, unless --board or -O say otherwise;
with --int16 not the int8 files, but 16x8 that mcugen makes of the float files.
Instructions are exact (QEMU), cycles modelled (zero wait states), bytes those of the model itself:
code and constants in flash; arena, and a bound on the stack, in RAM. With --base the figures are
compared with a stored file, and growth of more than 1 % is an error; --update stores.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
from measure import Cost, grown, measure
from peers import BEST_PUBLISHED_M4, GOALS, INSTRUCTIONS, TFLM_M4
from rich.console import Console
from rich.table import Table

import mcugen
from mcugen.quantizer.config import Activations, Config, Effort

NAMES = ("kws", "ic", "vww", "ad")
MODELS = tuple(f"{name}_int8" for name in NAMES)
BOARDS = ("mps2-an386", "mps2-an500", "mps2-an505", "mps3-an547", "mps2-an385", "mps2-an385-m0")
OBJECTIVES = ("balanced", "time", "size", "ram")
FAST = ("balanced", "time")  # whose layers are looked at
M4 = "mps2-an386"
ALLOWED = 1.01  # times the base


def runs(boards: list[str] | None, objectives: list[str] | None) -> Iterator[tuple[str, str]]:
    """The pairs of board and objective to measure."""
    for board in boards or BOARDS:
        everything = OBJECTIVES if board == M4 and not boards else OBJECTIVES[:1]
        for objective in objectives or everything:
            yield board, objective


def widened(models: Path, folder: Path) -> Iterator[Path]:
    """The float models in 16x8, calibrated with the inputs that lie in `golden` beside them."""
    config = Config(activations=Activations.INT16, effort=Effort.LOW)
    for name in NAMES:
        target = folder / f"{name}_int16.tflite"
        with np.load(models.parent / "golden" / f"{name}_float32.npz") as file:
            samples = np.concatenate([file[f"x{k}_0"] for k in range(int(file["n"]))])
        source = models / f"{name}_float32.tflite"
        mcugen.quantize(source, samples, config=config, output=target)
        yield target


def table(costs: list[Cost]) -> Table:
    """One row per run; on the Cortex-M4 with what others take for the model."""
    heads = ("model", "board", "-O", "instructions", "of TFLM", "cycles", "MAC/cycle")
    result = _table(*heads, "flash", "arena", "stack", left=3)
    for cost in costs:
        peer = INSTRUCTIONS.get(cost.board, {}).get(cost.model)
        result.add_row(
            cost.model,
            cost.board,
            cost.objective,
            f"{cost.instructions:,}",
            "" if peer is None else f"{cost.instructions / peer:.2f}",
            _number(cost.cycles),
            _rate(cost.macs, cost.cycles),
            f"{cost.flash:,}",
            f"{cost.arena:,}",
            _number(cost.stack),
        )
    if any(cost.board == M4 for cost in costs):
        result.add_section()
        for model, peer in TFLM_M4.items():
            count = INSTRUCTIONS[M4][model]
            figures = (peer["cycles"], None, peer["flash"], peer["arena"], peer["stack"])
            result.add_row(
                model, "TFLM + CMSIS-NN", "", f"{count:,}", "1.00", *map(_number, figures)
            )
        for model, cycles in BEST_PUBLISHED_M4.items():
            result.add_row(model, "best published", "", "", "", f"{cycles:,}")
    return result


def class_table(costs: list[Cost]) -> Table:
    """What the classes of layers reach on the Cortex-M4, beside the goals."""
    heads = (
        "class",
        "model",
        "-O",
        "layers",
        "MACs",
        "instructions",
        "cycles",
        "MAC/cycle",
        "goals",
    )
    result = _table(*heads, left=3)
    rows = [
        (part, cost) for cost in costs if cost.board == M4 for part in cost.classes if part.macs
    ]
    for part, cost in sorted(rows, key=lambda row: row[0].name):
        goals = GOALS.get(part.name)
        result.add_row(
            part.name,
            cost.model,
            cost.objective,
            str(part.layers),
            f"{part.macs:,}",
            f"{part.instructions:,}",
            _number(part.cycles),
            _rate(part.macs, part.cycles),
            "" if goals is None else f"{goals[0]}, {goals[1]}",
        )
    return result


def _table(*heads: str, left: int) -> Table:
    result = Table(box=None)
    for position, head in enumerate(heads):
        result.add_column(head, justify="left" if position < left else "right")
    return result


def _number(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def _rate(macs: int, cycles: int | None) -> str:
    return "" if not cycles else f"{macs / cycles:.3f}"


def main() -> int:
    """Measure, print, compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", type=Path)
    parser.add_argument("--int16", action="store_true", help="16x8 made of the float models")
    parser.add_argument("--board", action="append", choices=BOARDS)
    parser.add_argument("-O", dest="objective", action="append", choices=OBJECTIVES)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--base", type=Path)
    parser.add_argument("--update", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        paths = [options.models / f"{model}.tflite" for model in MODELS]
        if options.int16:
            paths = list(widened(options.models, Path(folder)))
        costs = [
            measure(path, board, objective)
            for board, objective in runs(options.board, options.objective)
            for path in paths
        ]
    console = Console(width=None if sys.stdout.isatty() else 140)
    console.print(table(costs))
    classes = class_table(costs)
    if classes.row_count:
        console.print(classes)
    print("cycles are modelled, zero wait states; `of TFLM` is the share of TFLM + CMSIS-NN's")
    if options.json:
        figures = {cost.key: asdict(cost) for cost in costs}
        options.json.write_text(json.dumps(figures, indent=1) + "\n")
    if options.base is None:
        return 0
    stored = json.loads(options.base.read_text()) if options.base.exists() else {}
    if options.update:
        stored |= {cost.key: cost.stored for cost in costs}
        options.base.write_text(json.dumps(stored, indent=1, sort_keys=True) + "\n")
        return 0
    worse = grown(costs, stored, ALLOWED)
    print("\n".join(worse) or "nothing grew by more than 1 % against the base")
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main())
