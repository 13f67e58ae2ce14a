"""Every step of mcugen as one function: the table of contents of the project.

A model file goes through `load` (to a graph), `quantize` (from float to int8, where that is
wanted), `Model.compiled` (passes), `choose` (kernels and order of execution), `lower` (memory
plan, C names), `emit` (files), `build` (gcc) and `run` (host or QEMU). `analyze` looks at a
model before, `validate` and `profile` at what it does on a board. `steps` holds what several
verbs do alike. Everything that a user can mend raises a `McugenError`.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from mcugen import analysis, data, health, layer_check, packages, profiling, steps, validation
from mcugen.analysis import Analysis
from mcugen.build import build
from mcugen.choose import Objective
from mcugen.device import Device, connected, flash_project, measure, port_list
from mcugen.errors import UnsupportedModelError
from mcugen.ir import DType, Io
from mcugen.limits import NO_LIMITS, Limits
from mcugen.model import Model, load, loads
from mcugen.newboard import check_board, new_board
from mcugen.passes.fuse_pad import fuse_pad
from mcugen.passes.outputs_apart import outputs_apart
from mcugen.placement import ANYWHERE, Placement
from mcugen.profiling import DeviceProfile, Profile
from mcugen.quantizer import pipeline
from mcugen.quantizer import report as quality
from mcugen.quantizer.calibration import Data, calibrate
from mcugen.quantizer.config import Config
from mcugen.quantizer.export import export
from mcugen.results import BoardList, BoardRow, Built, Generated, QuantizedModel, RunResult
from mcugen.run.flash import Flashed
from mcugen.run.runner import open_runner
from mcugen.steps import AnyObjective, AnyPath
from mcugen.target import board_names, load_board
from mcugen.tuning import Measurements, rounds, unit_of
from mcugen.validation import Progress, Validation, infer_all, silent
from mcugen.variant_report import VariantReport, variant_report

__all__ = [
    "Io",
    "Limits",
    "Objective",
    "Placement",
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

AnyModel = Any  # a path, a Keras model object, or a `Model`


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
    destination = None if output is None else steps.destination(output, floating.path)
    graph = steps.quantizable(floating)
    tensors = [graph.tensors[i] for i in graph.inputs]
    samples = calibrate(calibration, tensors)
    if labelled is None and isinstance(calibration, Path | str):
        labelled = calibration
    judged, labels = steps.labelled(labelled, graph)
    result = pipeline.quantize(graph, samples, config or Config(), progress)
    content = export(result.graph, float_edges=float_edges)
    made = loads(content, floating.path)
    if result.parameters.dtype is DType.INT8:  # 16x8 may be for other tools that know more of it
        made.compiled()
    if destination is not None:
        destination.write_bytes(content)
    sizes = len(floating.content), len(content)
    report = quality.report(result, floating.path.name, sizes, judged, labels)
    return QuantizedModel(made, floating, report, destination)


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
    placement: Placement = ANYWHERE,
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
        choice = steps.chosen(graph, board, objective, limits, tuned, placement)
        program = steps.lowered(model, choice, board)
    except UnsupportedModelError as error:
        return analysis.analyze(model, graph, error.problems)
    result = replace(analysis.analyze(model, graph), note=choice.note)
    if plan:
        result = replace(result, plan=steps.plan_of(graph, choice, board))
    return result if board_name is None else replace(result, memory=steps.memory_on(program, board))


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
    placement: Placement = ANYWHERE,
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
    choice = steps.chosen(model.compiled(), board, objective, limits, tuned, placement)
    layout = None if package is None else packages.find(package)
    return steps.write_project(model, choice, board, Path(directory), name, force, layout)


def build_project(directory: AnyPath, board_name: str | None = None) -> Built:
    """Compile a generated project; a board of one's own must be named again."""
    project = steps.open_project(directory, board_name)
    return steps.build_in(project.directory, project.board)


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
    project = steps.open_project(directory, board_name)
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
    project = steps.open_project(directory, board_name)
    destination = None if output is None else steps.destination(output, Path(data_path))
    samples = data.load(Path(data_path), project.inputs, limit=limit)
    with steps.running(project, device) as runner:
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
    placement: Placement = ANYWHERE,
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
    choice = steps.chosen(model.compiled(), board, objective, limits, tuned, placement)
    graph = choice.graph
    tensors = [graph.tensors[i] for i in graph.inputs]
    labels_path = None if labels is None else Path(labels)
    was_float = quantized is not None
    samples = data.load(Path(data_path), tensors, labels_path, limit, are_real=was_float)
    steps.require_classes(labels_path or Path(data_path), samples, graph)
    with steps.project_of(model, choice, board, keep) as project:
        bound = steps.build_in(project.directory, board).memory.stack
        with steps.running(project, device, observe=device is not None and per_layer) as runner:
            outputs = infer_all(samples, partial(project.infer, runner), progress)
            measured = None if device is None else steps.on_device(runner, samples, bound)
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
        with steps.running(project, device, observe=True) as runner:
            layers = runner.infer_layers
            if not result.passed:
                first = layer_check.first_difference(model, graph, samples, outputs, layers)
                result = replace(result, first_difference=first)
            if per_layer:
                checked = layer_check.check_layers(model, graph, samples, 0, layers)
                result = replace(result, layers=checked)
        return result


