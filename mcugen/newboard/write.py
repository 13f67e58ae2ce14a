"""Makes a board's folder from what is known of the board."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcugen.errors import BoardError, OutputError
from mcugen.newboard import draft
from mcugen.newboard.draft import Table, Wishes
from mcugen.newboard.pack import Device, read_device
from mcugen.newboard.svd import Svd, read_svd
from mcugen.newboard.xml_file import read_file
from mcugen.target import OPEN, board_names, board_table, open_keys, read_board

Ask = Callable[[Mapping[str, str]], Wishes]

_ORDER = (
    *("description", "cpu", "stack", "boot", "notes", "flash", "ram", "more_ram", "clock"),
    *("uart", "timer", "cycles", "energy_pin", "serial", "flash_tool", "emulator"),
)
_DECIMAL = ("_hz", "baud", "irq", "pin", "stack", "driver")
_LEAST_HEX, _LEAST_ADDRESS, _LEAST_GROUPED = 0x100, 0x100_0000, 10_000


@dataclass(frozen=True, slots=True)
class NewBoard:
    """A board's folder; `open` are the keys that are still to be filled in."""

    directory: Path
    open: tuple[str, ...]
    notes: str


def new_board(
    directory: Path,
    wishes: Wishes,
    *,
    like: str | None = None,
    svd: Path | None = None,
    pack: Path | None = None,
    device: str | None = None,
    ask: Ask | None = None,
) -> NewBoard:
    """Write `board.toml` into a new folder, whose name is the board's.

    A known board comes first, then a device of a pack, then an SVD file, then wishes; each counts
    more than those before. `ask` is asked what none of them says.
    """
    name = _name(directory)
    chip = None if pack is None else read_device(pack, device)
    if device is not None and pack is None:
        raise BoardError(f"{device}: a device is one of a pack; say --pack FILE")
    described = _svd(svd, chip, wishes)
    table: Table = {}
    if like is not None:
        table = draft.checked(board_table(like)) | {"description": f"{name}, like {like}"}
        if "notes" in table and wishes != Wishes():
            table["notes"] = f"Of {like}: {table['notes']}"
    if chip is not None:
        table = draft.from_device(table, chip)
    if described is not None:
        table = draft.from_svd(table, described, wishes.uart_at)
    table = draft.from_wishes(table, wishes)
    missing = draft.needed(table)
    if missing and ask is not None:
        table = draft.from_wishes(table, ask(missing))
        missing = draft.needed(table)
    if missing:
        raise BoardError(f"{name}: nothing says {', '.join(missing)}; {_say(missing)}")
    if described is not None:
        table = draft.from_registers(table, described, wishes.uart_at)
    table = draft.completed(table, name)
    _check(table, directory)
    _write(directory, _toml(table))
    return NewBoard(directory, open_keys(table), table.get("notes", ""))


def check_board(directory: Path) -> NewBoard:
    """Load the board of a folder but for what is open; raises BoardError for what is wrong."""
    table = board_table(str(directory))
    _check(table, directory)
    return NewBoard(directory, open_keys(table), table.get("notes", ""))


def _say(missing: Mapping[str, str]) -> str:
    return f"say {' '.join(missing.values())}, or take --like BOARD, --svd FILE or --pack FILE"


def _name(directory: Path) -> str:
    name = directory.resolve().name
    if name in board_names():
        raise BoardError(f"{name}: mcugen has a board of this name; choose another")
    if (directory / "board.toml").exists():
        raise OutputError(f"{directory}: holds a board.toml; choose another folder, or remove it")
    return name


def _svd(path: Path | None, chip: Device | None, wishes: Wishes) -> Svd | None:
    svd = read_svd(read_file(path), str(path)) if path else chip.svd if chip else None
    if svd is None and wishes.uart_at is not None:
        raise BoardError(f"{wishes.uart_at}: no file says where it is; say --svd FILE")
    return svd


def _check(table: Table, directory: Path) -> None:
    """Load the board with some number for each that is open."""
    read_board(_assumed(table), directory.resolve(), str(directory / "board.toml"))


def _assumed(table: Table) -> Table:
    def value(key: str, known: Any) -> Any:
        if isinstance(known, dict):
            return _assumed(known)
        return (0 if key == "irq" else 1_000_000) if known == OPEN else known

    return {key: value(key, known) for key, known in table.items()}


def _write(directory: Path, text: str) -> None:
    try:
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "board.toml").write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise OutputError(f"{directory}: cannot be written: {error.strerror or error}") from error


def _toml(table: Table) -> str:
    """The text of a board.toml: keys, then tables, in the order of the boards of mcugen."""
    ordered = {key: table[key] for key in _ORDER if key in table}
    ordered |= {key: value for key, value in table.items() if key not in ordered}
    return "\n".join(_lines("", ordered)).lstrip("\n") + "\n"


def _lines(path: str, table: Table) -> list[str]:
    tables = {key: value for key, value in table.items() if isinstance(value, dict)}
    plain = {key: value for key, value in table.items() if key not in tables}
    lines = ["", f"[{path}]"] if path and (plain or not tables) else []
    lines += [f"{_key(key)} = {_value(key, value)}" for key, value in plain.items()]
    for key, value in tables.items():
        lines += _lines(f"{path}.{_key(key)}" if path else _key(key), value)
    return lines


def _value(key: str, value: Any) -> str:
    if isinstance(value, list | tuple):
        return f"[{', '.join(_value(key, item) for item in value)}]"
    if not isinstance(value, int) or isinstance(value, bool):
        return json.dumps(value, ensure_ascii=False)
    if value < _LEAST_HEX or key.endswith(_DECIMAL):
        return str(value) if value < _LEAST_GROUPED else f"{value:_}"
    return f"0x{value:09_X}" if value >= _LEAST_ADDRESS else f"0x{value:_X}"


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else json.dumps(name)
