"""Slices and concatenations without copies: which, where they lie, and what they compute."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mcugen import interpret, passes
from mcugen.contents_verify import verify_contents
from mcugen.importers import tflite
from mcugen.in_place import in_place
from mcugen.ir import Graph
from mcugen.lifetimes import lifetimes
from mcugen.plan import plan
from mcugen.plan_verify import PlanError, verify
from mcugen.select import Selection, select
from mcugen.target import CPUS
from mcugen.testing.builder import ModelBuilder, quant
from mcugen.testing.check import assert_equal, random_inputs
from mcugen.testing.fuzz.host import Host, Job

Q = quant(0.1, -7)
HOST = CPUS["host"]


class Body(ModelBuilder):
    def activation(self, *shape: int) -> int:
        return self.tensor(shape, "int8", Q)

    def layer(self, op: str, inputs: list[int], *shape: int, **options: Any) -> int:
        output = self.activation(*shape)
        self.op(op, inputs, [output], options)
        return output

    def index(self, values: Any) -> int:
        return self.tensor(np.shape(values), "int32", data=values)


def branches(axis: int) -> bytes:
    """Two functions of the input side by side, then one of both; on rows or on channels."""
    b = Body()
    x = b.activation(1, 6, 4, 8)
    left, right = b.layer("RELU", [x], 1, 6, 4, 8), b.layer("RELU6", [x], 1, 6, 4, 8)
    shape = [1, 6, 4, 8]
    shape[axis] *= 2
    both = b.layer("CONCATENATION", [left, right], *shape, axis=axis)
    return b.build([x], [b.layer("RELU", [both], *shape)])


def halves(axis: int) -> bytes:
    """The input cut in two, the halves added."""
    b = Body()
    x = b.activation(1, 8, 4, 8)
    shape = [1, 8, 4, 8]
    shape[axis] //= 2
    y = b.layer("RELU", [x], 1, 8, 4, 8)
    upper, lower = b.activation(*shape), b.activation(*shape)
    b.op("SPLIT", [b.index(axis), y], [upper, lower], {"numSplits": 2})
    return b.build([x], [b.layer("ADD", [lower, upper], *shape), lower])


def stubborn() -> bytes:
    """Inputs, a tensor twice, a stretch of another, and a joined one joined again."""
    b = Body()
    x = b.activation(1, 4, 4)
    y = b.layer("RELU", [x], 1, 4, 4)
    once = b.layer("CONCATENATION", [x, y, y], 1, 12, 4, axis=1)
    part = b.layer("SLICE", [once, b.index([0, 4, 0]), b.index([1, 4, 4])], 1, 4, 4)
    again = b.layer("CONCATENATION", [once, part, y], 1, 20, 4, axis=1)
    packed = b.layer("PACK", [y, part], 2, 1, 4, 4, axis=0, valuesCount=2)
    return b.build([x], [b.layer("RELU", [again], 1, 20, 4), packed])


def compiled(model: bytes) -> tuple[Graph, Selection]:
    graph = passes.run(tflite.loads(model, "test"))
    return graph, select(graph, HOST)


def arena(graph: Graph, selection: Selection) -> int:
    lives = lifetimes(graph, selection)
    found = plan(lives.buffers, lives.shares)
    verify(lives.buffers, found, lives.shares)
    verify_contents(graph, selection, lives, found)
    return found.arena_bytes


MODELS = {
    "rows": branches(1),
    "channels": branches(3),
    "halves": halves(1),
    "channel halves": halves(3),
    "stubborn": stubborn(),
}


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("rows", {"join"}),
        ("channels", set()),
        ("halves", {"view"}),
        ("channel halves", set()),
        ("stubborn", {"join", "move", "view"}),
    ],
)
def test_what_needs_no_copy(name: str, made: set[str]) -> None:
    graph, selection = compiled(MODELS[name])
    changed, kernels = in_place(graph, selection)
    found = {node.op for node in changed.nodes} & {"join", "move", "view"}
    assert found == made
    assert arena(changed, kernels) <= arena(graph, selection)


def test_less_memory_where_branches_meet() -> None:
    graph, selection = compiled(MODELS["rows"])
    assert arena(graph, selection) == 768 > arena(*in_place(graph, selection)) == 576


def test_the_same_bytes_in_numpy_and_in_c(tmp_path: Path) -> None:
    graphs = [compiled(model) for model in MODELS.values()]
    jobs = []
    for graph, selection in graphs:
        changed, kernels = in_place(graph, selection)
        inputs = random_inputs(graph)
        for ours, theirs in zip(
            interpret.outputs(changed, inputs), interpret.outputs(graph, inputs), strict=True
        ):
            assert_equal(ours, theirs, graph.name)
        jobs.append(Job(changed, kernels, [inputs], 1))
    for (graph, _), job, result in zip(graphs, jobs, Host(tmp_path).run(jobs), strict=True):
        assert not isinstance(result, str), result
        for ours, theirs in zip(result[0], interpret.outputs(graph, job.samples[0]), strict=True):
            assert_equal(ours, theirs, graph.name)


def test_the_judge_finds_stretches_that_lie_elsewhere() -> None:
    for name in ("rows", "halves"):
        graph, selection = in_place(*compiled(MODELS[name]))
        lives = lifetimes(graph, selection)
        found = plan(lives.buffers, lives.shares)
        (inner, *_) = (t for t, offset in lives.inside.items() if offset)
        moved = replace(lives, inside={**lives.inside, inner: lives.inside[inner] - 4})
        with pytest.raises(PlanError, match="not whole"):
            verify_contents(graph, selection, moved, found)


def test_the_judge_finds_tensors_over_one_another() -> None:
    graph, selection = compiled(MODELS["channels"])
    lives = lifetimes(graph, selection)
    found = plan(lives.buffers, lives.shares)
    low = replace(found, offsets=tuple(0 for _ in found.offsets))
    with pytest.raises(PlanError, match="not whole"):
        verify_contents(graph, selection, lives, low)
