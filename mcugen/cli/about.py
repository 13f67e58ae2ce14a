"""The verb about mcugen itself: what is installed."""

from __future__ import annotations

import click

from mcugen import api
from mcugen.cli import options
from mcugen.cli.output import show
from mcugen.cli.status import FAILED


@click.command(short_help="List what is installed and what is missing.")
@options.json
def doctor(as_json: bool) -> int:
    """List what is installed, what is missing, and the command that installs it.

    \b
    Example: mcugen doctor
    """
    health = api.doctor()
    show(health, as_json)
    return 0 if health.ready else FAILED


VERBS = (doctor,)
