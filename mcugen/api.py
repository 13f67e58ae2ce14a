"""Every step of mcugen as one function: the table of contents of the project.

A model file goes through `load` (to a graph), `quantize` (from float to int8, where that is
wanted), `Model.compiled` (passes), `choose` (kernels and order of execution), `lower` (memory
plan, C names), `emit` (files), `build` (gcc) and `run` (host or QEMU). `analyze` looks at a
model before, `validate` and `profile` at what it does on a board. Everything that a user can mend
raises a `McugenError`.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mcugen import analysis, data, health, layer_check, packages, profiling, validation
from mcugen.analysis import Analysis, Memory
from mcugen.arrange import arrange
from mcugen.build import Build, build
from mcugen.choose import Choice, Objective
from mcugen.device import Device, connected, flash_project, measure, port_list
from mcugen.emit import emit
from mcugen.errors import BoardError, OutputError, Problem, ToolError, UnsupportedModelError
from mcugen.ir import DType, Graph, Tensor, printable
from mcugen.limits import NO_LIMITS, Limits, room
from mcugen.lower import lower
from mcugen.memory_report import memory_report, saving
from mcugen.model import Model, load, loads
from mcugen.newboard import check_board, new_board
from mcugen.ops.base import Array
from mcugen.packages import Package
from mcugen.passes.fuse_pad import fuse_pad
from mcugen.profiling import DeviceProfile, Profile
from mcugen.program import Program, Source
from mcugen.project import Project
from mcugen.quantizer import pipeline
from mcugen.quantizer import report as quality
from mcugen.quantizer.calibration import Data, calibrate
from mcugen.quantizer.config import Config
from mcugen.quantizer.export import export
from mcugen.quantizer.observe import Sample
from mcugen.results import BoardList, BoardRow, Built, Generated, QuantizedModel, RunResult
from mcugen.run.flash import Flashed
from mcugen.run.runner import Runner, open_runner
from mcugen.select import modelled
from mcugen.target import Board, board_names, load_board
from mcugen.tuning import Measurements, rounds, unit_of
from mcugen.validation import OnDevice, Progress, Validation, infer_all, silent
from mcugen.variant_report import VariantReport, variant_report

if TYPE_CHECKING:  # needs the optional emulator
    from mcugen.cycles.model import ModelCycles

__all__ = [
    "Limits",
    "Objective",
    "analyze",
    "boards",
    "build_project",
    "check_board",
    "doctor",
    "flash",
    "generate",
    "load",
    "new_board",
    "port_list",
    "profile",
    "profile_device",
    "quantize",
    "run_project",
    "tune",
    "validate",
    "variants",
]

AnyPath = Path | str
AnyModel = Any  # a path, a Keras model object, or a `Model`
AnyObjective = Objective | str  # or its value
Labels = Array | None

MAX_JUDGED = 1000  # labelled samples that accuracy is measured on


def doctor() -> health.Health:
    """What is installed on this machine, what is missing, how to install it."""
    return health.examine()


def boards() -> BoardList:
    """The known boards."""
    return BoardList(tuple(BoardRow.of(load_board(name)) for name in board_names()))


def quantize(
    model: AnyModel,
    calibration: Data,
    *,
    output: AnyPath | None = None,
    config: Config | None = None,
    labelled: AnyPath | None = None,
    float_edges: bool = False,
    progress: Progress = silent,
) -> QuantizedModel:
    """Quantize a float model and write a standard `.tflite` file.

    `calibration` are samples like those that the model will see: an .npz or .npy file, an array, or
    anything that yields samples. `labelled` is a file of samples and labels to measure accuracy on,
    by default the calibration file if it has labels. `float_edges` keeps inputs and outputs float.
    """
    floating = load(model)
    destination = None if output is None else _destination(output, floating.path)
    if not floating.is_float:
        raise UnsupportedModelError(
            [
                Problem(
                    f'model "{floating.path.name}"',
                    "has integer activations: it is quantized already",
                    "quantize takes float models; generate, validate and run take it as it is",
                )
            ]
        )
    graph = floating.compiled()
    if graph.variables:
        names = ", ".join(printable(graph.tensors[i].name) for i in graph.variables)
        found = f"variables that outlive an inference ({names})"
        allowed = "quantize takes models without a memory; have the converter quantize this one"
        raise UnsupportedModelError([Problem(f'model "{floating.path.name}"', found, allowed)])
    tensors = [graph.tensors[i] for i in graph.inputs]
    samples = calibrate(calibration, tensors)
    result = pipeline.quantize(graph, samples, config or Config(), progress)
    content = export(result.graph, float_edges=float_edges)
    made = loads(content, floating.path)
    if result.parameters.dtype is DType.INT8:  # 16x8 may be for other tools that know more of it
        made.compiled()
    if destination is not None:
        destination.write_bytes(content)
    if labelled is None and isinstance(calibration, Path | str):
        labelled = calibration
    judged, labels = _labelled(labelled, tensors)
    sizes = len(floating.content), len(content)
    report = quality.report(result, floating.path.name, sizes, judged, labels)
    return QuantizedModel(made, floating, report, destination)


def _labelled(path: AnyPath | None, tensors: Sequence[Tensor]) -> tuple[Sequence[Sample], Labels]:
    """Samples with labels, if there are any."""
    if path is None:
        return (), None
    samples = data.load(Path(path), tensors, limit=MAX_JUDGED)
    if samples.labels is None:
        return (), None
    return [samples[k] for k in range(len(samples))], samples.labels


def _destination(output: AnyPath, source: Path) -> Path:
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


def _prepared(
    model: AnyModel,
    calibration: Data | None,
    config: Config | None,
    progress: Progress = silent,
) -> Model:
    """The model to compile; a float one is quantized if there are samples for it."""
    if calibration is None:
        return load(model)
    return quantize(model, calibration, config=config, progress=progress).model


def analyze(
    model_path: AnyModel,
    board_name: str | None = None,
    *,
    objective: AnyObjective = Objective.BALANCED,
    limits: Limits = NO_LIMITS,
    tuned: bool = False,
    calibration: Data | None = None,
    config: Config | None = None,
    plan: bool = False,
) -> Analysis:
    """What a model consists of; with a board, what it needs there. The model may break rules.

    A float model is quantized first if there are samples to calibrate with. `plan` adds the memory
    plan, for the host if there is no board.
    """
    board = load_board("host" if board_name is None else board_name)
    model = _prepared(model_path, calibration, config)
    graph = model.imported
    try:
        graph = model.compiled()
        choice = _choose(graph, board, objective, limits, tuned)
        program = _program(model, choice, board)
    except UnsupportedModelError as error:
        return analysis.analyze(model, graph, error.problems)
    result = replace(analysis.analyze(model, graph), note=choice.note)
    if plan:
        report = memory_report(choice.graph, choice.selection)
        lean = arrange(graph, board.cpu, Objective.RAM) if choice.saves_no_ram else choice
        advice = saving(choice.cost, lean.cost)
        result = replace(result, plan=replace(report, causes=(*report.causes, *advice)))
    return result if board_name is None else replace(result, memory=_memory(program, board))


def generate(
    model_path: AnyModel,
    board_name: str,
    directory: AnyPath,
    *,
    name: str | None = None,
    force: bool = False,
    objective: AnyObjective = Objective.BALANCED,
    limits: Limits = NO_LIMITS,
    tuned: bool = False,
    package: str | None = None,
    calibration: Data | None = None,
    config: Config | None = None,
    progress: Progress = silent,
) -> Generated:
    """Write a self-contained C project; a directory with other content needs `force`.

    `package` names a build system of `packages.PACKAGES` to lay it out for, without firmware. A
    float model is quantized first if there are samples to calibrate with.
    """
    board = load_board(board_name)
    model = _prepared(model_path, calibration, config, progress)
    choice = _choose(model.compiled(), board, objective, limits, tuned)
    layout = None if package is None else packages.find(package)
    return _generate(model, choice, board, Path(directory), name, force, layout)


def build_project(directory: AnyPath, board_name: str | None = None) -> Built:
    """Compile a generated project; a board of one's own must be named again."""
    project = _open(directory, board_name)
    return _build(project.directory, project.board)


