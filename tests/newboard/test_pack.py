"""CMSIS packs: devices inherit from their families, and an SVD file may be inside."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from mcugen.errors import BoardError
from mcugen.newboard import Wishes, new_board, pack
from mcugen.newboard.pack import read_device
from mcugen.target import Region, load_board

SVD = Path(__file__).with_name("chip.svd").read_text()
PDSC = """<?xml version="1.0" encoding="utf-8"?>
<package schemaVersion="1.7.7">
  <name>Chips_DFP</name>
  <devices>
    <family Dfamily="Chips" Dvendor="Maker:1">
      <processor Dcore="Cortex-M4" Dfpu="SP_FPU" Dclock="168000000"/>
      <debug svd="SVD\\CHIP.svd"/>
      <memory id="IRAM1" start="0x20000000" size="0x20000" default="1"/>
      <subFamily DsubFamily="Chip1">
        <memory name="CCM" access="rw" start="0x10000000" size="0x10000"/>
        <device Dname="CHIP1">
          <memory id="IROM1" start="0x08000000" size="0x80000" startup="1" default="1"/>
          <memory id="IROM2" start="0x1FFF0000" size="0x7800"/>
        </device>
        <device Dname="CHIP2">
          <processor Dclock="84000000" Dfpu="NO_FPU"/>
          <memory id="IROM1" start="0x08000000" size="0x40000" startup="1"/>
          <variant Dvariant="CHIP2X"><memory id="IRAM1" start="0x20000000" size="0x8000"/></variant>
        </device>
      </subFamily>
    </family>
  </devices>
</package>"""


@pytest.fixture
def pdsc(tmp_path: Path) -> Path:
    file = tmp_path / "Maker.Chips_DFP.pdsc"
    file.write_text(PDSC)
    return file


def packed(folder: Path, **files: str) -> Path:
    path = folder / "Maker.Chips_DFP.1.0.0.pack"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name.replace("__", "/").replace("_dot_", "."), text)
    return path


def test_a_device_has_what_its_family_has(pdsc):
    chip = read_device(pdsc, "chip1")
    assert chip.core is not None and chip.core.cpu() == ("cortex-m4", "")
    assert chip.clock_hz == 168_000_000 and chip.svd is None
    assert chip.flash is not None and (chip.flash.start, chip.flash.size) == (0x0800_0000, 0x8_0000)
    assert [(ram.name, ram.size) for ram in chip.rams] == [("iram1", 0x2_0000), ("ccm", 0x1_0000)]


def test_a_variant_counts_more_than_its_device(pdsc):
    chip = read_device(pdsc, "CHIP2X")
    assert chip.clock_hz == 84_000_000 and chip.rams[0].size == 0x8000
    assert chip.core is not None and chip.core.cpu()[0] == "cortex-m3"


def test_a_board_of_a_pack_with_an_svd_file_in_it(tmp_path):
    path = packed(tmp_path, Chips_dot_pdsc=PDSC, SVD__CHIP_dot_svd=SVD)
    made = new_board(
        tmp_path / "mine",
        Wishes(
            uart="stm32f1", uart_at="USART1", hz=16_000_000, settings=("uart.clock_hz=8000000",)
        ),
        pack=path,
        device="CHIP1",
    )
    assert made.open == () and "can run at 168 MHz" in made.notes
    board = load_board(str(tmp_path / "mine"))
    assert board.flash == Region(0x0800_0000, 0x8_0000)
    assert board.ram == Region(0x2000_0000, 0x2_0000)
    assert dict(board.more_ram) == {"ccm": Region(0x1000_0000, 0x1_0000)}
    assert (board.uart.base, board.uart.irq, board.cpu.name) == (0x4001_1000, 37, "cortex-m4")


@pytest.mark.parametrize(
    ("text", "device", "message"),
    [
        (PDSC, None, "has 3 devices; choose one: --device, as CHIP1, CHIP2, CHIP2X"),
        (PDSC, "CHIP9", "no device CHIP9; it has 3, such as CHIP"),
        ("<package/>", "X", "not a pack with devices"),
        ("<device/>", "X", "not a pack with devices"),
        ("<package>", "X", "not XML"),
        ('<!DOCTYPE p [<!ENTITY a "b">]><package/>', "X", "document type or entities"),
        (PDSC.replace("168000000", "fast"), "CHIP1", "'fast' is not a number"),
        (PDSC.replace('size="0x80000"', ""), "CHIP1", "'' is not a number"),
    ],
)
def test_packs_that_cannot_be_used_are_refused_in_one_line(tmp_path, pdsc, text, device, message):
    pdsc.write_text(text)
    for path in (pdsc, packed(tmp_path, a_dot_pdsc=text)):
        with pytest.raises(BoardError, match=message) as refused:
            read_device(path, device)
        assert "\n" not in str(refused.value) and "pdsc" in str(refused.value)


def test_archives_that_are_no_packs(tmp_path, monkeypatch):
    path = packed(tmp_path, readme_dot_txt="no")
    with pytest.raises(BoardError, match=r"has 0 files \.pdsc; a pack has one"):
        read_device(path, None)
    (tmp_path / "x.pack").write_bytes(b"PK\x03\x04 no zip")
    with pytest.raises(BoardError, match=r"cannot be read as a \.pack or \.pdsc"):
        read_device(tmp_path / "x.pack", None)
    monkeypatch.setattr(pack, "LARGEST", 100)
    with pytest.raises(BoardError, match="larger than"):
        read_device(packed(tmp_path, a_dot_pdsc=PDSC + " " * 10**6), None)


def test_an_archive_with_damaged_data(tmp_path):
    path = tmp_path / "damaged.pack"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.pdsc", "<package>" * 100)
    content = bytearray(path.read_bytes())
    begin = 30 + len("a.pdsc")  # behind the local header
    content[begin : begin + 8] = b"\xff" * 8
    path.write_bytes(content)
    with pytest.raises(BoardError, match=r"cannot be read as a \.pack or \.pdsc"):
        read_device(path, None)


def test_an_svd_file_outside_of_the_folder_is_not_read(tmp_path, pdsc):
    pdsc.write_text(PDSC.replace("SVD\\CHIP.svd", "../../etc/passwd"))
    assert read_device(pdsc, "CHIP1").svd is None
