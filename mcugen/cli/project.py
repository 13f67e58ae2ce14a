"""Verbs about a generated project: write it, compile it, run it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from mcugen import api
from mcugen.cli import options
from mcugen.cli.options import PATH
from mcugen.cli.output import progress_bar, show
from mcugen.device import Device
from mcugen.flash_tools import TOOLS
from mcugen.packages import PACKAGES
from mcugen.run.ports import AUTO


@click.command()
@options.model
@options.board(required=True)
@click.option(
    *("-o", "--output", "directory"),
    metavar="DIR",
    required=True,
    type=PATH,
    help="The project's folder.",
)
@options.name
@click.option("--force", is_flag=True, help="Replace the project that DIR holds.")
@click.option(
    *("--format", "package"),
    type=click.Choice(["cmake", *PACKAGES]),
    default="cmake",
    help="The build system: cmake also has a Makefile and firmware for the board.",
)
@options.calibration
@options.choosing
@options.json
def generate(
    model: Path,
    board: str,
    directory: Path,
    name: str | None,
    force: bool,
    package: str,
    calibration: Path | None,
    choosing: dict[str, Any],
    as_json: bool,
) -> None:
    """Write a self-contained C project for MODEL.

    \b
    Example: mcugen generate kws.tflite --board mps2-an386 -o out/kws
             mcugen generate kws.keras --data kws01.npz --board mps2-an386 -o out/kws
             mcugen generate kws.tflite --board arduino-nano-33-ble --format arduino -o out/kws
    """
    with progress_bar("quantizing") as progress:
        result = api.generate(
            model,
            board,
            directory,
            name=name,
            force=force,
            package=None if package == "cmake" else package,
            **choosing,
            calibration=calibration,
            progress=progress,
        )
    show(result, as_json)


@click.command(short_help="Compile a generated project; show its sizes.")
@options.directory
@options.board(required=False)
@options.json
def build(directory: Path, board: str | None, as_json: bool) -> None:
    """Compile a generated project; show flash, RAM and the image.

    \b
    Example: mcugen build out/kws
    """
    show(api.build_project(directory, board), as_json)


@click.command(short_help="Run a generated project on samples.")
@options.directory
@options.board(required=False)
@click.option("--data", required=True, type=PATH, help="Samples, .npz or .npy.")
@click.option("-o", "--output", type=PATH, help="Write the outputs to this .npz.")
@click.option("--limit", type=click.IntRange(min=1), help="Take this many samples.")
@options.device
@options.json
def run(
    directory: Path,
    board: str | None,
    data: Path,
    output: Path | None,
    limit: int | None,
    device: Device | None,
    as_json: bool,
) -> None:
    """Run a generated project on samples: on this machine, in QEMU, or on a board.

    \b
    Example: mcugen run out/kws --data kws01.npz -o outputs.npz
             mcugen run out/kws --data kws01.npz --port /dev/ttyACM0
    """
    with progress_bar("running") as progress:
        result = api.run_project(
            directory,
            data,
            board_name=board,
            output=output,
            limit=limit,
            device=device,
            progress=progress,
        )
    show(result, as_json)


@click.command(short_help="Write a generated project to a board.")
@click.argument("directory", metavar="[DIR]", type=PATH, required=False)
@options.board(required=False)
@click.option("--port", metavar="P", default=AUTO, help="The board's serial port, if it needs one.")
@options.serial_number
@click.option("--tool", type=click.Choice(list(TOOLS)), help="Which of the board's programs.")
@click.option("--observe", is_flag=True, help="The firmware that reports every layer.")
@click.option("--dry-run", is_flag=True, help="Only print the command.")
@click.option("--list", "only_list", is_flag=True, help="List the serial ports of this computer.")
@options.json
def flash(
    directory: Path | None,
    board: str | None,
    port: str,
    serial_number: str | None,
    tool: str | None,
    observe: bool,
    dry_run: bool,
    only_list: bool,
    as_json: bool,
) -> None:
    """Build a generated project and write its firmware to a board.

    \b
    Example: mcugen flash out/kws
             mcugen flash out/kws --tool openocd --dry-run
    """
    if only_list:
        show(api.port_list(), as_json)
        return
    if directory is None:
        raise click.UsageError("Missing argument 'DIR': the folder of a generated project.")
    result = api.flash(
        directory,
        board,
        device=Device(port, serial_number),
        observe=observe,
        tool=tool,
        dry_run=dry_run,
    )
    show(result, as_json)


VERBS = (generate, build, flash, run)
