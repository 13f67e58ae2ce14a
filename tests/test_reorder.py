"""The execution order: legal, never worse, and the best of all where that can be tried."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import mcugen
from mcugen import reorder
from mcugen.ir import Graph, Node
from mcugen.lifetimes import lifetimes
from mcugen.ops import OPS
from mcugen.ops.base import Overlap
from mcugen.plan import lower_bound
from mcugen.select import Selection
from mcugen.testing import graphs
from mcugen.testing.builder import ModelBuilder, quant


def random_graph(seed: int, count: int) -> tuple[Graph, Selection]:
    """Nodes that read one or two earlier tensors; in place, with scratch, or aliases."""
    rng = random.Random(seed)
    sizes = [4 * rng.randrange(1, 100) for _ in range(count + 1)]
    nodes, kernels = [], []
    add = OPS["add"].kernels[0]
    for i in range(count):
        inputs = tuple(rng.sample(range(i + 1), min(i + 1, rng.choice([1, 1, 2]))))
        if rng.random() < 0.1:
            sizes[i + 1] = sizes[inputs[0]]
            nodes.append(Node("reshape", "", inputs[:1], (i + 1,)))
            kernels.append(None)
            continue
        distance, scratch = 4 * rng.randrange(0, 40), rng.choice([0, 0, 120])
        overlaps = {p: Overlap(distance) for p in range(len(inputs)) if rng.random() < 0.6}
        nodes.append(Node("add", "", inputs, (i + 1,)))
        kernels.append(
            replace(add, overlap=lambda _, o=overlaps: o, scratch=lambda _, s=scratch: s)
        )
    read = {tensor for node in nodes for tensor in node.inputs}
    tensors = {i: graphs.activation("", (size,)) for i, size in enumerate(sizes)}
    outputs = tuple(i for i in range(1, count + 1) if i not in read)
    return Graph("random", tensors, tuple(nodes), (0,), outputs), Selection(tuple(kernels))


def orders(graph: Graph) -> Iterator[tuple[int, ...]]:
    """Every order that runs a node after those whose outputs it reads."""

    def extend(done: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
        if len(done) == len(graph.nodes):
            yield done
        known = {0, *(graph.nodes[i].outputs[0] for i in done)}
        for i, node in enumerate(graph.nodes):
            if i not in done and set(node.inputs) <= known:
                yield from extend((*done, i))

    return extend(())


def peak(graph: Graph, selection: Selection, order: tuple[int, ...]) -> int:
    """The worst step, by the planner's own account."""
    lives = lifetimes(
        graph.with_(nodes=tuple(graph.nodes[i] for i in order)),
        Selection(tuple(selection.kernels[i] for i in order)),
    )
    return lower_bound(lives.buffers, lives.shares)


@pytest.mark.parametrize("seed", range(60))
def test_the_order_is_the_best_of_all(seed: int) -> None:
    graph, selection = random_graph(seed, 7)
    found = reorder.best_order(graph, selection)
    assert found.nodes in set(orders(graph))
    assert found.peak == peak(graph, selection, found.nodes)
    assert found.peak == found.bound == min(peak(graph, selection, o) for o in orders(graph))


@pytest.mark.parametrize("seed", range(5))
def test_a_search_that_ends_early_gives_a_legal_order_and_a_bound(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph, selection = random_graph(seed, 14)
    best = reorder.best_order(graph, selection)
    monkeypatch.setattr(reorder, "_STATES", 4)
    found = reorder.best_order(graph, selection)
    assert sorted(found.nodes) == list(range(14))
    assert found.peak == peak(graph, selection, found.nodes)
    assert found.bound <= best.peak <= found.peak <= peak(graph, selection, tuple(range(14)))


def test_two_branches_run_one_after_the_other() -> None:
    """Each branch grows large and shrinks: breadth first would keep both large at once."""
    sizes = [4, 100, 100, 4, 4, 8]
    edges = [(0, 1), (0, 2), (1, 3), (2, 4)]
    nodes = [Node("add", "", (a,), (b,)) for a, b in edges]
    nodes.append(Node("add", "", (3, 4), (5,)))
    tensors = {i: graphs.activation("", (size,)) for i, size in enumerate(sizes)}
    graph = Graph("branches", tensors, tuple(nodes), (0,), (5,))
    selection = Selection((replace(OPS["add"].kernels[0], overlap=None),) * 5)
    assert reorder.best_order(graph, selection) == reorder.Order((0, 2, 1, 3, 4), 108, 108)
    changed = reorder.reorder(graph, selection)
    assert [node.outputs for node in changed.nodes] == [(1,), (3,), (2,), (4,), (5,)]
    assert reorder.reorder(changed, selection) is changed


def test_a_chain_stays_as_it_is() -> None:
    graph = graphs.conv()
    assert reorder.reorder(graph, Selection((None,))) is graph


def test_a_large_graph_takes_bounded_work() -> None:
    """Twelve independent branches of three nodes: 4**12 states."""
    tensors = {0: graphs.activation("", (64,))}
    nodes = []
    for branch in range(12):
        before = 0
        for depth, size in enumerate((900 + branch, 300, 8)):
            tensor = 1 + 3 * branch + depth
            tensors[tensor] = graphs.activation("", (size,))
            nodes.append((depth, Node("add", "", (before,), (tensor,))))
            before = tensor
    nodes.sort(key=lambda pair: pair[0])
    outputs = tuple(3 * branch + 3 for branch in range(12))
    graph = Graph("wide", tensors, tuple(node for _, node in nodes), (0,), outputs)
    found = reorder.best_order(graph, Selection((None,) * 36))
    assert found.bound <= found.peak < 1500


def test_a_reordered_model_is_exact(tmp_path: Path) -> None:
    """Two concatenations first, two pools then: the file's order keeps both large tensors."""
    builder = ModelBuilder()
    x = builder.tensor((1, 8, 8, 2), quant=quant(0.05, -3))
    large = [builder.tensor((1, 8, 8, 2 * n), quant=quant(0.05, -3)) for n in (6, 6)]
    small = [builder.tensor((1, 1, 1, 12), quant=quant(0.05, -3)) for _ in range(2)]
    y = builder.tensor((1, 1, 1, 12), quant=quant(0.1, 5))
    for tensor in large:
        builder.op("CONCATENATION", [x] * 6, [tensor], {"axis": 3})
    window = {"filterHeight": 8, "filterWidth": 8, "strideH": 8, "strideW": 8, "padding": 1}
    for operator, a, b in zip(("AVERAGE_POOL_2D", "MAX_POOL_2D"), large, small, strict=True):
        builder.op(operator, [a], [b], window)
    builder.op("ADD", small, [y])
    model, samples = tmp_path / "model.tflite", tmp_path / "samples.npz"
    model.write_bytes(builder.build([x], [y]))
    rng = np.random.default_rng(1)
    np.savez(samples, x=rng.integers(-128, 128, (3, 8, 8, 2)).astype(np.int8))
    result = mcugen.validate(model, "host", samples, keep=tmp_path / "kept")
    assert result.exact
    (manifest,) = (tmp_path / "kept").glob("*.json")
    layers = json.loads(manifest.read_text())["layers"]
    operators = [layer["operator"] for layer in layers]
    assert operators[0] == operators[2] == "CONCATENATION"
