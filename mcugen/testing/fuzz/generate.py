"""A random model of a seed and a number: the same one each time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from mcugen.exporters import tflite as exporter
from mcugen.importers import tflite as importer
from mcugen.ir import DType, Graph, Tensor
from mcugen.ops.base import Array
from mcugen.testing.check import random_values
from mcugen.testing.fuzz.catalog import SUBJECTS, Turn, turns
from mcugen.testing.fuzz.sketch import IllegalError, Sketch

SAMPLES = 2  # sets of inputs for each model
TRIES = 200  # of one operator, until its rules hold

FORCED_TRIES = 20  # of TRIES each, until a kernel takes the operator

Range = tuple[float, float]


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """A model, how to draw its inputs, and the reference that judges it.

    `ranges` has the least and the greatest value of each input, None for those of its type.
    """

    name: str
    model: bytes
    reference: str
    ranges: tuple[Range | None, ...]
    exact: bool

    @property
    def graph(self) -> Graph:
        """The model as it is imported."""
        return importer.loads(self.model, self.name)

    def samples(self) -> list[list[Array]]:
        """The sets of inputs."""
        graph = self.graph
        tensors = [graph.tensors[i] for i in graph.inputs]
        return [
            [_values(t, limits, rng) for t, limits in zip(tensors, self.ranges, strict=True)]
            for rng in map(np.random.default_rng, range(SAMPLES))
        ]


def case_of(
    graph: Graph, name: str, reference: str, ranges: Sequence[Range | None], exact: bool
) -> Case:
    """The case of a graph, which is written as a file first."""
    return Case(name, exporter.dumps(graph), reference, tuple(ranges), exact)


def _values(tensor: Tensor, limits: Range | None, rng: np.random.Generator) -> Array:
    if tensor.dtype is DType.BOOL:
        return rng.integers(0, 2, tensor.shape).astype(np.bool_)
    if limits is None:
        return random_values(tensor, rng)
    if tensor.dtype.is_float:
        return rng.uniform(*limits, tensor.shape).astype(tensor.dtype.numpy)
    low, high = map(int, limits)
    return rng.integers(low, high, tensor.shape, tensor.dtype.numpy, endpoint=True)


def cases(seed: int, count: int, ops: Sequence[str] | None = None) -> Iterator[Case]:
    """The first models of a seed; with `ops`, of these operators only."""
    return (case(seed, number, ops) for number in range(count))


def case(seed: int, number: int, ops: Sequence[str] | None = None) -> Case:
    """One model. Kernels take turns to be given its first operator; half of them have no other.

    A kernel may be so particular that no draw suits it: another kernel has its turn then.
    """
    order = turns(SUBJECTS if ops is None else ops)
    first = order[number % len(order)]
    rng = np.random.default_rng((seed, number))
    for attempt in range(TRIES):
        try:
            turn = first if attempt < FORCED_TRIES else Turn(first.op, None)
            return _grown(rng, f"fuzz_{seed}_{number}", turn, [each.op for each in order])
        except IllegalError:
            continue
    raise AssertionError(f"{first.op}: no legal model in {TRIES} attempts")


def _grown(rng: np.random.Generator, name: str, turn: Turn, listed: Sequence[str]) -> Case:
    names, first = sorted(set(listed)), turn.op
    length = int(rng.choice((1, 2, 3, 4, 6, 9), p=(0.5, 0.15, 0.1, 0.1, 0.1, 0.05)))
    references = SUBJECTS[first].references
    reference = references[int(rng.integers(len(references)))]
    peers = [op for op in names if reference in SUBJECTS[op].references]
    if _is_approximate(turn):
        length = 1  # an operator behind it could make any difference large
    sketch = Sketch(rng, reference, reuse=length > 1, wanted=turn.kernel)
    _grow(sketch, first)
    sketch.wanted = None
    while len(sketch.nodes) < length:
        _grow(sketch, peers[int(rng.integers(len(peers)))])
    approximate = any(SUBJECTS[node.op].approximate for node in sketch.nodes)
    floating = any(tensor.dtype.is_float for tensor in sketch.tensors.values())
    graph = sketch.graph()
    ranges = [sketch.ranges.get(i) for i in graph.inputs]
    return case_of(graph, name, reference, ranges, exact=not (approximate and floating))


def _is_approximate(turn: Turn) -> bool:
    is_float = turn.kernel is not None and turn.kernel.dtype is DType.FLOAT32
    return is_float and SUBJECTS[turn.op].approximate


def _grow(sketch: Sketch, op: str) -> None:
    """Add an operator, drawn anew until it is legal."""
    sketch.exact = not (sketch.reuse and SUBJECTS[op].approximate)
    for _ in range(TRIES):
        try:
            with sketch.attempt():
                SUBJECTS[op].grow(sketch)
            return
        except IllegalError:
            continue
    raise IllegalError
