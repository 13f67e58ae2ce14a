"""The verb `analyze`: what a model needs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from mcugen import api, memory_report
from mcugen.cli import options
from mcugen.cli.options import PATH
from mcugen.cli.output import show
from mcugen.cli.status import FAILED


@click.command(short_help="Show operators, MACs, flash and RAM of MODEL.")
@options.model
@options.board(required=False)
@options.calibration
@click.option("--memory", is_flag=True, help="Show the memory plan and what makes its peak.")
@click.option("--svg", type=PATH, metavar="FILE", help="Draw the memory plan.")
@options.choosing
@options.json
def analyze(
    model: Path,
    board: str | None,
    calibration: Path | None,
    memory: bool,
    svg: Path | None,
    choosing: dict[str, Any],
    as_json: bool,
) -> int:
    """Show operators, MACs, and the flash and RAM that MODEL will need; what is not supported.

    The exit status is 1 if it cannot be generated, or the board has no room for it.

    \b
    Example: mcugen analyze kws.tflite --board mps2-an386 --memory
    """
    result = api.analyze(
        model, board, **choosing, calibration=calibration, plan=memory or svg is not None
    )
    if svg is not None and result.plan is not None:
        svg.write_text(memory_report.svg(result.plan, result.model), encoding="utf-8")
    show(result, as_json)
    return 0 if result.feasible else FAILED


VERBS = (analyze,)
