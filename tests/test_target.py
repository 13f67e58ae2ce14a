from __future__ import annotations

import pytest

from mcugen import resources
from mcugen.errors import BoardError
from mcugen.target import board_names, drivers, firmware_headers, firmware_sources, load_board

BOARD = """
description = "a board"
cpu = "cortex-m4"
stack = 4096
[flash]
origin = 0x0800_0000
size = 0x10_0000
[ram]
origin = 0x2000_0000
size = 0x2_0000
[more_ram.ccm]
origin = 0x1000_0000
size = 0x1_0000
[uart]
driver = "stm32f4"
base = 0x4001_1000
clock_hz = 16_000_000
irq = 37
[timer]
driver = "stm32f4"
base = 0x4000_0000
clock_hz = 1_000_000
[emulator]
machine = "netduinoplus2"
icount_shift = 6
timer_hz = 62_500_000
"""


def load(tmp_path, text):
    (tmp_path / "board.toml").write_text(text)
    return load_board(str(tmp_path))


def test_every_board_loads_and_its_sources_exist():
    assert {"host", "microbit", "mps2-an386", "mps3-an547", "netduinoplus2"} <= set(board_names())
    firmware = resources.runtime_c() / "firmware"
    for name in board_names():
        board = load_board(name)
        assert board.name == name and board.is_host == (name == "host")
        for file in (*firmware_sources(board), *firmware_headers()):
            assert (firmware / file).is_file(), (name, file)


def test_no_driver_is_unused():
    boards = [load_board(name) for name in board_names()]
    assert {board.uart.driver for board in boards} == set(drivers("uart"))
    assert {board.timer.driver for board in boards} == set(drivers("timer"))


def test_board_from_a_directory(tmp_path):
    board = load(tmp_path, BOARD)
    assert board.name == tmp_path.name
    assert board.ram is not None and board.ram.size == 128 * 1024
    assert dict(board.more_ram)["ccm"].origin == 0x1000_0000
    assert board.emulator is not None and board.emulator.ticks_per_instruction == 4


def test_unknown_board_lists_the_known():
    with pytest.raises(BoardError, match="no such board; known boards: host, microbit"):
        load_board("toaster")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("stack =", "heap = 1\nstack =", "unknown key heap; known keys: description, cpu"),
        ("irq = 37", "irq = 37\nbaud = 9600", r"\[uart\]: unknown key baud; known keys: driver"),
        ('cpu = "cortex-m4"', 'cpu = "z80"', "cpu is 'z80'; known: host, cortex-m0,"),
        ('cpu = "cortex-m4"', "cpu = 4", "cpu is 4; it must be a line of text"),
        (
            '"stm32f4"\nbase = 0x4001',
            '"8250"\nbase = 0x4001',
            r"driver is '8250'; known: cmsdk, nrf51, stdio, stm32f4",
        ),
        ("stack = 4096", "", "stack is missing"),
        ("stack = 4096", "stack = true", "stack is True; it must be a whole number"),
        ("stack = 4096", "stack = 1_000_000", "from 256 to 131072"),
        ("size = 0x2_0000", 'size = "128K"', r"\[ram\]: size is '128K'"),
        ("size = 0x2_0000", "size = -1", "size is -1"),
        ("[more_ram.ccm]", "[more_ram.ccm.x]", "unknown key x"),
        ('"a board"', '"a\\nboard"', "must be a line of text"),
        ("icount_shift = 6", "icount_shift = 5", "use icount_shift 6 or more"),
        ('"a board"', '"a */ board"', "must not contain"),
        ("[ram]", "[ram", "cannot be read as TOML"),
    ],
)
def test_wrong_descriptions_are_refused(tmp_path, old, new, message):
    with pytest.raises(BoardError, match=message):
        load(tmp_path, BOARD.replace(old, new))


def test_host_takes_no_memory(tmp_path):
    with pytest.raises(BoardError, match="unknown key emulator, flash, more_ram, ram, stack"):
        load(tmp_path, BOARD.replace("cortex-m4", "host"))


def test_description_that_is_not_text(tmp_path):
    (tmp_path / "board.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(BoardError, match="cannot be read"):
        load_board(str(tmp_path))


def test_name_of_the_folder_goes_into_c(tmp_path):
    folder = tmp_path / 'my "board"'
    folder.mkdir()
    with pytest.raises(BoardError, match="letters, digits"):
        load(folder, BOARD)
