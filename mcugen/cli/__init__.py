"""The command line: parses arguments, calls `mcugen.api`, prints the result.

One module for each group of verbs, imported when one of them is asked for; `options.py` has what
several verbs share. Exit status: 0 on success, 1 when the answer is no (bytes differ, a tool is
missing), 2 for errors that the user can mend, 130 after Ctrl-C.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from pathlib import Path

import click

import mcugen
from mcugen.cli.status import ERROR, FAILED, INTERNAL, INTERRUPTED
from mcugen.errors import McugenError

# The module of each verb, and the verb's line in the list of them.
VERBS = {
    "analyze": ("analyze", "Show operators, MACs, flash and RAM of MODEL."),
    "boards": ("boards", "List the known boards; make and check one of your own."),
    "build": ("project", "Compile a generated project; show its sizes."),
    "doctor": ("about", "List what is installed and what is missing."),
    "flash": ("project", "Write a generated project to a board."),
    "generate": ("project", "Write a self-contained C project for MODEL."),
    "profile": ("measure", "Count the instructions of each layer, in QEMU."),
    "quantize": ("quantize", "Quantize a float MODEL to an int8 .tflite."),
    "run": ("project", "Run a generated project on samples."),
    "validate": ("measure", "Compare MODEL on a board with the reference."),
}


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


class _Verbs(click.Group):
    """Imports a verb when it is asked for, so that `--help` does not wait for all of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        module = importlib.import_module(f"mcugen.cli.{VERBS[cmd_name][0]}")
        verbs: tuple[click.Command, ...] = module.VERBS
        return next(verb for verb in verbs if verb.name == cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in VERBS.items()])


@click.group(cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(mcugen.__version__, message="mcugen %(version)s")
@click.option("--debug", is_flag=True, help="Show tracebacks.")
@click.option(
    *("--plugin", "files"),
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="FILE",
    help="A Python file that defines custom operators; may be given again.",
)
@click.pass_context
def commands(context: click.Context, debug: bool, files: tuple[Path, ...]) -> None:
    """Turn a neural network into readable C for a microcontroller."""
    if files:
        from mcugen import plugins
    for path in files:
        context.with_resource(plugins.registered(plugins.load(path)))
