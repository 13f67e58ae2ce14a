"""TRANSPOSE_CONV in the quantizer: its data is its third input."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import mcugen
from mcugen import interpret, reference
from mcugen.exporters.builder import ModelBuilder
from mcugen.model import loads

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
