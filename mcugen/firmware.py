"""The C files that become a board's firmware: `runtime_c/firmware/`, chosen by the board's drivers.

A driver is a file KIND_NAME.c. Which numbers it wants to know of a board follows from the macros
BOARD_KIND_... that it, or a header it includes, reads.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from mcugen import resources

if TYPE_CHECKING:
    from mcugen.target import Board

_COMMON = ("harness.c", "benchmark.c", "inspect.c", "observe.c", "rate.c", "text.c")
_GENERATED = {"board.h"}

# Macros of board.h that every board has; the rest of a kind are a driver's own.
_STANDARD = {
    "uart": {"BASE", "CLOCK_HZ", "RESET_HZ", "IRQ", "BAUD"},
    "timer": {"BASE", "HZ", "RESET_HZ"},
    "clock": set[str](),
}


def sources(board: Board) -> tuple[str, ...]:
    """The files to compile for a board."""
    core = ("stack_host.c",) if board.is_host else ("startup.c", "stack_cortex_m.c")
    chosen = {
        "clock": board.clock.driver,
        "uart": board.uart.driver,
        "timer": board.timer.driver,
        "cycles": board.cycles.driver if board.cycles else "none",
        "pin": board.energy_pin.driver if board.energy_pin else "none",
    }
    if board.boot:
        chosen["boot"] = board.boot
    return (*_COMMON, *core, *(f"{kind}_{driver}.c" for kind, driver in chosen.items()))


def headers(board: Board) -> tuple[str, ...]:
    """The headers that these files include, but for those that are generated."""
    found = {name for file in sources(board) for name in _headers_of(file)}
    return tuple(sorted(found - _GENERATED))


def drivers(kind: str) -> tuple[str, ...]:
    """The drivers there are; `kind` is "boot", "clock", "uart", "timer", "cycles" or "pin"."""
    files = _folder().glob(f"{kind}_*.c")
    return tuple(sorted(file.stem.removeprefix(f"{kind}_") for file in files))


def settings(kind: str, driver: str) -> tuple[str, ...]:
    """The numbers of a board that a driver of this kind wants, besides the standard ones."""
    return tuple(sorted(macro.lower() for macro in _macros(kind, driver) - _STANDARD[kind]))


def reads(kind: str, driver: str, key: str) -> bool:
    """Whether a driver looks at one of the standard numbers, such as "irq"."""
    return key.upper() in _macros(kind, driver)


def _macros(kind: str, driver: str) -> set[str]:
    """What follows BOARD_KIND_ in the macros that a driver reads."""
    file = f"{kind}_{driver}.c"
    texts = (_text(name) for name in (file, *_headers_of(file) - _GENERATED))
    return {m for text in texts for m in re.findall(rf"BOARD_{kind.upper()}_(\w+)", text)}


def _headers_of(file: str) -> set[str]:
    """All headers of this folder that a file includes, directly or not."""
    found: set[str] = set()
    pending = [file]
    while pending:
        fresh = set(_includes(pending.pop())) - found
        found |= fresh
        pending += fresh - _GENERATED
    return found


def _includes(file: str) -> Iterator[str]:
    for match in re.finditer(r'^#include "([^"]+)"', _text(file), re.MULTILINE):
        yield match[1]


@cache
def _text(file: str) -> str:
    return (_folder() / file).read_text(encoding="utf-8")


def _folder() -> Path:
    return resources.runtime_c() / "firmware"
