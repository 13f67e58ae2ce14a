"""Every board's firmware is compiled without warnings and linked; ROMs find what they look for."""

from __future__ import annotations

import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

from mcugen import resources
from mcugen.target import Board, board_names, load_board

Build = Callable[..., tuple[Board, Path]]

CROSS = [name for name in board_names() if not load_board(name).is_host]


def flash_of(board: Board, image: Path, length: int) -> bytes:
    """The first bytes of the flash."""
    assert board.flash is not None
    data = bytearray(b"\xff" * length)
    with image.open("rb") as file:
        for segment in ELFFile(file).iter_segments("PT_LOAD"):
            at = segment["p_paddr"] - board.flash.origin
            if 0 <= at < length:
                chunk = segment.data()[: length - at]
                data[at : at + len(chunk)] = chunk
    return bytes(data)


def vectors_of(board: Board, image: Path, at: int) -> tuple[int, int]:
    """Initial stack pointer and reset handler of the vector table."""
    stack, reset = struct.unpack("<II", flash_of(board, image, at + 8)[at:])
    return stack, reset


@pytest.mark.parametrize("name", CROSS)
def test_firmware_builds(build: Build, name: str) -> None:
    board, image = build(name)
    assert board.flash is not None and board.ram is not None
    at = {"rp2040": 0x100, "imxrt1062": 0x2000}.get(board.boot, 0)
    stack, reset = vectors_of(board, image, at)
    assert board.ram.origin + board.stack_bytes == stack
    assert reset % 2 == 1 and 0 < reset - board.flash.origin < board.flash.size


def test_second_stage_of_an_rp2040_has_its_checksum(build: Build) -> None:
    board, image = build("pico")
    boot = flash_of(board, image, 256)
    assert struct.unpack("<I", boot[252:])[0] == crc32_mpeg2(boot[:252])


def crc32_mpeg2(data: bytes) -> int:
    """CRC-32 as the ROM computes it: not reflected, not inverted."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1 ^ (0x04C11DB7 if crc & 0x80000000 else 0)) & 0xFFFFFFFF
    return crc


def test_checksum_of_the_standard_check_string() -> None:
    assert crc32_mpeg2(b"123456789") == 0x0376E6E7


def test_block_of_an_rp2350_is_in_the_first_4_kib(build: Build) -> None:
    board, image = build("pico2")
    start = flash_of(board, image, 4096)
    block = struct.pack("<5I", 0xFFFFDED3, 0x10210142, 0x000001FF, 0, 0xAB123579)
    assert start.count(block) == 1 and start.index(block) % 4 == 0


def test_header_of_an_imxrt1062_points_at_itself_and_at_the_vectors(build: Build) -> None:
    board, image = build("teensy41")
    start = flash_of(board, image, 0x2000)
    assert start[:4] == b"FCFB" and start[0x50:0x54] == struct.pack("<I", 0x7C0000)
    assert start[0x44:0x47] == bytes([1, 4, 6])  # serial NOR, four pads, 100 MHz
    assert struct.unpack("<3I", start[0x80:0x8C]) == (0x0A1804EB, 0x32041E00, 0x2604)
    assert struct.unpack("<2I", start[0x1C0:0x1C8]) == (256, 4096)
    header, entry, _, dcd, data, self, csf, _ = struct.unpack("<8I", start[0x1000:0x1020])
    assert (header, dcd, csf) == (0x432000D1, 0, 0)
    assert entry == 0x60002000 and self == 0x60001000
    assert struct.unpack("<3I", start[data - 0x60000000 :][:12]) == (0x60000000, 0x7C0000, 0)


RATES = (9600, 19200, 57600, 115200, 230400, 460800, 921600)
LPUART = """
#include "lpuart.h"
#include <stdio.h>
int main(void) {
    uint32_t baud;
    while (scanf("%u", &baud) == 1) {
        printf("%u\\n", lpuart_rate(baud));
    }
    return 0;
}
"""


@pytest.mark.parametrize("name", ["teensy41", "frdm-mcxn947"])
def test_an_lpuart_comes_to_within_half_a_percent_of_each_usual_rate(
    tmp_path: Path, name: str
) -> None:
    clock = load_board(name).uart.clock_hz
    numbers = {"BASE": 0, "CLOCK_HZ": clock, "BAUD": 115200, "IRQ": 0}
    text = "".join(f"#define BOARD_UART_{key} {value}U\n" for key, value in numbers.items())
    (tmp_path / "board.h").write_text(text)
    (tmp_path / "rates.c").write_text(LPUART + "bool clocks_are_raised;\n")
    folders = [f"-I{tmp_path}", f"-I{resources.runtime_c() / 'firmware'}"]
    program = tmp_path / "rates"
    subprocess.run(["gcc", *folders, tmp_path / "rates.c", "-o", program], check=True, timeout=60)
    asked = "\n".join(map(str, (*RATES, 3 * clock)))
    told = subprocess.run(
        [program], input=asked, capture_output=True, text=True, check=True, timeout=60
    )
    *codes, impossible = map(int, told.stdout.split())
    assert impossible == 0
    for rate, code in zip(RATES, codes, strict=True):
        samples, divider = (code >> 24) + 1, code & 0x1FFF
        assert 8 <= samples <= 32 and clock / samples / divider == pytest.approx(rate, rel=0.005)
