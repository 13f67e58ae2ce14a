"""A model that writes outside of its memory is found by the firmware that runs it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import mcugen
from mcugen.build import build
from mcugen.errors import RunError
from mcugen.project import Project
from mcugen.run.runner import open_runner

DIGITS = Path(__file__).parents[2] / "examples" / "digits" / "digits_int8.tflite"


def broken(folder: Path, board: str, pattern: str, change: str) -> Project:
    """A project whose plan was changed by hand."""
    mcugen.generate(DIGITS, board, folder)
    source = next(folder.glob("digits_int8.c"))
    text = source.read_text()
    assert re.search(pattern, text)
    source.write_text(re.sub(pattern, change, text))
    return Project.open(folder)


@pytest.mark.parametrize("board", ["host", pytest.param("mps2-an386", marks=pytest.mark.qemu)])
@pytest.mark.parametrize("change", ["memory - 4", "memory + DIGITS_INT8_ARENA_SIZE"])
def test_a_broken_guard_is_an_error(tmp_path: Path, board: str, change: str) -> None:
    """The last layer writes below, or above, the arena."""
    pattern = r"memory \+ \d+\);\n    mcu_observe\((?=\d+, [^\n]*\n    return DIGITS)"
    project = broken(tmp_path / "p", board, pattern, f"{change});\n    mcu_observe(")
    inputs = [bytes(tensor.bytes) for tensor in project.inputs]
    image = build(project.directory).image
    with (
        open_runner(project.board, image) as runner,
        pytest.raises(RunError, match="wrote outside of its memory"),
    ):
        runner.infer(inputs)


def test_a_sound_model_leaves_the_guards_alone(tmp_path: Path) -> None:
    mcugen.generate(DIGITS, "host", tmp_path / "p")
    project = Project.open(tmp_path / "p")
    with open_runner(project.board, build(project.directory).image) as runner:
        for _ in range(2):
            assert runner.infer([bytes(tensor.bytes) for tensor in project.inputs])
