"""The bound on the stack against what an inference really writes, painted in the emulator."""

from __future__ import annotations

from pathlib import Path

import pytest

import mcugen
from mcugen.project import Project
from mcugen.run.runner import open_runner

DIGITS = Path(__file__).parents[1] / "examples" / "digits" / "digits_int8.tflite"

BOARDS = ("mps2-an386", "mps2-an385", "mps2-an385-m0", "mps2-an505", "mps3-an547")


@pytest.mark.qemu
@pytest.mark.parametrize(
    ("board", "objective", "spare"),
    [
        *((board, "balanced", 64) for board in BOARDS),
        ("mps2-an386", "ram", 144),  # layers by rows, in a kernel with branches not taken here
        ("mps3-an547", "ram", 64),
    ],
)
def test_the_bound_holds_and_is_tight(
    tmp_path: Path, board: str, objective: str, spare: int
) -> None:
    mcugen.generate(DIGITS, board, tmp_path / "p", objective=objective)
    built = mcugen.build_project(tmp_path / "p")
    project = Project.open(tmp_path / "p")
    with open_runner(project.board, built.image) as runner:
        painted = runner.stack_used([bytes(tensor.bytes) for tensor in project.inputs])
    assert built.memory.stack is not None
    assert painted <= built.memory.stack <= painted + spare
