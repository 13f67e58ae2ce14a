"""Builds small firmware around `firmware.c`, a model for tests, with the compiler alone."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from mcugen import firmware, resources
from mcugen.target import Board, load_board

Build = Callable[..., tuple[Board, Path]]

_WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wsign-conversion", "-Wshadow"]
_WARNINGS += ["-Wundef", "-Wcast-align", "-Wcast-qual", "-Wmissing-prototypes"]
_WARNINGS += ["-Wdouble-promotion", "-Werror"]


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """`build("microbit", "MODEL_HANGS")`: the board and the image, compiled with these macros.

    `compiler` is the compiler of the host, with options of its own.
    """

    def compile_firmware(
        name: str, *macros: str, compiler: tuple[str, ...] = ("gcc",), optimize: str = "-O2"
    ) -> tuple[Board, Path]:
        board = load_board(name)
        if board.is_host:
            command = [*compiler]
        else:
            command = [
                "arm-none-eabi-gcc",
                *board.cpu.flags,
                "-ffunction-sections",
                "-nostartfiles",
            ]
            command += ["-Wl,-T,link.ld,--gc-sections"]
            if shutil.which("qemu-system-arm") is None or shutil.which(command[0]) is None:
                pytest.skip("needs qemu-system-arm and arm-none-eabi-gcc; see `mcugen doctor`")
        folder = tmp_path_factory.mktemp(name)
        _render(board, folder)
        sources = resources.runtime_c() / "firmware"
        command += ["-std=c99", optimize, *_WARNINGS, f"-I{folder}", f"-I{sources}"]
        command += [f"-D{macro}" for macro in macros]
        command += [str(sources / source) for source in firmware.sources(board)]
        command += [str(Path(__file__).with_name("firmware.c")), "-o", "test.elf"]
        subprocess.run(command, check=True, cwd=folder, timeout=60)
        return board, folder / "test.elf"

    return compile_firmware


def _render(board: Board, folder: Path) -> None:
    templates = Environment(
        loader=FileSystemLoader(resources.templates() / "firmware"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    program = SimpleNamespace(copied=(), hot_objects=())  # all code and constants stay in flash
    for name in ("board.h", *(() if board.is_host else ("link.ld",))):
        text = templates.get_template(f"{name}.j2").render(board=board, program=program)
        (folder / name).write_text(text)
