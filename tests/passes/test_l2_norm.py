"""UnitNormalization as one operator."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import mcugen
from mcugen import interpret, passes
from mcugen.importers import tflite
from mcugen.ir import Graph
from mcugen.passes.l2_norm import l2_norm
from mcugen.quantizer.config import Config, Effort
from mcugen.testing.builder import ModelBuilder

SHAPE = (1, 3, 8)


def unit_length(
    *, axis: int = -1, bound: float | None = 1e12, shift: bool = False, swap: bool = False
) -> bytes:
    """x * min(rsqrt(sum(x ** 2, axis)), bound); with `shift`, of another tensor's length.

    Without a bound it is an input.
    """
    b = ModelBuilder()
    x, other = b.tensor(SHAPE, "float32"), b.tensor(SHAPE, "float32")
    reduced = [1 if i == axis % 3 else n for i, n in enumerate(SHAPE)]
    square, y = b.tensor(SHAPE, "float32"), b.tensor(SHAPE, "float32")
    total, root, least = (b.tensor(tuple(reduced), "float32") for _ in range(3))
    axes = b.tensor((1,), "int32", data=[axis])
    most = b.tensor((), "float32", data=None if bound is None else np.float32(bound))
    b.op("SQUARE", [other if shift else x], [square])
    b.op("SUM", [square, axes], [total], {"keepDims": True})
    b.op("RSQRT", [total], [root])
    b.op("MINIMUM", [root, most], [least])
    b.op("MUL", [least, x] if swap else [x, least], [y], {})
    inputs = [x, *([other] if shift else []), *([most] if bound is None else [])]
    return b.build(inputs, [y])


def graph_of(model: bytes) -> Graph:
    return passes.run(tflite.loads(model, "unit"))


@pytest.mark.parametrize("swap", [False, True])
def test_a_normalization_is_one_operator(swap: bool) -> None:
    graph = graph_of(unit_length(swap=swap))
    rewritten = l2_norm(graph)
    assert [node.op for node in rewritten.nodes] == ["l2_normalization"]
    data = [np.random.default_rng(1).standard_normal(SHAPE).astype(np.float32)]
    data[0][0, 1] = 0
    before, after = interpret.outputs(graph, data)[0], interpret.outputs(rewritten, data)[0]
    np.testing.assert_allclose(after, before, rtol=1e-6)


@pytest.mark.parametrize(
    "model",
    [
        unit_length(axis=1),
        unit_length(bound=100.0),
        unit_length(bound=None),
        unit_length(shift=True),
    ],
    ids=["another axis", "a bound that shows", "a bound at run time", "another tensor"],
)
def test_what_is_none_stays(model: bytes) -> None:
    graph = graph_of(model)
    assert l2_norm(graph) is graph


def test_a_unit_normalization_can_be_quantized(tmp_path: Path) -> None:
    data = np.random.default_rng(3).standard_normal((16, *SHAPE[1:])).astype(np.float32)
    np.savez(tmp_path / "x.npz", x=data)
    source, target = tmp_path / "float.tflite", tmp_path / "integer.tflite"
    source.write_bytes(unit_length())
    result = mcugen.quantize(
        source, tmp_path / "x.npz", config=Config(effort=Effort.LOW), output=target
    )
    assert result.report.quality.sqnr_db > 35
    assert mcugen.validate(target, "host", tmp_path / "x.npz", limit=5).passed
