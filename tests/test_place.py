"""The firmware's arena in a region of its own: where it lies, what is counted, what is refused."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

import mcugen
from mcugen import cli, limits, manifest, steps, tuning
from mcugen.errors import BoardError, OptionError
from mcugen.ir import Io
from mcugen.placement import Placement, regions
from mcugen.project import Project
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


@pytest.mark.parametrize("what", ["arena", "state"])
def test_regions_that_are_none(what: str) -> None:
    placement = Placement.parse([f"{what}=ccm"])
    message = "'ccm' is no region of nucleo-h743zi2; known: ram, axi"
    with pytest.raises(OptionError, match=message):
        placement.check(load_board("nucleo-h743zi2"))
    with pytest.raises(OptionError, match="host has no regions of memory; leave --place out"):
        placement.check(load_board("host"))


@pytest.mark.qemu
def test_an_arena_in_tightly_coupled_memory(tmp_path: Path) -> None:
    place = Placement(arena="dtcm")
    out = tmp_path / "out"
    result = mcugen.validate(MODEL, "mps3-an547", DATA, limit=3, keep=out, placement=place)
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
    asked = Placement(arena="tiny")
    memory = mcugen.analyze(MODEL, board, placement=asked).memory
    expected = f"at least {memory.arena:,} bytes of tiny, {memory.arena - 256:,} more than the 256"
    with pytest.raises(BoardError, match=f"^split: the model needs {expected} there are; "):
        mcugen.generate(MODEL, board, tmp_path / "out", placement=asked)


def test_tuning_builds_in_the_same_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the region that was asked for; in another one where `ram` has no room."""
    seen: list[tuple[set[str], str]] = []

    def costs(project: Project, *_: object) -> list[int]:
        record = manifest.read(project.directory)
        kinds = {argument.kind for argument in record.arguments}
        seen.append((kinds, record.arguments[0].region))
        return [1] * len(json.loads((project.directory / "digits_int8.json").read_text())["layers"])

    monkeypatch.setattr(tuning, "cache_folder", lambda: tmp_path / "cache")
    monkeypatch.setattr(steps, "layer_costs", costs)
    mcugen.tune(MODEL, "mps3-an547", placement=Placement(Io.CALLER, arena="dtcm"))
    assert seen and all(found == ({"arena", "input", "output"}, "dtcm") for found in seen)
    seen.clear()
    board = split_board(tmp_path, STACK + INPUT_BYTES + limits.HARNESS_RAM + 256, {"more": 0x4000})
    mcugen.tune(MODEL, board)
    assert seen and all(found == ({"arena"}, "more") for found in seen)


def test_the_room_of_a_region_is_exact(tmp_path: Path) -> None:
    """With room for the arena and its guards it is built; the next smaller region is too small."""
    arena = mcugen.analyze(MODEL, "mps2-an386", objective="ram").memory.arena
    whole = (arena + limits.GUARDS + 15) // 16 * 16
    board = split_board(tmp_path, 0x1_0000, {"exact": whole, "short": whole - 16})
    exact = mcugen.analyze(MODEL, board, objective="ram", placement=Placement(arena="exact")).memory
    assert exact.measured and exact.arena == arena and exact.uses[1].bytes == whole
    short = mcugen.analyze(MODEL, board, objective="ram", placement=Placement(arena="short")).memory
    assert not short.fits or short.arena < arena


@pytest.mark.parametrize("places", [["arena"], ["arena="], ["heap=ccm"], ["ccm"], ["state=a"] * 2])
def test_places_that_are_none(places: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["generate", str(MODEL), "--board", "netduinoplus2", "-o", "x"]
    assert cli.main([*arguments, *(f"--place={place}" for place in places)]) == cli.ERROR
    assert f"place: {places[-1]}: say arena=REGION" in capsys.readouterr().err
