"""The command line: parses arguments, calls `mcugen.api`, prints the result.

Exit status: 0 on success, 1 when the answer is no (bytes differ, a tool is missing), 2 for errors
that the user can mend, 130 after Ctrl-C.
"""

from __future__ import annotations

import enum
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click
from rich import progress as bars
from rich.console import Console

import mcugen
from mcugen import api, memory_report, plugins, report
from mcugen.errors import McugenError
from mcugen.quantizer.config import Activations, Config, Effort, Pass
from mcugen.quantizer.ranges import Method
from mcugen.validation import Progress

FAILED, ERROR, INTERNAL, INTERRUPTED = 1, 2, 70, 130
FILE_WIDTH = 160  # of lines that go to a file or a pipe
PATH = click.Path(path_type=Path)

F = TypeVar("F", bound=Callable[..., Any])


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


def _show(result: object, as_json: bool, **options: Any) -> None:
    if as_json:
        click.echo(report.to_json(result))
    else:
        width = None if sys.stdout.isatty() else FILE_WIDTH
        report.show(result, Console(highlight=False, width=width), **options)


@contextmanager
def _progress(text: str) -> Iterator[Progress]:
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


# ---- options that several verbs share


def _values(kind: type[enum.Enum]) -> list[str]:
    return [member.value for member in kind]


def _json(command: F) -> F:
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)


def _board(required: bool) -> Callable[[F], F]:
    return click.option(
        "--board",
        required=required,
        metavar="B",
        help="A board's name (`mcugen boards`) or folder.",
    )


def _name(command: F) -> F:
    return click.option("--name", help="C prefix; by default from the file's name.")(command)


def _calibration(command: F) -> F:
    return click.option(
        "--data",
        "calibration",
        type=PATH,
        help="Quantize a float MODEL first, with these samples (.npz, .npy).",
    )(command)


_model = click.argument("model", type=PATH)
_directory = click.argument("directory", metavar="DIR", type=PATH)


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


@commands.command(short_help="List what is installed and what is missing.")
@_json
def doctor(as_json: bool) -> int:
    """List what is installed, what is missing, and the command that installs it.

    \b
    Example: mcugen doctor
    """
    health = api.doctor()
    _show(health, as_json)
    return 0 if health.ready else FAILED


@commands.command()
@_json
def boards(as_json: bool) -> None:
    """List the known boards and what each can do.

    \b
    Example: mcugen boards
    """
    _show(api.boards(), as_json)


@commands.command(short_help="Show operators, MACs, flash and RAM of MODEL.")
@_model
@_board(required=False)
@_calibration
@click.option("--memory", is_flag=True, help="Show the memory plan and what makes its peak.")
@click.option("--svg", type=PATH, metavar="FILE", help="Draw the memory plan.")
@_json
def analyze(
    model: Path,
    board: str | None,
    calibration: Path | None,
    memory: bool,
    svg: Path | None,
    as_json: bool,
) -> None:
    """Show operators, MACs, and the flash and RAM that MODEL will need; what is not supported.

    \b
    Example: mcugen analyze kws.tflite --board mps2-an386 --memory
    """
    result = api.analyze(model, board, calibration=calibration, plan=memory or svg is not None)
    if svg is not None and result.plan is not None:
        svg.write_text(memory_report.svg(result.plan, result.model), encoding="utf-8")
    _show(result, as_json)


@commands.command()
@_model
@_board(required=True)
@click.option(
    *("-o", "--output", "directory"),
    metavar="DIR",
    required=True,
    type=PATH,
    help="The project's folder.",
)
@_name
@click.option("--force", is_flag=True, help="Replace the project that DIR holds.")
@_calibration
@_json
def generate(
    model: Path,
    board: str,
    directory: Path,
    name: str | None,
    force: bool,
    calibration: Path | None,
    as_json: bool,
) -> None:
    """Write a self-contained C project for MODEL.

    \b
    Example: mcugen generate kws.tflite --board mps2-an386 -o out/kws
             mcugen generate kws.keras --data kws01.npz --board mps2-an386 -o out/kws
    """
    with _progress("quantizing") as progress:
        result = api.generate(
            model,
            board,
            directory,
            name=name,
            force=force,
            calibration=calibration,
            progress=progress,
        )
    _show(result, as_json)


