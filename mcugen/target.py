"""Boards. A board is a folder with a `board.toml`; unknown keys are errors."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar

from mcugen import firmware, flash_tools, resources
from mcugen.cpus import CPUS as CPUS
from mcugen.cpus import Cpu as Cpu
from mcugen.errors import BoardError
from mcugen.flash_tools import FlashTool
from mcugen.toml_table import Table

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_T = TypeVar("_T")

RAM = "ram"  # the region that holds the stack
OPEN = "?"  # in place of a number of a board.toml: still to be filled in


@dataclass(frozen=True, slots=True)
class Region:
    """A memory region, in bytes."""

    origin: int
    size: int


Settings = tuple[tuple[str, int], ...]  # by name, as macros BOARD_KIND_NAME of board.h


@dataclass(frozen=True, slots=True)
class Peripheral:
    """A UART or timer; `driver` names a file in `runtime_c/firmware/`.

    `clock_hz` is the clock that feeds a UART, and the rate at which a timer counts; `reset_hz` is
    that before the clocks are raised. `irq` is the interrupt at which a UART says that it received.
    `settings` are the numbers that only this driver knows, by name.
    """

    driver: str
    base: int
    clock_hz: int
    reset_hz: int
    irq: int
    settings: Settings = ()


@dataclass(frozen=True, slots=True)
class Clock:
    """Raises the core to full speed; `driver` names a file `clock_*.c` in `runtime_c/firmware/`."""

    driver: str
    settings: Settings = ()


@dataclass(frozen=True, slots=True)
class CycleCounter:
    """Counts clocks of the core; `driver` names a file `cycles_*.c` in `runtime_c/firmware/`."""

    driver: str
    clock_hz: int


@dataclass(frozen=True, slots=True)
class Pin:
    """An output that shows when the model runs, to a power meter; high while it does.

    `driver` names a file `pin_*.c` in `runtime_c/firmware/`, `base` is the GPIO port's address.
    """

    driver: str
    base: int
    pin: int


@dataclass(frozen=True, slots=True)
class SerialPort:
    """How the board's UART reaches a computer.

    `usb` are the vendor and product ids of the USB devices that can be its port, empty for a board
    that has none on it. It starts at `baud`, and may be asked for rates up to `max_baud`.
    """

    usb: tuple[tuple[int, int], ...] = ()
    baud: int = 115200
    max_baud: int = 921600


@dataclass(frozen=True, slots=True)
class Emulator:
    """How QEMU runs the board; an instruction takes 2**icount_shift ns of virtual time.

    `timer_hz` is the rate at which QEMU lets the board's timer count.
    """

    machine: str
    icount_shift: int
    timer_hz: int

    @property
    def ticks_per_instruction(self) -> Fraction:
        """Ticks of the timer per instruction, when QEMU counts instructions."""
        return Fraction(self.timer_hz * 2**self.icount_shift, 10**9)


@dataclass(frozen=True, slots=True)
class Board:
    """Everything mcugen knows of a board. `host` has no memory regions and no emulator.

    The stack is a part of `ram`; `more_ram` names further regions. `flash_tools` are the programs
    that can flash it, best first. `boot` names a file `boot_*.c` with what a ROM wants to find in
    the flash. `docs/boards.md` explains the keys of `board.toml`.
    """

    name: str
    description: str
    cpu: Cpu
    folder: Path
    flash: Region | None
    ram: Region | None
    stack_bytes: int
    uart: Peripheral
    timer: Peripheral
    emulator: Emulator | None
    clock: Clock = Clock("none")
    boot: str = ""
    more_ram: tuple[tuple[str, Region], ...] = ()
    cycles: CycleCounter | None = None
    energy_pin: Pin | None = None
    serial: SerialPort = SerialPort()
    flash_tools: tuple[FlashTool, ...] = ()
    notes: str = ""

    @property
    def rams(self) -> dict[str, Region]:
        """Every region of RAM by its name; `ram` comes first."""
        return {} if self.ram is None else {RAM: self.ram, **dict(self.more_ram)}

    @property
    def is_host(self) -> bool:
        """True where the firmware is a program of the machine that mcugen runs on."""
        return self.flash is None


# ---- finding boards


def board_names() -> list[str]:
    """The boards that come with mcugen."""
    return sorted(file.parent.name for file in resources.boards().glob("*/board.toml"))


def load_board(name_or_path: str) -> Board:
    """Load a board by its name, or from a directory that holds a `board.toml`.

    Raises BoardError when there is no such board or its description is wrong.
    """
    folder = _folder(name_or_path)
    return read_board(_table(folder), folder.resolve(), str(folder / "board.toml"))


def board_table(name_or_path: str) -> dict[str, Any]:
    """What a board's file says, as it stands there."""
    return _table(_folder(name_or_path))