def flash(
    directory: AnyPath,
    board_name: str | None = None,
    *,
    device: Device | None = None,
    observe: bool = False,
    tool: str | None = None,
    dry_run: bool = False,
) -> Flashed:
    """Build a project and write it to a board; `observe` for the image that reports every layer."""
    project = _open(directory, board_name)
    return flash_project(project, device or Device(), observe=observe, tool=tool, dry_run=dry_run)


def run_project(
    directory: AnyPath,
    data_path: AnyPath,
    *,
    board_name: str | None = None,
    output: AnyPath | None = None,
    limit: int | None = None,
    device: Device | None = None,
    progress: Progress = silent,
) -> RunResult:
    """Build a project and run it on samples, on this machine, in QEMU, or on a board."""
    project = _open(directory, board_name)
    destination = None if output is None else _destination(output, Path(data_path))
    samples = data.load(Path(data_path), project.inputs, limit=limit)
    with _running(project, device) as runner:
        outputs = infer_all(samples, partial(project.infer, runner), progress)
    saved = None if destination is None else data.save(destination, outputs)
    first = tuple(tuple(values.ravel().tolist()) for values in outputs[0])
    return RunResult(project.board.name, len(samples), saved, first, samples.notes)


def validate(
    model_path: AnyModel,
    board_name: str,
    data_path: AnyPath,
    *,
    labels: AnyPath | None = None,
    limit: int | None = None,
    float_model: AnyModel | None = None,
    keep: AnyPath | None = None,
    objective: AnyObjective = Objective.BALANCED,
    limits: Limits = NO_LIMITS,
    tuned: bool = False,
    calibration: Data | None = None,
    config: Config | None = None,
    device: Device | None = None,
    per_layer: bool = False,
    progress: Progress = silent,
) -> Validation:
    """Run a model on a board and compare every byte with the reference interpreters.

    A float model is quantized first if there are samples to calibrate with, and the outputs are
    compared with its own. `device` is a board that is really there; then its latency and stack are
    measured too. `per_layer` reads back the output of each layer of the first sample.
    """
    board = load_board(board_name)
    model, quantized = load(model_path), None
    floating = None if float_model is None else load(float_model)
    if calibration is not None and model.is_float:
        quantized = quantize(model, calibration, config=config, progress=progress)
        model, floating = quantized.model, floating or quantized.floating
    choice = _choose(model.compiled(), board, objective, limits, tuned)
    graph = choice.graph
    tensors = [graph.tensors[i] for i in graph.inputs]
    labels_path = None if labels is None else Path(labels)
    was_float = quantized is not None
    samples = data.load(Path(data_path), tensors, labels_path, limit, are_real=was_float)
    with _project(model, choice, board, keep) as project:
        bound = _build(project.directory, board).memory.stack
        with _running(project, device, observe=device is not None and per_layer) as runner:
            outputs = infer_all(samples, partial(project.infer, runner), progress)
            measured = None if device is None else _measured(runner, samples, bound)
        who = "emulated" if device is None else "device"
        result = validation.validate(model, graph, samples, outputs, floating, who)
        result = replace(result, device=measured)
        if quantized is not None:
            result = replace(result, quantization=quantized.report)
        if result.passed and not per_layer:
            return result
        if device is not None and not (device.flash or per_layer):
            note = "the first layer that differs: flash the firmware that observes, and --per-layer"
            return replace(result, notes=(*result.notes, note))
        with _running(project, device, observe=True) as runner:
            layers = runner.infer_layers
            if not result.passed:
                first = layer_check.first_difference(model, graph, samples, outputs, layers)
                result = replace(result, first_difference=first)
            if per_layer:
                checked = layer_check.check_layers(model, graph, samples, 0, layers)
                result = replace(result, layers=checked)
        return result


