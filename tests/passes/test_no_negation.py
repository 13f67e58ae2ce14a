"""NEG in float graphs, in the operators that read it or as a factor, against the graph before."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import mcugen
from mcugen import interpret, passes
from mcugen.importers import tflite
from mcugen.passes.no_negation import no_negation
from mcugen.quantizer.config import Config, Effort
from mcugen.testing.builder import ModelBuilder

SHAPE = (1, 4, 6)


def normalization() -> bytes:
    """Keras's LayerNormalization without its scale: x * r + (offset + -mean * r)."""
    rng = np.random.default_rng(1)
    b = ModelBuilder()
    x, axes = b.tensor(SHAPE, "float32"), b.tensor((1,), "int32", data=[2])
    mean, negative, variance, least, root, shift, scaled, offset, y = (
        b.tensor(s, "float32") for s in (*[(1, 4, 1)] * 6, *[SHAPE] * 3)
    )
    squares, keep = b.tensor(SHAPE, "float32"), {"keepDims": True}
    epsilon = b.tensor((), "float32", data=np.float32(1e-3))
    beta = b.tensor((6,), "float32", data=rng.standard_normal(6))
    b.op("MEAN", [x, axes], [mean], keep)
    b.op("NEG", [mean], [negative])
    b.op("SQUARED_DIFFERENCE", [x, mean], [squares])
    b.op("MEAN", [squares, axes], [variance], keep)
    b.op("ADD", [variance, epsilon], [least], {})
    b.op("RSQRT", [least], [root])
    b.op("MUL", [negative, root], [shift], {})
    b.op("MUL", [x, root], [scaled], {})
    b.op("ADD", [shift, beta], [offset], {})
    b.op("ADD", [scaled, offset], [y], {})
    return b.build([x], [y])


def negating(*readers: tuple[str, int], activation: int = 0, is_output: bool = False) -> bytes:
    """NEG, then operators that read it as their first (0) or second (1) input."""
    b = ModelBuilder()
    x, z, negative = (b.tensor(SHAPE, "float32") for _ in range(3))
    b.op("NEG", [x], [negative])
    outputs = [negative] if is_output else []
    for name, position in readers:
        outputs.append(b.tensor(SHAPE, "float32"))
        inputs = [negative, z] if position == 0 else [z, negative]
        b.op(name, inputs, [outputs[-1]], {"fusedActivationFunction": activation})
    return b.build([x, z], outputs)


MODELS = {
    "normalization": (normalization(), ["mul", "sub"]),
    "added": (negating(("ADD", 0)), ["sub"]),
    "subtracted": (negating(("SUB", 1)), ["add"]),
    "subtracted from": (negating(("SUB", 0)), ["mul", "sub"]),
    "multiplied": (negating(("MUL", 1)), ["mul", "mul"]),
    "multiplied and clamped": (negating(("MUL", 0), activation=1), ["mul", "mul"]),
    "added and clamped": (negating(("ADD", 1), activation=3), ["sub"]),
    "read twice": (negating(("ADD", 0), ("SUB", 1)), ["add", "mul", "sub"]),
    "an output": (negating(("ADD", 0), is_output=True), ["add", "mul"]),
    "alone": (negating(is_output=True), ["mul"]),
}


@pytest.mark.parametrize("name", MODELS)
def test_the_float_results_stay_to_the_bit(name: str) -> None:
    model, expected = MODELS[name]
    graph = passes.run(tflite.loads(model, name))
    rewritten = no_negation(graph)
    found = sorted(node.op for node in rewritten.nodes)
    if name == "normalization":
        assert "neg" not in found and len(found) == len(graph.nodes) - 1
    else:
        assert found == expected
    assert rewritten.outputs == graph.outputs
    rng = np.random.default_rng(2)
    data = [rng.standard_normal(graph.tensors[i].shape).astype(np.float32) for i in graph.inputs]
    before, after = interpret.outputs(graph, data), interpret.outputs(rewritten, data)
    for one, other in zip(before, after, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_layer_normalization_can_be_quantized(tmp_path: Path) -> None:
    """With a mean that is not centred, whose zero point is not 0."""
    data = np.random.default_rng(3).standard_normal((16, *SHAPE[1:])).astype(np.float32) + 0.5
    np.savez(tmp_path / "x.npz", x=data)
    source, target = tmp_path / "float.tflite", tmp_path / "integer.tflite"
    source.write_bytes(normalization())
    result = mcugen.quantize(
        source, tmp_path / "x.npz", config=Config(effort=Effort.LOW), output=target
    )
    assert result.report.quality.sqnr_db > 25
    assert mcugen.validate(target, "host", tmp_path / "x.npz", limit=5).passed
