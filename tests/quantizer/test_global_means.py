"""Global average pools as MEAN."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import mcugen
from mcugen import interpret, passes, reference
from mcugen.exporters.builder import ModelBuilder
from mcugen.importers import tflite as importer
from mcugen.ir import Graph
from mcugen.model import loads
from mcugen.quantizer.batch import Batch
from mcugen.quantizer.config import Config, Pass
from mcugen.quantizer.equalize import equalize
from mcugen.quantizer.global_means import global_means

SAMPLES = np.random.default_rng(5).normal(size=(40, 6, 6, 3)).astype(np.float32)


def model(window: int, stride: int = 1) -> bytes:
    """A convolution, an average pool, a dense layer; channels differ in size."""
    rng = np.random.default_rng(7)
    builder = ModelBuilder()
    left = (6 - window) // stride + 1
    sizes = ((1, 6, 6, 3), (1, 6, 6, 8), (1, left, left, 8), (1, 8), (1, 4))
    x, conv, pool, flat, y = (builder.tensor(shape, "float32") for shape in sizes)
    w = builder.tensor(
        (8, 3, 3, 3),
        "float32",
        data=rng.normal(size=(8, 3, 3, 3)) * np.logspace(0, -2, 8)[:, None, None, None],
    )
    b = builder.tensor((8,), "float32", data=np.zeros(8))
    builder.op(
        "CONV_2D",
        [x, w, b],
        [conv],
        {"padding": 0, "strideH": 1, "strideW": 1, "fusedActivationFunction": 1},
    )
    builder.op(
        "AVERAGE_POOL_2D",
        [conv],
        [pool],
        {
            "padding": 1,
            "strideH": stride,
            "strideW": stride,
            "filterHeight": window,
            "filterWidth": window,
        },
    )
    if left > 1:
        return builder.build([x], [pool])
    shape = builder.tensor((2,), "int32", data=np.array([1, 8]))
    builder.op("RESHAPE", [pool, shape], [flat], {})
    dense = builder.tensor((4, 8), "float32", data=rng.normal(size=(4, 8)) * np.logspace(0, 2, 8))
    builder.op("FULLY_CONNECTED", [flat, dense], [y], {})
    return builder.build([x], [y])


def graph(window: int, stride: int = 1) -> Graph:
    return passes.run(importer.loads(model(window, stride), "pool"))


def batch(of: Graph) -> Batch:
    return Batch.of(of, [[x[np.newaxis]] for x in SAMPLES[:8]])


def test_only_pools_with_one_window_change() -> None:
    assert [n.op for n in global_means(graph(6)).nodes] == [
        "conv2d",
        "mean",
        "reshape",
        "fully_connected",
    ]
    windowed = graph(5)
    assert global_means(windowed) is windowed


def test_a_window_that_leaves_out_rows_and_columns_is_taken_out_first() -> None:
    changed = global_means(graph(5, stride=5))
    assert [n.op for n in changed.nodes][1:3] == ["slice", "mean"]
    window = next(call for call in changed.calls() if call.node.op == "slice")
    assert window.output.shape == (1, 5, 5, 8)


@pytest.mark.parametrize(("window", "stride"), [(6, 1), (5, 5)])
def test_the_float_function_stays_the_same(window: int, stride: int) -> None:
    before = graph(window, stride)
    means = global_means(before)
    for changed in (means, equalize(means, batch(means))):
        for wanted, found in zip(batch(before).outputs(), batch(changed).outputs(), strict=True):
            np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4)


def test_equalization_reaches_through_the_mean_and_the_reshape() -> None:
    before = graph(6)
    after = equalize(global_means(before), batch(global_means(before)))
    dense = [next(c for c in g.calls() if c.node.op == "fully_connected") for g in (before, after)]
    strength = [np.abs(call.input(1).values()).max(axis=0) for call in dense]
    assert strength[1].max() / strength[1].min() < strength[0].max() / strength[0].min() / 5


@pytest.mark.parametrize(("window", "stride"), [(6, 1), (5, 5)])
def test_means_have_a_scale_of_their_own_and_run_in_the_references(
    window: int, stride: int
) -> None:
    made = mcugen.quantize(loads(model(window, stride), Path("pool.tflite")), SAMPLES)
    assert next(s for s in made.report.steps if s.name == Pass.MEANS.value).kept
    compiled = made.model.compiled()
    mean = next(call for call in compiled.calls() if call.node.op == "mean")
    assert mean.output.scale < mean.input().scale / 2
    given = np.random.default_rng(0).integers(-128, 128, (1, 6, 6, 3), np.int8)
    expected = interpret.outputs(compiled, [given])[0]
    np.testing.assert_array_equal(reference.tflm(made.model.content).outputs([given])[0], expected)


def test_the_pass_can_be_disabled() -> None:
    config = Config(disable=frozenset({Pass.MEANS}))
    made = mcugen.quantize(loads(model(6), Path("pool.tflite")), SAMPLES, config=config)
    assert "mean" not in {node.op for node in made.model.compiled().nodes}
