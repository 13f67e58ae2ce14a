"""numpy against the stored results of the reference, for real models, layer by layer."""

from __future__ import annotations

import numpy as np
import pytest

from mcugen import interpret, passes
from mcugen.errors import DataError
from mcugen.importers import tflite
from mcugen.ir import Graph
from mcugen.testing.builder import ModelBuilder, quant

INT8 = ("kws_int8", "ic_int8", "vww_int8", "ad_int8", "hello_world_int8", "digits_cnn_int8")
FLOAT = (
    "ic_float32",
    "kws_float32",
    "vww_float32",
    "ad_float32",
    "digits_cnn_float32",
    "hello_world_float32",
)


@pytest.mark.parametrize("name", INT8)
def test_int8_outputs_equal_tflm(golden, name: str) -> None:
    cases = golden(name)
    graph = passes.run(tflite.load(cases.model))
    for inputs, expected in zip(cases.inputs, cases.tflm, strict=True):
        for actual, wanted in zip(interpret.outputs(graph, inputs), expected, strict=True):
            np.testing.assert_array_equal(actual, wanted, strict=True)


@pytest.mark.parametrize("name", INT8)
def test_every_int8_layer_equals_tflm(golden, golden_layers, name: str) -> None:
    graph = passes.run(tflite.load(golden(name).model))
    x, layers = golden_layers(name)
    values = interpret.run(graph, [x])
    computed = [i for node in graph.nodes for i in node.outputs]
    assert set(computed) <= set(layers)
    for i in computed:
        tensor = graph.tensors[i]
        np.testing.assert_array_equal(values[i], tensor.left_of(layers[i]), err_msg=tensor.name)


@pytest.mark.parametrize("name", FLOAT)
def test_float_outputs_are_close(golden, name: str) -> None:
    cases = golden(name)
    graph = passes.run(tflite.load(cases.model))
    for inputs, expected in zip(cases.inputs, cases.litert, strict=True):
        for actual, wanted in zip(interpret.outputs(graph, inputs), expected, strict=True):
            assert actual.dtype == wanted.dtype == np.float32
            np.testing.assert_allclose(actual, wanted, rtol=1e-5, atol=1e-6 * np.abs(wanted).max())


def relu_graph(dtype: str = "int8") -> Graph:
    model = ModelBuilder()
    scale = quant(0.5) if dtype == "int8" else None
    x, y = (model.tensor([1, 4], dtype, scale, name=name) for name in ("x", "y"))
    model.op("RELU", [x], [y])
    return tflite.loads(model.build([x], [y]), "small")


def test_run_returns_every_tensor() -> None:
    x = np.array([[-3, -1, 0, 2]], np.int8)
    values = interpret.run(relu_graph(), [x])
    np.testing.assert_array_equal(values[0], x)
    np.testing.assert_array_equal(values[1], [[0, 0, 0, 2]])


@pytest.mark.parametrize(
    ("dtype", "inputs", "expected"),
    [
        ("int8", [], "small: 0 input arrays; the model takes 1; give one array for each"),
        ("int8", [np.zeros((1, 4), np.int8)] * 2, "small: 2 input arrays"),
        (
            "int8",
            [np.zeros((4, 1), np.int8)],
            r'small: input "x": int8 of shape \[4, 1\]; the model takes int8 of shape \[1, 4\]',
        ),
        ("int8", [np.zeros((1, 4), np.uint8)], 'small: input "x": uint8 of shape'),
        ("float32", [np.zeros((1, 4), np.float64)], 'small: input "x": float64 of shape'),
        ("float32", [np.full((1, 4), np.nan, np.float32)], 'small: input "x": NaN or infinity'),
        ("float32", [np.full((1, 4), np.inf, np.float32)], 'small: input "x": NaN or infinity'),
    ],
)
def test_unsuitable_data_is_refused(dtype: str, inputs: list[np.ndarray], expected: str) -> None:
    with pytest.raises(DataError, match=expected):
        interpret.run(relu_graph(dtype), inputs)
