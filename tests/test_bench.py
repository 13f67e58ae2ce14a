"""The committed figures of the benchmark: what a change makes worse must be decided, not missed."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

BENCH = Path(__file__).parents[1] / "bench"


@pytest.fixture(scope="module")
def bench() -> Iterator[ModuleType]:
    """The module `measure`; beside it lies the rest."""
    sys.path.insert(0, str(BENCH))
    yield importlib.import_module("measure")
    sys.path.remove(str(BENCH))


@pytest.mark.qemu
@pytest.mark.parametrize("board", ["mps2-an386", "mps3-an547"])
def test_no_figure_grew_against_the_base(shared: Path, bench: ModuleType, board: str) -> None:
    models = importlib.import_module("models")
    base = json.loads((BENCH / "base.json").read_text())
    costs = [bench.measure(shared / "models" / f"{m}.tflite", board) for m in models.MODELS]
    assert all(cost.key in base for cost in costs)
    assert bench.grown(costs, base, models.ALLOWED) == []
    for cost in costs:
        assert sum(part.macs for part in cost.classes) == cost.macs
        assert sum(part.layers for part in cost.classes) > 5
    assert models.table(costs).row_count >= len(costs)
    assert (models.class_table(costs).row_count > 0) == (board == models.M4)


def test_growth_is_noticed(bench: ModuleType) -> None:
    before = bench.Cost("m", "b", "time", 1, 1000, 2000, 300, 400, 50)
    base = {"m b time": {"instructions": 1000, "cycles": 2000, "flash": 300, "arena": 400}}
    assert bench.grown([replace(before, instructions=1010)], base, 1.01) == []
    (line,) = bench.grown([replace(before, instructions=1011)], base, 1.01)
    assert line == "m b time: instructions 1,000 -> 1,011, +1.1%"
    assert len(bench.grown([replace(before, flash=310, arena=500)], base, 1.01)) == 2
    assert bench.grown([replace(before, objective="size", flash=310)], base, 1.01) == []


def test_what_is_measured_by_default(bench: ModuleType) -> None:
    models = importlib.import_module("models")
    pairs = list(models.runs(None, None))
    assert len(pairs) == len(models.BOARDS) + len(models.OBJECTIVES) - 1
    assert list(models.runs(["mps3-an547"], None)) == [("mps3-an547", "balanced")]
    assert list(models.runs([models.M4], ["ram", "time"])) == [
        (models.M4, "ram"),
        (models.M4, "time"),
    ]
