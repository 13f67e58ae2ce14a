"""The steps that verbs of `api` share: from a model to a choice, a project, and what runs it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mcugen import analysis, data
from mcugen.analysis import Memory
from mcugen.arrange import arrange
from mcugen.build import Build, build
from mcugen.choose import Choice, Objective
from mcugen.device import Device, connected
from mcugen.emit import emit
from mcugen.errors import BoardError, OutputError, Problem, ToolError, UnsupportedModelError
from mcugen.importers.variables import ASSIGN, READ
from mcugen.ir import Graph, printable
from mcugen.limits import LEAST, Limits, room
from mcugen.lower import lower
from mcugen.memory_report import MemoryReport, memory_report, saving
from mcugen.model import Model
from mcugen.ops.base import Array
from mcugen.packages import Package
from mcugen.placement import Placement, regions
from mcugen.program import Program, Source
from mcugen.project import Project
from mcugen.quantizer.observe import Sample
from mcugen.results import Built, Generated
from mcugen.run.runner import Runner, open_runner
from mcugen.select import modelled
from mcugen.target import Board, load_board
from mcugen.tuning import Measurements, unit_of
from mcugen.validation import OnDevice

if TYPE_CHECKING:  # needs the optional emulator
    from mcugen.cycles.model import ModelCycles

AnyPath = Path | str
AnyObjective = Objective | str  # or its value
Labels = Array | None

MAX_JUDGED = 1000  # labelled samples that accuracy is measured on


def quantizable(model: Model) -> Graph:
    """The compiled graph of a float model that `quantize` takes."""
    where = f'model "{model.path.name}"'
    if not model.is_float:
        found = "has integer activations: it is quantized already"
        allowed = "quantize takes float models; generate, validate and run take it as it is"
        raise UnsupportedModelError([Problem(where, found, allowed)])
    graph = model.compiled()
    assigned = {node.inputs[0] for node in graph.nodes if node.op in (READ, ASSIGN)}
    resources = [printable(graph.tensors[i].name) for i in graph.variables if i in assigned]
    if resources:
        found = f"variables that are read and assigned ({', '.join(resources)})"
        allowed = (
            "quantize takes no memory but that of LSTM and SVDF; have the converter quantize it"
        )
        raise UnsupportedModelError([Problem(where, found, allowed)])
    return graph


def labelled(path: AnyPath | None, graph: Graph) -> tuple[Sequence[Sample], Labels]:
    """Samples with labels for a graph, if there are any."""
    if path is None:
        return (), None
    tensors = [graph.tensors[i] for i in graph.inputs]
    samples = data.load(Path(path), tensors, limit=MAX_JUDGED)
    if samples.labels is None:
        return (), None
    require_classes(Path(path), samples, graph)
    return [samples[k] for k in range(len(samples))], samples.labels


def require_classes(path: Path, samples: data.Samples, graph: Graph) -> None:
    """Refuse labels of more classes than the first output has scores."""
    scores = graph.tensors[graph.outputs[0]].elements
    data.require_classes(f"{path.name}[{data.LABELS_KEY}]", samples.labels, scores)


def destination(output: AnyPath, source: Path) -> Path:
    """The file to write after long work; what is wrong with it is said before."""
    path = Path(output)
    if path.is_dir():
        raise OutputError(f"{path}: is a directory; give a file")
    if not path.parent.is_dir():
        raise OutputError(f"{path}: its directory does not exist; create it, or choose another")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise OutputError(f"{path}: cannot be written; choose a place that you may write to")
    if path.exists() and source.exists() and path.samefile(source):
        raise OutputError(f"{path}: is the file that is read; give another name")
    return path


def chosen(
    graph: Graph,
    board: Board,
    objective: AnyObjective,
    limits: Limits,
    tuned: bool,
    placement: Placement,
) -> Choice:
    """The graph as it is executed, and its kernels. BoardError if no choice meets the limits.

    The arena goes into the first of the board's `regions` with room for it. What the board has no
    room for is said when its memory is known.
    """
    placement.check(board)
    graph = graph.with_(io=placement.io)
    cycles = Measurements.load(board.cpu, unit_of(board.cpu)).cycles if tuned else modelled
    objective = Objective(objective)

    def choice_in(region: str) -> Choice:
        within = limits.and_(room(board, graph, placement, region))
        choice = arrange(graph, board.cpu, objective, within, cycles)
        return replace(choice, placement=replace(placement, arena=region))

    first, *others = regions(board, placement.arena)
    choice = choice_in(first)
    if not _has_room(choice, board):
        found = (choice for choice in map(choice_in, others) if _has_room(choice, board))
        choice = next(found, choice)
    asked = replace(limits, ram=None) if limits.ram == LEAST else limits
    excess = asked.excess(choice.cost)
    if excess:
        how = f" ({choice.note})" if choice.note else ""
        raise BoardError(
            f"limits: the least that can be reached is {' and '.join(excess)}{how}; "
            "allow more, or choose a smaller model"
        )
    return replace(choice, objective=objective)


def placed(choice: Choice, board: Board, placement: Placement) -> Choice:
    """The same choice with its arena in the first of the board's `regions` that has room for it."""
    names = regions(board, placement.arena)
    tried = [replace(choice, placement=replace(placement, arena=name)) for name in names]
    return next((found for found in tried if _has_room(found, board)), tried[0])


