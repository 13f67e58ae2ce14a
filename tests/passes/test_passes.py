"""Each rewrite does what it says, leaves alone what it must, and changes no value."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from mcugen import interpret, passes, reference, verify
from mcugen.errors import UnsupportedModelError
from mcugen.importers import tflite
from mcugen.ir import DType, Graph, Quant
from mcugen.ops.base import Activation
from mcugen.passes.drop_identity import drop_identity
from mcugen.passes.fuse_activation import fuse_activation
from mcugen.passes.resolve import resolve
from mcugen.passes.strip_float_edges import strip_float_edges
from mcugen.testing.builder import ModelBuilder, quant

CONV = {"strideH": 1, "strideW": 1, "dilationHFactor": 1, "dilationWFactor": 1}
Q = quant(0.5, 3)


def graph_of(model: ModelBuilder, inputs: list[int], outputs: list[int]) -> Graph:
    return tflite.loads(model.build(inputs, outputs), "test")


def ops(graph: Graph) -> list[str]:
    return [node.op for node in graph.nodes]


def random_input(graph: Graph) -> list[np.ndarray]:
    rng = np.random.default_rng(7)
    return [
        rng.integers(-128, 128, graph.tensors[i].shape).astype(graph.tensors[i].dtype.numpy)
        for i in graph.inputs
    ]


def assert_same_values(before: Graph, after: Graph) -> None:
    """Every tensor that is left has the value that it had."""
    verify.check(after)
    inputs = random_input(before)
    old, new = interpret.run(before, inputs), interpret.run(after, inputs)
    for i, value in new.items():
        np.testing.assert_array_equal(value, old[i], err_msg=f"tensor {i}", strict=True)


# ---- resolve


def flatten_model(batch: int = -1) -> Graph:
    """Flatten as Keras 3 exports it: SHAPE, STRIDED_SLICE, PACK, RESHAPE."""
    model = ModelBuilder()
    x = model.tensor([1, 2, 3, 4], quant=Q, signature=[batch, 2, 3, 4])
    shape = model.tensor([4], "int32")
    begin, end, step = (model.tensor([1], "int32", data=[v]) for v in (0, 1, 1))
    count = model.tensor([], "int32")
    rest = model.tensor([], "int32", data=24)
    target = model.tensor([2], "int32")
    y = model.tensor([1, 24], quant=Q)
    model.op("SHAPE", [x], [shape], {"outType": 2})
    model.op("STRIDED_SLICE", [shape, begin, end, step], [count], {"shrinkAxisMask": 1})
    model.op("PACK", [count, rest], [target], {"valuesCount": 2})
    model.op("RESHAPE", [x, target], [y])
    return graph_of(model, [x], [y])


def test_resolve_folds_the_flatten_of_an_open_batch() -> None:
    graph = resolve(flatten_model())
    verify.check(graph)
    (node,) = graph.nodes
    assert (node.op, node.index) == ("reshape", 3)
    assert graph.tensors[node.inputs[1]].values().tolist() == [1, 24]
    assert [graph.tensors[i].shape for i in (*graph.inputs, *graph.outputs)] == [
        (1, 2, 3, 4),
        (1, 24),
    ]


def test_resolve_leaves_other_open_dimensions_to_verify() -> None:
    model = ModelBuilder()
    x = model.tensor([1, 1, 4], quant=Q, signature=[-1, -1, 4])
    y = model.tensor([1, 1, 4], quant=Q)
    model.op("RELU", [x], [y])
    with pytest.raises(UnsupportedModelError, match=r"shape \[1, -1, 4\], -1 is open; Only the ba"):
        passes.run(graph_of(model, [x], [y]))


def test_resolve_corrects_stored_shapes() -> None:
    model = ModelBuilder()
    x, y, z = (
        model.tensor([4, 5], quant=Q),
        model.tensor([1, 5], quant=Q),
        model.tensor([9], quant=Q),
    )
    model.op("RELU", [x], [y])
    model.op("RELU", [y], [z])
    graph = resolve(graph_of(model, [x], [z]))
    verify.check(graph)
    assert [graph.tensors[i].shape for i in (y, z)] == [(4, 5), (4, 5)]


def half_precision_bias() -> Graph:
    """A constant that the file stores as float16, behind DEQUANTIZE."""
    model = ModelBuilder()
    x, y = model.tensor([1, 3], "float32"), model.tensor([1, 3], "float32")
    stored = model.tensor([3], "float16", data=[0.5, -2.0, 1000.0])
    bias = model.tensor([3], "float32")
    model.op("DEQUANTIZE", [stored], [bias])
    model.op("ADD", [x, bias], [y])
    return graph_of(model, [x], [y])


def test_resolve_folds_constants() -> None:
    graph = resolve(half_precision_bias())
    verify.check(graph)
    assert ops(graph) == ["add"]
    bias = graph.tensors[graph.nodes[0].inputs[1]]
    assert bias.dtype is DType.FLOAT32
    assert bias.values().tolist() == [0.5, -2.0, 1000.0]
    assert all(tensor.dtype is not DType.FLOAT16 for tensor in graph.tensors.values())


def test_resolve_does_not_fold_what_would_be_huge() -> None:
    model = ModelBuilder()
    x = model.tensor([1, 1], "float32")
    rows = model.tensor([2**13, 1], "float32", data=np.zeros((2**13, 1)))
    cols = model.tensor([1, 2**13], "float32", data=np.zeros((1, 2**13)))
    table, y = (model.tensor([2**13, 2**13], "float32") for _ in range(2))
    model.op("ADD", [rows, cols], [table])
    model.op("ADD", [x, table], [y])
    assert ops(resolve(graph_of(model, [x], [y]))) == ["add", "add"]


def test_resolve_drops_dead_nodes_and_keeps_unused_inputs() -> None:
    model = ModelBuilder()
    x, unused = model.tensor([4], quant=Q), model.tensor([4], quant=Q)
    y, dead, deader = (model.tensor([4], quant=Q) for _ in range(3))
    model.op("RELU", [x], [dead])
    model.op("RELU", [dead], [deader])
    model.op("RELU6", [x], [y])
    graph = resolve(graph_of(model, [x, unused], [y]))
    verify.check(graph)
    assert ops(graph) == ["relu6"]
    assert set(graph.tensors) == {x, unused, y}


def test_resolve_keeps_unsupported_operators_for_the_report() -> None:
    model = ModelBuilder()
    x, y = model.tensor([4], quant=Q), model.tensor([4], quant=Q)
    model.op("ATAN2", [x], [y])
    graph = resolve(graph_of(model, [x], [y]))
    assert ops(graph) == ["unsupported"]


def test_an_output_that_does_not_depend_on_the_input_is_refused() -> None:
    model = ModelBuilder()
    x, constant, y = model.tensor([4], quant=Q), model.tensor([4], data=[1] * 4), model.tensor([4])
    model.op("RESHAPE", [constant, model.tensor([1], "int32", data=[4])], [y])
    with pytest.raises(UnsupportedModelError, match="an output that no operator computes"):
        passes.run(graph_of(model, [x], [y]))


def test_a_constant_does_not_hide_that_a_tensor_is_written_twice() -> None:
    model = ModelBuilder()
    x, y = model.tensor([4], "float32"), model.tensor([4], "float32")
    one = model.tensor([4], "float32", data=[1] * 4)
    model.op("RELU", [x], [y])
    model.op("RELU", [one], [y])
    with pytest.raises(UnsupportedModelError, match=r"op#1 relu.*which has a value already"):
        passes.run(graph_of(model, [x], [y]))


# ---- strip_float_edges


def float_edges(*, also_read: bool = False) -> Graph:
    model = ModelBuilder()
    x = model.tensor([1, 4], "float32")
    a, b = model.tensor([1, 4], quant=Q), model.tensor([1, 4], quant=Q)
    y = model.tensor([1, 4], "float32")
    model.op("QUANTIZE", [x], [a])
    model.op("RELU", [a], [b])
    model.op("DEQUANTIZE", [b], [y])
    if not also_read:
        return graph_of(model, [x], [y])
    xx, yy = model.tensor([1, 4], "float32"), model.tensor([1, 4], "float32")
    model.op("RELU", [x], [xx])
    model.op("RELU", [y], [yy])
    return graph_of(model, [x], [y, xx, yy])


def test_float_edges_are_stripped() -> None:
    graph = strip_float_edges(float_edges())
    verify.check(graph)
    assert ops(graph) == ["relu"]
    assert (graph.inputs, graph.outputs) == ((1,), (2,))
    assert set(graph.tensors) == {1, 2}


def test_float_edges_that_others_read_stay() -> None:
    graph = float_edges(also_read=True)
    assert ops(strip_float_edges(graph)) == ops(graph)


def test_float_edges_without_a_body_stay_legal() -> None:
    model = ModelBuilder()
    x, y = model.tensor([4], "float32"), model.tensor([4], "float32")
    a = model.tensor([4], quant=Q)
    model.op("QUANTIZE", [x], [a])
    model.op("DEQUANTIZE", [a], [y])
    graph = strip_float_edges(graph_of(model, [x], [y]))
    verify.check(graph)
    assert ops(graph) == ["dequantize"]


def test_a_square_is_a_product() -> None:
    """With LiteRT's own SQUARE as the judge."""
    model = ModelBuilder()
    x, y = (model.tensor([1, 5], "float32") for _ in range(2))
    model.op("SQUARE", [x], [y])
    graph = passes.run(tflite.loads(model.build([x], [y]), "square"))
    assert ops(graph) == ["mul"]
    data = [np.array([[-3, -0.1, 0, 1e-30, 7.3]], np.float32)]
    expected = reference.litert(model.build([x], [y])).outputs(data)
    np.testing.assert_array_equal(interpret.outputs(graph, data)[0], expected[0], strict=True)


