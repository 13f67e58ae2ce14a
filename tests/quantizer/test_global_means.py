"""Global average pools as MEAN."""

from __future__ import annotations

from pathlib import Path

import numpy as np

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


def model(window: int) -> bytes:
    """A convolution, an average pool, a dense layer; channels differ in size."""
    rng = np.random.default_rng(7)
    builder = ModelBuilder()
    sizes = ((1, 6, 6, 3), (1, 6, 6, 8), (1, 7 - window, 7 - window, 8), (1, 8), (1, 4))
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
        {"padding": 1, "strideH": 1, "strideW": 1, "filterHeight": window, "filterWidth": window},
    )
    if window < 6:
        return builder.build([x], [pool])
    shape = builder.tensor((2,), "int32", data=np.array([1, 8]))
    builder.op("RESHAPE", [pool, shape], [flat], {})
    dense = builder.tensor((4, 8), "float32", data=rng.normal(size=(4, 8)) * np.logspace(0, 2, 8))
    builder.op("FULLY_CONNECTED", [flat, dense], [y], {})
    return builder.build([x], [y])


def graph(window: int) -> Graph:
    return passes.run(importer.loads(model(window), "pool"))


def batch(of: Graph) -> Batch:
    return Batch.of(of, [[x[np.newaxis]] for x in SAMPLES[:8]])


def test_only_pools_over_the_whole_image_change() -> None:
    assert [n.op for n in global_means(graph(6)).nodes] == [
        "conv2d",
        "mean",
        "reshape",
        "fully_connected",
    ]
    windowed = graph(5)
    assert global_means(windowed) is windowed


def test_the_float_function_stays_the_same() -> None:
    for changed in (global_means(graph(6)), equalize(global_means(graph(6)), batch(graph(6)))):
        for wanted, found in zip(batch(graph(6)).outputs(), batch(changed).outputs(), strict=True):
            np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4)


def test_equalization_reaches_through_the_mean_and_the_reshape() -> None:
    before = graph(6)
    after = equalize(global_means(before), batch(global_means(before)))
    dense = [next(c for c in g.calls() if c.node.op == "fully_connected") for g in (before, after)]
    strength = [np.abs(call.input(1).values()).max(axis=0) for call in dense]
    assert strength[1].max() / strength[1].min() < strength[0].max() / strength[0].min() / 5


def test_means_have_a_scale_of_their_own_and_run_in_the_references() -> None:
    made = mcugen.quantize(loads(model(6), Path("pool.tflite")), SAMPLES)
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