def _has_room(choice: Choice, board: Board) -> bool:
    there = room(board, choice.graph, choice.placement, choice.region).ram
    return there is None or choice.cost.ram <= there


def lowered(model: Model, choice: Choice, board: Board, name: str | None = None) -> Program:
    """A choice as the templates see it: planned, packed, with names in C."""
    source = Source(model.path.name, model.sha256)
    return lower(
        choice.graph,
        choice.selection,
        source,
        name=name,
        board=board.name,
        objective=choice.objective.value,
        placement=choice.placement,
    )


def write_project(
    model: Model,
    choice: Choice,
    board: Board,
    directory: Path,
    name: str | None,
    force: bool,
    package: Package | None = None,
) -> Generated:
    """Write the project of a choice; BoardError if the board has no room for it."""
    program = lowered(model, choice, board, name)
    analysis.require_room(_least(program, board))
    emit(program, board, directory, force=force, package=package)
    files = sum(path.is_file() for path in directory.rglob("*"))
    return Generated(
        directory,
        program.prefix,
        board.name,
        files,
        program.arena_bytes,
        program.weight_bytes,
        program.macs,
        choice.note,
    )


def open_project(directory: AnyPath, board_name: str | None) -> Project:
    """A generated project, for the board that it was made for or for a named one."""
    return Project.open(Path(directory), None if board_name is None else load_board(board_name))


def build_in(directory: Path, board: Board) -> Built:
    """Compile a project, and say what of the board's memory it takes."""
    built = build(directory)
    return Built(built.image, analysis.measured(board, built))


@contextmanager
def running(project: Project, device: Device | None, observe: bool = False) -> Iterator[Runner]:
    """A project's firmware, on a board or where the board can be without being there."""
    if device is not None:
        with connected(project, device, observe=observe) as runner:
            yield runner
        return
    image = build(project.directory, observe=observe).image
    with open_runner(project.board, image) as runner:
        yield runner


@contextmanager
def project_of(
    model: Model, choice: Choice, board: Board, keep: AnyPath | None
) -> Iterator[Project]:
    """A generated project, in a directory that is kept or in a temporary one."""
    with tempfile.TemporaryDirectory(prefix="mcugen-") as temporary:
        directory = Path(temporary, "project") if keep is None else Path(keep)
        write_project(model, choice, board, directory, None, force=False)
        yield Project.open(directory, board)


def plan_of(graph: Graph, choice: Choice, board: Board) -> MemoryReport:
    """The memory plan, with what `-O ram` would save among the causes of its size."""
    report = memory_report(choice.graph, choice.selection)
    lean = arrange(graph, board.cpu, Objective.RAM) if choice.saves_no_ram else choice
    return replace(report, causes=(*report.causes, *saving(choice.cost, lean.cost)))


def memory_on(program: Program, board: Board) -> Memory:
    """What the firmware takes: built where there is a compiler, else the least it can be."""
    least = _least(program, board)
    if not least.fits:
        return least
    with tempfile.TemporaryDirectory(prefix="mcugen-") as temporary:
        directory = Path(temporary, "project")
        emit(program, board, directory)
        try:
            return build_in(directory, board).memory
        except ToolError:  # no compiler here
            return least
        except BoardError as error:
            return replace(least, overflow=str(error))


def _least(program: Program, board: Board) -> Memory:
    """The memory of a program before it is built."""
    return analysis.at_least(board, program.arguments, program.weight_bytes, program.copied)


def on_device(runner: Runner, samples: data.Samples, bound: int | None) -> OnDevice:
    """Latencies of what was run, and the stack of one run more."""
    stack = runner.stack_used([values.tobytes() for values in samples[0]])
    times = runner.latencies
    mean = sum(times) / len(times)
    return OnDevice(runner.name, min(times), mean, max(times), stack, bound)


def layer_costs(project: Project, board: Board, graph: Graph) -> Sequence[int]:
    """What each layer takes, in the unit of `unit_of`."""
    if unit_of(board.cpu) == "cycles":
        modelled_cycles, _ = cycles_of(build(project.directory), project.prefix, board)
        assert modelled_cycles is not None
        return [usage.cycles for usage in modelled_cycles.layers]
    zeros = [bytes(graph.tensors[i].bytes) for i in graph.inputs]
    with open_runner(board, build(project.directory, observe=True).image) as runner:
        return runner.count(zeros).layers


def cycles_of(built: Build, prefix: str, board: Board) -> tuple[ModelCycles | None, str]:
    """Modelled cycles, and what they are; without them, why."""
    try:
        from mcugen.cycles.model import model_cycles
    except ImportError:
        return None, "no modelled cycles: pip install 'mcugen[cycles]'"
    modelled = model_cycles(built.image, prefix, built.arguments, board.cpu.name)
    if modelled is None:
        return None, f"no modelled cycles: {board.cpu.name} has no cycle model"
    rough = f"; rough: {modelled.core.rough}" if modelled.core.rough else ""
    return modelled, f"cycles of a {modelled.core.name}: modelled, zero wait states{rough}"
