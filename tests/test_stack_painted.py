"""The bound on the stack against what an inference really writes, painted in the emulator."""

from __future__ import annotations

from pathlib import Path

import pytest

import mcugen
from mcugen.project import Project
from mcugen.run.runner import open_runner

DIGITS = Path(__file__).parents[1] / "examples" / "digits" / "digits_int8.tflite"


@pytest.mark.qemu
@pytest.mark.parametrize(
    "board", ["mps2-an386", "mps2-an385", "mps2-an385-m0", "mps2-an505", "mps3-an547"]
)
def test_the_bound_holds_and_is_tight(tmp_path: Path, board: str) -> None:
    mcugen.generate(DIGITS, board, tmp_path / "p")
    built = mcugen.build_project(tmp_path / "p")
    project = Project.open(tmp_path / "p")
    with open_runner(project.board, built.image) as runner:
        painted = runner.stack_used([bytes(tensor.bytes) for tensor in project.inputs])
    assert built.memory.stack is not None
    assert painted <= built.memory.stack <= painted + 64
