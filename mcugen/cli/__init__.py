"""The command line: parses arguments, calls `mcugen.api`, prints the result.

One module for each group of verbs; `options.py` has what several verbs share. Exit status: 0 on
success, 1 when the answer is no (bytes differ, a tool is missing), 2 for errors that the user can
mend, 130 after Ctrl-C.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

import mcugen
from mcugen import plugins
from mcugen.cli import about, analyze, boards, measure, project, quantize
from mcugen.cli.options import PATH
from mcugen.cli.output import FAILED
from mcugen.errors import McugenError

ERROR, INTERNAL, INTERRUPTED = 2, 70, 130
VERBS = (
    *about.VERBS,
    *boards.VERBS,
    *analyze.VERBS,
    *quantize.VERBS,
    *project.VERBS,
    *measure.VERBS,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status. `--debug`, anywhere, shows tracebacks."""
    given = sys.argv[1:] if arguments is None else arguments
    arguments = [argument for argument in given if argument != "--debug"]
    debug = len(arguments) < len(given)
    try:
        status = commands.main(arguments, prog_name="mcugen", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return ERROR
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except BrokenPipeError:  # `mcugen ... | head`
        sys.stderr.close()
        return FAILED
    except Exception as error:
        if debug:
            raise
        return _explain(error)
    return status if isinstance(status, int) else 0


def _explain(error: Exception) -> int:
    if isinstance(error, McugenError):
        print(error, file=sys.stderr)
        return ERROR
    if isinstance(error, OSError):
        print(f"{error.filename or 'mcugen'}: {error.strerror or error}", file=sys.stderr)
        return ERROR
    print(
        f"mcugen: internal error, {type(error).__name__}: {error}; this is a fault of mcugen; "
        "run again with --debug and report what it prints",
        file=sys.stderr,
    )
    return INTERNAL


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(mcugen.__version__, message="mcugen %(version)s")
@click.option("--debug", is_flag=True, help="Show tracebacks.")
@click.option(
    *("--plugin", "files"),
    type=PATH,
    multiple=True,
    metavar="FILE",
    help="A Python file that defines custom operators; may be given again.",
)
@click.pass_context
def commands(context: click.Context, debug: bool, files: tuple[Path, ...]) -> None:
    """Turn a neural network into readable C for a microcontroller."""
    for path in files:
        context.with_resource(plugins.registered(plugins.load(path)))


for verb in VERBS:
    commands.add_command(verb)
