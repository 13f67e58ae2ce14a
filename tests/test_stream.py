"""Chains are made where an arena must shrink, at the least cycles, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mcugen import interpret, passes
from mcugen.importers import tflite
from mcugen.ir import Graph
from mcugen.lifetimes import lifetimes
from mcugen.model import load
from mcugen.plan import loads, plan
from mcugen.rows_verify import verify_chains
from mcugen.select import Selection, select, variants
from mcugen.stream import MOST_CYCLES, Streams
from mcugen.target import CPUS, Cpu
from mcugen.testing.builder import one_op, quant
from mcugen.testing.chains import random_graph
from mcugen.testing.check import assert_equal, random_inputs

M4 = CPUS["cortex-m4"]


def streamed(graph: Graph, limit: int | None = None, cpu: Cpu = M4) -> tuple[Graph, Selection]:
    streams = Streams(graph, [variants(call, cpu) for call in graph.calls()])
    made = streams.least() if limit is None else streams.within(limit)
    return made.graph, made.selection


def arena(graph: Graph, selection: Selection) -> int:
    lives = lifetimes(graph, selection)
    found = plan(lives.buffers, lives.shares)
    verify_chains(graph, lives, found)
    return found.arena_bytes


def cycles(graph: Graph, selection: Selection) -> int:
    pairs = zip(selection.kernels, graph.calls(), strict=True)
    return sum(kernel.cost(call).cycles for kernel, call in pairs if kernel is not None)


def random_graphs(count: int) -> list[Graph]:
    return [random_graph(np.random.default_rng(seed), 9) for seed in range(count)]


def test_the_least_is_never_more_and_often_less() -> None:
    smaller = 0
    for graph in random_graphs(16):
        alone = select(graph, M4)
        changed, selection = streamed(graph)
        assert arena(changed, selection) <= arena(graph, alone)
        assert cycles(changed, selection) <= MOST_CYCLES * cycles(graph, alone)
        smaller += arena(changed, selection) < arena(graph, alone)
        inputs = random_inputs(graph)
        ours, theirs = interpret.outputs(changed, inputs), interpret.outputs(graph, inputs)
        assert_equal(ours[0], theirs[0], graph.name)
    assert smaller > 3


def test_a_limit_is_kept_at_no_more_cycles_than_a_lower_one() -> None:
    kept = 0
    for graph in random_graphs(5):
        alone = arena(graph, select(graph, M4))
        spent = []
        for share in (0.6, 0.75, 0.9):
            limit = int(share * alone)
            changed, selection = streamed(graph, limit)
            if arena(changed, selection) <= limit:
                spent.append(cycles(changed, selection))
        assert spent == sorted(spent, reverse=True)
        kept += len(spent) > 1
    assert kept > 0


def test_one_layer_by_rows_takes_less_than_whole() -> None:
    """Its scratch holds planes of all rows, or its step begins far in front of its input."""
    smaller = 0
    for graph in random_graphs(40):
        first = graph.nodes[0]
        graph = graph.with_(nodes=(first,), inputs=first.inputs[:1], outputs=first.outputs)
        if "add" not in first.op:
            changed, selection = streamed(graph)
            if [len(node.attrs.parts) for node in changed.nodes if node.op == "rows"] == [1]:
                smaller += arena(changed, selection) < arena(graph, select(graph, M4))
    assert smaller > 3


def test_nothing_changes_where_the_limit_is_kept_already() -> None:
    for graph in random_graphs(5):
        alone = select(graph, M4)
        changed, selection = streamed(graph, arena(graph, alone))
        assert changed.nodes == graph.nodes
        assert cycles(changed, selection) == cycles(graph, alone)


def test_layers_that_only_rename_memory() -> None:
    x = {"shape": (2, 3), "quant": quant(0.5)}
    model = one_op("RESHAPE", [x], {**x, "shape": (6,)}, {"newShape": [6]})
    graph = passes.run(tflite.loads(model, "flat"))
    changed, selection = streamed(graph, 1)
    assert (changed.nodes, selection.kernels) == (graph.nodes, (None,))


def test_the_peak_is_that_of_the_steps() -> None:
    """What the search takes for a chain's load is what the planner counts at its step."""
    for graph in random_graphs(12):
        changed, selection = streamed(graph)
        if changed is not graph:
            lives = lifetimes(changed, selection)
            least = max(loads(lives.buffers, lives.shares).values())
            assert least <= arena(changed, selection) <= 1.05 * least


def test_models(shared: Path) -> None:
    """For little, two fifths of the arena go in VWW; three tenths in IC by Winograd, for all that
    it may cost."""
    for name, share, most in (("vww", 0.61, 1.05), ("ic", 0.7, 1.15)):
        graph = load(shared / "models" / f"{name}_int8.tflite").compiled()
        alone = select(graph, M4)
        changed, selection = streamed(graph)
        assert arena(changed, selection) <= share * arena(graph, alone)
        assert cycles(changed, selection) <= most * cycles(graph, alone)


@pytest.mark.parametrize("name", ["cortex-m0", "cortex-m55"])
def test_other_cores(name: str) -> None:
    smaller = 0
    for graph in random_graphs(6):
        cpu = CPUS[name]
        changed, selection = streamed(graph, None, cpu)
        smaller += arena(changed, selection) < arena(graph, select(graph, cpu))
    assert smaller > 0