def read_board(values: dict[str, Any], folder: Path, where: str = "board.toml") -> Board:
    """A board from what its file says; `where` names it in errors."""
    still_open = open_keys(values)
    if still_open:
        raise BoardError(
            f"{where}: still to be filled in: {', '.join(still_open)}; docs/boards.md explains them"
        )
    return _board(Table(where, values), folder)


def open_keys(values: dict[str, Any], path: str = "") -> tuple[str, ...]:
    """The keys whose value is OPEN, as `uart.tx_pin`."""
    found: list[str] = []
    for key, value in values.items():
        if isinstance(value, dict):
            found += open_keys(value, f"{path}{key}.")
        elif value == OPEN:
            found.append(f"{path}{key}")
    return tuple(found)


def _folder(name_or_path: str) -> Path:
    folder = Path(name_or_path)
    if name_or_path in board_names():
        return resources.boards() / name_or_path
    if not (folder / "board.toml").is_file():
        raise BoardError(
            f"{name_or_path}: no such board; known boards: {', '.join(board_names())}; "
            "or give a directory that holds a board.toml"
        )
    return folder


def _table(folder: Path) -> dict[str, Any]:
    file = folder / "board.toml"
    try:
        table: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BoardError(f"{file}: cannot be read as TOML: {error}") from error
    return table


# ---- reading

_ADDRESSES = 2**32
_MAX_HZ = 10**9
_INTERRUPTS = 240
_PINS = 32  # of a GPIO port
_BAUDS = 300, 12_000_000
_HARDWARE = ("boot", "clock", "cycles", "energy_pin", "serial", "flash_tool")


def _board(table: Table, folder: Path) -> Board:
    if not re.fullmatch(r"[A-Za-z0-9_.+-]+", folder.name):
        table.refuse(
            f"the folder's name {folder.name!r} names the board",
            "use letters, digits and . _ + - only",
        )
    description = table.text("description")
    if "*/" in description:
        table.refuse(f"description is {description!r}", "it must not contain */")
    cpu = CPUS[table.choice("cpu", tuple(CPUS))]
    if cpu.name == "host":
        memory: tuple[str, ...] = ()
        flash = ram = None
        stack = 0
        more: tuple[tuple[str, Region], ...] = ()
    else:
        memory = ("flash", "ram", "stack", "more_ram", "emulator", *_HARDWARE)
        flash, ram = _region(table.table("flash")), _region(table.table("ram"))
        stack = table.number("stack", 256, ram.size)
        more = _more_ram(table)
    table.only("description", "cpu", "notes", "uart", "timer", *memory)
    timer = _peripheral(table.table("timer"), "timer")
    return Board(
        name=folder.name,
        description=description,
        cpu=cpu,
        folder=folder,
        flash=flash,
        ram=ram,
        stack_bytes=stack,
        uart=_peripheral(table.table("uart"), "uart"),
        timer=timer,
        emulator=_optional(table, "emulator", lambda emulator: _emulator(emulator, timer)),
        more_ram=more,
        clock=_optional(table, "clock", _clock) or Clock("none"),
        boot=table.choice("boot", firmware.drivers("boot")) if "boot" in table.values else "",
        cycles=_optional(table, "cycles", _cycles),
        energy_pin=_optional(table, "energy_pin", _pin),
        serial=_optional(table, "serial", _serial) or SerialPort(),
        flash_tools=_optional(table, "flash_tool", flash_tools.read) or (),
        notes=table.text("notes", ""),
    )


def _optional(table: Table, key: str, read: Callable[[Table], _T]) -> _T | None:
    return read(table.table(key)) if key in table.values else None