def profile(
    model_path: AnyModel,
    board_name: str,
    *,
    objective: AnyObjective = Objective.BALANCED,
    limits: Limits = NO_LIMITS,
    tuned: bool = False,
    placement: Placement = ANYWHERE,
    calibration: Data | None = None,
    config: Config | None = None,
) -> Profile:
    """Count one inference's instructions per layer in QEMU, and model its cycles.

    A float model is quantized first if there are samples to calibrate with.
    """
    board = load_board(board_name)
    model = _prepared(model_path, calibration, config)
    choice = steps.chosen(model.compiled(), board, objective, limits, tuned, placement)
    graph = choice.graph
    zeros = [bytes(graph.tensors[i].bytes) for i in graph.inputs]
    with steps.project_of(model, choice, board, None) as project:
        built = build(project.directory)
        with open_runner(board, built.image) as runner:
            total = runner.count(zeros).total
        modelled, note = steps.cycles_of(built, project.prefix, board)
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
    placement: Placement = ANYWHERE,
    calibration: Data | None = None,
    config: Config | None = None,
) -> DeviceProfile:
    """Measure one inference's layers on a board that is really there, by its cycle counter.

    Where it has none, by its timer. The board needs the firmware that reports every layer.
    """
    board = load_board(board_name)
    model = _prepared(model_path, calibration, config)
    choice = steps.chosen(model.compiled(), board, objective, limits, tuned, placement)
    zeros = [bytes(choice.graph.tensors[i].bytes) for i in choice.graph.inputs]
    with (
        steps.project_of(model, choice, board, None) as project,
        connected(project, device, observe=True) as runner,
    ):
        measured = measure(runner, zeros, board)
    names = model.path.name, board.name, runner.name
    return profiling.device_profile(choice.graph, names, measured)


def variants(
    model_path: AnyModel,
    board_name: str,
    *,
    objective: AnyObjective = Objective.BALANCED,
    limits: Limits = NO_LIMITS,
    tuned: bool = False,
    placement: Placement = ANYWHERE,
    calibration: Data | None = None,
    config: Config | None = None,
) -> VariantReport:
    """For each layer the kernels that can compute it, their costs, and why the others cannot."""
    board = load_board(board_name)
    model = _prepared(model_path, calibration, config)
    choice = steps.chosen(model.compiled(), board, objective, limits, tuned, placement)
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
    placement: Placement = ANYWHERE,
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
    placement.check(board)
    graph = outputs_apart(fuse_pad(model.compiled().with_(io=placement.io)))
    measured = Measurements.load(board.cpu, unit_of(board.cpu))
    choices = rounds(graph, measured)
    progress(0, len(choices))
    for number, choice in enumerate(choices, 1):
        choice = steps.placed(choice, board, placement)
        with steps.project_of(model, choice, board, None) as project:
            costs = steps.layer_costs(project, board, graph)
        pairs = zip(choice.selection.kernels, graph.calls(), strict=True)
        for (kernel, call), cost in zip(((k, c) for k, c in pairs if k), costs, strict=True):
            measured.add(kernel, call, cost)
        progress(number, len(choices))
    measured.save()
    return variants(model, board_name, tuned=True, placement=placement, **choosing)
