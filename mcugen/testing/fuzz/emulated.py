"""Runs random models on emulated boards, many as one: an image holds the union of their graphs."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from mcugen.build import build
from mcugen.emit import emit
from mcugen.ir import Graph, Node, Tensor, TensorId
from mcugen.lower import lower
from mcugen.ops.base import Array
from mcugen.program import Source
from mcugen.run.runner import open_runner
from mcugen.select import Selection
from mcugen.target import Board
from mcugen.testing.fuzz.generate import Case
from mcugen.testing.fuzz.references import answers
from mcugen.testing.fuzz.run import Expected, compare, expected, variants

RAM = 0.25  # of a board's, for the inputs and outputs of an image's models
FLASH = 0.25  # of a board's, for their constants
MOST_PORTS = 40


def differences(cases: Sequence[Case], board: Board) -> list[str]:
    """Where the outputs of models on a board differ from numpy's, with every kernel in turn."""
    models = [expected(case, answer) for case, answer in zip(cases, answers(cases), strict=True)]
    good = [model for model in models if isinstance(model, Expected)]
    return [
        found
        for group in _groups(good, board)
        for selection in variants(union([model.graph for model in group]), board.cpu.families)
        for found in _run(group, selection, board)
    ]


def _groups(models: Sequence[Expected], board: Board) -> Iterator[list[Expected]]:
    """Models that fit an image together; one that is too large for the board is left out."""
    assert board.ram is not None and board.flash is not None
    group: list[Expected] = []
    ports = ram = flash = 0.0
    for model in models:
        graph = model.graph
        edges = [graph.tensors[i] for i in (*graph.inputs, *graph.outputs)]
        need = (
            len(edges) / MOST_PORTS,
            2 * sum(tensor.bytes for tensor in edges) / (RAM * board.ram.size),
            sum(t.bytes for t in graph.tensors.values()) / (FLASH * board.flash.size),
        )
        if max(need) > 1:
            continue
        if max(ports + need[0], ram + need[1], flash + need[2]) > 1:
            yield group
            group, ports, ram, flash = [], 0.0, 0.0, 0.0
        group.append(model)
        ports, ram, flash = ports + need[0], ram + need[1], flash + need[2]
    if group:
        yield group


def union(graphs: Sequence[Graph]) -> Graph:
    """One graph that computes them all side by side."""
    tensors: dict[TensorId, Tensor] = {}
    nodes: list[Node] = []
    inputs: list[TensorId] = []
    outputs: list[TensorId] = []
    for graph in graphs:
        start = len(tensors)
        new = {old: start + k for k, old in enumerate(graph.tensors)}
        tensors.update({new[old]: tensor for old, tensor in graph.tensors.items()})
        for node in graph.nodes:
            read = tuple(None if i is None else new[i] for i in node.inputs)
            written = tuple(new[i] for i in node.outputs)
            nodes.append(replace(node, inputs=read, outputs=written, index=len(nodes)))
        inputs += [new[i] for i in graph.inputs]
        outputs += [new[i] for i in graph.outputs]
    return Graph("fuzz", tensors, tuple(nodes), tuple(inputs), tuple(outputs))


def _run(models: Sequence[Expected], selection: Selection, board: Board) -> Iterator[str]:
    """Build and run one image; the models whose outputs differ."""
    graph = union([model.graph for model in models])
    program = lower(graph, selection, Source("fuzz", "0" * 64), board=board.name)
    with tempfile.TemporaryDirectory(prefix="mcugen-fuzz-") as folder:
        project = Path(folder, "project")
        emit(program, board, project)
        with open_runner(board, build(project).image) as runner:
            for sample in range(len(models[0].samples)):
                inputs = [a.tobytes() for model in models for a in model.samples[sample]]
                outputs = iter(runner.infer(inputs))
                for model in models:
                    for i, wanted in zip(model.graph.outputs, model.outputs[sample], strict=True):
                        where = f"{model.case.name} on {board.name}, tensor#{i}"
                        found = compare(_array(next(outputs), wanted), wanted, where, model.case)
                        if found:
                            yield found


def _array(data: bytes, like: Array) -> Array:
    return np.frombuffer(data, like.dtype).reshape(like.shape)
