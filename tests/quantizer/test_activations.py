"""Activation functions: fixed output ranges, files that the references load, the same bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

import mcugen
from mcugen import interpret
from mcugen.exporters.builder import ModelBuilder
from mcugen.model import loads
from mcugen.quantizer.config import Config, Effort

SAMPLES = np.random.default_rng(1).normal(size=(40, 6)).astype(np.float32)
FREE = None
CASES = [  # operator, options, the scale and zero point that the specification fixes
    ("RELU", {}, FREE),
    ("RELU6", {}, FREE),
    ("RELU_N1_TO_1", {}, FREE),
    ("LOGISTIC", {}, (1 / 256, -128)),
    ("TANH", {}, (1 / 128, 0)),
    ("HARD_SWISH", {}, FREE),
    ("LEAKY_RELU", {"alpha": 0.1}, FREE),
    ("ELU", {}, FREE),
    ("GELU", {}, FREE),
    ("SOFTMAX", {"beta": 1.0}, (1 / 256, -128)),
    ("LOG_SOFTMAX", {}, (16 / 256, 127)),
    ("L2_NORMALIZATION", {}, (1 / 128, 0)),
]


@pytest.mark.parametrize(("operator", "options", "fixed"), CASES, ids=[c[0] for c in CASES])
def test_activations_quantize_to_files_that_litert_runs_alike(
    operator: str, options: dict[str, Any], fixed: tuple[float, int] | None
) -> None:
    rng = np.random.default_rng(2)
    builder = ModelBuilder()
    x, hidden, y = (builder.tensor((1, size), "float32") for size in (6, 5, 5))
    w = builder.tensor((5, 6), "float32", data=rng.normal(size=(5, 6)))
    builder.op("FULLY_CONNECTED", [x, w], [hidden], {})
    builder.op(operator, [hidden], [y], options)
    model = loads(builder.build([x], [y]), Path("m.tflite"))
    made = mcugen.quantize(model, SAMPLES, config=Config(effort=Effort.LOW))
    graph = made.model.compiled()
    output = graph.tensors[graph.outputs[0]]
    if fixed is not FREE:
        assert (output.scale, output.zero_point) == fixed
    assert made.report.quality.sqnr_db > 28.0
    # The default resolver: BUILTIN_REF knows no ELU. It rounds differently here and there.
    runner = Interpreter(model_content=made.model.content)
    runner.allocate_tensors()
    for given in rng.integers(-128, 128, (8, 1, 6), np.int8):
        runner.set_tensor(runner.get_input_details()[0]["index"], given)
        runner.invoke()
        found = runner.get_tensor(runner.get_output_details()[0]["index"])
        expected = interpret.outputs(graph, [given])[0]
        np.testing.assert_allclose(found.astype(int), expected, atol=2)
