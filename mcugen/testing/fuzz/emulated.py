"""Runs random models on emulated boards, many as one: an image holds the union of their graphs."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mcugen import interpret
from mcugen.build import build
from mcugen.emit import emit
from mcugen.ir import Graph, Node, Tensor, TensorId
from mcugen.lower import lower
from mcugen.ops.base import Array
from mcugen.program import Source
from mcugen.run.runner import open_runner
from mcugen.select import Selection
from mcugen.target import Board
from mcugen.testing.fuzz.catalog import turns
from mcugen.testing.fuzz.generate import Case
from mcugen.testing.fuzz.references import answers
from mcugen.testing.fuzz.run import Expected, compare, expected, variants

RAM = 0.25  # of a board's, for the inputs and outputs of an image's models
FLASH = 0.25  # of a board's, for their constants
MOST_PORTS = 40
PER_KERNEL = 2  # models for each kernel of a board's own instructions


@dataclass(frozen=True, slots=True)
class Outcome:
    """How many models ran on a board, with which kernels, and where they differ from numpy."""

    models: int
    kernels: frozenset[str]
    mismatches: tuple[str, ...]


def sample(board: Board, numbers: Sequence[int], ops: Sequence[str], most: int) -> list[int]:
    """Models for a board: some for each of its kernels, those of its own instructions first."""
    order = turns(ops)
    rows: list[list[int]] = [[] for _ in order]
    for number in numbers:
        rows[number % len(order)].append(number)
    families = board.cpu.families
    ranked = sorted(
        (-1 if turn.kernel is None else families.index(turn.kernel.family), position)
        for position, turn in enumerate(order)
        if turn.kernel is None or turn.kernel.family in families
    )
    own = [position for rank, position in ranked if 0 <= rank < len(families) - 1]
    rest = [position for _, position in ranked if position not in own]
    step = max(1, len(rest) // max(1, most - PER_KERNEL * len(own)))
    chosen = [number for position in own for number in rows[position][:PER_KERNEL]]
    return chosen + [number for position in rest[::step] for number in rows[position][:1]]


def run(cases: Sequence[Case], board: Board) -> Outcome:
    """Run models on a board, with every kernel in turn."""
    models = [expected(case, answer) for case, answer in zip(cases, answers(cases), strict=True)]
    good = [_apart(model) for model in models if isinstance(model, Expected)]
    kernels: set[str] = set()
    found: list[str] = []
    count = 0
    for group in _groups(good, board):
        count += len(group)
        for selection in variants(union([model.graph for model in group]), board.cpu.families):
            kernels.update(kernel.name for kernel in selection.kernels if kernel is not None)
            found += _run(group, selection, board)
    return Outcome(count, frozenset(kernels), tuple(found))


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


def _apart(model: Expected) -> Expected:
    """The model with the outputs of a board, whose firmware resets before each inference."""
    samples = model.samples[: model.period]
    return replace(
        model, samples=samples, outputs=[interpret.outputs(model.graph, each) for each in samples]
    )


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