def _measured(runner: Runner, samples: data.Samples, bound: int | None) -> OnDevice:
    """Latencies of what was run, and the stack of one run more."""
    stack = runner.stack_used([values.tobytes() for values in samples[0]])
    times = runner.latencies
    mean = sum(times) / len(times)
    return OnDevice(runner.name, min(times), mean, max(times), stack, bound)


def profile(
    model_path: AnyModel,
    board_name: str,
    *,
    objective: AnyObjective = Objective.BALANCED,
    limits: Limits = NO_LIMITS,
    tuned: bool = False,
    calibration: Data | None = None,
    config: Config | None = None,
) -> Profile:
    """Count one inference's instructions per layer in QEMU, and model its cycles.

    A float model is quantized first if there are samples to calibrate with.
    """
    board = load_board(board_name)
    model = _prepared(model_path, calibration, config)
    choice = _choose(model.compiled(), board, objective, limits, tuned)
    graph = choice.graph
    zeros = [bytes(graph.tensors[i].bytes) for i in graph.inputs]
    with _project(model, choice, board, None) as project:
        built = build(project.directory)
        with open_runner(board, built.image) as runner:
            total = runner.count(zeros).total
        modelled, note = _model_cycles(built, project.prefix, board)
        with open_runner(board, build(project.directory, observe=True).image) as runner:
            layers = runner.count(zeros).layers
    return profiling.profile(graph, model.path.name, board.name, layers, total, modelled, note)


