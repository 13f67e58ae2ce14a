"""The reference interpreters: what they compute, keep, print and refuse."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable

import numpy as np
import pytest

from mcugen import reference
from mcugen.errors import DataError, ToolError
from mcugen.reference import Reference, RefusedError
from mcugen.testing.builder import ModelBuilder, quant

BOTH = pytest.mark.parametrize("load", [reference.tflm, reference.litert], ids=["tflm", "litert"])
Loader = Callable[[bytes], Reference]

X = np.array([[-128, -1, 2, 127]], np.int8)


def relu_dense() -> bytes:
    """max(x, 0), then the sum of all + 5, halved; with a tensor that nothing uses."""
    builder = ModelBuilder()
    x = builder.tensor([1, 4], "int8", quant(1.0))
    builder.tensor([3], "int8", quant(1.0), name="unused")
    r = builder.tensor([1, 4], "int8", quant(1.0))
    w = builder.tensor([1, 4], "int8", quant(1.0), np.ones((1, 4)))
    b = builder.tensor([1], "int32", quant(1.0), [5])
    y = builder.tensor([1, 1], "int8", quant(2.0))
    builder.op("RELU", [x], [r])
    builder.op("FULLY_CONNECTED", [r, w, b], [y], version=4)
    return builder.build([x], [y])


def of_conv(bias_axis: int) -> bytes:
    builder = ModelBuilder()
    x = builder.tensor([1, 2, 2, 1], "int8", quant(1.0))
    w = builder.tensor([2, 1, 1, 1], "int8", quant([1.0, 2.0], axis=0), [[[[1]]], [[[2]]]])
    b = builder.tensor([2], "int32", quant([1.0, 2.0], axis=bias_axis), [1, 2])
    y = builder.tensor([1, 2, 2, 2], "int8", quant(1.0))
    builder.op("CONV_2D", [x, w, b], [y], {"strideH": 1, "strideW": 1})
    return builder.build([x], [y])


@BOTH
def test_outputs_and_tensors(load: Loader) -> None:
    interpreter = load(relu_dense())
    assert [value.tolist() for value in interpreter.outputs([X])] == [[[67]]]
    values = interpreter.tensors([X])
    assert sorted(values) == [0, 2, 3, 4, 5]
    assert values[2].tolist() == [[0, 0, 2, 127]]
    assert values[3].tolist() == [[1, 1, 1, 1]]
    assert values[5].dtype == np.int8


@BOTH
def test_results_survive_the_next_run(load: Loader) -> None:
    interpreter = load(relu_dense())
    first, kept = interpreter.outputs([X])[0], interpreter.tensors([X])
    interpreter.outputs([np.zeros_like(X)])
    assert first.tolist() == [[67]]
    assert kept[2].tolist() == [[0, 0, 2, 127]]


@BOTH
def test_input_takes_any_shape_of_the_right_size(load: Loader) -> None:
    assert load(relu_dense()).outputs([X.reshape(2, 2)])[0].tolist() == [[67]]


@BOTH
@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ([], "0 arrays; the model takes 1"),
        ([X, X], "2 arrays; the model takes 1"),
        ([X[:, :3]], r"int8 of shape \[1, 3\]; the model takes int8 of shape \[1, 4\]"),
        ([X.astype(np.float32)], r"float32 of shape \[1, 4\]; the model takes int8"),
    ],
)
def test_wrong_data_is_named(load: Loader, inputs: list[np.ndarray], message: str) -> None:
    with pytest.raises(DataError, match=message):
        load(relu_dense()).outputs(inputs)


@BOTH
@pytest.mark.parametrize("data", [b"", b"junk" * 40, relu_dense()[:100]])
def test_a_broken_file_is_refused(load: Loader, data: bytes) -> None:
    with pytest.raises(RefusedError):
        load(data)


@BOTH
def test_an_unknown_operator_is_refused_quietly(
    load: Loader, capfd: pytest.CaptureFixture[str]
) -> None:
    builder = ModelBuilder()
    x, y = (builder.tensor([1, 4], "int8", quant(1.0)) for _ in range(2))
    builder.op("custom:Wobble", [x], [y])
    with pytest.raises(RefusedError, match=r"CUSTOM|Wobble"):
        load(builder.build([x], [y]))
    assert capfd.readouterr() == ("", "")


def test_one_reference_may_refuse_what_the_other_takes() -> None:
    """As person_detect: its biases name dimension 3 of a 1-D tensor."""
    model, x = of_conv(bias_axis=3), np.array([[[[1], [2]], [[3], [-4]]]], np.int8)
    with pytest.raises(RefusedError, match="LiteRT BUILTIN_REF"):
        reference.litert(model)
    expected = reference.litert(of_conv(bias_axis=0)).outputs([x])[0]
    np.testing.assert_array_equal(reference.tflm(model).outputs([x])[0], expected)


@BOTH
def test_a_missing_package_names_the_extra(load: Loader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ToolError, match=r"pip install 'mcugen\[reference\]'"):
        load(relu_dense())


@pytest.mark.parametrize("name", ["kws_int8", "digits_cnn_float32", "ad_int8"])
def test_golden_outputs(name: str, golden: Callable) -> None:
    case = golden(name)
    model = case.model.read_bytes()
    for interpreter, expected in (
        (reference.tflm(model), case.tflm),
        (reference.litert(model), case.litert),
    ):
        for inputs, outputs in zip(case.inputs, expected, strict=True):
            for ours, theirs in zip(interpreter.outputs(inputs), outputs, strict=True):
                np.testing.assert_array_equal(ours, theirs)


def test_golden_layers(golden: Callable, golden_layers: Callable) -> None:
    x, layers = golden_layers("kws_int8")
    values = reference.tflm(golden("kws_int8").model.read_bytes()).tensors([x])
    for tensor, expected in layers.items():
        np.testing.assert_array_equal(values[tensor], expected)


def test_a_hybrid_model_is_refused_by_tflm(golden: Callable) -> None:
    with pytest.raises(RefusedError, match="Hybrid models are not supported"):
        reference.tflm(golden("kws_hybrid").model.read_bytes())


def test_a_failure_at_run_time_is_an_error_too() -> None:
    builder = ModelBuilder()
    table = builder.tensor([3], "float32", data=[1, 2, 3])
    index, y = builder.tensor([1], "int32"), builder.tensor([1], "float32")
    builder.op("GATHER", [table, index], [y])
    interpreter = reference.litert(builder.build([index], [y]))
    assert interpreter.outputs([np.array([2], np.int32)])[0].tolist() == [3.0]
    with pytest.raises(RefusedError, match="out of bounds"):
        interpreter.outputs([np.array([3], np.int32)])
