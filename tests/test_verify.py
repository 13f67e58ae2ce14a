"""What a legal graph is: each defect is found, named, and does not hide the others."""

from __future__ import annotations

import inspect
import pkgutil
from dataclasses import replace
from importlib import import_module
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from mcugen import ops, verify
from mcugen.errors import Problem, UnsupportedModelError
from mcugen.ir import Call, DType, Graph, Node, Quant, Tensor, Unsupported
from mcugen.ops import BY_TFLITE, OPS
from mcugen.ops.base import Activation, Family, Op, rule_text

ACTIVATION = Quant((0.5,), (0,))


def tensor(*shape: int, name: str = "t") -> Tensor:
    return Tensor(name, shape, DType.INT8, ACTIVATION)


def relu(source: int | None, target: int, index: int = 0) -> Node:
    return Node("relu", f"n{index}", (source,), (target,), Activation.RELU, index)


def chain(**changes: Any) -> Graph:
    """0 -> RELU -> 1 -> RELU -> 2."""
    tensors = {i: tensor(1, 4, name=f"t{i}") for i in range(3)}
    graph = Graph("chain", tensors, (relu(0, 1, 0), relu(1, 2, 1)), (0,), (2,))
    return graph.with_(**changes)


def texts(graph: Graph) -> list[str]:
    return [str(problem) for problem in verify.problems(graph)]


def test_a_legal_graph_has_no_problems() -> None:
    assert verify.problems(chain()) == []
    verify.check(chain())


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"nodes": (relu(1, 2, 1), relu(0, 1, 0))}, 'reads tensor#1 "t1" before it is written'),
        ({"nodes": (relu(1, 1, 0), relu(1, 2, 1))}, 'reads tensor#1 "t1" before it is written'),
        ({"nodes": (relu(0, 2, 0), relu(0, 2, 1))}, 'writes tensor#2 "t2", which has a value'),
        ({"nodes": (relu(0, 0, 0), relu(0, 2, 1))}, 'writes tensor#0 "t0", which has a value'),
        ({"nodes": (relu(0, 2, 0), replace(relu(0, 1, 1), outputs=()))}, "no outputs"),
        (
            {"nodes": (relu(0, 1, 0), relu(1, 2, 1), relu(0, 7, 2))},
            "tensor#7, which does not exist",
        ),
        ({"inputs": ()}, "model: no input"),
        ({"outputs": ()}, "model: no output"),
        ({"inputs": (0, 0)}, "model: an input listed twice"),
        ({"outputs": (2, 2)}, "model: an output listed twice"),
        ({"outputs": (0,)}, 'tensor#0 "t0": an output that no operator computes'),
        ({"outputs": (9,)}, "model: output tensor#9, which does not exist"),
        ({"inputs": (0, 9)}, "model: input tensor#9, which does not exist"),
    ],
)
def test_wiring(changes: dict[str, Any], expected: str) -> None:
    assert expected in "\n".join(texts(chain(**changes)))


@pytest.mark.parametrize(
    ("position", "changed", "expected"),
    [
        (0, tensor(-1, 4), 'tensor#0 "t": shape [-1, 4], -1 is open'),
        (0, tensor(1, 0), 'tensor#0 "t": shape [1, 0]; Dimensions must be 1 or more.'),
        (0, tensor(2**31), 'tensor#0 "t": shape [2147483648], 2147483648 bytes'),
        (1, tensor(1, 5), "outputs of shape [1, 5]; The inputs make it [1, 4]."),
        (
            0,
            Tensor("t", (1, 4), DType.INT8, ACTIVATION, np.zeros((1, 4), np.int8)),
            'tensor#0 "t": a constant input',
        ),
        (
            1,
            Tensor("t", (1, 4), DType.INT8, ACTIVATION, np.zeros((1, 4), np.int8)),
            'writes tensor#1 "t", which has a value already',
        ),
    ],
)
def test_tensors(position: int, changed: Tensor, expected: str) -> None:
    assert expected in "\n".join(texts(chain().with_tensor(position, changed)))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_constants_are_finite(value: float) -> None:
    weights = Tensor("w", (2,), DType.FLOAT32, None, np.array([1.0, value], np.float32))
    graph = chain(tensors={**chain().tensors, 3: weights}, nodes=(relu(0, 1), relu(3, 2, 1)))
    assert 'tensor#3 "w": 1 of 2 values NaN or infinite' in "\n".join(texts(graph))


