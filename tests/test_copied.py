"""Constants and code that start-up copies from flash to RAM: where they lie, and that they work."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

import mcugen
from mcugen import cli
from mcugen.errors import BoardError, OptionError
from mcugen.placement import Placement, Rule, region_of
from mcugen.target import load_board

DIGITS = Path(__file__).parent.parent / "examples" / "digits"
MODEL, DATA = DIGITS / "digits_int8.tflite", DIGITS / "digits_test.npz"
FAR = 0x2010_0000  # RAM of the MPS2, too far from its flash for a branch


def board_with(folder: Path, name: str, more: dict[str, int]) -> str:
    """A board with further regions of these sizes."""
    text = (load_board(name).folder / "board.toml").read_text()
    for number, (region, size) in enumerate(more.items()):
        text += f"\n[more_ram.{region}]\norigin = {FAR + number * 0x10_0000}\nsize = {size}\n"
    board = folder / "wide"
    board.mkdir()
    (board / "board.toml").write_text(text)
    return str(board)


def symbols(path: Path, kind: str) -> dict[str, int]:
    """Addresses of an image's objects or functions."""
    with path.open("rb") as file:
        table = ELFFile(file).get_section_by_name(".symtab")
        assert isinstance(table, SymbolTableSection)
        found = (s for s in table.iter_symbols() if s["st_info"]["type"] == kind)
        return {s.name: int(s["st_value"]) & ~(kind == "STT_FUNC") for s in found}


def names_in(paths: Iterable[Path], kind: str) -> set[str]:
    return {name for path in paths for name in symbols(path, kind)}


# ---- what is asked for


def test_rules() -> None:
    texts = ["weights=axi", "weights:conv*=itcm", "weights:3=dtcm", "code:7=itcm", "arena=axi"]
    placement = Placement.parse(texts)
    assert placement.code == (Rule("7", "itcm"),) and placement.arena == "axi"
    found = [region_of(placement.weights, index, name) for index, name in enumerate("abcd")]
    assert found == ["axi", "axi", "axi", "dtcm"]
    assert region_of(placement.weights, 1, "conv_1") == "itcm"
    assert region_of(placement.code, 6, "7 and more") == ""


def test_a_layer_that_is_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["generate", str(MODEL), "--board", "mps3-an547", "-o", str(tmp_path / "x")]
    assert cli.main([*arguments, "--place", "weights:conv9=dtcm"]) == cli.ERROR
    assert "place: weights:conv9: no such layer; layers are 0 " in capsys.readouterr().err


@pytest.mark.parametrize("what", ["weights:0", "code"])
def test_a_region_that_is_none(what: str) -> None:
    with pytest.raises(OptionError, match="'ccm' is no region of mps3-an547; known: ram, dtcm"):
        Placement.parse([f"{what}=ccm"]).check(load_board("mps3-an547"))
    with pytest.raises(OptionError, match="host has no regions of memory"):
        Placement.parse([f"{what}=ram"]).check(load_board("host"))


def test_constants_that_have_no_room_say_how_much_they_lack(tmp_path: Path) -> None:
    board = board_with(tmp_path, "mps2-an386", {"tiny": 256})
    placement = Placement.parse(["weights=tiny"])
    memory = mcugen.analyze(MODEL, board, placement=placement).memory
    assert memory is not None and memory.copied > 256
    wanted = f"at least {memory.copied:,} bytes of tiny, {memory.copied - 256:,} more than the 256"
    with pytest.raises(BoardError, match=f"^wide: the model needs {wanted} there are; "):
        mcugen.generate(MODEL, board, tmp_path / "out", placement=placement)


def test_code_that_has_no_room_says_how_much_it_lacks(tmp_path: Path) -> None:
    board = board_with(tmp_path, "mps2-an386", {"tiny": 256})
    placement = Placement.parse(["code=tiny"])
    mcugen.generate(MODEL, board, tmp_path / "out", placement=placement)
    with pytest.raises(BoardError, match=r"does not fit wide: [\d,]+ bytes too many in TINY"):
        mcugen.build_project(tmp_path / "out", board)


# ---- where it lies