def profile_device(
    model_path: AnyModel,
    board_name: str,
    device: Device,
    *,
    objective: AnyObjective = Objective.BALANCED,
    limits: Limits = NO_LIMITS,
    tuned: bool = False,
    calibration: Data | None = None,
    config: Config | None = None,
) -> DeviceProfile:
    """Measure one inference's layers on a board that is really there, by its cycle counter.

    Where it has none, by its timer. The board needs the firmware that reports every layer.
    """
    board = load_board(board_name)
    model = _prepared(model_path, calibration, config)
    choice = _choose(model.compiled(), board, objective, limits, tuned)
    zeros = [bytes(choice.graph.tensors[i].bytes) for i in choice.graph.inputs]
    with (
        _project(model, choice, board, None) as project,
        connected(project, device, observe=True) as runner,
    ):
        measured = measure(runner, zeros, board)
    layers = profiling.device_layers(choice.graph, measured.layers)
    return DeviceProfile(
        model.path.name,
        board.name,
        runner.name,
        measured.unit,
        layers,
        sum(layer.macs for layer in layers),
        measured.total,
        measured.milliseconds,
        measured.note,
    )


def variants(
    model_path: AnyModel,
    board_name: str,
    *,
    objective: AnyObjective = Objective.BALANCED,
    limits: Limits = NO_LIMITS,
    tuned: bool = False,
    calibration: Data | None = None,
    config: Config | None = None,
) -> VariantReport:
    """For each layer the kernels that can compute it, their costs, and why the others cannot."""
    board = load_board(board_name)
    model = _prepared(model_path, calibration, config)
    choice = _choose(model.compiled(), board, objective, limits, tuned)
    names = model.path.name, board.name, Objective(objective).value
    if not tuned:
        return variant_report(choice, board.cpu, names)
    measured = Measurements.load(board.cpu, unit_of(board.cpu))
    return variant_report(choice, board.cpu, names, measured.cycles, measured.unit)


def tune(
    model_path: AnyModel,
    board_name: str,
    *,
    calibration: Data | None = None,
    config: Config | None = None,
    progress: Progress = silent,
    **choosing: Any,
) -> VariantReport:
    """Measure every kernel that can compute a layer, keep the costs, and choose by them.

    The model is built as often as a layer has kernels, each time with other ones. Costs are cycles,
    modelled by the emulator, or instructions where it has no model of the core. `choosing` are
    further arguments of `variants`.
    """
    board = load_board(board_name)
    model = _prepared(model_path, calibration, config)
    graph = fuse_pad(model.compiled())
    measured = Measurements.load(board.cpu, unit_of(board.cpu))
    choices = rounds(graph, measured)
    progress(0, len(choices))
    for number, choice in enumerate(choices, 1):
        with _project(model, choice, board, None) as project:
            costs = _layer_costs(project, board, graph)
        pairs = zip(choice.selection.kernels, graph.calls(), strict=True)
        for (kernel, call), cost in zip(((k, c) for k, c in pairs if k), costs, strict=True):
            measured.add(kernel, call, cost)
        progress(number, len(choices))
    measured.save()
    return variants(model, board_name, tuned=True, **choosing)