def _region(table: Table) -> Region:
    table.only("origin", "size")
    origin = table.number("origin", 0, _ADDRESSES - 1)
    return Region(origin, table.number("size", 1, _ADDRESSES - origin))


def _more_ram(table: Table) -> tuple[tuple[str, Region], ...]:
    if "more_ram" not in table.values:
        return ()
    regions = table.table("more_ram")
    for name in regions.values:  # a name of a section, and in capitals one of the linker script
        if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or name in (RAM, "flash"):
            regions.refuse(
                f"{name!r} names a region",
                f"use small letters, digits and _ , other than {RAM} and flash",
            )
    return tuple((name, _region(regions.table(name))) for name in regions.values)


def _peripheral(table: Table, kind: str) -> Peripheral:
    driver = table.choice("driver", firmware.drivers(kind))
    own = ("base", "clock_hz", "reset_hz", *(("irq",) if kind == "uart" else ()))
    settings = _settings(table, kind, driver, own)
    clock_hz = table.number("clock_hz", 1, _MAX_HZ)
    reset_hz = table.number("reset_hz", 1, _MAX_HZ, default=clock_hz)
    if kind == "timer":
        for key, hz in (("clock_hz", clock_hz), ("reset_hz", reset_hz)):
            if hz % 1_000_000:
                table.refuse(f"{key} is {hz}", "it must be a whole number of MHz")
    return Peripheral(
        driver=driver,
        base=table.number("base", 0, _ADDRESSES - 1, default=0),
        clock_hz=clock_hz,
        reset_hz=reset_hz,
        irq=table.number("irq", 0, _INTERRUPTS - 1, default=0),
        settings=settings,
    )


def _clock(table: Table) -> Clock:
    driver = table.choice("driver", firmware.drivers("clock"))
    return Clock(driver, _settings(table, "clock", driver, ()))


def _settings(table: Table, kind: str, driver: str, own: tuple[str, ...]) -> Settings:
    """The numbers that a driver's file reads from board.h, besides those that all drivers know."""
    names = firmware.settings(kind, driver)
    table.only("driver", *own, *names)
    return tuple((name, table.number(name, 0, _ADDRESSES - 1)) for name in names)


def _cycles(table: Table) -> CycleCounter:
    table.only("driver", "clock_hz")
    return CycleCounter(
        table.choice("driver", firmware.drivers("cycles")), table.number("clock_hz", 1, _MAX_HZ)
    )


def _pin(table: Table) -> Pin:
    table.only("driver", "base", "pin")
    return Pin(
        table.choice("driver", firmware.drivers("pin")),
        table.number("base", 0, _ADDRESSES - 1),
        table.number("pin", 0, _PINS - 1),
    )


def _serial(table: Table) -> SerialPort:
    table.only("usb", "baud", "max_baud")
    usual = SerialPort()
    return SerialPort(
        tuple(_usb_id(table, text) for text in table.texts("usb", default=())),
        table.number("baud", *_BAUDS, usual.baud),
        table.number("max_baud", *_BAUDS, usual.max_baud),
    )


def _usb_id(table: Table, text: str) -> tuple[int, int]:
    found = re.fullmatch(r"([0-9a-fA-F]{4}):([0-9a-fA-F]{4})", text)
    if found is None:
        raise BoardError(
            f'{table.where}: usb has {text!r}; an id is "VVVV:PPPP", vendor and product in hex'
        )
    return int(found[1], 16), int(found[2], 16)


def _emulator(table: Table, timer: Peripheral) -> Emulator:
    table.only("machine", "icount_shift", "timer_hz")
    emulator = Emulator(
        machine=table.text("machine"),
        icount_shift=table.number("icount_shift", 0, 10),
        timer_hz=table.number("timer_hz", 1, _MAX_HZ, default=timer.clock_hz),
    )
    # A reading is up to one tick off, so an interval is exact only if that is under half an
    # instruction.
    if emulator.ticks_per_instruction <= 2:
        least = math.floor(math.log2(2e9 / emulator.timer_hz)) + 1
        table.refuse(
            f"icount_shift {emulator.icount_shift} gives the timer "
            f"{float(emulator.ticks_per_instruction):.3g} ticks per instruction",
            f"exact counts need more than 2; use icount_shift {least} or more",
        )
    return emulator
