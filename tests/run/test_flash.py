"""Flash tools are not run here, but for OpenOCD's reading of its scripts: stubs stand for them."""

from __future__ import annotations

import shutil
import stat
import struct
import subprocess
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from mcugen import api
from mcugen.cli import main
from mcugen.device import Device
from mcugen.errors import BoardError, ToolError
from mcugen.flash_tools import (
    Bossac,
    Jlink,
    Openocd,
    Picotool,
    Pyocd,
    Stm32Programmer,
    TeensyLoader,
    Volume,
)
from mcugen.run import flash as flashing
from mcugen.run import image_files, ports
from mcugen.run.flash import flash
from mcugen.run.image_files import Segment
from mcugen.target import board_names, load_board

IMAGE = Path("out/kws.elf")
NEWER_SCRIPTS = {"pico2": "target/rp2350.cfg"}  # than OpenOCD 0.12
DIGITS = Path(__file__).parents[2] / "examples" / "digits" / "digits_int8.tflite"

COMMANDS = [
    (Pyocd("stm32f405rg"), None, None, "pyocd load --target stm32f405rg out/kws.elf"),
    (Pyocd("nrf52840"), "123", None, "pyocd load --target nrf52840 --uid 123 out/kws.elf"),
    (
        Openocd(("interface/stlink.cfg", "target/stm32f4x.cfg")),
        "066D",
        None,
        "openocd -f interface/stlink.cfg -f target/stm32f4x.cfg -c|adapter serial 066D| "
        "-c|program {out/kws.elf} verify reset exit|",
    ),
    (
        Stm32Programmer(),
        "066D",
        None,
        "STM32_Programmer_CLI -c port=SWD sn=066D -w out/kws.elf -v -rst",
    ),
    (
        Jlink("R7FA8D1BH"),
        "1050",
        None,
        "JLinkExe -device R7FA8D1BH -if SWD -speed 4000 -autoconnect 1 -NoGui 1 -ExitOnError 1 "
        "-USB 1050 -CommandFile out/kws.jlink",
    ),
    (Picotool(), "E66", None, "picotool load -v -x out/kws.elf --ser E66 -f"),
    (
        Bossac(0x10000, 1200),
        None,
        "/dev/ttyACM1",
        "bossac --port=ttyACM1 -U --offset=0x10000 -e -w -v out/kws.elf -R",
    ),
    (TeensyLoader("TEENSY41"), None, None, "teensy_loader_cli --mcu=TEENSY41 -w -v out/kws.elf"),
]


@pytest.mark.parametrize(("tool", "serial", "port", "command"), COMMANDS)
def test_commands(tool, serial, port, command):
    words = []
    for number, part in enumerate(command.split("|")):
        words += [part] if number % 2 else part.split()
    assert tool.command(IMAGE, serial, port) == words


@pytest.fixture
def board():
    return load_board("olimex-stm32-h405")


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    """A firmware that was built."""
    directory = tmp_path_factory.mktemp("project") / "digits"
    api.generate(DIGITS, "olimex-stm32-h405", directory)
    return api.build_project(directory).image


@pytest.fixture
def stub(tmp_path, monkeypatch):
    """`stub("pyocd", status)`: a program that writes down its arguments; PATH has no other."""
    monkeypatch.setenv("PATH", str(tmp_path))

    def make(name, status=0):
        path = tmp_path / name
        path.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/said\necho no probe\nexit {status}\n')
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return tmp_path / "said"

    return make


def test_first_tool_that_is_here_is_run(board, image, stub):
    said = stub("openocd")
    done = flash(board, image)
    assert said.read_text().startswith(
        "-f interface/stlink.cfg -f target/stm32f4x.cfg -c program {"
    )
    assert done.command.startswith("openocd -f") and not done.dry_run


def test_tool_that_fails_says_why(board, image, stub):
    stub("pyocd", status=3)
    with pytest.raises(ToolError, match=r"pyocd: failed with status 3.*\n    no probe"):
        flash(board, image)


def test_no_tool_is_here(board, image, stub):
    with pytest.raises(ToolError, match=r"no program here can flash it(.|\n)*pip install pyocd"):
        flash(board, image)
    assert flash(board, image, dry_run=True).command.startswith("pyocd load")


def test_tool_of_another_board(board, image):
    with pytest.raises(BoardError, match="picotool does not flash it; known: pyocd, openocd"):
        flash(board, image, tool="picotool")
    with pytest.raises(BoardError, match=r"board\.toml names no"):
        flash(load_board("mps2-an386"), image)


def test_command_line(image, capsys, tmp_path):
    project = str(image.parent.parent)
    assert main(["flash", project, "--tool", "openocd", "--dry-run", "--serial-number", "9"]) == 0
    out = capsys.readouterr().out
    assert "adapter serial 9" in out and "olimex-stm32-h405 would be flashed" in out
    assert main(["flash", project, "--observe", "--dry-run"]) == 0
    assert "digits_int8-observe.elf" in capsys.readouterr().out
    assert main(["flash"]) == 2
    assert main(["flash", str(tmp_path)]) == 2
    assert main(["flash", "--list"]) == 0


@pytest.mark.parametrize("name", [name for name in board_names() if load_board(name).flash_tools])
def test_openocd_reads_the_scripts(name):
    """Up to where it would open the probe."""
    if shutil.which("openocd") is None:
        pytest.skip("needs openocd")
    for tool in load_board(name).flash_tools:
        if isinstance(tool, Openocd):
            command = tool.command(IMAGE, "123", None)[:-2]
            done = subprocess.run([*command, "-c", "shutdown"], capture_output=True, text=True)
            newer = f"Can't find {NEWER_SCRIPTS.get(name)}"
            assert done.returncode == 0 or newer in done.stderr, done.stderr


