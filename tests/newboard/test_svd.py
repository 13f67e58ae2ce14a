"""SVD files: what is read of them, and those that are none."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from mcugen.errors import BoardError
from mcugen.newboard import Wishes, new_board, xml_file
from mcugen.newboard.cores import Core
from mcugen.newboard.svd import Peripheral, read_svd
from mcugen.target import board_table, load_board

SVD = Path(__file__).with_name("chip.svd").read_text()
WISHES = Wishes(flash="0x08000000:64K", ram="0x20000000:20K", uart="stm32f4", uart_at="usart2")


def test_core_addresses_and_interrupts():
    svd = read_svd(SVD.encode(), "chip.svd")
    assert (svd.device, svd.core) == ("CHIP", Core("CM4", True))
    assert svd.peripheral("USART1") == Peripheral("USART1", 0x4001_1000, 37)
    assert svd.peripheral("usart2") == Peripheral("USART2", 0x4000_4400, 38)
    assert svd.peripheral("GPIOA") == Peripheral("GPIOA", 0x4002_0000, None)


@pytest.mark.parametrize(
    ("core", "cpu", "lacks"),
    [
        (Core("CM0+"), "cortex-m0plus", ""),
        (Core("CM0PLUS", False), "cortex-m0plus", ""),
        (Core("CM23", False), "cortex-m0", ""),
        (Core("CM3", False), "cortex-m3", ""),
        (Core("CM4"), "cortex-m4", ""),
        (Core("CM4", False), "cortex-m3", "floating point"),
        (Core("CM7", True), "cortex-m7", ""),
        (Core("Cortex-M33", True, False), "cortex-m3", "DSP extension"),
        (Core("Cortex-M55", True, True, False), "cortex-m33", "Helium"),
        (Core("CM85", True, True, True), "cortex-m85", ""),
        (Core("CA9"), None, ""),
    ],
)
def test_cores_by_their_names_and_extensions(core, cpu, lacks):
    found, reason = core.cpu()
    assert found == cpu and bool(reason) == bool(lacks) and lacks in reason


def test_a_board_of_an_svd_file(tmp_path):
    file = tmp_path / "chip.svd"
    file.write_text(SVD.replace("<fpuPresent>true", "<fpuPresent>false"))
    made = new_board(tmp_path / "mine", WISHES, svd=file)
    assert "no floating point: code for a Cortex-M3 runs" in made.notes
    assert "uart.irq" not in made.open and "uart.tx_pin" in made.open
    for key in made.open:
        text = (tmp_path / "mine" / "board.toml").read_text()
        name = key.split(".")[1]
        (tmp_path / "mine" / "board.toml").write_text(
            text.replace(f'{name} = "?"', f"{name} = 8000000")
        )
    board = load_board(str(tmp_path / "mine"))
    assert (board.cpu.name, board.uart.base, board.uart.irq) == ("cortex-m3", 0x4000_4400, 38)


def test_bits_of_registers():
    svd = read_svd(SVD.encode(), "chip.svd")
    assert svd.bits("RCC", "USART2EN") == (0x4002_3840, 1 << 17)
    assert svd.bits("RCC", "NONE", "GPIOAEN") == (0x4002_3830, 1)
    assert svd.bits("RCC", "GPIOBEN") == (0x4002_3830, 2)
    assert svd.bits("RCC", "TWO") == (0x4002_3840, 0x30)
    assert svd.bits("RCC", "USART9EN") is svd.bits("PCC", "USART2EN") is None
    with pytest.raises(BoardError, match="bits 3 to 40 of a register of 32"):
        svd.bits("RCC", "WRONG")


def test_an_stm32s_enable_bits_and_addresses_by_name(tmp_path):
    file = tmp_path / "chip.svd"
    file.write_text(SVD)
    wishes = dataclasses.replace(WISHES, settings=("uart.port=GPIOA", "uart.pin_function=7"))
    made = new_board(tmp_path / "mine", wishes, svd=file)
    assert made.open == (
        *("uart.clock_hz", "uart.rx_pin", "uart.tx_pin"),
        *("timer.clock_hz", "cycles.clock_hz"),
    )
    uart = board_table(str(tmp_path / "mine"))["uart"]
    assert (uart["port"], uart["gpio_enable"], uart["gpio_enable_bits"]) == (
        *(0x4002_0000, 0x4002_3830),
        1,
    )
    assert (uart["enable"], uart["enable_bits"]) == (0x4002_3840, 1 << 17)


def test_a_name_that_the_svd_file_does_not_have(tmp_path):
    (tmp_path / "chip.svd").write_text(SVD)
    wishes = dataclasses.replace(WISHES, settings=("uart.port=GPIOZ",))
    with pytest.raises(BoardError, match="no peripheral GPIOZ; it has GPIOA"):
        new_board(tmp_path / "mine", wishes, svd=tmp_path / "chip.svd")


LAUGHS = """<!DOCTYPE device [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>
<device><name>&b;</name></device>"""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (LAUGHS, "has a document type or entities"),
        ('<!DOCTYPE device SYSTEM "http://example.org/x.dtd"><device/>', "document type"),
        ("<a>" * 1000, "nested deeper than 50"),
        ("<device>", "not XML: no element found|not XML: unclosed"),
        ("", "not XML"),
        ("\\x00\\x01", "not XML"),
        ("<device><name>&nope;</name></device>", "not XML: undefined entity"),
        ("<html/>", "not an SVD file: it has no device with peripherals"),
        (SVD.replace("<name>USART1</name><base", "<base"), "peripheral without name"),
        (SVD.replace("1073872896", "here"), "'here' is not a number"),
        (SVD.replace("<value>37</value>", ""), "interrupt without value"),
        (SVD.replace("USART2", "SERIAL"), "no peripheral usart2; it has USART1"),
    ],
)
def test_files_that_are_no_svd_files_are_refused_in_one_line(tmp_path, text, message):
    (tmp_path / "chip.svd").write_text(text)
    with pytest.raises(BoardError, match=message) as refused:
        new_board(tmp_path / "mine", WISHES, svd=tmp_path / "chip.svd")
    assert "\n" not in str(refused.value) and "chip.svd" in str(refused.value)


def test_a_file_that_is_too_large(tmp_path, monkeypatch):
    monkeypatch.setattr(xml_file, "LARGEST", 100)
    (tmp_path / "chip.svd").write_text(SVD)
    with pytest.raises(BoardError, match=r"chip\.svd: larger than"):
        new_board(tmp_path / "mine", WISHES, svd=tmp_path / "chip.svd")
