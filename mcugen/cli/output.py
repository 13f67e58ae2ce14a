"""What the verbs print: results as text or JSON, and a bar on long work."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click
from rich import progress as bars
from rich.console import Console

from mcugen import report, report_device, report_variants  # noqa: F401, they add to it
from mcugen.tables import NO_LIMIT
from mcugen.validation import Progress


def show(result: object, as_json: bool, **options: Any) -> None:
    """Print a result of the API as JSON or as text; `options` go to its text."""
    if as_json:
        click.echo(report.to_json(result))
    else:
        width = None if sys.stdout.isatty() else NO_LIMIT  # files and pipes do not wrap
        report.show(result, Console(highlight=False, width=width), **options)


@contextmanager
def progress_bar(text: str) -> Iterator[Progress]:
    """A bar on a terminal, once there is something to count; nothing elsewhere."""
    console = Console(stderr=True)
    with bars.Progress(
        bars.TextColumn(text),
        bars.BarColumn(),
        bars.MofNCompleteColumn(),
        bars.TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as bar:
        task = bar.add_task(text, total=None, visible=False)
        yield lambda done, total: bar.update(task, completed=done, total=total, visible=True)
