"""The number that choices are made by."""

from __future__ import annotations

import numpy as np
import pytest

from mcugen import passes
from mcugen.exporters.builder import ModelBuilder
from mcugen.importers import tflite as importer
from mcugen.ir import Graph
from mcugen.quantizer.judge import Judge


def classifier(with_softmax: bool) -> Graph:
    builder = ModelBuilder()
    x, logits, y = (builder.tensor((1, 4), "float32") for _ in range(3))
    w = builder.tensor((4, 4), "float32", data=np.eye(4))
    builder.op("FULLY_CONNECTED", [x, w], [logits], {})
    if with_softmax:
        builder.op("SOFTMAX", [logits], [y], {"beta": 1.0})
    return passes.run(importer.loads(builder.build([x], [y if with_softmax else logits]), "m"))


LOGITS = np.array([[9.0, 8.0, 0.0, -20.0], [1.0, 5.0, 4.0, -30.0]], np.float32)


def score(error: np.ndarray, with_softmax: bool = True) -> float:
    return Judge(classifier(with_softmax)).score([LOGITS], [LOGITS + error.astype(np.float32)])


def test_what_goes_into_a_softmax_is_judged() -> None:
    graph = classifier(with_softmax=True)
    assert Judge(graph).judged(graph).outputs == (next(graph.calls()).node.outputs[0],)


def test_a_common_shift_of_all_classes_costs_nothing() -> None:
    assert score(np.ones(4)) > 100.0
    assert score(np.ones(4), with_softmax=False) < 30.0


@pytest.mark.parametrize("position", [0, 1])
def test_errors_count_by_how_much_a_class_competes(position: int) -> None:
    close, hopeless = np.eye(4)[position], np.eye(4)[3]
    assert score(hopeless) > score(close) + 5.0