# ---- files


def test_files_equal_those_of_objcopy(image, tmp_path):
    for kind, name in (("bin", "binary"), ("hex", "ihex")):
        theirs = tmp_path / f"theirs.{kind}"
        subprocess.run(["arm-none-eabi-objcopy", "-O", name, image, theirs], check=True)
        ours = image_files.write(image, kind)
        if kind == "bin":
            assert ours.read_bytes() == theirs.read_bytes()
            continue
        back = tmp_path / "back.bin"
        command = ["arm-none-eabi-objcopy", "-I", "ihex", "-O", "binary", ours, back]
        subprocess.run(command, check=True)
        assert back.read_bytes() == (tmp_path / "theirs.bin").read_bytes()


def test_hex_across_64_kib():
    text = image_files.to_hex([Segment(0x0800FFF8, bytes(range(16)))])
    assert text.splitlines() == [
        ":020000040800F2",
        ":08FFF8000001020304050607E5",
        ":020000040801F1",
        ":0800000008090A0B0C0D0E0F9C",
        ":00000001FF",
    ]


def test_binary_fills_gaps_that_are_small():
    parts = [Segment(0x100, b"ab"), Segment(0x104, b"c")]
    assert image_files.to_binary(parts) == b"ab\xff\xffc"
    with pytest.raises(ToolError, match="gap of"):
        image_files.to_binary([Segment(0, b"a"), Segment(0x2000_0000, b"b")])


def test_uf2():
    data = bytes(i % 256 for i in range(300))
    content = image_files.to_uf2([Segment(0x1000_0080, data)], 0xE48BFF56)
    assert len(content) == 2 * 512
    pages = b""
    for number in range(2):
        block = content[512 * number : 512 * (number + 1)]
        head = struct.unpack_from("<8I", block)
        address = 0x1000_0000 + 256 * number
        begin = (0x0A324655, 0x9E5D5157, 0x2000)
        assert head == (*begin, address, 256, number, 2, 0xE48BFF56)
        assert struct.unpack_from("<I", block, 508) == (0x0AB16F30,)
        pages += block[32 : 32 + 256]
    assert pages == b"\xff" * 128 + data + b"\xff" * 84


def test_file_is_copied_to_the_drive(board, image, tmp_path, monkeypatch):
    monkeypatch.setattr(flashing, "_MOUNTS", (f"{tmp_path}/media/*",))
    pico = replace(board, flash_tools=(Volume("RPI-RP2", "uf2", 0xE48BFF56),))
    with pytest.raises(ToolError, match="so that its drive appears"):
        flash(pico, image)
    (tmp_path / "media" / "me" / "RPI-RP2").mkdir(parents=True)
    flash(pico, image)
    (copy,) = (tmp_path / "media" / "me" / "RPI-RP2").iterdir()
    assert copy.suffix == ".uf2" and copy.read_bytes()[:4] == b"UF2\n"


def test_jlink_reads_a_script(board, image, stub):
    stub("JLinkExe")
    flash(replace(board, flash_tools=(Jlink("STM32F405RG"),)), image)
    script = image.with_suffix(".jlink").read_text()
    assert script.splitlines() == [f"loadfile {image.with_suffix('.hex')}", "r", "g", "exit"]


# ---- ports


@pytest.fixture
def plugged(monkeypatch):
    """`plugged(("/dev/ttyACM0", 0x0483, 0x374B, "066A"), ...)`: the ports that there are."""

    def plug(*found):
        made = [
            SimpleNamespace(device=d, vid=v, pid=p, serial_number=n, description="a port")
            for d, v, p, n in found
        ]
        monkeypatch.setattr(ports.list_ports, "comports", lambda: made)

    return plug


@pytest.fixture
def nucleo(board):
    return replace(board, serial=replace(board.serial, usb=((0x0483, 0x374B),)))


def test_port_is_found_by_its_usb_id(nucleo, plugged):
    plugged(("/dev/ttyACM0", 0x0483, 0x374B, "066A"), ("/dev/ttyUSB0", 0x0403, 0x6001, "FT"))
    assert ports.find(nucleo).path == "/dev/ttyACM0"
    assert ports.find(nucleo, "/dev/mine").path == "/dev/mine"


def test_boards_are_told_apart_by_serial_number(nucleo, plugged, image, stub):
    plugged(
        ("/dev/ttyACM0", 0x0483, 0x374B, "066A"),
        ("/dev/ttyACM1", 0x0483, 0x374B, "066B"),
    )
    with pytest.raises(BoardError, match=r"2 ports can be its own(.|\n)*066A\n(.|\n)*066B"):
        ports.find(nucleo)
    assert ports.find(nucleo, serial_number="066B").path == "/dev/ttyACM1"
    with pytest.raises(BoardError, match="0483:374b and the serial number 066C"):
        ports.find(nucleo, serial_number="066C")
    said = stub("pyocd")
    with pytest.raises(BoardError, match="choose one by --serial-number"):
        flash(nucleo, image)
    assert flash(nucleo, image, serial_number="066B").port == "/dev/ttyACM1"
    assert "--uid 066B" in said.read_text()


def test_board_that_is_not_plugged_in(nucleo, plugged):
    plugged()
    with pytest.raises(BoardError, match=r"USB id 0483:374b; plug it in(.|\n)*\(none\)"):
        ports.find(nucleo)


def test_port_is_needed_to_run_on_a_board(image, monkeypatch):
    monkeypatch.setattr(ports, "present", list)
    data = DIGITS.with_name("digits_test.npz")
    with pytest.raises(BoardError, match="or give --port"):
        api.run_project(image.parent.parent, data, device=Device())
