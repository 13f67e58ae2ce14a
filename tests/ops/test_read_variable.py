"""Resource variables: several inferences equal TFLM, in numpy and in C; a reset begins anew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mcugen
from mcugen import interpret, passes, reference, verify
from mcugen.errors import ModelFileError, UnsupportedModelError
from mcugen.importers import tflite
from mcugen.ir import Graph
from mcugen.lower import lower
from mcugen.ops.read_variable import ASSIGN, READ
from mcugen.plan_verify import PlanError
from mcugen.program import Source
from mcugen.select import select
from mcugen.target import CPUS
from mcugen.testing.builder import ModelBuilder, quant
from mcugen.testing.check import random_inputs
from mcugen.testing.fuzz.host import Host, Job

SHAPE = (1, 3, 4)
FIRST = np.arange(-5, 7).reshape(SHAPE)
STEPS = 4


def affine(dtype: str) -> Any:
    return {"int8": quant(0.5, -7), "int16": quant(0.5)}.get(dtype)


def model(dtype: str = "int8", initial: np.ndarray | None = None) -> bytes:
    """A running sum, and a variable that remembers the last input but one.

    A second handle names the sum again; it is read a second time after it was assigned.
    """
    b = ModelBuilder()

    def value(shape: Sequence[int] = SHAPE) -> int:
        return b.tensor(shape, dtype, affine(dtype))

    def handle(name: str) -> int:
        tensor = b.tensor((), "resource")
        b.op("VAR_HANDLE", [], [tensor], {"container": "", "sharedName": name})
        return tensor

    if initial is not None:
        b.op("CALL_ONCE", [], [], {"initSubgraphIndex": 1})
    x, old, total, again, last, end = (value() for _ in range(6))
    total_handle, delayed = handle("total"), handle("delayed")
    b.op("READ_VARIABLE", [total_handle], [old])
    b.op("ADD", [x, old], [total], {"potScaleInt16": False})
    b.op("ASSIGN_VARIABLE", [total_handle, total], [])
    b.op("READ_VARIABLE", [handle("total")], [again])
    b.op("READ_VARIABLE", [delayed], [last])
    b.op("ASSIGN_VARIABLE", [delayed, x], [])
    b.op("ADD", [again, last], [end], {"potScaleInt16": False})
    if initial is not None:
        once = b.subgraph()
        for name, values in (("total", initial), ("delayed", 3 - initial)):
            given = once.tensor((), "resource")
            data = once.tensor(initial.shape, dtype, affine(dtype), values)
            once.op("VAR_HANDLE", [], [given], {"container": "", "sharedName": name})
            once.op("ASSIGN_VARIABLE", [given, data], [])
    return b.build([x], [total, end])


CASES = {
    f"{dtype}-{'given' if initial is not None else 'zero'}": model(dtype, initial)
    for dtype in ("int8", "int16", "float32")
    for initial in (None, FIRST)
}


def samples(graph: Graph) -> list[list[np.ndarray]]:
    return [random_inputs(graph, seed) for seed in range(STEPS)]


def in_numpy(graph: Graph) -> list[list[np.ndarray]]:
    states, outputs = interpret.reset(graph), []
    for sample in samples(graph):
        values, states = interpret.step(graph, sample, states)
        outputs.append([values[i] for i in graph.outputs])
    return outputs


@pytest.mark.parametrize("name", CASES)
def test_inferences_equal_tflm(name: str) -> None:
    graph = tflite.loads(CASES[name], "test")
    verify.check(graph)
    for _ in range(2):  # each sequence begins with the first values
        interpreter = reference.tflm(CASES[name])
        expected = interpreter.sequence(samples(graph))
        for ours, theirs in zip(in_numpy(graph), expected, strict=True):
            for i, output in zip(graph.outputs, ours, strict=True):
                np.testing.assert_array_equal(output, theirs[i])


def test_a_reference_begins_anew_each_time() -> None:
    for load in (reference.tflm, reference.litert):
        interpreter = load(CASES["int8-given"])
        first, second = (interpreter.outputs([np.ones(SHAPE, np.int8)]) for _ in range(2))
        np.testing.assert_array_equal(first, second)


def test_the_generated_code_equals_numpy(tmp_path: Path) -> None:
    graphs = [passes.run(tflite.loads(content, "test")) for content in CASES.values()]
    jobs = [Job(g, select(g, CPUS["host"]), samples(g), STEPS) for g in graphs]
    for name, graph, found in zip(CASES, graphs, Host(tmp_path).run(jobs), strict=True):
        assert not isinstance(found, str), f"{name}: {found}"
        for ours, theirs in zip(found, in_numpy(graph), strict=True):
            for output, expected in zip(ours, theirs, strict=True):
                np.testing.assert_array_equal(output, expected, name)


def test_an_assignment_is_kept_though_nobody_reads_its_output() -> None:
    graph = passes.run(tflite.loads(CASES["int8-zero"], "test"))
    assert [node.op for node in graph.nodes].count("assign_variable") == 2
    assert {graph.tensors[i].name for i in graph.variables} == {"total", "delayed"}


def test_an_output_never_lies_in_the_state(tmp_path: Path) -> None:
    """Not even the new value of a variable."""
    graph = tflite.loads(CASES["int8-zero"], "test")
    assigned = next(node for node in graph.nodes if node.op == "assign_variable").outputs[0]
    graph = passes.run(graph.with_(outputs=(assigned, graph.outputs[1])))
    assert "move" in [node.op for node in graph.nodes]
    job = Job(graph, select(graph, CPUS["host"]), samples(graph), STEPS)
    (found,) = Host(tmp_path).run([job])
    assert not isinstance(found, str), found
    for ours, theirs in zip(found, in_numpy(graph), strict=True):
        for output, expected in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(output, expected)
    (move,) = (node for node in graph.nodes if node.op == "move")
    broken = graph.with_(outputs=(move.inputs[0], graph.outputs[1]))
    with pytest.raises(PlanError, match=f"output {move.inputs[0]} lies in the state"):
        lower(broken, select(broken, CPUS["host"]), Source("test", "0" * 64))


# ---- what is refused


def test_rules_refuse_another_type_shape_or_scale() -> None:
    graph = tflite.loads(CASES["int8-zero"], "test")
    calls = {call.node.op: call for call in graph.calls()}
    for op, position in ((READ, None), (ASSIGN, 1)):
        call = calls[op.name]
        for change in (
            {"dtype": graph.tensors[0].dtype.__class__("int16")},
            {"quant": quant(1.0)},
            *([{"shape": (3, 4)}] if position else []),
        ):
            if position is None:
                changed = replace(call, outputs=(replace(call.output, **change),))
            else:
                value = replace(call.input(position), **change)
                changed = replace(call, inputs=(call.input(0), value))
            (rule,) = op.rules
            assert rule(call) is None and rule(changed) is not None


def test_first_values_of_another_shape_are_refused() -> None:
    graph = tflite.loads(model("int8", FIRST.reshape(3, 4)), "test")
    assert len(graph.problems) == 2
    assert str(graph.problems[0]) == (
        'variable "total": int8 of shape [3, 4] as its first value; '
        "It must be int8 of shape [1, 3, 4]."
    )


def once(fill: Any, index: int = 1) -> bytes:
    b = ModelBuilder()
    x, y = (b.tensor((1, 4), "int8", quant(0.5)) for _ in range(2))
    b.op("CALL_ONCE", [], [], {"initSubgraphIndex": index})
    b.op("RELU", [x], [y])
    fill(b.subgraph())
    return b.build([x], [y])


def test_an_initial_subgraph_may_only_assign_constants() -> None:
    def fill(s: ModelBuilder) -> None:
        p, q = (s.tensor((1, 4), "int8", quant(0.5)) for _ in range(2))
        s.op("RELU", [p], [q])

    (problem,) = tflite.loads(once(fill), "test").problems
    assert "an initial subgraph with RELU; It may assign constants to variables" in str(problem)


def test_a_subgraph_that_is_not_there_is_refused() -> None:
    with pytest.raises(ModelFileError, match="subgraph 7; the file has 2"):
        tflite.loads(once(lambda s: None, index=7), "test")


def test_a_handle_that_comes_from_nowhere_is_refused() -> None:
    b = ModelBuilder()
    handle, y = b.tensor((), "resource"), b.tensor((1, 4), "int8", quant(0.5))
    b.op("READ_VARIABLE", [handle], [y])
    graph = tflite.loads(b.build([handle], [y]), "test")
    assert any("RESOURCE" in str(problem) for problem in verify.problems(graph))


def test_quantize_refuses_a_memory(tmp_path: Path) -> None:
    path = tmp_path / "sum.tflite"
    path.write_bytes(CASES["float32-zero"])
    with pytest.raises(UnsupportedModelError, match=r"variables .* \(total, delayed\)"):
        mcugen.quantize(path, np.zeros((2, *SHAPE[1:]), np.float32))
