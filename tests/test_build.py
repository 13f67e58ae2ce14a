"""Building: sizes, the stack, and what the user is told when it does not work."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from mcugen.build import Size, build, section_sizes
from mcugen.emit import emit
from mcugen.errors import BoardError, OutputError, ToolError
from mcugen.lower import lower
from mcugen.program import Source
from mcugen.select import select
from mcugen.target import Board, Region, load_board
from mcugen.testing import graphs

needs_arm = pytest.mark.skipif(
    shutil.which("arm-none-eabi-gcc") is None, reason="needs arm-none-eabi-gcc"
)
Generate = Callable[[str | Board], Path]


@pytest.fixture
def generate(tmp_path: Path) -> Generate:
    """Write a project for a board by name, or for one of the test's own."""

    def write(board: str | Board) -> Path:
        target = load_board(board) if isinstance(board, str) else board
        graph = graphs.conv()
        program = lower(
            graph, select(graph, target.cpu), Source("tiny", "0" * 64), board=target.name
        )
        emit(program, target, tmp_path / "out")
        return tmp_path / "out"

    return write


@needs_arm
@pytest.mark.parametrize("board", ["mps2-an386", "microbit"])
def test_sizes_of_a_firmware(generate: Generate, board: str) -> None:
    result = build(generate(board))
    assert result.image.name == "tiny.elf" and result.image.is_file()
    assert result.model.ram == 0
    assert 81 < result.model.flash < 4096
    assert result.whole is not None
    assert result.whole.flash > result.model.flash
    (arena,) = result.arguments
    assert result.whole.ram >= arena.bytes + load_board(board).stack_bytes
    assert arena.kind == "arena" and arena.bytes == 60
    assert result.stack is not None and 50 < result.stack < 1200


@needs_arm
def test_observing_image_stands_beside_the_plain_one(generate: Generate) -> None:
    project = generate("mps2-an386")
    plain, observing = build(project), build(project, observe=True)
    assert observing.image.name == "tiny-observe.elf"
    assert plain.image.is_file() and observing.image.is_file()
    assert b"-observe" not in plain.image.read_bytes()


def test_host_firmware(generate: Generate) -> None:
    result = build(generate("host"))
    assert result.image.is_file()
    assert result.model.ram == 0


def test_library_without_a_board(tmp_path: Path) -> None:
    graph = graphs.conv()
    program = lower(
        graph, select(graph, load_board("host").cpu), Source("tiny", "0" * 64), board="none"
    )
    emit(program, None, tmp_path / "out")
    result = build(tmp_path / "out")
    assert result.image.name == "libtiny.a" and result.image.is_file()
    assert result.whole is None


def test_objects_made_by_hand_are_made_again_for_the_call_graph(generate: Generate) -> None:
    project = generate("host")
    subprocess.run(["make", "-s"], cwd=project, check=True, timeout=60)
    assert not (project / "build" / "tiny.ci").exists()
    build(project)
    assert (project / "build" / "tiny.ci").exists()


@needs_arm
def test_a_board_that_is_too_small(generate: Generate) -> None:
    board = load_board("mps2-an386")
    assert board.flash is not None and board.ram is not None
    flash, ram = Region(board.flash.origin, 4096), Region(board.ram.origin, 4096)
    with pytest.raises(BoardError) as caught:
        build(generate(replace(board, name="small", flash=flash, ram=ram)))
    message = str(caught.value)
    assert "does not fit small" in message
    assert "bytes too many in FLASH" in message and "bytes too many in RAM" in message


def test_compiler_errors_are_shown(generate: Generate) -> None:
    project = generate("host")
    (project / "tiny.c").write_text("int broken(\n")
    with pytest.raises(ToolError, match=r"(?s)make .* failed.*tiny\.c:1"):
        build(project)


@pytest.mark.parametrize("tool", ["make", "arm-none-eabi-gcc"])
def test_missing_tools_are_named_with_their_package(
    generate: Generate, tool: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    for name in ("make", "mkdir", "rm", "sh"):
        if name != tool:
            (bin_folder / name).symlink_to(str(shutil.which(name)))
    project = generate("mps2-an386")
    monkeypatch.setenv("PATH", str(bin_folder))
    with pytest.raises(ToolError, match=rf"^{tool}: not found; .*apt-get install \S+"):
        build(project)


def test_not_a_project(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="not a project that mcugen generated"):
        build(tmp_path)


def test_damaged_manifest(generate: Generate) -> None:
    project = generate("host")
    (project / "tiny.json").write_text('{"generator": "mcugen", "prefix": "tiny"}')
    with pytest.raises(OutputError, match=r"tiny\.json: damaged"):
        build(project)


def test_section_sizes(tmp_path: Path) -> None:
    source = tmp_path / "a.c"
    source.write_text("const char table[100] = {1}; char zero[50]; char set[25] = {1};\n")
    subprocess.run(["gcc", "-c", "-fno-common", "a.c"], cwd=tmp_path, check=True, timeout=60)
    size = section_sizes(tmp_path / "a.o")
    assert size.ram == 75
    assert 125 <= size.flash < 200 and isinstance(size, Size)