def _layer_costs(project: Project, board: Board, graph: Graph) -> Sequence[int]:
    """What each layer takes, in the unit of `unit_of`."""
    if unit_of(board.cpu) == "cycles":
        modelled_cycles, _ = _model_cycles(build(project.directory), project.prefix, board)
        assert modelled_cycles is not None
        return [usage.cycles for usage in modelled_cycles.layers]
    zeros = [bytes(graph.tensors[i].bytes) for i in graph.inputs]
    with open_runner(board, build(project.directory, observe=True).image) as runner:
        return runner.count(zeros).layers


def _model_cycles(built: Build, prefix: str, board: Board) -> tuple[ModelCycles | None, str]:
    """Modelled cycles, and what they are; without them, why."""
    try:
        from mcugen.cycles.model import model_cycles
    except ImportError:
        return None, "no modelled cycles: pip install 'mcugen[cycles]'"
    modelled = model_cycles(built.image, prefix, built.arena, board.cpu.name)
    if modelled is None:
        return None, f"no modelled cycles: {board.cpu.name} has no cycle model"
    rough = f"; rough: {modelled.core.rough}" if modelled.core.rough else ""
    return modelled, f"cycles of a {modelled.core.name}: modelled, zero wait states{rough}"


# ---- the steps between


def _choose(
    graph: Graph, board: Board, objective: AnyObjective, limits: Limits, tuned: bool
) -> Choice:
    """The graph as it is executed, and its kernels. BoardError if no choice meets the limits.

    What the board has no room for is said when its memory is known.
    """
    within = limits.and_(room(board, graph))
    cycles = Measurements.load(board.cpu, unit_of(board.cpu)).cycles if tuned else modelled
    objective = Objective(objective)
    choice = arrange(graph, board.cpu, objective, within, cycles)
    excess = limits.excess(choice.cost)
    if excess:
        raise BoardError(
            f"limits: the kernels that come nearest take {' and '.join(excess)}; "
            "allow more, or choose a smaller model"
        )
    return replace(choice, objective=objective)


def _program(model: Model, choice: Choice, board: Board, name: str | None = None) -> Program:
    source = Source(model.path.name, model.sha256)
    return lower(
        choice.graph,
        choice.selection,
        source,
        name=name,
        board=board.name,
        objective=choice.objective.value,
    )


def _generate(
    model: Model,
    choice: Choice,
    board: Board,
    directory: Path,
    name: str | None,
    force: bool,
    package: Package | None = None,
) -> Generated:
    program = _program(model, choice, board, name)
    analysis.require_room(analysis.at_least(board, program.arena_bytes, program.weight_bytes))
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


def _open(directory: AnyPath, board_name: str | None) -> Project:
    return Project.open(Path(directory), None if board_name is None else load_board(board_name))


def _build(directory: Path, board: Board) -> Built:
    built = build(directory)
    least = analysis.at_least(board, built.arena, built.model.flash)
    return Built(built.image, analysis.measured(least, built))


@contextmanager
def _running(project: Project, device: Device | None, observe: bool = False) -> Iterator[Runner]:
    """A project's firmware, on a board or where the board can be without being there."""
    if device is not None:
        with connected(project, device, observe=observe) as runner:
            yield runner
        return
    image = build(project.directory, observe=observe).image
    with open_runner(project.board, image) as runner:
        yield runner


@contextmanager
def _project(model: Model, choice: Choice, board: Board, keep: AnyPath | None) -> Iterator[Project]:
    """A generated project, in a directory that is kept or in a temporary one."""
    with tempfile.TemporaryDirectory(prefix="mcugen-") as temporary:
        directory = Path(temporary, "project") if keep is None else Path(keep)
        _generate(model, choice, board, directory, None, force=False)
        yield Project.open(directory, board)


def _memory(program: Program, board: Board) -> Memory:
    """What the firmware takes: built where there is a compiler, else the least it can be."""
    least = analysis.at_least(board, program.arena_bytes, program.weight_bytes)
    if not least.fits:
        return least
    with tempfile.TemporaryDirectory(prefix="mcugen-") as temporary:
        directory = Path(temporary, "project")
        emit(program, board, directory)
        try:
            return _build(directory, board).memory
        except ToolError:  # no compiler here
            return least
        except BoardError as error:
            return replace(least, overflow=str(error))
