"""A board of one's own: what its board.toml says, what stays open, and which errors there are."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from mcugen import api, cli
from mcugen.errors import BoardError, McugenError
from mcugen.newboard import Wishes, check_board, new_board
from mcugen.target import Region, board_names, board_table, load_board

DIGITS = Path(__file__).parents[2] / "examples" / "digits"
MODEL, DATA = str(DIGITS / "digits_int8.tflite"), str(DIGITS / "digits_test.npz")
BARE = Wishes(cpu="cortex-m3", flash="0x08000000:128K", ram="0x20000000:20K", uart="stm32f1")


@pytest.mark.parametrize("like", [name for name in board_names() if name != "host"])
def test_a_board_like_a_known_one_is_the_same(tmp_path, like):
    made = new_board(tmp_path / "mine", Wishes(), like=like)
    assert made.open == ()
    board, known = load_board(str(tmp_path / "mine")), load_board(like)
    assert board.description == f"mine, like {like}"
    itself = {"name": known.name, "folder": known.folder, "description": known.description}
    assert dataclasses.replace(board, **itself) == known


def test_changes_of_a_known_board(tmp_path):
    wishes = Wishes(
        description="mine", ram="0x2000_0000:96K", settings=("uart.tx_pin=0xA", "serial.baud=9600")
    )
    new_board(tmp_path / "mine", wishes, like="nucleo-f446re")
    board, known = load_board(str(tmp_path / "mine")), load_board("nucleo-f446re")
    assert board.description == "mine" and board.ram == Region(0x2000_0000, 96 * 1024)
    assert board.serial == dataclasses.replace(known.serial, baud=9600)
    assert dict(board.uart.settings) == {**dict(known.uart.settings), "tx_pin": 10}
    assert board.notes == f"Of nucleo-f446re: {known.notes}"


def test_another_driver_keeps_only_what_every_driver_knows(tmp_path):
    made = new_board(tmp_path / "mine", Wishes(uart="pl011"), like="nucleo-f446re")
    uart = board_table(str(tmp_path / "mine"))["uart"]
    assert uart["driver"] == "pl011" and uart["base"] == 0x4000_4400
    assert set(made.open) == {
        f"uart.{key}" for key in ("io", "pads", "reset_bits", "resets", "rx_pin", "tx_pin")
    }


def test_what_nobody_knows_is_open_until_it_is_filled_in(tmp_path):
    made = new_board(tmp_path / "mine", BARE)
    assert made.open == (
        *("uart.base", "uart.irq", "uart.clock_hz"),
        *("timer.clock_hz", "cycles.clock_hz"),
    )
    with pytest.raises(BoardError, match=r"still to be filled in: uart\.base, uart\.irq"):
        load_board(str(tmp_path / "mine"))
    assert check_board(tmp_path / "mine").open == made.open
    file = tmp_path / "mine" / "board.toml"
    for old, new in (
        ('base = "?"', "base = 0x4001_3800"),
        ('irq = "?"', "irq = 37"),
        ('clock_hz = "?"', "clock_hz = 8_000_000"),
    ):
        file.write_text(file.read_text().replace(old, new))
    assert check_board(tmp_path / "mine").open == ()
    board = load_board(str(tmp_path / "mine"))
    assert (board.uart.irq, board.timer.driver, board.stack_bytes) == (37, "dwt", 4096)


def test_a_core_without_a_counter_takes_its_timer_and_little_ram_a_small_stack(tmp_path):
    wishes = dataclasses.replace(BARE, cpu="cortex-m0", ram="0x20000000:4K", hz=8_000_000)
    new_board(tmp_path / "mine", wishes)
    table = board_table(str(tmp_path / "mine"))
    assert table["timer"]["driver"] == "systick" and "cycles" not in table
    assert table["stack"] == 512


def test_a_smaller_core_than_that_of_a_known_board(tmp_path):
    new_board(tmp_path / "mine", Wishes(cpu="cortex-m0"), like="nucleo-f446re")
    board = load_board(str(tmp_path / "mine"))
    assert (board.timer.driver, board.cycles) == ("systick", None)


def test_on_a_terminal_what_is_missing_is_asked_for(tmp_path):
    def ask(missing):
        assert set(missing) == {"flash", "ram"}
        return Wishes(flash="0:1M", ram="0x20000000:64K")

    new_board(tmp_path / "mine", Wishes(cpu="cortex-m4", uart="nrf51"), ask=ask)
    assert board_table(str(tmp_path / "mine"))["flash"] == {"origin": 0, "size": 2**20}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "nothing says cpu, flash, ram, uart; say --cpu CORE --flash ORIGIN:SIZE"),
        ({"like": "toaster"}, "toaster: no such board"),
        ({"like": "host"}, "nothing says flash, ram"),
        ({"device": "STM32F405RG"}, "STM32F405RG: a device is one of a pack; say --pack FILE"),
        ({"wishes": Wishes(uart_at="USART1")}, "USART1: no file says where it is; say --svd"),
        ({"wishes": dataclasses.replace(BARE, cpu="z80")}, "z80: no core .* known: cortex-m0,"),
        ({"wishes": dataclasses.replace(BARE, cpu="host")}, "host: no core that mcugen knows"),
        ({"wishes": dataclasses.replace(BARE, uart="8250")}, "8250: no uart driver; there are"),
        ({"wishes": dataclasses.replace(BARE, uart="stdio")}, "stdio: no uart driver; there are"),
        ({"wishes": dataclasses.replace(BARE, timer="8253")}, "8253: no timer driver; there are"),
        ({"wishes": dataclasses.replace(BARE, ram="128K")}, "128K: not a region; say --ram"),
        ({"wishes": dataclasses.replace(BARE, ram="0x20000000:0")}, r"\[ram\]: size is 0"),
        ({"wishes": dataclasses.replace(BARE, flash="0xFFFFFFFF:2")}, r"\[flash\]: size is 2"),
        ({"wishes": dataclasses.replace(BARE, ram="0x20000000:")}, "not a region"),
        ({"wishes": dataclasses.replace(BARE, ram="08:8")}, "not a region"),
        ({"wishes": dataclasses.replace(BARE, ram="-8:8")}, r"\[ram\]: origin is -8"),
        (
            {"wishes": dataclasses.replace(BARE, settings=("ram=5",))},
            "ram is 5; it must be a table",
        ),
        ({"wishes": dataclasses.replace(BARE, settings=("ram.size=x",))}, "size is 'x'"),
        ({"wishes": dataclasses.replace(BARE, settings=("cpu=5",))}, "5: no core"),
        ({"wishes": dataclasses.replace(BARE, settings=("uart.driver=no",))}, "driver is 'no'"),
        ({"wishes": dataclasses.replace(BARE, settings=("tx=",))}, "unknown key tx"),
        ({"wishes": dataclasses.replace(BARE, settings=("uart",))}, "uart: not KEY=VALUE"),
        ({"wishes": dataclasses.replace(BARE, settings=("u-t.x=1",))}, "not KEY=VALUE"),
        ({"wishes": dataclasses.replace(BARE, settings=("cpu.x=1",))}, "cpu is no table"),
        ({"wishes": dataclasses.replace(BARE, settings=("uart.tx=1",))}, "unknown key tx"),
        ({"wishes": dataclasses.replace(BARE, hz=10**6 + 1)}, "whole number of MHz"),
        ({"wishes": dataclasses.replace(BARE, description="*/")}, "must not contain"),
        ({"wishes": BARE, "svd": Path("no.svd")}, "no.svd: cannot be read: No such file"),
        ({"wishes": BARE, "pack": Path("no.pack")}, "no.pack: cannot be read as a .pack"),
    ],
)
def test_what_cannot_be_a_board_is_refused_in_one_line(tmp_path, arguments, message):
    wishes = arguments.pop("wishes", Wishes())
    with pytest.raises(McugenError, match=message) as refused:
        new_board(tmp_path / "mine", wishes, **arguments)
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "mine").exists()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("pico", "pico: mcugen has a board of this name"),
        ("my board", "use letters, digits"),
        ("there", "there: holds a board.toml; choose another folder"),
    ],
)
def test_names_that_cannot_be_taken(tmp_path, name, message):
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "board.toml").write_text("")
    with pytest.raises(McugenError, match=message):
        new_board(tmp_path / name, BARE)


def test_the_command_line(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    region = ("--cpu", "cortex-m3", "--flash", "0x08000000:64K", "--ram", "0x20000000:8K")
    assert cli.main(["boards", "new", "mine", *region, "--uart", "stm32f1"]) == 0
    assert 'filled in, "?" there: uart.base' in capsys.readouterr().out
    assert cli.main(["boards", "check", "mine"]) == 1
    capsys.readouterr()
    assert cli.main(["boards", "check", "mine", "--json"]) == 1
    assert "uart.base" in json.loads(capsys.readouterr().out)["open"]
    assert cli.main(["analyze", MODEL, "--board", "mine"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert cli.main(["boards", "new", "like", "--like", "nucleo-f446re", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["open"] == []
    assert cli.main(["boards", "check", "like"]) == 0
    assert "It is complete: --board like" in capsys.readouterr().out
    assert cli.main(["boards", "new", "x"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.qemu
def test_a_board_outside_of_the_package_works_with_every_verb(tmp_path, capsys):
    board, project = str(tmp_path / "mine"), str(tmp_path / "out")
    new_board(tmp_path / "mine", Wishes(ram="0x20000000:1M"), like="mps2-an386")

    def ask(*arguments: str) -> str:
        status = cli.main(list(arguments))
        captured = capsys.readouterr()
        assert status == 0, captured.err
        return captured.out

    assert "1,048,576" in ask("analyze", MODEL, "--board", board)
    ask("generate", MODEL, "--board", board, "-o", project)
    assert "1,048,576" in ask("build", project, "--board", board)
    assert "mine" in ask("run", project, "--board", board, "--data", DATA, "--limit", "2")
    assert "EXACT" in ask("validate", MODEL, "--board", board, "--data", DATA, "--limit", "2")
    assert cli.main(["build", project]) == 2  # the project knows the board's name only
    assert "mine: no such board" in capsys.readouterr().err


def test_a_board_outside_of_the_package_is_flashed(tmp_path):
    board, project = str(tmp_path / "mine"), tmp_path / "out"
    new_board(tmp_path / "mine", Wishes(), like="stm32f4-discovery")
    api.generate(MODEL, board, project)
    assert api.flash(project, board, tool="openocd", dry_run=True).board == "mine"
