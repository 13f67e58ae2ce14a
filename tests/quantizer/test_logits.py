"""What a softmax can tell apart, and the range that its input gets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import mcugen
from mcugen import passes
from mcugen.exporters.builder import ModelBuilder
from mcugen.importers import tflite as importer
from mcugen.ir import Graph
from mcugen.model import loads
from mcugen.quantizer.batch import real_outputs
from mcugen.quantizer.judge import Judge
from mcugen.quantizer.logits import FAR, bounded_masks, far_behind, masks, visible
from mcugen.quantizer.observe import observe

RNG = np.random.default_rng(11)
SAMPLES = RNG.normal(size=(64, 8)).astype(np.float32)


def model(beta: float = 1.0, has_logits: bool = False) -> bytes:
    """Scores of six classes, whose logits lie far apart; `has_logits` makes them an output too."""
    builder = ModelBuilder()
    x, logits, y = (builder.tensor((1, size), "float32") for size in (8, 6, 6))
    w = builder.tensor((6, 8), "float32", data=np.random.default_rng(2).normal(size=(6, 8)) * 8)
    builder.op("FULLY_CONNECTED", [x, w], [logits], {})
    builder.op("SOFTMAX", [logits], [y], {"beta": beta})
    return builder.build([x], [y, logits] if has_logits else [y])


def graph(beta: float = 1.0, has_logits: bool = False) -> Graph:
    return passes.run(importer.loads(model(beta, has_logits), "m"))


def logits_of(of: Graph) -> int:
    return next(of.calls()).node.outputs[0]


def test_only_what_a_softmax_alone_reads_may_lose_what_is_far_behind() -> None:
    before = graph()
    assert far_behind(before) == {logits_of(before): FAR}
    assert far_behind(graph(has_logits=True)) == {}


def test_a_softmax_that_multiplies_its_input_sees_less_far() -> None:
    before = graph(beta=4.0)
    assert far_behind(before) == {logits_of(before): FAR / 4}


def test_far_classes_move_up_and_others_stay() -> None:
    seen = visible(np.array([[9.0, 2.0, -30.0], [-5.0, -6.0, -14.0]], np.float32), FAR)
    np.testing.assert_array_equal(seen, [[9.0, 2.0, 1.0], [-5.0, -6.0, -13.0]])


def test_int8_ranges_end_where_all_scores_are_zero() -> None:
    before = graph()
    key = logits_of(before)
    samples = [[x[np.newaxis]] for x in SAMPLES]
    int8, int16 = (observe(before, samples, is_int8)[key] for is_int8 in (True, False))
    assert int8.high == int16.high
    assert int16.low < int8.low - 2 * FAR


@pytest.mark.parametrize("beta", [1.0, 0.25])
def test_the_scores_are_those_of_the_float_model(beta: float) -> None:
    made = mcugen.quantize(loads(model(beta), Path("m.tflite")), SAMPLES)
    compiled = made.model.compiled()
    dense = next(call for call in compiled.calls() if call.node.op == "fully_connected")
    exact = SAMPLES @ (np.random.default_rng(2).normal(size=(6, 8)) * 8).T
    assert dense.output.scale < (exact.max() - exact.min()) / 255 * (0.8 if beta == 1.0 else 1.1)
    odds = np.exp(beta * (exact - exact.max(axis=1, keepdims=True)))
    scores = odds / odds.sum(axis=1, keepdims=True)
    found = np.concatenate([real_outputs(compiled, [x[np.newaxis]])[0] for x in SAMPLES])
    assert np.abs(found - scores).max() < 0.1


def test_the_judge_does_not_mind_what_the_softmax_cannot_see() -> None:
    wanted = np.array([[20.0, 10.0, 5.0, 0.0, -5.0, -40.0]], np.float32)
    found = np.array([[20.0, 11.9, 12.0, 9.0, 0.0, -1.0]], np.float32)
    assert Judge(graph()).score([wanted], [found]) > 100.0


def masked(mask: float, has_scores: bool = False) -> bytes:
    """Two of six scores masked before a softmax, as in attention to what came before."""
    builder = ModelBuilder()
    x, logits, chosen, y = (builder.tensor((1, size), "float32") for size in (8, 6, 6, 6))
    w = builder.tensor((6, 8), "float32", data=np.random.default_rng(2).normal(size=(6, 8)))
    seen = builder.tensor((1, 6), "bool", data=np.array([[1, 1, 0, 1, 0, 1]], bool))
    least = builder.tensor((), "float32", data=np.float32(mask))
    builder.op("FULLY_CONNECTED", [x, w], [logits], {})
    builder.op("SELECT_V2", [seen, logits, least], [chosen])
    builder.op("SOFTMAX", [chosen], [y], {"beta": 1.0})
    return builder.build([x], [y, chosen] if has_scores else [y])


@pytest.mark.parametrize("mask", [np.finfo(np.float32).min, -1e9])
def test_a_mask_does_not_widen_the_range_of_scores(mask: float) -> None:
    made = mcugen.quantize(loads(masked(mask), Path("m.tflite")), SAMPLES)
    compiled = made.model.compiled()
    select = next(call for call in compiled.calls() if call.node.op == "select_v2")
    exact = SAMPLES @ np.random.default_rng(2).normal(size=(6, 8)).T
    assert select.output.scale < (exact.max() - exact.min() + FAR) / 255
    odds = np.exp(exact) * [1, 1, 0, 1, 0, 1]
    found = np.concatenate([real_outputs(compiled, [x[np.newaxis]])[0] for x in SAMPLES])
    assert np.abs(found - odds / odds.sum(axis=1, keepdims=True)).max() < 0.1
    assert not found[:, [2, 4]].any()


def test_only_what_a_softmax_alone_reads_is_a_mask() -> None:
    for mask, has_scores, count in ((-1e30, False, 1), (-1e30, True, 0), (-50.0, False, 0)):
        before = passes.run(importer.loads(masked(mask, has_scores), "m"))
        after = bounded_masks(before)
        assert len(masks(before)) == count
        assert [after.tensors[i].values().item() for i in masks(after)] == [-1e6] * count