def test_one_integer_tensor_becomes_one_output() -> None:
    model = ModelBuilder()
    x, a = model.tensor([4], quant=Q), model.tensor([4], quant=Q)
    y, z = model.tensor([4], "float32"), model.tensor([4], "float32")
    model.op("RELU", [x], [a])
    model.op("DEQUANTIZE", [a], [y])
    model.op("DEQUANTIZE", [a], [z])
    graph = strip_float_edges(graph_of(model, [x], [y, z]))
    verify.check(graph)
    assert graph.outputs == (a, z)


def test_requantization_of_an_input_stays() -> None:
    model = ModelBuilder()
    x, a, y = (
        model.tensor([4], quant=quant(0.25)),
        model.tensor([4], quant=Q),
        model.tensor([4], quant=Q),
    )
    model.op("QUANTIZE", [x], [a])
    model.op("RELU", [a], [y])
    graph = graph_of(model, [x], [y])
    assert ops(strip_float_edges(graph)) == ["quantize", "relu"]


# ---- fuse_activation


def conv_then(activation: str, after: Quant = Q, fused: int = 0, outputs: str = "z") -> Graph:
    model = ModelBuilder()
    x = model.tensor([1, 5, 5, 2], quant=quant(0.5, -1))
    weights = np.random.default_rng(3).integers(-127, 128, (3, 3, 3, 2))
    w = model.tensor([3, 3, 3, 2], quant=quant([0.01, 0.02, 0.03], axis=0), data=weights)
    bias = model.tensor([3], "int32", data=[500, -300, 7])
    y, z = model.tensor([1, 5, 5, 3], quant=Q), model.tensor([1, 5, 5, 3], quant=after)
    model.op("CONV_2D", [x, w, bias], [y], {**CONV, "fusedActivationFunction": fused})
    model.op(activation, [y], [z])
    return graph_of(model, [x], {"z": [z], "yz": [y, z]}[outputs])


