"""Verbs about a generated project: write it, compile it, run it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from mcugen import api
from mcugen.cli import options
from mcugen.cli.options import PATH
from mcugen.cli.output import progress_bar, show
from mcugen.packages import PACKAGES


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
@options.json
def run(
    directory: Path,
    board: str | None,
    data: Path,
    output: Path | None,
    limit: int | None,
    as_json: bool,
) -> None:
    """Run a generated project on samples: on this machine or in QEMU.

    \b
    Example: mcugen run out/kws --data kws01.npz -o outputs.npz
    """
    with progress_bar("running") as progress:
        result = api.run_project(
            directory, data, board_name=board, output=output, limit=limit, progress=progress
        )
    show(result, as_json)


VERBS = (generate, build, run)
