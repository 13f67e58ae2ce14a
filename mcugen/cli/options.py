"""Options and arguments that several verbs share."""

from __future__ import annotations

import enum
import re
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar, cast

import click

from mcugen.choose import Objective
from mcugen.device import Device
from mcugen.ir import Io
from mcugen.limits import LEAST, Limits
from mcugen.placement import Placement
from mcugen.run.ports import AUTO

PATH = click.Path(path_type=Path)

F = TypeVar("F", bound=Callable[..., Any])


def values(kind: type[enum.Enum]) -> list[str]:
    """The values of an enum, as choices of an option."""
    return [member.value for member in kind]


def json(command: F) -> F:
    """`--json`, given to the verb as `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)


def board(required: bool) -> Callable[[F], F]:
    """`--board`: a name, or a folder with a board.toml."""
    return click.option(
        "--board",
        required=required,
        metavar="B",
        help="A board's name (`mcugen boards`) or folder.",
    )


def name(command: F) -> F:
    """`--name`: the prefix of C names."""
    return click.option("--name", help="C prefix; by default from the file's name.")(command)


def calibration(command: F) -> F:
    """`--data` of a float model, given to the verb as `calibration`."""
    return click.option(
        "--data",
        "calibration",
        type=PATH,
        help="Quantize a float MODEL first, with these samples (.npz, .npy).",
    )(command)


def device(command: F) -> F:
    """A board on the desk, given to the verb as `device`; None without any of its options."""

    @wraps(command)
    def collect(
        port: str | None, serial_number: str | None, flash: bool, log: Path | None, **others: Any
    ) -> Any:
        wanted = port is not None or serial_number is not None or flash
        device = Device(port or AUTO, serial_number, flash, log) if wanted else None
        return command(device=device, **others)

    verb: Any = click.option(
        "--log", type=PATH, metavar="FILE", help="Append what goes over the port."
    )(collect)
    verb = click.option("--flash", is_flag=True, help="Flash the board first.")(verb)
    verb = serial_number(verb)
    verb = port(verb)
    return cast(F, verb)


def port(command: F) -> F:
    """`--port`."""
    return click.option(
        "--port",
        metavar="P",
        help="Run on a board behind this serial port; auto finds it by its USB id.",
    )(command)


def serial_number(command: F) -> F:
    """`--serial-number`."""
    return click.option(
        "--serial-number", metavar="N", help="Which of several boards, by its USB serial number."
    )(command)


def choosing(command: F) -> F:
    """What kernels are chosen by, given to the verb as `choosing`: arguments of the API."""

    @wraps(command)
    def collect(
        objective: str,
        flash_limit: int | None,
        ram_limit: int | None,
        place: tuple[str, ...],
        io: str,
        tuned: bool,
        **others: Any,
    ) -> Any:
        choosing = {
            "objective": objective,
            "limits": Limits(flash_limit, ram_limit),
            "tuned": tuned,
            "placement": Placement.parse(place, io),
        }
        return command(choosing=choosing, **others)

    rows = (
        ("--flash-limit", _size, "The most bytes of constants and kernels."),
        ("--ram-limit", _ram, "The most bytes of arena, as 64K; least: as few as can be."),
    )
    verb: Any = click.option(
        "--tuned", is_flag=True, help="Choose by the costs that `profile --tune` measured."
    )(collect)
    verb = click.option(
        "--place",
        multiple=True,
        metavar="WHAT=REGION",
        help="The board's memory for arena, state, weights[:LAYER] or code[:LAYER].",
    )(verb)
    verb = click.option(
        "--io",
        type=click.Choice(values(Io)),
        default=Io.ARENA.value,
        help="Inputs and outputs lie in the arena (the default), or where the caller says.",
    )(verb)
    for name, kind, text in rows:
        verb = click.option(name, type=kind, metavar="BYTES", help=text)(verb)
    verb = click.option(
        "-O",
        "objective",
        type=click.Choice(values(Objective)),
        default=Objective.BALANCED.value,
        help="What to spend least of; balanced (the default) weighs cycles and flash.",
    )(verb)
    return cast(F, verb)


def _size(text: str) -> int:
    """Bytes; K is 1,024 and M is 1,048,576."""
    found = re.fullmatch(r"(\d+)([KM]?)", text, re.IGNORECASE)
    if not found:
        raise click.BadParameter(f"{text}: a number of bytes, such as 65536 or 64K")
    return int(found[1]) << {"": 0, "K": 10, "M": 20}[found[2].upper()]


def _ram(text: str) -> int:
    """Bytes of RAM, or `least`."""
    return LEAST if text == "least" else _size(text)


model = click.argument("model", type=PATH)
directory = click.argument("directory", metavar="DIR", type=PATH)