def test_a_missing_constant_is_found() -> None:
    graph = chain()
    absent = graph.with_(nodes=(replace(graph.nodes[0], inputs=(5,)), graph.nodes[1]))
    absent = absent.with_tensor(5, tensor(1, 4, name="weights"))
    assert 'reads tensor#5 "weights" before it is written' in texts(absent)[0]


@pytest.mark.parametrize("inputs", [(), (None,), (0, 0)])
def test_number_of_inputs(inputs: tuple[int | None, ...]) -> None:
    graph = chain()
    nodes = (replace(graph.nodes[0], inputs=inputs), graph.nodes[1])
    present = sum(i is not None for i in inputs)
    assert texts(graph.with_(nodes=nodes)) == [f'op#0 relu "n0": {present} inputs; RELU takes 1.']


def test_broken_rules_name_the_tensors_that_are_read() -> None:
    graph = chain().with_tensor(1, Tensor("t1", (1, 4), DType.INT16, ACTIVATION))
    assert [problem.found.partition(" (")[2] for problem in verify.problems(graph)] == [
        'reads "t0")',
        'reads "t1")',
    ]


def test_sizes_that_follow_from_a_broken_rule_are_not_reported() -> None:
    shrunk = Tensor("t1", (0, 4), DType.INT16, ACTIVATION)
    found = verify.problems(chain().with_tensor(1, shrunk))
    assert {problem.where for problem in found} == {'op#0 relu "n0"', 'op#1 relu "n1"'}


def test_broken_rules_carry_the_rules_text() -> None:
    graph = chain().with_tensor(1, Tensor("t1", (1, 4), DType.INT16, ACTIVATION))
    found = verify.problems(graph)
    assert [problem.where for problem in found] == ['op#0 relu "n0"', 'op#1 relu "n1"']
    assert {problem.allowed for problem in found} == {rule_text(OPS["relu"].rules[0])}


def test_everything_is_listed_at_once() -> None:
    nodes = (
        Node("unsupported", "a", (0,), (1,), Unsupported("ATAN2"), 0),
        Node("unsupported", "b", (1,), (2,), Unsupported("ATAN2"), 1),
        Node("unsupported", "c", (2,), (3,), Unsupported('CUSTOM "x"'), 2),
        relu(3, 4, 3),
    )
    tensors = {i: tensor(1, 4) for i in range(4)} | {4: tensor(1, 5)}
    problem = Problem("model", "2 subgraphs", "One subgraph is supported.")
    graph = Graph("all", tensors, nodes, (0,), (4,), (problem,))
    with pytest.raises(UnsupportedModelError) as caught:
        verify.check(graph)
    assert [(p.where, p.found) for p in caught.value.problems] == [
        ("model", "2 subgraphs"),
        ("op#0, op#1", "operator ATAN2"),
        ("op#2", 'operator CUSTOM "x"'),
        ('op#3 relu "n3"', "outputs of shape [1, 5]"),
    ]
    assert str(caught.value).count("Supported operators are ABS, ADD, ") == 1
    assert [p.allowed[:14] for p in caught.value.problems[1:3]] == ["Not supported."] * 2


def test_tensors_of_unknown_type_do_not_make_their_readers_wrong() -> None:
    graph = chain().with_tensor(1, Tensor("t1", (1, 4), DType.OTHER))
    assert verify.problems(graph) == []  # the importer has reported the type


def test_calls_without_kernel() -> None:
    halves = {i: Tensor("t", (1, 4), DType.FLOAT16) for i in range(2)}
    singles = {i: Tensor("t", (1, 4), DType.FLOAT32) for i in (2, 3)}
    nodes = tuple(Node("dequantize", f"n{i}", (i,), (i + 2,), None, i) for i in range(2))
    graph = Graph("halves", halves | singles, nodes, (0, 1), (2, 3))
    assert verify.problems(graph) == []
    found = verify.kernel_problems(graph, [Family.REF])
    assert [problem.where for problem in found] == ['op#0 dequantize "n0"', 'op#1 dequantize "n1"']
    assert "takes int8, not float16" in found[0].allowed
    assert verify.kernel_problems(chain(), [Family.REF]) == []
    assert len(verify.kernel_problems(chain(), [])) == 2


