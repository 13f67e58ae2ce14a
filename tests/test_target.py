from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from mcugen import firmware, resources
from mcugen.errors import BoardError
from mcugen.flash_tools import TOOLS, Openocd, Volume
from mcugen.target import (
    CycleCounter,
    Pin,
    SerialPort,
    board_names,
    load_board,
)

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
gpio_enable = 0x4002_3830
gpio_enable_bits = 1
enable = 0x4002_3844
enable_bits = 0x10
port = 0x4002_0000
tx_pin = 9
rx_pin = 10
pin_function = 7
[timer]
driver = "stm32f4"
base = 0x4000_0000
clock_hz = 1_000_000
[cycles]
driver = "dwt"
clock_hz = 168_000_000
[energy_pin]
driver = "stm32f4"
base = 0x4002_0800
pin = 3
[serial]
usb = ["0483:374b", "0D28:0204"]
baud = 9600
max_baud = 460_800
[flash_tool.openocd]
config = ["interface/stlink.cfg", "target/stm32f4x.cfg"]
[flash_tool.volume]
label = "RPI-RP2"
format = "uf2"
family = 0xE48B_FF56
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
    folder = resources.runtime_c() / "firmware"
    for name in board_names():
        board = load_board(name)
        assert board.name == name and board.is_host == (name == "host")
        for file in (*firmware.sources(board), *firmware.headers(board)):
            assert (folder / file).is_file(), (name, file)


def test_no_driver_is_unused():
    boards = [load_board(name) for name in board_names()]
    used = {file for board in boards for file in firmware.sources(board)}
    for kind in ("uart", "timer", "cycles", "pin"):
        unused = {driver for driver in firmware.drivers(kind) if f"{kind}_{driver}.c" not in used}
        assert unused <= {"dwt"}, kind  # a timer for boards that QEMU does not have


def test_board_from_a_directory(tmp_path):
    board = load(tmp_path, BOARD)
    assert board.name == tmp_path.name
    assert board.ram is not None and board.ram.size == 128 * 1024
    assert dict(board.more_ram)["ccm"].origin == 0x1000_0000
    assert board.emulator is not None and board.emulator.ticks_per_instruction == 4


def test_how_a_board_is_reached(tmp_path):
    board = load(tmp_path, BOARD)
    assert board.cycles == CycleCounter("dwt", 168_000_000)
    assert board.energy_pin == Pin("stm32f4", 0x4002_0800, 3)
    assert board.serial == SerialPort(((0x0483, 0x374B), (0x0D28, 0x0204)), 9600, 460_800)
    assert board.flash_tools == (
        Openocd(("interface/stlink.cfg", "target/stm32f4x.cfg")),
        Volume("RPI-RP2", "uf2", 0xE48BFF56),
    )
    assert {"cycles_dwt.c", "pin_stm32f4.c"} <= set(firmware.sources(board))


def test_how_a_board_is_reached_may_be_left_out(tmp_path):
    middle = BOARD[BOARD.index("[cycles]") : BOARD.index("[emulator]")]
    board = load(tmp_path, BOARD.replace(middle, ""))
    assert (board.cycles, board.energy_pin, board.flash_tools) == (None, None, ())
    assert board.serial == SerialPort((), 115200, 921600)
    assert {"cycles_none.c", "pin_none.c"} <= set(firmware.sources(board))


def test_every_key_is_documented():
    text = (Path(__file__).parents[1] / "docs" / "boards.md").read_text()
    for name, tool in TOOLS.items():
        assert f"`[flash_tool.{name}]`" in text
        for field in dataclasses.fields(tool):
            assert f"`{field.name}`" in text, (name, field.name)


def test_unknown_board_lists_the_known():
    with pytest.raises(
        BoardError,
        match="no such board; known boards: arduino-nano-33-ble, ek-ra8d1, frdm-mcxn947, host,",
    ):
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
            r"driver is '8250'; known: cmsdk, imxrt1062, mcxn94x, nrf51, pl011,",
        ),
        ("tx_pin = 9\n", "", r"\[uart\]: tx_pin is missing"),
        ("tx_pin = 9", "tx = 9", r"unknown key tx; known keys: driver, .*pin_function"),
        ("stack = 4096", "", "stack is missing"),
        ("stack = 4096", "stack = true", "stack is True; it must be a whole number"),
        ("stack = 4096", "stack = 1_000_000", "from 256 to 131072"),
        ("size = 0x2_0000", 'size = "128K"', r"\[ram\]: size is '128K'"),
        ("size = 0x2_0000", "size = -1", "size is -1"),
        ("[more_ram.ccm]", "[more_ram.ccm.x]", "unknown key x"),
        ("[more_ram.ccm]", "[more_ram.ram]", r"'ram' names a region; use small letters"),
        ("[more_ram.ccm]", "[more_ram.CCM]", r"'CCM' names a region; use small letters"),
        ('"a board"', '"a\\nboard"', "must be a line of text"),
        ('"0483:374b"', '"0483-374b"', r"\[serial\]: usb has '0483-374b'; an id is"),
        ('usb = ["0483:374b", "0D28:0204"]', 'usb = "0483:374b"', "must be a list of texts"),
        ("baud = 9600", "baud = 9", "from 300 to"),
        ("clock_hz = 1_000_000", "clock_hz = 32_768", r"\[timer\]: clock_hz is 32768; it must"),
        ("pin = 3", "pin = 32", "from 0 to 31"),
        ('driver = "dwt"', 'driver = "tsc"', r"\[cycles\]: driver is 'tsc'; known: dwt, none"),
        ("[flash_tool.volume]", "[flash_tool.dd]", "unknown key dd; known keys: pyocd, openocd"),
        ("family = 0", "familie = 0", r"\[flash_tool\] \[volume\]: unknown key familie"),
        ('"uf2"', '"elf"', "format is 'elf'; known: uf2, hex, bin"),
        (
            'config = ["interface/stlink.cfg", "target/stm32f4x.cfg"]',
            "config = []",
            "list of texts",
        ),
        ("icount_shift = 6", "icount_shift = 5", "use icount_shift 6 or more"),
        ('"a board"', '"a */ board"', "must not contain"),
        ("[ram]", "[ram", "cannot be read as TOML"),
    ],
)
def test_wrong_descriptions_are_refused(tmp_path, old, new, message):
    with pytest.raises(BoardError, match=message):
        load(tmp_path, BOARD.replace(old, new))


def test_host_takes_no_memory(tmp_path):
    with pytest.raises(BoardError, match="unknown key cycles, emulator, energy_pin, flash"):
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
