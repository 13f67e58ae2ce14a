"""Options and arguments that several verbs share."""

from __future__ import annotations

import enum
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from mcugen.choose import Objective

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


def objective(command: F) -> F:
    """`-O`: what to spend least of."""
    return click.option(
        "-O",
        "objective",
        type=click.Choice(values(Objective)),
        default=Objective.BALANCED.value,
        help="What to spend least of; balanced (the default) weighs cycles and flash.",
    )(command)


model = click.argument("model", type=PATH)
directory = click.argument("directory", metavar="DIR", type=PATH)
