"""Verbs about boards: list the known ones, make one, check one."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import click

from mcugen import api
from mcugen.cli import options
from mcugen.cli.options import PATH
from mcugen.cli.output import show
from mcugen.cli.status import FAILED
from mcugen.newboard import Wishes, drivers
from mcugen.target import CPUS

REGION = "ORIGIN:SIZE"


@click.group(invoke_without_command=True)
@options.json
@click.pass_context
def boards(context: click.Context, as_json: bool) -> None:
    """List the known boards; make and check one of your own.

    \b
    Example: mcugen boards
             mcugen boards new my-board --like nucleo-f446re
             mcugen boards check my-board
    """
    if context.invoked_subcommand is None:
        show(api.boards(), as_json)


@boards.command(short_help="Make a board's folder.")
@click.argument("directory", metavar="DIR", type=PATH)
@click.option("--like", metavar="B", help="Begin with this board.")
@click.option("--pack", type=PATH, help="Take core, clock and memories from a .pack or .pdsc.")
@click.option("--device", metavar="NAME", help="The device of the pack, such as STM32F405RGTx.")
@click.option("--svd", type=PATH, help="Take the core and the UART's address from an SVD file.")
@click.option("--uart-at", metavar="NAME", help="The UART in the SVD file, such as USART2.")
@click.option("--description", help="The board, its chip, its core.")
@click.option("--cpu", metavar="CORE", help="Such as cortex-m4.")
@click.option("--flash", metavar=REGION, help="Such as 0x08000000:512K.")
@click.option("--ram", metavar=REGION, help="Such as 0x20000000:128K.")
@click.option("--hz", type=click.IntRange(min=1), help="The clock of the core.")
@click.option("--uart", metavar="DRIVER", help=f"One of {', '.join(drivers('uart'))}.")
@click.option("--timer", metavar="DRIVER", help=f"One of {', '.join(drivers('timer'))}.")
@click.option(
    *("--set", "settings"),
    metavar="KEY=VALUE",
    multiple=True,
    help="Another key of board.toml, such as uart.tx_pin=2; may be given again.",
)
@options.json
def new(
    directory: Path,
    like: str | None,
    pack: Path | None,
    device: str | None,
    svd: Path | None,
    uart_at: str | None,
    description: str | None,
    cpu: str | None,
    flash: str | None,
    ram: str | None,
    hz: int | None,
    uart: str | None,
    timer: str | None,
    settings: tuple[str, ...],
    as_json: bool,
) -> None:
    """Make the folder DIR with a board.toml; its name is the board's.

    A known board comes first, then the pack, then the SVD file, then the options; each counts more
    than those before. On a terminal, what none of them says is asked for. Numbers that nobody knows
    become "?", which `mcugen boards check` lists.

    \b
    Example: mcugen boards new my-board --like nucleo-f446re --set uart.tx_pin=9
             mcugen boards new my-board --pack STM32F4xx_DFP.pack --device STM32F405RGTx
                    --uart stm32f4 --uart-at USART1
    """
    wishes = Wishes(description, cpu, flash, ram, hz, uart, uart_at, timer, settings)
    ask = _ask if sys.stdin.isatty() and not as_json else None
    result = api.new_board(directory, wishes, like=like, svd=svd, pack=pack, device=device, ask=ask)
    show(result, as_json)


def _ask(missing: Mapping[str, str]) -> Wishes:
    """Ask for what a board cannot be without."""
    known = {"cpu": [cpu for cpu in CPUS if cpu != "host"], "uart": list(drivers("uart"))}
    usual = {"cpu": "cortex-m4", "flash": "0x08000000:512K", "ram": "0x20000000:128K"}
    texts = {"cpu": "core", "flash": f"flash, {REGION}", "ram": f"RAM, {REGION}", "uart": "UART"}
    said: dict[str, str] = {
        key: click.prompt(
            texts[key],
            default=usual.get(key),
            type=click.Choice(known[key]) if key in known else str,
            err=True,
        )
        for key in missing
    }
    return Wishes(
        cpu=said.get("cpu"), flash=said.get("flash"), ram=said.get("ram"), uart=said.get("uart")
    )


@boards.command(short_help="Say what a board's folder lacks.")
@options.directory
@options.json
def check(directory: Path, as_json: bool) -> int:
    """Load the board of the folder DIR and say what is still to be filled in.

    \b
    Example: mcugen boards check my-board
    """
    result = api.check_board(directory)
    show(result, as_json)
    return FAILED if result.open else 0


VERBS = (boards,)
