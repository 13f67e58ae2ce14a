"""`analyze`: what a model consists of and what it needs."""

from __future__ import annotations

from pathlib import Path

import pytest

import mcugen
from mcugen import analysis
from mcugen.errors import BoardError
from mcugen.spaces import Piece

DIGITS = Path(__file__).parent.parent / "examples" / "digits"


def test_the_digits_network():
    result = mcugen.analyze(DIGITS / "digits_int8.tflite")
    assert result.supported and result.memory is None
    assert [o.operator for o in result.operations] == [
        *("CONV_2D", "MAX_POOL_2D", "CONV_2D", "MAX_POOL_2D"),
        *("RESHAPE", "FULLY_CONNECTED", "SOFTMAX"),
    ]
    assert result.macs == 64 * 16 * 9 + 16 * 32 * 9 * 16 + 128 * 10
    weights = 16 * 9 + 32 * 9 * 16 + 128 * 10
    biases = 16 + 32 + 10
    assert result.parameters == weights + biases
    assert result.weight_bytes == weights + 4 * biases
    assert result.inputs[0].shape == (1, 8, 8, 1) and result.inputs[0].zero_point == -128


def test_a_float_model_is_supported():
    result = mcugen.analyze(DIGITS / "digits_float32.tflite")
    assert result.supported and result.macs == result.file_macs == 84_224


def test_memory_on_a_board_is_measured():
    memory = mcugen.analyze(DIGITS / "digits_int8.tflite", "microbit").memory
    assert memory is not None and memory.measured and memory.fits
    assert memory.stack is not None and memory.ram == memory.arena + memory.stack
    assert memory.image_ram is not None and memory.ram < memory.image_ram < 16 * 1024


def test_a_model_too_large_for_flash_and_ram_says_so_for_both():
    board = mcugen.api.load_board("microbit")

    def needs(arena: int, state: int, constants: int) -> analysis.Memory:
        sizes = {"arena": arena, "state": state}
        pieces = [Piece(kind, kind, size, 16, "ram") for kind, size in sizes.items()]
        return analysis.at_least(board, pieces, constants)

    assert needs(10 * 1024, 6 * 1024, 256 * 1024).fits
    with pytest.raises(BoardError, match=r"1,000 more than.* and .*24 more than"):
        analysis.require_room(needs(10 * 1024 + 20, 6 * 1024 + 4, 256 * 1024 + 1000))


def test_what_only_the_linker_knows_is_part_of_the_answer(tmp_path):
    """Constants and arena have room on this board, code and stack have not."""
    text = (Path(__file__).parent.parent / "boards" / "microbit" / "board.toml").read_text()
    (tmp_path / "board.toml").write_text(text.replace("0x4_0000", "0x2000"))
    memory = mcugen.analyze(DIGITS / "digits_int8.tflite", str(tmp_path)).memory
    assert memory is not None and memory.flash < 0x2000 and not memory.fits
    assert "FLASH" in memory.excess[0]


MACS = {"kws": 2_656_768, "ic": 12_501_632, "vww": 7_489_664, "ad": 264_192, "hello_world": 288}


@pytest.mark.parametrize("name", MACS)
def test_real_models(shared, name):
    result = mcugen.analyze(shared / "models" / f"{name}_int8.tflite")
    assert result.supported and result.file_macs == MACS[name]
    assert (result.macs < result.file_macs) == (name in ("vww", "hello_world"))
    assert (result.removed_channels > 0) == (name in ("vww", "hello_world"))


def test_every_real_file_is_described(shared):
    for path in sorted((shared / "models").glob("*.tflite")):
        result = mcugen.analyze(path)
        assert result.operations and result.supported