@pytest.mark.parametrize("activation", ["RELU", "RELU6", "RELU_N1_TO_1"])
def test_an_activation_is_fused_exactly(activation: str) -> None:
    graph = conv_then(activation)
    fused = fuse_activation(graph)
    (node,) = fused.nodes
    assert node.attrs.activation is Activation[activation]
    assert (node.index, node.outputs) == (0, graph.outputs)
    assert_same_values(graph, fused)


@pytest.mark.parametrize(
    "graph",
    [
        conv_then("RELU", after=quant(0.5, 4)),
        conv_then("RELU", after=quant(0.25, 3)),
        conv_then("RELU6", fused=Activation.RELU.value),
        conv_then("RELU", outputs="yz"),
    ],
    ids=["other zero point", "other scale", "activation already", "read elsewhere"],
)
def test_an_activation_is_left_alone(graph: Graph) -> None:
    assert ops(fuse_activation(graph)) == ops(graph)


def test_an_operator_that_allows_no_activation_gets_none() -> None:
    model = ModelBuilder()
    x, a, y = (model.tensor([n, 4], quant=Q) for n in (1, 2, 2))
    model.op("CONCATENATION", [x, x], [a], {"axis": 0})
    model.op("RELU", [a], [y])
    assert ops(fuse_activation(graph_of(model, [x], [y]))) == ["concatenation", "relu"]