@pytest.mark.parametrize("first", ["an open input", "an unsupported operator"])
def test_one_problem_says_it_where_the_sizes_behind_it_mean_nothing(first: str) -> None:
    """Converters store placeholders there, such as -3 or 0; and the first tensor counts, too."""
    is_open = first == "an open input"
    tensors = {0: tensor(1, -1 if is_open else 4), 1: tensor(1, -3), 2: tensor(1, 0), 3: tensor(1)}
    head = relu(0, 1, 0) if is_open else Node("unsupported", "n", (0,), (1,), Unsupported("RFFT2D"))
    nodes = (head, relu(1, 2, 1), relu(2, 3, 2))
    found = verify.problems(Graph("behind", tensors, nodes, (0,), (3,)))
    assert len(found) == 1
    assert found[0].found == ("shape [1, -1], -1 is open" if is_open else "operator RFFT2D")


def test_a_custom_operator_can_come_with_a_plugin() -> None:
    node = Node("unsupported", "n", (0,), (1,), Unsupported("custom:Mine"))
    graph = Graph("custom", {0: tensor(1, 4), 1: tensor(1, 4)}, (node,), (0,), (1,))
    assert "mcugen --plugin FILE" in verify.problems(graph)[0].allowed


def test_no_kernel_is_asked_behind_the_first_that_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rules of packed kernels look at every weight: most of the time of a large model."""

    def never(call: Call) -> str | None:
        raise AssertionError(call.node.where)

    for node in chain().nodes:
        op = OPS[node.op]
        trap = replace(op.kernels[0], applies=(never,))
        monkeypatch.setitem(OPS, node.op, replace(op, kernels=(*op.kernels, trap)))
    assert verify.kernel_problems(chain(), [Family.REF]) == []


# ---- rules on nonsense

NONSENSE = (
    (),
    (None,),
    (Tensor("scalar", (), DType.FLOAT32),),
    (Tensor("zero", (0, 0), DType.INT8),),
    (Tensor("open", (-1, 4, 4, 1), DType.INT8, ACTIVATION),),
    (tensor(1, 4, 4, 1), tensor(0, 0, 0, 0)),
    (tensor(1, 4, 4, 1), tensor(1, 9, 9, 1), None),
    (Tensor("text", (4,), DType.BOOL), Tensor("index", (4,), DType.INT64)),
    (tensor(1, 4), Tensor("n", (2,), DType.INT32, None, np.array([-7, 2**31 - 1], np.int32))),
    (tensor(1, 4), Tensor("n", (0, 3), DType.INT32, None, np.zeros((0, 3), np.int32))),
    (tensor(1, 4, 4, 1), Tensor("n", (1,), DType.FLOAT32, None, np.full(1, np.nan, np.float32))),
    tuple(tensor(1, 2, 3, 4, 5, 6, 7, 8) for _ in range(9)),
)


@pytest.mark.parametrize("op", OPS.values(), ids=list(OPS))
@pytest.mark.parametrize("inputs", NONSENSE)
def test_rules_survive_nonsense(op: Op, inputs: tuple[Tensor | None, ...]) -> None:
    node = Node(op.name, "n", tuple(range(len(inputs))), (99,), None, 0)
    for output in (tensor(1, 4), Tensor("o", (), DType.FLOAT32), Tensor("o", (0,), DType.BOOL)):
        found = verify.call_problems(Call(node, inputs, (output,)))
        assert all(isinstance(problem, Problem) for problem in found)


# ---- the registry


@pytest.mark.parametrize("op", BY_TFLITE.values(), ids=list(BY_TFLITE))
def test_operator_is_documented_and_named_as_in_the_schema(op: Op) -> None:
    assert OPS[op.name] is op
    assert hasattr(schema.BuiltinOperator, op.tflite)
    for rule in op.rules:
        assert rule_text(rule).endswith("."), rule
    for kernel in op.kernels:
        assert kernel.header.startswith("mcu_"), kernel
        assert kernel.header.endswith(".h"), kernel


def test_every_operator_module_is_registered() -> None:
    for module in pkgutil.iter_modules(ops.__path__):
        found = inspect.getmembers(import_module(f"mcugen.ops.{module.name}"))
        here = [value for _, value in found if isinstance(value, Op)]
        assert all(OPS.get(op.name) is op for op in here), module.name
        assert not here or module.name in {op.name for op in here}, module.name
