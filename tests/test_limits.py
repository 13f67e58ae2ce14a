"""Limits of flash and RAM: what a board leaves, what the user allows, what is said."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import mcugen
from mcugen import cli, limits
from mcugen.cli import project
from mcugen.errors import BoardError
from mcugen.limits import LEAST, Figures, Limits, room
from mcugen.placement import Placement
from mcugen.target import load_board
from mcugen.testing import graphs

MODEL = Path(__file__).parent.parent / "examples" / "digits" / "digits_int8.tflite"
INPUT_BYTES = 8 * 8


def test_both_limits_hold() -> None:
    assert Limits(10, None).and_(Limits(20, 5)) == Limits(10, 5)
    assert Limits().and_(Limits()) == Limits()


def test_excess_says_what_is_too_much() -> None:
    assert Limits(100, 50).excess(Figures(1, 100, 50)) == ()
    assert Limits(100, None).excess(Figures(1, 1100, 50)) == (
        "1,100 bytes of flash, 1,000 more than the limit of 100",
    )


@pytest.mark.parametrize("board", ["mps2-an386", "microbit"])
def test_the_harness_takes_less_than_is_set_aside_for_it(board: str, tmp_path: Path) -> None:
    mcugen.generate(MODEL, board, tmp_path / "out")
    memory = mcugen.build_project(tmp_path / "out").memory
    target = load_board(board)
    assert memory.image_flash - memory.flash <= limits.HARNESS_FLASH
    harness = memory.image_ram - memory.arena - target.stack_bytes - INPUT_BYTES
    assert harness <= limits.HARNESS_RAM


def test_what_a_board_leaves() -> None:
    graph = graphs.branches()
    left = room(load_board("microbit"), graph, Placement())
    assert left.flash == 256 * 1024 - limits.HARNESS_FLASH
    assert left.ram is not None and left.ram < 16 * 1024 - limits.HARNESS_RAM
    assert room(load_board("host"), graph, Placement()) == Limits()


def test_a_limit_changes_kernels_and_says_so(tmp_path: Path) -> None:
    free = mcugen.generate(MODEL, "mps2-an386", tmp_path / "free", objective="time")
    assert free.note == ""
    bound = mcugen.generate(
        MODEL, "mps2-an386", tmp_path / "bound", objective="time", limits=Limits(ram=free.arena - 8)
    )
    assert bound.arena <= free.arena - 8
    pairs = re.findall(r"(cycles|flash|RAM) ([\d,]+) instead of ([\d,]+)", bound.note)
    changed = {kind: (int(now.replace(",", "")), then) for kind, now, then in pairs}
    assert re.match("(to save RAM|for less memory), .* modelled cycles ", bound.note)
    assert changed["cycles"][0] > int(changed["cycles"][1].replace(",", ""))
    assert changed["RAM"] == (bound.arena, f"{free.arena:,}")


def test_a_board_with_little_ram_gets_kernels_that_fit(tmp_path: Path) -> None:
    free = mcugen.generate(MODEL, "mps2-an386", tmp_path / "free", objective="time")
    text = (load_board("mps2-an386").folder / "board.toml").read_text()
    size = 4096 + INPUT_BYTES + limits.HARNESS_RAM + free.arena - 8
    head, ram = text.split("[ram]")
    small = tmp_path / "small"
    small.mkdir()
    (small / "board.toml").write_text(
        head + "[ram]" + re.sub(r"size = \S+", f"size = {size}", ram, count=1)
    )
    result = mcugen.analyze(MODEL, str(small), objective="time")
    assert result.memory.fits and result.memory.arena < free.arena
    assert " modelled cycles " in result.note


def test_limits_that_nothing_meets_are_an_error(tmp_path: Path) -> None:
    least = mcugen.generate(MODEL, "host", tmp_path / "least", limits=Limits(ram=LEAST))
    assert least.note
    with pytest.raises(BoardError) as caught:
        mcugen.generate(MODEL, "host", tmp_path / "out", limits=Limits(ram=100))
    assert str(caught.value) == (
        f"limits: the least that can be reached is {least.arena:,} bytes of RAM, "
        f"{least.arena - 100:,} more than the limit of 100 ({least.note}); "
        "allow more, or choose a smaller model"
    )


@pytest.mark.parametrize(("text", "size"), [("40k", 40960), ("1M", 1048576), ("512", 512)])
def test_sizes_on_the_command_line(
    text: str, size: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seen = []
    monkeypatch.setattr(project.api, "generate", lambda *args, **given: seen.append(given))
    monkeypatch.setattr(project, "show", lambda *args: None)
    arguments = ["generate", str(MODEL), "--board", "host", "-o", "x", "--ram-limit", text]
    assert cli.main(arguments) == 0
    assert seen[0]["limits"] == Limits(None, size)
    assert cli.main([*arguments[:-1], "least"]) == 0
    assert seen[1]["limits"] == Limits(None, LEAST)
    assert cli.main([*arguments[:-1], "many"]) == cli.ERROR
    assert "many: a number of bytes, such as 65536 or 64K" in capsys.readouterr().err


def test_the_project_says_its_objective_and_is_compiled_for_it(tmp_path: Path) -> None:
    options = {}
    for objective in ("size", "ram"):
        out = tmp_path / objective
        mcugen.generate(MODEL, "mps2-an386", out, objective=objective)
        assert json.loads((out / "digits_int8.json").read_text())["objective"] == objective
        (options[objective],) = re.findall(
            r"^OPTIMIZE = (\S+)", (out / "Makefile").read_text(), re.M
        )
    assert options == {"size": "-Os", "ram": "-O2"}