# ---- drop_identity


def between(operator: str, *quants: Quant) -> Graph:
    """RELU6, the operator, RELU6."""
    model = ModelBuilder()
    x, a = (model.tensor([1, 64], quant=quants[0]) for _ in range(2))
    b, y = (model.tensor([1, 64], quant=quants[-1]) for _ in range(2))
    model.op("RELU6", [x], [a])
    model.op(operator, [a], [b])
    model.op("RELU6", [b], [y])
    return graph_of(model, [x], [y])


@pytest.mark.parametrize(
    ("operator", "quants", "is_identity"),
    [
        ("QUANTIZE", [Q], True),
        ("QUANTIZE", [Q, quant(0.5, 4)], False),
        ("QUANTIZE", [Q, quant(0.25, 3)], False),
        ("RELU", [quant(0.5, -128)], True),
        ("RELU", [quant(0.5, -127)], False),
        ("RELU6", [quant(6 / 255, -128)], True),
        ("RELU6", [quant(6 / 254, -128)], False),
        ("RELU_N1_TO_1", [quant(0.001, 0)], True),
        ("RELU_N1_TO_1", [quant(0.01, 0)], False),
    ],
)
def test_copies_are_dropped(operator: str, quants: list[Quant], is_identity: bool) -> None:
    graph = between(operator, *quants)
    dropped = drop_identity(graph)
    assert (len(dropped.nodes) < len(graph.nodes)) == is_identity
    assert_same_values(graph, dropped)


def test_a_copy_that_is_returned_stays() -> None:
    model = ModelBuilder()
    x, y = model.tensor([4], quant=Q), model.tensor([4], quant=Q)
    model.op("QUANTIZE", [x], [y])
    assert ops(drop_identity(graph_of(model, [x], [y]))) == ["quantize"]


# ---- all of them


@pytest.mark.parametrize("rewrite", passes.PASSES)
def test_a_pass_changes_nothing_twice(rewrite: Callable[[Graph], Graph]) -> None:
    once = rewrite(conv_then("RELU6"))
    twice = rewrite(once)
    assert ops(once) == ops(twice)
    assert set(once.tensors) == set(twice.tensors)


def test_run_reports_all_problems_of_a_model() -> None:
    model = ModelBuilder()
    x, y, z = model.tensor([4], quant=Q), model.tensor([4], quant=Q), model.tensor([4], "float32")
    model.op("ATAN2", [x], [y])
    model.op("RELU", [y], [z])
    with pytest.raises(UnsupportedModelError) as caught:
        passes.run(graph_of(model, [x], [z]))
    assert [problem.where for problem in caught.value.problems] == ["op#0", 'op#1 relu "t2"']
