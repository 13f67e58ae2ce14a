"""Parameters that operators share, and those that the specification fixes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import mcugen
from mcugen import passes
from mcugen.importers import tflite
from mcugen.quantizer.config import Config, Effort
from mcugen.quantizer.scheme import shared_groups
from mcugen.testing.builder import ModelBuilder

SHAPE = (1, 6)
DATA = np.random.default_rng(5).normal(size=(40, 6)).astype(np.float32) * 3


def joined(*branches: str, constant: float | None = None) -> bytes:
    """What operators make of one input, or the input itself (""), behind one another."""
    b = ModelBuilder()
    x = b.tensor(SHAPE, "float32")
    parts = []
    for name in branches:
        parts.append(b.tensor(SHAPE, "float32") if name else x)
        if name:
            b.op(name, [x], [parts[-1]])
    if constant is not None:
        parts.append(b.tensor(SHAPE, "float32", data=np.full(SHAPE, constant)))
    y = b.tensor((1, 6 * len(parts)), "float32")
    b.op("CONCATENATION", parts, [y], {"axis": 1})
    return b.build([x], [y])


@pytest.mark.parametrize(
    ("model", "conversions"),
    [
        (joined("LOGISTIC", ""), 1),
        (joined("LOGISTIC", "TANH"), 2),
        (joined("LOGISTIC", "LOGISTIC", ""), 2),
        (joined("LOGISTIC", "LOGISTIC"), 0),
        (joined("LOGISTIC", constant=0.5), 0),
        (joined("LOGISTIC", constant=4.0), 1),
        (joined("ABS", ""), 0),
    ],
)
def test_a_fixed_scale_does_not_clip_what_lies_beside_it(
    tmp_path: Path, model: bytes, conversions: int
) -> None:
    np.savez(tmp_path / "x.npz", x=DATA)
    source, target = tmp_path / "float.tflite", tmp_path / "integer.tflite"
    source.write_bytes(model)
    made = mcugen.quantize(source, DATA, config=Config(effort=Effort.LOW), output=target)
    assert made.report.quality.sqnr_db > 35
    ops = [node.op for node in made.model.compiled().nodes]
    assert ops.count("quantize") == conversions
    assert mcugen.validate(target, "host", tmp_path / "x.npz", limit=5).passed


def test_operands_of_one_fixed_scale_share_it() -> None:
    graph = passes.run(tflite.loads(joined("LOGISTIC", "LOGISTIC"), "m"))
    groups = shared_groups(graph)
    assert len({groups[i] for i in graph.nodes[-1].inputs if i is not None}) == 1
