"""`validate` and `profile`: the emulated board against the references."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pytest

import mcugen
from mcugen import reference, steps, validation
from mcugen.ir import DType
from mcugen.quantizer.config import Activations, Config, Effort
from mcugen.testing.builder import one_op, quant

DIGITS = Path(__file__).parent.parent / "examples" / "digits"
MODEL = DIGITS / "digits_int8.tflite"
DATA = DIGITS / "digits_test.npz"
FLOAT = DIGITS / "digits_float32.tflite"


def test_the_digits_are_exact_and_accurate_on_this_machine():
    result = mcugen.validate(MODEL, "host", DATA, float_model=FLOAT)
    assert result.exact and result.verdict.startswith("EXACT")
    assert result.samples == 300 and result.first_difference is None
    assert [c.difference.differing for c in result.comparisons] == [0] * len(result.comparisons)
    accuracy = {row.who: row.value for row in result.accuracies}
    assert accuracy["float"] > 0.97 and accuracy["emulated"] > 0.97
    assert accuracy["emulated"] == accuracy[result.yardstick]
    assert sum(map(sum, result.confusion)) == 300
    assert result.against_float[0].rmse < 0.02


@pytest.mark.qemu
@pytest.mark.parametrize("board", ["microbit", "mps2-an386"])
def test_the_digits_are_exact_in_the_emulator(board):
    result = mcugen.validate(MODEL, board, DATA, limit=10)
    assert result.exact and result.samples == 10


def test_a_reference_that_refuses_a_model_as_it_runs_is_left_out(tmp_path):
    """TFLM has ARG_MAX, but no int64 indices."""
    path, data = tmp_path / "index.tflite", tmp_path / "data.npz"
    x = {"shape": (1, 5), "quant": quant(0.1)}
    axis = {"shape": (1,), "dtype": "int32", "data": [1]}
    index = {"shape": (1,), "dtype": "int64"}
    path.write_bytes(one_op("ARG_MAX", [x, axis], index, {"outputType": 4}))
    np.savez(data, x=np.array([[1, 9, 3, 4, 5], [0, 0, 0, 7, 0]], np.int8))
    result = mcugen.validate(path, "host", data)
    assert result.exact and result.yardstick == validation.NUMPY
    assert any("TFLM: the reference interpreter refuses" in note for note in result.notes)


def test_what_tflm_gets_wrong_is_not_compared_with_it(tmp_path):
    """Its RELU6 copies the integers, whatever the scales say."""
    path, data = tmp_path / "relu6.tflite", tmp_path / "data.npz"
    source, target = ({"shape": (1, 4), "quant": quant(scale)} for scale in (0.1, 0.05))
    path.write_bytes(one_op("RELU6", [source], target))
    np.savez(data, x=np.array([[-5, 10, 50, 100]], np.int8))
    result = mcugen.validate(path, "host", data)
    assert result.exact and result.yardstick == validation.NUMPY
    assert [c.reference for c in result.comparisons] == [validation.NUMPY, "LiteRT BUILTIN_REF"]
    assert any(note.startswith("TFLM is not asked: its RELU6") for note in result.notes)


@pytest.mark.qemu
@pytest.mark.parametrize("board", ["host", "mps2-an386"])
def test_the_digits_are_exact_with_int16_activations(board, tmp_path):
    made = tmp_path / "digits16.tflite"
    config = Config(activations=Activations.INT16, effort=Effort.LOW)
    quantized = mcugen.quantize(FLOAT, DATA, output=made, config=config)
    samples = 300 if board == "host" else 10
    result = mcugen.validate(made, board, DATA, limit=samples)
    assert result.exact and result.samples == samples
    assert {call.output.dtype for call in quantized.model.compiled().calls()} == {DType.INT16}


@pytest.mark.parametrize("layer", [0, 4])
def test_a_wrong_weight_is_traced_to_its_layer(monkeypatch, layer):
    """The generated weights of one layer are changed behind mcugen's back."""
    emit = steps.emit

    def spoiled(program, board, directory, **options):
        emit(program, board, directory, **options)
        weights = directory / f"{program.prefix}_weights.c"
        text = weights.read_text()
        pattern = re.compile(rf"(_layer{layer}_\w*weights\w*\[\d+\] = \{{\n\s*)(-?\d+)")
        assert pattern.search(text)
        weights.write_text(pattern.sub(lambda m: f"{m[1]}{100 if int(m[2]) < 0 else -100}", text))

    monkeypatch.setattr(steps, "emit", spoiled)
    result = mcugen.validate(MODEL, "host", DATA, limit=50)
    assert not result.exact and result.verdict.startswith("DIFFERENT")
    assert result.first_difference is not None
    assert result.first_difference.layer == layer
    assert result.first_difference.differing > 0


def test_numpy_stands_in_where_tflm_is_missing(monkeypatch):
    monkeypatch.setattr(reference, "tflm_available", lambda: False)
    result = mcugen.validate(MODEL, "host", DATA, limit=5)
    assert result.exact and result.yardstick == validation.NUMPY
    assert any("stand in for TFLM" in note for note in result.notes)


@pytest.mark.qemu
def test_a_board_of_ones_own(tmp_path):
    boards = Path(__file__).parent.parent / "boards"
    mine = tmp_path / "mine"
    shutil.copytree(boards / "mps2-an386", mine)
    project = tmp_path / "kept"
    assert mcugen.validate(MODEL, str(mine), DATA, limit=2, keep=project).exact
    assert mcugen.build_project(project, str(mine)).memory.board == "mine"
    assert mcugen.run_project(project, DATA, board_name=str(mine), limit=2).samples == 2
    with pytest.raises(mcugen.McugenError, match="mine: no such board"):
        mcugen.build_project(project)


def test_a_project_can_be_kept(tmp_path):
    mcugen.validate(MODEL, "host", DATA, limit=1, keep=tmp_path / "kept")
    assert (tmp_path / "kept" / "digits_int8.h").is_file()


def test_litert_may_differ_only_where_it_rounds_differently(tmp_path, golden):
    """On a dense model LiteRT differs from TFLM, and the report names the operator."""
    cases = golden("ad_int8")
    np.savez(tmp_path / "x.npz", x=np.concatenate([inputs[0] for inputs in cases.inputs]))
    result = mcugen.validate(cases.model, "host", tmp_path / "x.npz")
    tflm, litert = result.comparisons
    assert result.exact and tflm.difference.differing == 0 and tflm.expected is None
    assert 0 < litert.difference.differing < 0.5 * litert.difference.total
    assert litert.expected is not None and "FULLY_CONNECTED" in litert.expected


def test_litert_may_differ_on_a_dynamic_range_model(tmp_path, golden):
    cases = golden("kws_hybrid")
    np.savez(tmp_path / "x.npz", x=np.concatenate([inputs[0] for inputs in cases.inputs[:2]]))
    result = mcugen.validate(cases.model, "host", tmp_path / "x.npz")
    litert = result.comparisons[-1]
    assert litert.difference.differing and litert.expected is not None
    assert "int8 weights" in litert.expected
    assert result.passed


@pytest.mark.qemu
def test_profile_counts_every_layer():
    first, second = (mcugen.profile(MODEL, "mps2-an386") for _ in range(2))
    assert first == second
    assert [layer.operator for layer in first.layers].count("CONV_2D") == 2
    assert first.macs == 84_224
    assert all(layer.instructions > 0 for layer in first.layers)
    layers = sum(layer.instructions for layer in first.layers)
    assert abs(first.instructions - layers) < 0.02 * layers
