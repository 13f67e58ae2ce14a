"""Verbs that measure a model on a board: equality with the reference, and speed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from mcugen import api
from mcugen.cli import options
from mcugen.cli.options import PATH
from mcugen.cli.output import progress_bar, show
from mcugen.cli.status import FAILED
from mcugen.device import Device


@click.command(short_help="Compare MODEL on a board with the reference.")
@options.model
@options.board(required=True)
@click.option("--data", required=True, type=PATH, help="Samples, .npz or .npy.")
@click.option("--labels", type=PATH, help="Classes; by default `y` of the data file.")
@click.option("--limit", type=click.IntRange(min=1), help="Take this many samples.")
@click.option("--float", "float_model", type=PATH, help="The float model to compare with.")
@click.option("--no-quantize", is_flag=True, help="Leave a float MODEL float.")
@click.option("--confusion", is_flag=True, help="Print the confusion matrix.")
@click.option("--keep", type=PATH, metavar="DIR", help="Keep the generated project.")
@click.option("--per-layer", is_flag=True, help="Compare every layer of the first sample.")
@options.device
@options.choosing
@options.json
def validate(
    model: Path,
    board: str,
    data: Path,
    labels: Path | None,
    limit: int | None,
    float_model: Path | None,
    no_quantize: bool,
    confusion: bool,
    keep: Path | None,
    per_layer: bool,
    device: Device | None,
    choosing: dict[str, Any],
    as_json: bool,
) -> int:
    """Run MODEL on a board and compare each byte with the reference kernels.

    A float MODEL is quantized first, with the same samples, and compared with itself.

    \b
    Example: mcugen validate kws.tflite --board mps2-an386 --data kws01.npz
             mcugen validate kws.tflite --board nucleo-f446re --flash --data kws01.npz
    """
    with progress_bar("validating") as progress:
        result = api.validate(
            model,
            board,
            data,
            labels=labels,
            limit=limit,
            float_model=float_model,
            keep=keep,
            per_layer=per_layer,
            device=device,
            **choosing,
            calibration=None if no_quantize else data,
            progress=progress,
        )
    show(result, as_json, confusion=confusion)
    return 0 if result.passed else FAILED


@click.command(short_help="Count the instructions of each layer, in QEMU.")
@options.model
@options.board(required=True)
@click.option("--functions", is_flag=True, help="Also list the C functions by their cycles.")
@click.option("--variants", is_flag=True, help="Show what could compute each layer, at which cost.")
@click.option("--tune", is_flag=True, help="Measure all variants and keep their costs (--tuned).")
@options.device
@options.calibration
@options.choosing
@options.json
def profile(
    model: Path,
    board: str,
    device: Device | None,
    functions: bool,
    variants: bool,
    tune: bool,
    calibration: Path | None,
    choosing: dict[str, Any],
    as_json: bool,
) -> None:
    """Count the instructions of each layer, exactly, in QEMU, and model its cycles.

    With --port, measure the cycles of each layer on a board.

    \b
    Example: mcugen profile kws.tflite --board mps2-an386
             mcugen profile kws.tflite --board mps2-an386 --variants
             mcugen profile kws.tflite --board nucleo-f446re --flash --port auto
    """
    if device is not None:
        show(api.profile_device(model, board, device, calibration=calibration, **choosing), as_json)
    elif tune:
        with progress_bar("measuring") as progress:
            choosing.pop("tuned")
            show(
                api.tune(model, board, calibration=calibration, progress=progress, **choosing),
                as_json,
            )
    elif variants:
        show(api.variants(model, board, calibration=calibration, **choosing), as_json)
    else:
        result = api.profile(model, board, calibration=calibration, **choosing)
        show(result, as_json, functions=functions)


VERBS = (validate, profile)
