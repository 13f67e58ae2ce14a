"""The real models on every board that can hold them give the bytes of the reference."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mcugen
from mcugen.errors import BoardError
from mcugen.project import Project
from mcugen.run.runner import open_runner
from mcugen.target import board_names, load_board

MODELS = ("ad_int8", "digits_cnn_int8", "hello_world_int8", "ic_int8", "kws_int8", "vww_int8")

BOARDS = ["host", *(name for name in board_names() if load_board(name).emulator)]

# What a board's memory cannot hold. Everything else must run.
TOO_LARGE = {
    ("ad_int8", "microbit"),
    ("ic_int8", "microbit"),
    ("vww_int8", "microbit"),
    ("ad_int8", "stm32vldiscovery"),
    ("ic_int8", "stm32vldiscovery"),
    ("kws_int8", "stm32vldiscovery"),
    ("vww_int8", "stm32vldiscovery"),
}


@pytest.mark.qemu
@pytest.mark.parametrize("board", BOARDS)
@pytest.mark.parametrize("model", MODELS)
def test_golden_inputs_give_the_golden_bytes(
    golden: Callable[[str], Any], tmp_path: Path, model: str, board: str
) -> None:
    cases = golden(model)
    if (model, board) in TOO_LARGE:
        with pytest.raises(BoardError, match=r"[\d,]+ (bytes )?(more than|too many)"):
            mcugen.generate(cases.model, board, tmp_path / "p")
            mcugen.build_project(tmp_path / "p")
        return
    mcugen.generate(cases.model, board, tmp_path / "p")
    image = mcugen.build_project(tmp_path / "p").image
    project = Project.open(tmp_path / "p")
    with open_runner(project.board, image) as runner:
        for inputs, expected in zip(cases.inputs, cases.tflm, strict=True):
            for found, wanted in zip(project.infer(runner, inputs), expected, strict=True):
                np.testing.assert_array_equal(found, wanted)