@pytest.mark.qemu
def test_weights_of_one_layer_in_tightly_coupled_memory(tmp_path: Path) -> None:
    out, place = tmp_path / "out", Placement.parse(["weights:0=dtcm"])
    result = mcugen.validate(MODEL, "mps3-an547", DATA, limit=2, keep=out, placement=place)
    assert result.passed
    constants = {
        name: address
        for name, address in symbols(out / "build" / "digits_int8.elf", "STT_OBJECT").items()
        if name.startswith("digits_int8_layer")
    }
    hot = {name for name, address in constants.items() if address >= 0x3000_0000}
    assert hot == {name for name in constants if name.startswith("digits_int8_layer0_")}
    assert len(constants) > len(hot) > 0
    memory = mcugen.build_project(out).memory
    (_, dtcm) = memory.uses
    assert memory.copied == dtcm.bytes > 0 and memory.ram > memory.arena + memory.copied
    done = subprocess.run(["make", "selftest"], cwd=out, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.qemu
@pytest.mark.parametrize("name", ["mps2-an386", "mps2-an385-m0"])
def test_code_far_from_flash(name: str, tmp_path: Path) -> None:
    """The linker's veneers lead there and back; all functions of the kernels' files are there."""
    out, board = tmp_path / "out", board_with(tmp_path, name, {"tcm": 0x8000})
    place = Placement.parse(["code=tcm", "weights=tcm"])
    assert mcugen.validate(MODEL, board, DATA, limit=2, keep=out, placement=place).passed
    image = out / "build" / "digits_int8.elf"
    functions = symbols(image, "STT_FUNC")
    assert any(function.endswith("_veneer") for function in functions)
    kernels = names_in((out / "build" / "mcu").glob("*.o"), "STT_FUNC") & set(functions)
    kernels = {kernel for kernel in kernels if "." not in kernel}
    assert any(kernel.startswith("mcu_conv2d") for kernel in kernels)
    assert all(FAR <= functions[kernel] < FAR + 0x8000 for kernel in kernels)
    assert functions["digits_int8_invoke"] < FAR
    built = mcugen.build_project(out, board).memory
    plain = mcugen.analyze(MODEL, name).memory
    assert plain is not None and plain.stack is not None and built.stack is not None
    assert plain.stack <= built.stack <= plain.stack + 16
    assert built.copied == built.uses[1].bytes > 4096


@pytest.mark.qemu
def test_veneers_cost_some_cycles(tmp_path: Path) -> None:
    board = board_with(tmp_path, "mps2-an386", {"tcm": 0x8000})
    far = mcugen.profile(MODEL, board, placement=Placement.parse(["code:0=tcm"])).cycles
    near = mcugen.profile(MODEL, "mps2-an386").cycles
    assert far is not None and near is not None and near < far < near + 500


@pytest.mark.qemu
def test_a_layer_inside_of_a_chain(tmp_path: Path) -> None:
    out = tmp_path / "out"
    names = [node.name for node in mcugen.load(MODEL).compiled().nodes]
    place = Placement.parse([f"weights:{names[0]}=dtcm", f"code:{names[0]}=ram"])
    options = {"objective": "ram", "placement": place}
    assert mcugen.validate(MODEL, "mps3-an547", DATA, limit=2, keep=out, **options).passed
    text = (out / "digits_int8.c").read_text()
    assert "_rows_0(" in text
    weights = (out / "digits_int8_weights.c").read_text()
    assert "DIGITS_INT8_WEIGHTS_DTCM const int32_t digits_int8_layer0_0_" in weights
    assert "DIGITS_INT8_WEIGHTS const " in weights
    functions = symbols(out / "build" / "digits_int8.elf", "STT_FUNC")
    assert functions["mcu_conv2d_s8_mve"] >= 0x3100_0000


def test_the_readme_has_the_lines_for_a_linker_script(tmp_path: Path) -> None:
    place = Placement.parse(["weights:0=dtcm", "code:0=ram"])
    for package in (None, "arduino"):
        out = tmp_path / str(package)
        mcugen.generate(MODEL, "mps3-an547", out, placement=place, package=package)
        text = (out / "README.md").read_text()
        assert ".weights_dtcm : { *(.weights_dtcm) } > DTCM AT > FLASH" in text
        assert "    *mcu_conv2d_s8_mve.o(.text .text.*)" in text
        assert "`DIGITS_INT8_WEIGHTS_DTCM`" in text
