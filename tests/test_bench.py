"""The committed figures of the benchmark: what a change makes worse must be decided, not missed."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

BENCH = Path(__file__).parents[1] / "bench"


@pytest.fixture(scope="module")
def models() -> ModuleType:
    spec = spec_from_file_location("bench_models", BENCH / "models.py")
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    import sys

    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.qemu
@pytest.mark.parametrize("board", ["mps2-an386", "mps3-an547"])
def test_no_figure_grew_against_the_base(shared: Path, models: ModuleType, board: str) -> None:
    base = json.loads((BENCH / "base.json").read_text())
    costs = [models.measure(shared / "models" / f"{m}.tflite", board) for m in models.MODELS]
    assert all(cost.key in base for cost in costs)
    assert models.grown(costs, base) == []


def test_growth_is_noticed(models: ModuleType) -> None:
    before = models.Cost("m", "b", 1, 1000, 2000, 300, 400, 50)
    base = {before.key: {"instructions": 1000, "cycles": 2000, "flash": 300, "arena": 400}}
    assert models.grown([replace(before, instructions=1010)], base) == []
    (line,) = models.grown([replace(before, instructions=1011)], base)
    assert line == "m b: instructions 1,000 -> 1,011, +1.1%"
    assert len(models.grown([replace(before, flash=310, arena=500)], base)) == 2
