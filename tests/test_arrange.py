"""What a compiled graph becomes under -O ram and under a limit on RAM; that it still computes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import mcugen
from mcugen.arrange import arrange
from mcugen.choose import Objective
from mcugen.limits import Limits
from mcugen.model import load
from mcugen.select import select
from mcugen.stream import MOST_CYCLES
from mcugen.target import CPUS
from mcugen.testing.chains import random_graph

DIGITS = Path(__file__).parent.parent / "examples" / "digits"
M4 = CPUS["cortex-m4"]


def test_ram_costs_little_and_time_pays_nothing_for_it() -> None:
    fewer = 0
    for seed in range(8):
        graph = random_graph(np.random.default_rng(seed), 9)
        fast, lean = (
            arrange(graph, M4, objective) for objective in (Objective.TIME, Objective.RAM)
        )
        assert lean.cost.ram <= fast.cost.ram
        assert lean.cost.cycles <= MOST_CYCLES * fast.cost.cycles
        assert not any(node.op == "rows" for node in fast.graph.nodes)
        if lean.cost.ram < fast.cost.ram:
            fewer += 1
            assert "RAM" in lean.note and "cycles" in lean.note
    assert fewer


def test_a_limit_makes_chains_where_other_kernels_cost_more() -> None:
    made = 0
    for seed in range(8):
        graph = random_graph(np.random.default_rng(seed), 9)
        alone = arrange(graph, M4)
        least = arrange(graph, M4, Objective.RAM)
        found = arrange(graph, M4, limits=Limits(None, least.cost.ram))
        assert found.cost.ram <= least.cost.ram
        rows = any(node.op == "rows" for node in found.graph.nodes)
        assert found.free is None or rows or found.selection != alone.selection
        made += rows
        assert (
            arrange(graph, M4, limits=Limits(None, alone.cost.ram)).graph.nodes == alone.graph.nodes
        )
    assert made


@pytest.mark.parametrize("board", ["host", "mps2-an386"])
def test_a_small_limit_from_file_to_outputs(tmp_path: Path, board: str) -> None:
    model, data = DIGITS / "digits_int8.tflite", DIGITS / "digits_test.npz"
    plain = mcugen.analyze(model, board).memory
    assert plain is not None
    limits = Limits(ram=plain.arena * 3 // 4)
    result = mcugen.validate(model, board, data, limit=5, limits=limits, keep=tmp_path / "p")
    assert result.exact
    source = next((tmp_path / "p").glob("digits_int8.c")).read_text()
    assert "_rows_0(memory);" in source


def test_vww_fits_where_it_did_not(shared: Path, tmp_path: Path) -> None:
    """Inputs of 27,648 bytes leave little more than themselves; every layer is looked at."""
    model = shared / "models" / "vww_int8.tflite"
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "x.npz", x=rng.integers(-128, 128, (1, 96, 96, 3)).astype(np.int8))
    result = mcugen.validate(model, "mps2-an386", tmp_path / "x.npz", objective="ram")
    assert result.exact
    choice = arrange(load(model).compiled(), M4, Objective.RAM)
    alone = arrange(load(model).compiled(), M4, Objective.TIME)
    assert choice.cost.ram <= 29_000 < 46_000 < alone.cost.ram
    assert select(choice.graph, M4) == choice.selection
