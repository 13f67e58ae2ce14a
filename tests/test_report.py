"""How results look in a terminal."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from mcugen import api, report
from mcugen.profiling import Profile
from mcugen.results import RunResult

MODEL = Path(__file__).parent.parent / "examples" / "digits" / "digits_int8.tflite"


def _lines(result: object, width: int) -> list[str]:
    file = io.StringIO()
    report.show(result, Console(file=file, width=width, highlight=False))
    return file.getvalue().splitlines()


def test_a_table_of_operators_fits_80_columns_and_keeps_its_numbers():
    analysis = api.analyze(MODEL)
    lines = _lines(analysis, 80)
    assert max(map(len, lines)) <= 80
    for operation in analysis.operations:
        (line,) = [line for line in lines if line.split()[:1] == [str(operation.index)]]
        assert operation.operator in line
        assert f"{operation.macs:,}" in line
        assert line.rstrip().endswith(operation.name[-8:])


@pytest.mark.parametrize("width", [20, 80, 160])
def test_no_name_of_a_board_is_cut(width):
    boards = api.boards()
    lines = _lines(boards, width)
    names = [line.split()[0] for line in lines if line[:1].strip()]
    assert set(names) >= {board.name for board in boards.boards}


def test_a_path_with_brackets_and_the_name_that_was_made_are_shown(tmp_path):
    out = tmp_path / "a [bold] folder"
    (line,) = _lines(api.generate(MODEL, "host", out, name="a b"), 40)
    assert f"{out}: a_b.h and " in line


def test_values_that_are_no_numbers_are_shown():
    result = RunResult("host", 1, None, ((float("nan"), 0.5),), ())
    assert "first sample: [nan, 0.5]" in _lines(result, 80)


def test_an_offset_is_spelled_with_one_sign():
    assert "(q + 128)" in "\n".join(_lines(api.analyze(MODEL), 80))


def test_functions_that_nothing_is_known_of_are_not_passed_over():
    profile = Profile("a.tflite", "b", (), (), 0, 0, None, None, "no modelled cycles: why")
    console = Console(width=80, record=True, file=io.StringIO())
    report.show(profile, console, functions=True)
    assert console.export_text().splitlines()[-2:] == [
        "no modelled cycles: why",
        "functions are listed where cycles are modelled",
    ]
