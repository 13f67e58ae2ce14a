"""The memory plan as a table, a chart and a drawing."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from mcugen import cli, reorder
from mcugen.ir import Graph
from mcugen.limits import Figures
from mcugen.memory_report import (
    LETTERS,
    Block,
    MemoryReport,
    Moment,
    chart,
    memory_report,
    saving,
    svg,
)
from mcugen.ops.base import Overlap
from mcugen.select import Selection, select
from mcugen.target import CPUS
from mcugen.testing import graphs

MODEL = Path(__file__).parent.parent / "examples" / "digits" / "digits_int8.tflite"


def report(
    graph: Graph, *, overlap: dict[int, Overlap] | None = None, scratch: int = 0
) -> MemoryReport:
    """The report with these overlaps and this scratch for all kernels."""
    kernels = tuple(
        kernel and replace(kernel, overlap=lambda _: overlap or {}, scratch=lambda _: scratch)
        for kernel in select(graph, CPUS["host"]).kernels
    )
    return memory_report(graph, Selection(kernels))


def test_moments_are_layers_and_the_caller() -> None:
    """The alias between the two sums is no layer."""
    found = report(graphs.branches())
    assert [(moment.layer, moment.name) for moment in found.moments] == [
        (-1, "inputs"),
        (0, "ADD"),
        (1, "ADD"),
        (2, "outputs"),
    ]
    assert [moment.load for moment in found.moments] == [16, 24, 16, 16]
    assert found.peak == 1 and found.arena == found.bound == 24
    assert [(block.first, block.last) for block in found.blocks] == [(0, 1), (0, 1), (1, 3), (2, 3)]
    assert {block.bytes for block in found.at_peak} == {8}


def test_causes_name_what_could_be_saved() -> None:
    waiting = graphs.branches().with_(outputs=(2, 5))
    texts = " / ".join(report(waiting, scratch=100).causes)
    assert "100 bytes are scratch" in texts
    assert "cannot overwrite an input: in place would save 8 bytes" in texts
    texts = " / ".join(report(graphs.conv(), overlap={0: Overlap(30)}).causes)
    assert "starts its output 30 bytes in front of an input: 14 bytes more" in texts
    later = report(graphs.branches(), overlap={0: Overlap(0), 1: Overlap(0)})
    assert not any("cannot overwrite" in cause for cause in later.causes)


def test_a_tensor_that_only_waits_is_named() -> None:
    graph = graphs.branches()
    graph = graph.with_tensor(7, graphs.activation("idle", (500,))).with_(outputs=(2, 5, 7))
    graph = graph.with_(inputs=(0, 1, 7))
    assert any(
        cause.startswith("500 bytes wait for a later layer") and '"idle"' in cause
        for cause in report(graph).causes
    )


def test_the_order_is_proven_or_its_gap_is_stated(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = graphs.branches()
    assert report(graph).order == "no order of the layers has a lower peak"
    monkeypatch.setattr(reorder, "_STATES", 0)
    # The search stops where the caller has written the inputs.
    inputs, peak = report(graph).moments[0].load, max(m.load for m in report(graph).moments)
    assert report(graph).order == (
        f"some order of the layers may have a peak of {inputs:,} bytes, {peak - inputs:,} less: "
        "the search was not exhaustive"
    )


def drawn() -> MemoryReport:
    blocks = (
        Block("A", 0, 50, 0, 1, "a"),
        Block("B", 25, 75, 1, 2, '<b & "c">'),
        Block("C", 99, 100, 2, 2, "tiny"),
    )
    moments = tuple(Moment(i - 1, "inputs" if i == 0 else "ADD", 50) for i in range(3))
    return MemoryReport(100, 90, 1, moments, blocks, "", ())


def test_chart() -> None:
    assert chart(drawn(), 20) == (
        "AAAAAAAAAA..........",
        "AAAAA#####BBBBB.....",
        ".....BBBBBBBBBB....C",
    )


def test_svg_is_a_document_with_a_rectangle_for_each_block() -> None:
    root = ElementTree.fromstring(svg(drawn(), "x < y"))
    names = [e.findtext("{*}title") for e in root.iter("{http://www.w3.org/2000/svg}rect")]
    assert names == ["a, 50 bytes at 0", '<b & "c">, 50 bytes at 25', "tiny, 1 bytes at 99"]


def test_cli_prints_the_plan_and_draws_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = tmp_path / "plan.svg"
    assert cli.main(["analyze", str(MODEL), "--memory", "--svg", str(picture)]) == 0
    text = capsys.readouterr().out
    assert "<- peak" in text and "no plan takes less than" in text and "at the peak:" in text
    ElementTree.parse(picture)
    assert cli.main(["analyze", str(MODEL), "--memory", "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)["plan"]
    assert plan["blocks"][0]["letter"] == LETTERS[0] and plan["arena"] >= plan["bound"] > 0
    assert cli.main(["analyze", str(MODEL), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["plan"] is None


def test_what_another_objective_would_save_is_said() -> None:
    now, lean = Figures(1000, 5000, 400), Figures(1020, 5100, 300)
    assert saving(now, lean) == (
        "-O ram saves 100 bytes, arena 300: +2.0% of the modelled cycles, +100 bytes of flash",
    )
    assert saving(lean, now) == ()


def test_the_command_says_what_would_lower_the_peak(
    shared: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = str(shared / "models" / "vww_int8.tflite")
    assert cli.main(["analyze", model, "--board", "mps2-an386", "--memory"]) == 0
    assert "-O ram saves" in capsys.readouterr().out
    assert cli.main(["analyze", model, "--board", "mps2-an386", "--memory", "-O", "ram"]) == 0
    text = capsys.readouterr().out
    assert "-O ram saves" not in text and "ROWS" in text
