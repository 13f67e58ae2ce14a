"""A board.toml in the making: what several sources know of a board, and what is still open."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from mcugen import firmware
from mcugen.errors import BoardError
from mcugen.newboard.pack import Area, Device
from mcugen.newboard.svd import Svd
from mcugen.target import CPUS, OPEN

Table = dict[str, Any]  # of TOML: numbers, texts and tables

_STACK = 4096
_SMALL = 16 * 1024  # RAM with less has a smaller stack
_NO_CYCLES = ("cortex-m0", "cortex-m0plus")
_OF_THE_HOST = ("stdio", "clock")
_OF_STM32 = ("stm32", "stm32f4")  # UARTs with the keys `enable` and `gpio_enable`
_OF_THE_CORE = ("dwt", "systick")  # timers that count its clocks
_TABLES = ("flash", "ram", "clock", "uart", "timer", "cycles")
_FLASH, _RAM = "--flash ORIGIN:SIZE", "--ram ORIGIN:SIZE"
_NEEDED = {"cpu": "--cpu CORE", "flash": _FLASH, "ram": _RAM, "uart": "--uart DRIVER"}


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the user says of a board; None or empty where he does not.

    `uart_at` names a peripheral of the SVD file. `settings` are further keys as `uart.tx_pin=9`.
    """

    description: str | None = None
    cpu: str | None = None
    flash: str | None = None
    ram: str | None = None
    hz: int | None = None
    uart: str | None = None
    uart_at: str | None = None
    timer: str | None = None
    settings: tuple[str, ...] = ()


def drivers(kind: str) -> tuple[str, ...]:
    """The drivers for chips."""
    return tuple(name for name in firmware.drivers(kind) if name not in _OF_THE_HOST)


def needed(table: Table) -> dict[str, str]:
    """What no source has said and nobody can fill in later, with the option that says it."""
    said = {key for key in table if key != "uart" or "driver" in table["uart"]}
    return {key: option for key, option in _NEEDED.items() if key not in said}


def from_svd(table: Table, svd: Svd, uart_at: str | None) -> Table:
    """Add what an SVD file says: the core, and where the UART is."""
    changed = dict(table)
    if svd.core is not None:
        _take_core(changed, *svd.core.cpu())
    if uart_at is not None:
        found = svd.peripheral(uart_at)
        irq = {} if found.irq is None else {"irq": found.irq}
        changed["uart"] = {**table.get("uart", {}), "base": found.base, **irq}
    return changed


def from_registers(table: Table, svd: Svd, uart_at: str | None) -> Table:
    """Replace peripherals that the UART's keys name by their addresses; add what enables them.

    An STM32 enables its peripherals by bits of RCC: USART2 by USART2EN, GPIOA by GPIOAEN or IOPAEN.
    """
    uart = dict(table.get("uart", {}))
    named = {k: v for k, v in uart.items() if isinstance(v, str) and k != "driver" and v != OPEN}
    uart |= {key: svd.peripheral(name).base for key, name in named.items()}
    if uart.get("driver") in _OF_STM32:
        enabled: dict[str, tuple[str, ...]] = {}
        if uart_at is not None:
            enabled["enable"] = (f"{uart_at.upper()}EN",)
        if "port" in named:
            enabled["gpio_enable"] = (f"{named['port'].upper()}EN", f"IOP{named['port'][-1:]}EN")
        for key, fields in enabled.items():
            found = None if key in uart else svd.bits("RCC", *fields)
            if found is not None:
                uart |= {key: found[0], f"{key}_bits": found[1]}
    return {**table, "uart": uart} if uart else table


def from_device(table: Table, device: Device) -> Table:
    """Add what a pack says: the core, its fastest clock, the memories."""
    changed = dict(table)
    changed["description"] = device.name
    if device.core is not None:
        _take_core(changed, *device.core.cpu())
    if device.clock_hz is not None:
        fastest = (
            f"Its core can run at {device.clock_hz / 1e6:g} MHz, which takes a [clock] driver."
        )
        _note(changed, fastest)
    if device.flash is not None:
        changed["flash"] = _region(device.flash)
    ram, *more = device.rams or (None,)
    if ram is not None:
        changed["ram"] = _region(ram)
        changed["more_ram"] = {area.name: _region(area) for area in more if area is not None}
    return changed


def _take_core(table: Table, cpu: str | None, reason: str) -> None:
    if cpu is not None:
        table["cpu"] = cpu
    _note(table, reason)


def _note(table: Table, text: str) -> None:
    if text and text not in table.get("notes", ""):
        table["notes"] = f"{table.get('notes', '')} {text}".strip()


def _region(area: Area) -> Table:
    return {"origin": area.start, "size": area.size}


