"""TRANSPOSE_CONV in the quantizer: its data is its third input."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import mcugen
from mcugen import interpret, reference
from mcugen.exporters.builder import ModelBuilder
from mcugen.ir import Graph
from mcugen.model import loads
from mcugen.ops import OPS
from mcugen.quantizer import simulate
from mcugen.quantizer.adjust import adjust
from mcugen.quantizer.apply import Parameters, Weights, rounded_weights
from mcugen.quantizer.batch import Batch, sqnr_db
from mcugen.quantizer.calibration import calibrate
from mcugen.quantizer.config import Config, Effort, Pass
from mcugen.quantizer.pipeline import quantize

SAMPLES = np.random.default_rng(3).normal(size=(40, 4, 4, 3)).astype(np.float32)


@pytest.mark.parametrize("has_bias", [False, True])
def test_the_file_runs_in_litert_and_computes_the_same_bytes(has_bias: bool) -> None:
    rng = np.random.default_rng(4)
    builder = ModelBuilder()
    x, hidden, y = (
        builder.tensor(shape, "float32") for shape in ((1, 4, 4, 3), (1, 8, 8, 5), (1, 8, 8, 2))
    )
    shape = builder.tensor((4,), "int32", data=np.array([1, 8, 8, 5]))
    ranges = np.logspace(0, -2, 5)
    weights = builder.tensor(
        (5, 3, 3, 3), "float32", data=rng.normal(size=(5, 3, 3, 3)) * ranges[:, None, None, None]
    )
    inputs = [shape, weights, x]
    if has_bias:
        inputs.append(builder.tensor((5,), "float32", data=rng.normal(size=5) * ranges))
    options = {"padding": 0, "strideH": 2, "strideW": 2}
    builder.op("TRANSPOSE_CONV", inputs, [hidden], options)
    one = builder.tensor((2, 1, 1, 5), "float32", data=rng.normal(size=(2, 1, 1, 5)))
    zeros = builder.tensor((2,), "float32", data=np.zeros(2))
    builder.op("CONV_2D", [hidden, one, zeros], [y], {"padding": 1, "strideH": 1, "strideW": 1})

    made = mcugen.quantize(loads(builder.build([x], [y]), Path("up.tflite")), SAMPLES)
    assert made.report.quality.sqnr_db > 30.0
    graph = made.model.compiled()
    first = next(graph.calls())
    assert first.node.op == "transpose_conv"
    quant = first.input(1).quant
    assert quant is not None and len(quant.scale) == 5
    assert max(quant.scale) > 20 * min(quant.scale)
    runner = reference.litert(made.model.content)
    for given in rng.integers(-128, 128, (4, 1, 4, 4, 3), np.int8):
        expected = interpret.outputs(graph, [given])[0]
        np.testing.assert_array_equal(runner.outputs([given])[0], expected)


# ---- as matrix products


def upsampling(
    kernel: tuple[int, int], stride: tuple[int, int], out: tuple[int, int], padding: int, bias: bool
) -> bytes:
    rng = np.random.default_rng(5)
    builder = ModelBuilder()
    x = builder.tensor((1, 4, 3, 2), "float32")
    y = builder.tensor((1, *out, 5), "float32")
    target = builder.tensor((4,), "int32", data=np.array([1, *out, 5]))
    shape = (5, *kernel, 2)
    weights = builder.tensor(shape, "float32", data=rng.normal(size=shape))
    inputs = [target, weights, x]
    if bias:
        inputs.append(builder.tensor((5,), "float32", data=rng.normal(size=5)))
    options = {"padding": padding, "strideH": stride[0], "strideW": stride[1]}
    builder.op("TRANSPOSE_CONV", inputs, [y], options)
    return builder.build([x], [y])


SAME, VALID = 0, 1
WINDOWS = [
    ((3, 3), (2, 2), (8, 6), SAME, True),
    ((3, 3), (2, 2), (7, 5), SAME, False),
    ((2, 5), (1, 3), (4, 9), SAME, True),
    ((1, 1), (3, 2), (12, 6), SAME, True),
    ((3, 2), (2, 2), (9, 6), VALID, True),
    ((3, 2), (2, 2), (10, 7), VALID, False),
    ((4, 4), (1, 1), (7, 6), VALID, True),
]


@pytest.mark.parametrize(("kernel", "stride", "out", "padding", "bias"), WINDOWS)
def test_the_products_are_the_sums(
    kernel: tuple[int, int], stride: tuple[int, int], out: tuple[int, int], padding: int, bias: bool
) -> None:
    graph = loads(upsampling(kernel, stride, out, padding, bias), Path("up.tflite")).imported
    x = np.random.default_rng(6).normal(size=(1, 4, 3, 2)).astype(np.float32)
    expected = interpret.outputs(graph, [x])[0]
    found = simulate.float_values(graph, [x])[graph.outputs[0]]
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    (call,) = graph.calls()
    view = OPS["transpose_conv"].matmul
    assert view is not None
    weights = call.input(1).values()
    np.testing.assert_array_equal(view.restore(call, view.weights(call, weights)[0]), weights)


def test_weights_are_rounded_by_second_order_and_biases_corrected() -> None:
    """With correlated inputs each lowers the error of the layer."""
    graph = loads(upsampling(*WINDOWS[0]), Path("up.tflite")).compiled()
    rng = np.random.default_rng(7)
    base = rng.normal(size=(64, 4, 3, 1))
    samples = [
        [s[None].astype(np.float32)] for s in base + 0.1 * rng.normal(size=(64, 4, 3, 2)) + 1.0
    ]
    batch = Batch.of(graph, samples)
    tensors = [graph.tensors[i] for i in graph.inputs]
    whole = np.concatenate([sample[0] for sample in samples])
    config = Config(effort=Effort.LOW)
    start = quantize(graph, calibrate(whole, tensors), config).parameters
    (key,) = start.weights
    coarse = replace(  # 4 bits, so that rounding is what matters
        start, weights={key: replace(start.weights[key], scale=start.weights[key].scale * 18)}
    )
    coarse = replace(coarse, weights={key: _rounded_again(graph, coarse.weights[key])})

    def error(parameters: Parameters) -> float:
        return -sqnr_db(batch.outputs(), batch.quantized(parameters))

    rounded = adjust(batch, coarse, {Pass.ROUNDING})
    shifted = adjust(batch, coarse, {Pass.BIAS})
    assert error(rounded) < error(coarse) - 3
    assert error(shifted) < error(coarse) - 0.2
    assert (rounded.weights[key].values != coarse.weights[key].values).any()


def _rounded_again(graph: Graph, weights: Weights) -> Weights:
    (call,) = graph.calls()
    values = rounded_weights(call.input(1).values(), weights.scale, weights.axis)
    return replace(weights, values=values)
