"""The firmware's arena in a region of its own: where it lies, what is counted, what is refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

import mcugen
from mcugen import cli, limits
from mcugen.errors import BoardError, OptionError
from mcugen.limits import Limits, regions
from mcugen.target import load_board

DIGITS = Path(__file__).parent.parent / "examples" / "digits"
MODEL, DATA = DIGITS / "digits_int8.tflite", DIGITS / "digits_test.npz"
STACK, INPUT_BYTES = 4096, 8 * 8
ELSEWHERE = 0x2010_0000  # RAM of the MPS2, apart from its first bytes


def split_board(folder: Path, ram: int, more: dict[str, int]) -> str:
    """An MPS2 whose RAM is in several regions: `ram`, and others of these sizes."""
    text = (load_board("mps2-an386").folder / "board.toml").read_text()
    head, tail = text.split("[ram]")
    tail = re.sub(r"size = \S+", f"size = {ram}", tail, count=1)
    for number, (name, size) in enumerate(more.items()):
        tail += f"\n[more_ram.{name}]\norigin = {ELSEWHERE + number * 0x10_0000}\nsize = {size}\n"
    board = folder / "split"
    board.mkdir()
    (board / "board.toml").write_text(f"{head}[ram]{tail}")
    return str(board)


def address_of_arena(image: Path) -> int:
    """Where the firmware's `arena_memory` lies, in a section that is not in the file."""
    with image.open("rb") as file:
        elf = ELFFile(file)
        table = elf.get_section_by_name(".symtab")
        assert isinstance(table, SymbolTableSection)
        (symbol,) = table.get_symbol_by_name("arena_memory")
        assert elf.get_section(symbol["st_shndx"])["sh_type"] == "SHT_NOBITS"
        return int(symbol["st_value"])


def test_regions_in_order() -> None:
    board = load_board("nucleo-h743zi2")
    assert regions(board, None) == ("ram", "axi")
    assert regions(board, "axi") == ("axi",)
    with pytest.raises(OptionError, match="'ccm' is no region of nucleo-h743zi2; known: ram, axi"):
        regions(board, "ccm")
    with pytest.raises(OptionError, match="host has no regions of memory; leave --place out"):
        regions(load_board("host"), "ram")


@pytest.mark.qemu
def test_an_arena_in_tightly_coupled_memory(tmp_path: Path) -> None:
    limits = Limits(arena_in="dtcm")
    out = tmp_path / "out"
    result = mcugen.validate(MODEL, "mps3-an547", DATA, limit=3, keep=out, limits=limits)
    assert result.passed
    memory = mcugen.build_project(out).memory
    assert memory.fits and memory.region == "dtcm" and memory.image_ram is not None
    (_, dtcm) = memory.uses
    assert dtcm.region == "dtcm" and dtcm.limit == 0x8_0000
    assert 64 <= dtcm.bytes - memory.arena < 64 + 16
    assert memory.image_ram < STACK + INPUT_BYTES + 1024
    assert address_of_arena(out / "build" / "digits_int8.elf") == 0x3000_0000


@pytest.mark.qemu
def test_a_model_that_ram_cannot_hold_gets_the_smallest_region_that_can(tmp_path: Path) -> None:
    lean = mcugen.analyze(MODEL, "mps2-an386", objective="ram").memory
    assert lean is not None
    harness = STACK + INPUT_BYTES + limits.HARNESS_RAM
    more = {"large": 0x1_0000, "tiny": 256, "small": 0x4000}
    board = split_board(tmp_path, harness + 256, more)
    out = tmp_path / "out"
    assert mcugen.validate(MODEL, board, DATA, limit=3, keep=out).passed
    memory = mcugen.build_project(out, board).memory
    assert lean.arena > 256 and memory.region == "small"
    assert mcugen.analyze(MODEL, board).note == "the arena lies in small"
    assert address_of_arena(out / "build" / "digits_int8.elf") == ELSEWHERE + 0x20_0000
    modelled = mcugen.profile(MODEL, board).cycles
    assert modelled is not None and modelled == mcugen.profile(MODEL, "mps2-an386").cycles


def test_a_region_that_is_too_small_says_by_how_much(tmp_path: Path) -> None:
    board = split_board(tmp_path, 0x1_0000, {"tiny": 256})
    assert mcugen.analyze(MODEL, board).memory.region == "ram"
    asked = Limits(arena_in="tiny")
    memory = mcugen.analyze(MODEL, board, limits=asked).memory
    expected = f"at least {memory.arena:,} bytes of tiny, {memory.arena - 256:,} more than the 256"
    with pytest.raises(BoardError, match=f"^split: the model needs {expected} there are; "):
        mcugen.generate(MODEL, board, tmp_path / "out", limits=asked)


def test_the_room_of_a_region_is_exact(tmp_path: Path) -> None:
    """With room for the arena and its guards it is built; the next smaller region is too small."""
    arena = mcugen.analyze(MODEL, "mps2-an386", objective="ram").memory.arena
    whole = (arena + limits.GUARDS + 15) // 16 * 16
    board = split_board(tmp_path, 0x1_0000, {"exact": whole, "short": whole - 16})
    exact = mcugen.analyze(MODEL, board, objective="ram", limits=Limits(arena_in="exact")).memory
    assert exact.measured and exact.arena == arena and exact.uses[1].bytes == whole
    short = mcugen.analyze(MODEL, board, objective="ram", limits=Limits(arena_in="short")).memory
    assert not short.fits or short.arena < arena


@pytest.mark.parametrize("place", ["arena", "arena=", "weights=ccm", "ccm"])
def test_places_that_are_none(place: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["generate", str(MODEL), "--board", "netduinoplus2", "-o", "x", "--place", place]
    assert cli.main(arguments) == cli.ERROR
    assert f"--place {place}: say arena=REGION, once" in capsys.readouterr().err