def from_wishes(table: Table, wishes: Wishes) -> Table:
    """Add what the user says, which counts most."""
    changed = dict(table)
    if wishes.description is not None:
        changed["description"] = wishes.description
    if wishes.cpu is not None:
        changed["cpu"] = wishes.cpu
    for key, text, option in (("flash", wishes.flash, _FLASH), ("ram", wishes.ram, _RAM)):
        if text is not None:
            changed[key] = _region_of(text, option)
    for kind, driver in (("uart", wishes.uart), ("timer", wishes.timer)):
        if driver is not None:
            changed[kind] = _with_driver(changed.get(kind, {}), kind, driver)
    if wishes.hz is not None:
        changed["cycles"] = {"driver": "dwt", "clock_hz": wishes.hz}
        if changed.get("timer", {}).get("driver") in _OF_THE_CORE:
            changed["timer"] = {**changed["timer"], "clock_hz": wishes.hz}
    for setting in wishes.settings:
        _set(changed, setting)
    return checked(changed)


def checked(table: Table) -> Table:
    """The same, if what must be tables are tables; the rest is seen when the board is loaded."""
    for key in _TABLES:
        if not isinstance(table.get(key, {}), dict):
            raise BoardError(f"{key} is {table[key]!r}; it must be a table, [{key}]")
    return table


def _region_of(text: str, option: str) -> Table:
    """An origin and a size such as 0x08000000:512K."""
    origin, _, size = text.partition(":")
    shift = {"K": 10, "M": 20}.get(size[-1:].upper(), 0)
    try:
        return {"origin": int(origin, 0), "size": int(size[:-1] if shift else size, 0) << shift}
    except ValueError as error:
        message = f"{text}: not a region; say {option}, such as 0x20000000:128K"
        raise BoardError(message) from error


def _with_driver(table: Table, kind: str, driver: str) -> Table:
    """Another driver keeps address, interrupt and clock, but not what only the first one knew."""
    known = drivers(kind)
    if driver not in known:
        raise BoardError(f"{driver}: no {kind} driver; there are {', '.join(known)}")
    if table.get("driver") == driver:
        return table
    keep: Table = {
        key: table[key] for key in ("base", "clock_hz", "reset_hz", "irq") if key in table
    }
    return {"driver": driver, **keep}


def _set(table: Table, setting: str) -> None:
    path, equals, text = setting.partition("=")
    *parents, key = path.split(".")
    if not equals or not all(re.fullmatch(r"\w+", name) for name in (*parents, key)):
        raise BoardError(f"{setting}: not KEY=VALUE; say such as uart.tx_pin=9")
    for parent in parents:
        below = table.get(parent, {})
        if not isinstance(below, dict):
            raise BoardError(f"{setting}: {parent} is no table of a board.toml")
        table[parent] = table = dict(below)
    try:
        table[key] = int(text, 0)
    except ValueError:
        table[key] = text


def completed(table: Table, name: str) -> Table:
    """Fill in what follows from the rest, and mark as open what the user must look up.

    The clock of the core, where nobody said it, is that of the counter of its cycles.
    """
    done = {"description": name, **table}
    cpu = done["cpu"]
    if not isinstance(cpu, str) or cpu not in CPUS or cpu == "host":
        known = [known for known in CPUS if known != "host"]
        raise BoardError(f"{cpu}: no core that mcugen knows; known: {', '.join(known)}")
    size = done["ram"].get("size")
    if isinstance(size, int):
        done.setdefault("stack", _STACK if size >= _SMALL else max(256, size // 8 // 8 * 8))
    core_hz = done.get("cycles", {}).get("clock_hz", OPEN)
    if cpu in _NO_CYCLES:
        done.pop("cycles", None)
        done.setdefault("timer", {"driver": "systick", "clock_hz": core_hz})
        if done["timer"].get("driver") == "dwt":
            done["timer"] = {**done["timer"], "driver": "systick"}
    else:
        done.setdefault("timer", {"driver": "dwt", "clock_hz": core_hz})
        if done["timer"].get("driver") == "dwt":
            done.setdefault("cycles", {"driver": "dwt", "clock_hz": core_hz})
    for kind in ("uart", "timer", "clock"):
        if kind in done:
            done[kind] = _opened(done[kind], kind)
    return done


def _opened(table: Table, kind: str) -> Table:
    """The keys that a driver wants, open where nobody said them."""
    driver = table.get("driver", "none")
    if driver not in firmware.drivers(kind):
        return table  # loading says so
    wanted = [key for key in ("base", "irq") if firmware.reads(kind, driver, key)]
    wanted += [*(() if kind == "clock" else ("clock_hz",)), *firmware.settings(kind, driver)]
    return {**table, **{key: OPEN for key in wanted if key not in table}}
