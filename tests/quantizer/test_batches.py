"""Models whose batch is fixed at more than one sample."""

from __future__ import annotations

import numpy as np

from mcugen import interpret, passes
from mcugen.exporters.builder import ModelBuilder
from mcugen.importers import tflite
from mcugen.quantizer.calibration import calibrate
from mcugen.quantizer.config import Config
from mcugen.quantizer.pipeline import quantize


def test_a_batch_is_one_sample() -> None:
    b = ModelBuilder()
    rng = np.random.default_rng(0)
    x, flat = b.tensor((3, 2, 4), "float32"), b.tensor((3, 8), "float32")
    weights = b.tensor((5, 8), "float32", data=rng.standard_normal((5, 8)))
    y = b.tensor((3, 5), "float32")
    b.op("RESHAPE", [x, b.tensor((2,), "int32", data=[3, 8])], [flat])
    b.op("FULLY_CONNECTED", [flat, weights, None], [y])
    graph = passes.run(tflite.loads(b.build([x], [y]), "batch"))
    samples = [[rng.standard_normal((3, 2, 4)).astype(np.float32)] for _ in range(4)]
    tensors = [graph.tensors[i] for i in graph.inputs]
    result = quantize(graph, calibrate(lambda: iter(samples), tensors), Config())
    (given,) = (result.graph.tensors[i] for i in result.graph.inputs)
    steps = np.round(samples[0][0] / given.scale) + given.zero_point
    (output,) = interpret.outputs(result.graph, [np.clip(steps, -128, 127).astype(np.int8)])
    assert output.shape == (3, 5)
    made = result.graph.tensors[result.graph.outputs[0]]
    real = (output.astype(np.float64) - made.zero_point) * made.scale
    expected = interpret.outputs(graph, samples[0])[0]
    assert np.abs(real - expected).max() < 4 * made.scale
