"""Variants of each layer, and measured costs: shown, kept, and chosen by."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

import mcugen
from mcugen import cli, tuning
from mcugen.errors import BoardError
from mcugen.ir import Call
from mcugen.model import load
from mcugen.ops import OPS
from mcugen.target import CPUS
from mcugen.tuning import Measurements

MODEL = Path(__file__).parent.parent / "examples" / "digits" / "digits_int8.tflite"
BOARD = "mps2-an386"
M4 = CPUS["cortex-m4"]
REF, DSP = (
    next(k for k in OPS["conv2d"].kernels if k.name == name)
    for name in ("mcu_conv2d_s8_ref", "mcu_conv2d_s8_dsp")
)


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tuning, "cache_folder", lambda: tmp_path / "cache")
    return tmp_path / "cache"


@pytest.fixture
def call() -> Call:
    return convolutions()[0]


def convolutions() -> list[Call]:
    return [call for call in load(MODEL).compiled().calls() if call.node.op == "conv2d"]


def test_variants_say_what_applies_what_is_chosen_and_what_is_in_the_way() -> None:
    report = mcugen.variants(MODEL, BOARD, objective="time")
    assert [layer.operator for layer in report.layers][:2] == ["CONV_2D", "MAX_POOL_2D"]
    for layer in report.layers:
        (chosen,) = [row for row in layer.rows if row.chosen]
        assert chosen.cycles == min(row.cycles for row in layer.rows)
        assert all(row.measured is None and row.code > 0 for row in layer.rows)
    assert sum(row.cycles for layer in report.layers for row in layer.rows if row.chosen) == (
        report.cost.cycles
    )
    (refusal,) = [r for r in report.layers[0].refusals if r.kernel == "mcu_conv2d_3x3_s8_dsp"]
    assert refusal.found.startswith("1 input channels") and "multiple of 4" in refusal.rule


def test_the_report_in_text(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["profile", str(MODEL), "--board", BOARD, "--variants"]) == 0
    text = capsys.readouterr().out
    assert "*  mcu_conv2d_s8_dsp" in text
    assert "  not mcu_conv2d_3x3_s8_dsp: 1 input channels, 16 output channels; Input" in text
    assert "-O balanced takes those with a star: modelled cycles" in text


def test_costs_outlive_the_process_and_depend_on_what_they_are_of(call: Call) -> None:
    first = Measurements.load(M4, "cycles")
    first.add(DSP, call, 123)
    first.save()
    again = Measurements.load(M4, "cycles")
    assert again.cycles(DSP, call) == 123
    assert not again.has(REF, call)
    assert not Measurements.load(CPUS["cortex-m33"], "cycles").has(DSP, call)
    assert not Measurements.load(M4, "instructions").has(DSP, call)
    assert not replace(again, compiler="another").has(DSP, call)
    assert not again.has(DSP, convolutions()[1])


def test_two_that_save_keep_both(call: Call) -> None:
    one, other = Measurements.load(M4, "cycles"), Measurements.load(M4, "cycles")
    one.add(DSP, call, 1)
    one.save()
    other.add(REF, call, 2)
    other.save()
    found = Measurements.load(M4, "cycles")
    assert (found.cycles(DSP, call), found.cycles(REF, call)) == (1, 2)


def test_a_damaged_cache_counts_as_empty(own_cache: Path, call: Call) -> None:
    own_cache.mkdir()
    (own_cache / "cycles-cortex-m4.json").write_text("[")
    assert not Measurements.load(M4, "cycles").has(DSP, call)


def test_a_cost_that_was_not_measured_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(BoardError, match=r"was not measured on a cortex-m4 yet; run `mcugen prof"):
        mcugen.generate(MODEL, BOARD, tmp_path / "out", tuned=True)


@pytest.mark.slow
def test_tuned_by_the_emulator(tmp_path: Path, own_cache: Path) -> None:
    report = mcugen.tune(MODEL, BOARD, objective="time")
    assert report.unit == "cycles"
    for layer in report.layers:
        (chosen,) = [row for row in layer.rows if row.chosen]
        assert chosen.measured is not None
        assert chosen.measured == min(row.measured or 0 for row in layer.rows)
    profile = mcugen.profile(MODEL, BOARD, objective="time", tuned=True)
    assert profile.cycles == pytest.approx(report.cost.cycles, rel=0.002)
    assert len(json.loads((own_cache / "cycles-cortex-m4.json").read_text())) > len(report.layers)
    again = mcugen.tune(MODEL, BOARD, objective="time")
    assert again == report