@commands.command(short_help="Quantize a float MODEL to an int8 .tflite.")
@_model
@click.option("--data", required=True, type=PATH, help="Samples to calibrate with, .npz or .npy.")
@click.option("-o", "--output", type=PATH, required=True, metavar="FILE", help="The .tflite.")
@click.option("--labels", "labelled", type=PATH, help="Samples and labels to measure accuracy on.")
@click.option(
    "--method",
    type=click.Choice(["auto", *_values(Method)]),
    default="auto",
    help="How ranges are chosen.",
)
@click.option(
    "--layer-method",
    "layer_methods",
    multiple=True,
    metavar="LAYER=METHOD",
    help="Another method for the layers of this name or pattern.",
)
@click.option(
    "--weights",
    type=click.Choice(["per-channel", "per-tensor"]),
    default="per-channel",
    help="What shares one scale.",
)
@click.option(
    "--activations",
    type=click.Choice(_values(Activations)),
    default="int8",
    help="Their type; int16 goes with int8 weights.",
)
@click.option("--keep-float", multiple=True, metavar="LAYER", help="Leave these layers float.")
@click.option("--budget", type=float, metavar="DB", help="Leave layers float to reach this SQNR.")
@click.option(
    "--effort", type=click.Choice(_values(Effort)), default="normal", help="How long to search."
)
@click.option(
    "--disable", type=click.Choice(_values(Pass)), multiple=True, help="Skip an accuracy pass."
)
@click.option(
    "--io", type=click.Choice(["int8", "float"]), default="int8", help="Type of inputs and outputs."
)
@_json
def quantize(
    model: Path,
    data: Path,
    output: Path,
    labelled: Path | None,
    method: str,
    layer_methods: tuple[str, ...],
    weights: str,
    activations: str,
    keep_float: tuple[str, ...],
    budget: float | None,
    effort: str,
    disable: tuple[str, ...],
    io: str,
    as_json: bool,
) -> None:
    """Quantize a float MODEL (.keras, .h5, .tflite) to a standard int8 .tflite.

    \b
    Example: mcugen quantize kws.keras --data kws01.npz -o kws_int8.tflite
    """
    config = Config(
        method=None if method == "auto" else Method(method),
        methods=dict(_layer_method(text) for text in layer_methods),
        activations=Activations(activations),
        per_channel=weights == "per-channel",
        keep_float=keep_float,
        effort=Effort(effort),
        disable=frozenset(Pass(name) for name in disable),
        budget=budget,
    )
    with _progress("quantizing") as progress:
        result = api.quantize(
            model,
            data,
            output=output,
            config=config,
            labelled=labelled,
            float_edges=io == "float",
            progress=progress,
        )
    _show(result.report if as_json else result, as_json)


def _layer_method(text: str) -> tuple[str, Method]:
    layer, _, name = text.rpartition("=")
    if not layer or name not in _values(Method):
        allowed = ", ".join(_values(Method))
        raise click.BadParameter(f"{text}: LAYER=METHOD with one of {allowed}")
    return layer, Method(name)


@commands.command(short_help="Compile a generated project; show its sizes.")
@_directory
@_board(required=False)
@_json
def build(directory: Path, board: str | None, as_json: bool) -> None:
    """Compile a generated project; show flash, RAM and the image.

    \b
    Example: mcugen build out/kws
    """
    _show(api.build_project(directory, board), as_json)


@commands.command(short_help="Run a generated project on samples.")
@_directory
@_board(required=False)
@click.option("--data", required=True, type=PATH, help="Samples, .npz or .npy.")
@click.option("-o", "--output", type=PATH, help="Write the outputs to this .npz.")
@click.option("--limit", type=click.IntRange(min=1), help="Take this many samples.")
@_json
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
    with _progress("running") as progress:
        result = api.run_project(
            directory, data, board_name=board, output=output, limit=limit, progress=progress
        )
    _show(result, as_json)


@commands.command(short_help="Compare MODEL on a board with the reference.")
@_model
@_board(required=True)
@click.option("--data", required=True, type=PATH, help="Samples, .npz or .npy.")
@click.option("--labels", type=PATH, help="Classes; by default `y` of the data file.")
@click.option("--limit", type=click.IntRange(min=1), help="Take this many samples.")
@click.option("--float", "float_model", type=PATH, help="The float model to compare with.")
@click.option("--no-quantize", is_flag=True, help="Leave a float MODEL float.")
@click.option("--confusion", is_flag=True, help="Print the confusion matrix.")
@click.option("--keep", type=PATH, metavar="DIR", help="Keep the generated project.")
@_json
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
    as_json: bool,
) -> int:
    """Run MODEL on a board and compare each byte with the reference kernels.

    A float MODEL is quantized first, with the same samples, and compared with itself.

    \b
    Example: mcugen validate kws.tflite --board mps2-an386 --data kws01.npz
    """
    with _progress("validating") as progress:
        result = api.validate(
            model,
            board,
            data,
            labels=labels,
            limit=limit,
            float_model=float_model,
            keep=keep,
            calibration=None if no_quantize else data,
            progress=progress,
        )
    _show(result, as_json, confusion=confusion)
    return 0 if result.passed else FAILED


@commands.command(short_help="Count the instructions of each layer, in QEMU.")
@_model
@_board(required=True)
@click.option("--functions", is_flag=True, help="Also list the C functions by their cycles.")
@_calibration
@_json
def profile(
    model: Path, board: str, functions: bool, calibration: Path | None, as_json: bool
) -> None:
    """Count the instructions of each layer, exactly, in QEMU, and model its cycles.

    \b
    Example: mcugen profile kws.tflite --board mps2-an386
    """
    result = api.profile(model, board, calibration=calibration)
    _show(result, as_json, functions=functions)
