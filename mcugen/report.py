"""Results as text for people and as JSON for machines."""

from __future__ import annotations

import dataclasses
import enum
import json
import math
from collections.abc import Iterable
from functools import singledispatch
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from mcugen.analysis import Analysis, Edge, Memory, Operation
from mcugen.health import Health
from mcugen.memory_report import FREE, SHARED, MemoryReport, chart
from mcugen.metrics import Difference
from mcugen.profiling import Profile
from mcugen.quantizer.report import LayerReport, Report
from mcugen.results import BoardList, Built, Generated, QuantizedModel, RunResult
from mcugen.tables import Name as _Name
from mcugen.tables import print_table as _print
from mcugen.tables import table as _table
from mcugen.target import RAM
from mcugen.validation import Comparison, OnDevice, Validation

CHART_WIDTH = 64  # columns for the arena, at most
CHART_MARGINS = 42  # columns beside it
GOOD, BAD, WARN = "[green]", "[bold red]", "[yellow]"


def to_json(result: object) -> str:
    """A result's fields, by name, indented."""
    return json.dumps(_plain(result), indent=2, ensure_ascii=False)


def _plain(value: Any) -> Any:
    """Dataclasses to dicts, properties included; the rest to what JSON has."""
    if dataclasses.is_dataclass(value):
        names = [field.name for field in dataclasses.fields(value)]
        names += [n for n, v in vars(type(value)).items() if isinstance(v, property)]
        return {name: _plain(getattr(value, name)) for name in names}
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return value


@singledispatch
def show(result: object, console: Console, **options: Any) -> None:
    """Print a result as text."""
    raise AssertionError(type(result))


def _shape(shape: Iterable[int]) -> str:
    return "x".join(str(size) for size in shape) or "scalar"


def _number(value: int | None) -> str:
    return "?" if value is None else f"{value:,}"


@show.register
def _(health: Health, console: Console, **options: Any) -> None:
    table = _table("tool", "", "for", "found, or how to install it", wrap=("for",))
    for check in health.checks:
        state = f"{GOOD}ok[/]" if check.found else f"{BAD}missing[/]"
        if not check.found and not check.required:
            state = f"{WARN}optional[/]"
        table.add_row(
            check.name, state, check.purpose, escape(check.found or f"run: {check.install}")
        )
    _print(table, console)
    console.print("Everything is there." if health.ready else f"{BAD}Something is missing.[/]")


@show.register
def _(boards: BoardList, console: Console, **options: Any) -> None:
    table = _table("board", "core", "flash", "RAM", "runs", "", right=("flash", "RAM"))
    for board in boards.boards:
        table.add_row(
            board.name, board.cpu, _kib(board.flash), _kib(board.ram), board.runs, board.description
        )
    _print(table, console)


def _kib(size: int | None) -> str:
    return "" if size is None else f"{size / 1024:,.0f} KiB"


@show.register
def _(analysis: Analysis, console: Console, **options: Any) -> None:
    console.print(f"[bold]{escape(analysis.model)}[/], {analysis.file_bytes:,} bytes")
    for kind, edges in (("input", analysis.inputs), ("output", analysis.outputs)):
        for edge in edges:
            console.print(f"{kind:6} {escape(_edge(edge))}")
    _print(_operations(analysis.operations), console)
    console.print(
        f"{analysis.macs:,} MACs, {analysis.parameters:,} parameters, "
        f"{analysis.weight_bytes:,} bytes of weights"
    )
    if analysis.removed_channels:
        console.print(
            f"{analysis.removed_channels:,} channels never matter and are left out: "
            f"the file has {analysis.file_macs:,} MACs"
        )
    if analysis.memory:
        _memory(analysis.memory, console)
    _note(analysis.note, console)
    if analysis.plan:
        _memory_plan(analysis.plan, console)
    for problem in analysis.problems:
        console.print(f"{BAD}not supported[/] {escape(problem)}", soft_wrap=True)
    if analysis.supported:
        console.print(f"{GOOD}Every operator is supported.[/]")


def _edge(edge: Edge) -> str:
    text = f"{edge.name}: {edge.dtype} {_shape(edge.shape)}"
    if edge.scale is not None:
        text += f", real = {edge.scale:g} * {_centred(edge.zero_point)}"
    return text


def _centred(zero_point: int | None) -> str:
    return f"(q {-zero_point:+})".replace("+", "+ ").replace("-", "- ") if zero_point else "q"


def _operations(operations: Iterable[Operation]) -> Table:
    right = ("#", "MACs", "weights")
    table = _table("#", "operator", "input", "output", "MACs", "weights", "name", right=right)
    for operation in operations:
        table.add_row(
            str(operation.index),
            operation.operator,
            " ".join(_shape(shape) for shape in operation.inputs),
            _shape(operation.output),
            _number(operation.macs),
            _number(operation.weight_bytes),
            _Name(operation.name),
        )
    return table


def _memory(memory: Memory, console: Console) -> None:
    least = "" if memory.measured else "at least "
    state = f", state {memory.state:,}" if memory.state else ""
    state += f", copied from flash {memory.copied:,}" if memory.copied else ""
    stack = "" if memory.stack is None else f", stack {memory.stack:,}"
    console.print(
        f"model  flash {least}{memory.flash:,}, RAM {least}{memory.ram:,} "
        f"(arena {memory.arena:,}{state}, variables {memory.variables:,}{stack})"
    )
    if memory.image_flash is not None:
        uses = "".join(
            f"{'RAM' if use.region == RAM else use.region} {use.bytes:,}{_of(use.limit)}, "
            for use in memory.uses
        )
        console.print(
            f"image  flash {memory.image_flash:,}{_of(memory.flash_limit)}, {uses}"
            "with the harness and its stack"
        )
    for excess in memory.excess:
        where = "" if memory.overflow else f"does not fit {memory.board}: "
        console.print(f"{BAD}{where}{escape(excess)}[/]", soft_wrap=True)
    if memory.fits and memory.flash_limit is not None:
        console.print(f"{GOOD}fits {memory.board}[/]")


def _memory_plan(plan: MemoryReport, console: Console) -> None:
    """The blocks, then the chart: time goes down, addresses go across."""
    table = _table("", "from", "to", "bytes", "layers", "", right=("from", "to", "bytes"))
    for block in plan.blocks:
        layers = f"{plan.moments[block.first].layer}..{plan.moments[block.last].layer}"
        sizes = (f"{size:,}" for size in (block.offset, block.end, block.bytes))
        table.add_row(block.letter, *sizes, layers, escape(block.name))
    _print(table, console)
    lines = chart(plan, max(CHART_WIDTH // 2, min(CHART_WIDTH, console.width - CHART_MARGINS)))
    for number, (moment, line) in enumerate(zip(plan.moments, lines, strict=True)):
        mark = "<- peak" if number == plan.peak else ""
        console.print(
            f"{moment.layer:4} {moment.name[:17]:17} {moment.load:9,} {line} {mark}", soft_wrap=True
        )
    console.print(
        f"{'':23}bytes {FREE} free, {SHARED} several blocks, as where an output runs over an input"
    )
    console.print(f"arena {plan.arena:,} bytes, no plan takes less than {plan.bound:,}")
    console.print(plan.order)
    for name, size in plan.beside:
        console.print(f"{name} {size:,} bytes, not in the arena")
    console.print("at the peak:")
    for block in plan.at_peak:
        console.print(f"  {block.bytes:9,} {block.letter} {escape(block.name)}")
    for cause in plan.causes:
        console.print(f"  {escape(cause)}", soft_wrap=True)


def _of(limit: int | None) -> str:
    return "" if limit is None else f" of {limit:,}"


@show.register
def _(generated: Generated, console: Console, **options: Any) -> None:
    console.print(
        f"{escape(str(generated.directory))}: {generated.name}.h and {generated.files - 1} more "
        f"files, arena {generated.arena:,} bytes, constants {generated.constants:,} bytes, "
        f"{generated.macs:,} MACs",
        soft_wrap=True,
    )
    _note(generated.note, console)


def _note(note: str, console: Console) -> None:
    if note:
        console.print(f"{WARN}{escape(note)}[/]", soft_wrap=True)


@show.register
def _(built: Built, console: Console, **options: Any) -> None:
    console.print(escape(str(built.image)), soft_wrap=True)
    _memory(built.memory, console)


@show.register
def _(result: RunResult, console: Console, **options: Any) -> None:
    for note in result.notes:
        console.print(escape(note))
    console.print(f"{result.samples} samples run on {result.board}")
    if result.output is not None:
        console.print(f"outputs in {escape(str(result.output))}", soft_wrap=True)
    elif result.first:
        for values in result.first:
            console.print(escape(f"first sample: {list(values)}"))


@show.register
def _(profile: Profile, console: Console, **options: Any) -> None:
    heads = ("#", "operator", "MACs", "instructions", "per MAC", "cycles", "name")
    table = _table(*heads, right=("#", "MACs", "instructions", "per MAC", "cycles"))
    for layer in profile.layers:
        table.add_row(
            str(layer.index),
            layer.operator,
            f"{layer.macs:,}",
            f"{layer.instructions:,}",
            _per_mac(layer.per_mac),
            _cycles(layer.cycles),
            _Name(layer.name),
        )
    table.add_section()
    table.add_row(
        "",
        "total",
        f"{profile.macs:,}",
        f"{profile.instructions:,}",
        _per_mac(profile.per_mac),
        _cycles(profile.cycles),
    )
    _print(table, console)
    if options.get("functions") and profile.functions:
        spent = _table("function", "instructions", "cycles", right=("instructions", "cycles"))
        for function in profile.functions:
            spent.add_row(function.name, f"{function.instructions:,}", f"{function.cycles:,}")
        _print(spent, console)
    console.print(profile.cycles_note)
    if options.get("functions") and not profile.functions:
        console.print("functions are listed where cycles are modelled")


def _cycles(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def _per_mac(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _points(difference: float) -> str:
    return f" ({100 * difference:+.2f} points)"


@show.register
def _(quantized: QuantizedModel, console: Console, **options: Any) -> None:
    report = quantized.report
    for note in report.notes:
        console.print(f"{WARN}note[/] {escape(note)}", soft_wrap=True)
    _print(_steps(report), console)
    _print(_layer_table(report.layers), console)
    for line in _quality(report):
        console.print(escape(line))
    if quantized.output is not None:
        console.print(f"{GOOD}written[/] {escape(str(quantized.output))}")


def _steps(report: Report) -> Table:
    table = _table("decision", "SQNR dB", "gain", "", right=("SQNR dB", "gain"))
    for step in report.steps:
        kept = f"{GOOD}kept[/]" if step.kept else "not kept"
        table.add_row(escape(step.name), f"{step.sqnr_db:.2f}", f"{step.gain_db:+.2f}", kept)
    return table


def _layer_table(layers: Iterable[LayerReport]) -> Table:
    right = ("SQNR dB", "own", "clipped", "weights", "scale", "zero")
    table = _table("operator", *right, "range", "name", right=right)
    for layer in layers:
        table.add_row(
            f"{layer.operator}{' float' if layer.is_float else ''}",
            f"{layer.sqnr_db:.1f}",
            "" if layer.own_db is None else f"{layer.own_db:.1f}",
            f"{layer.clipped:.2%}",
            "" if layer.weight_error is None else f"{layer.weight_error:.2%}",
            f"{layer.scale:.5g}",
            str(layer.zero_point),
            f"{layer.low:.4g} .. {layer.high:.4g}",
            _Name(layer.name),
        )
    return table


def _quality(report: Report) -> Iterable[str]:
    quality = report.quality
    if quality.float_accuracy is not None and quality.quantized_accuracy is not None:
        loss = _points(quality.quantized_accuracy - quality.float_accuracy)
        yield (
            f"accuracy float {quality.float_accuracy:.4f}, "
            f"quantized {quality.quantized_accuracy:.4f}{loss}, {quality.samples} samples"
        )
    yield (
        f"outputs against float: SQNR {quality.sqnr_db:.2f} dB, rmse {quality.rmse:.4g}, "
        f"cos {quality.cos:.6f}, {quality.samples} samples"
    )
    yield f"most is lost in {', '.join(report.worst)}"
    yield f"{quality.float_bytes:,} bytes before, {quality.quantized_bytes:,} after"


@show.register
def _(validation: Validation, console: Console, confusion: bool = False, **options: Any) -> None:
    if validation.quantization is not None:
        report = validation.quantization
        console.print(
            f"quantized first: {report.method} ranges, {report.calibration_samples} samples"
        )
        console.print(f"most is lost in {escape(', '.join(report.worst))}")
    for note in validation.notes:
        console.print(f"{WARN}note[/] {escape(note)}", soft_wrap=True)
    for comparison in validation.comparisons:
        console.print(_comparison(comparison))
    for position, difference in enumerate(validation.against_float):
        console.print(f"output {position} against float: {_distance(difference)}")
    base = next((a.value for a in validation.accuracies if a.who == "float"), None)
    for accuracy in validation.accuracies:
        loss = "" if base is None or accuracy.who == "float" else _points(accuracy.value - base)
        console.print(f"accuracy {accuracy.who}: {accuracy.value:.4f}{loss}")
    if confusion:
        for row in validation.confusion:
            console.print(" ".join(f"{count:5}" for count in row))
    for layer in validation.layers:
        state = "equal" if layer.differing == 0 else f"{layer.differing:,} bytes differ"
        console.print(
            f"layer {layer.layer:3} {layer.total:8,} bytes  {state}  {escape(layer.where)}",
            soft_wrap=True,
        )
    if validation.device is not None:
        _on_device(validation.device, console)
    first = validation.first_difference
    if first is not None:
        console.print(
            f"first layer that differs: layer {first.layer}, {escape(first.where)}, sample "
            f"{first.sample}: {first.differing} of {first.total} bytes"
        )
    console.print(f"{GOOD if validation.passed else BAD}{escape(validation.verdict)}[/]")


def _on_device(device: OnDevice, console: Console) -> None:
    times = (device.latency_min, device.latency_mean, device.latency_max)
    low, mean, high = (f"{1000 * seconds:,.3f}" for seconds in times)
    bound = "" if device.stack_bound is None else f" of at most {device.stack_bound:,}"
    console.print(f"board on {escape(device.port)}, by its own timer:")
    console.print(f"latency {mean} ms, from {low} to {high}")
    console.print(f"stack {device.stack:,} bytes{bound}")


def _comparison(comparison: Comparison) -> str:
    difference = comparison.difference
    text = (
        f"{escape(comparison.output)} against {comparison.reference}: "
        f"{difference.differing} of {difference.total:,} bytes differ"
    )
    if difference.differing:
        text += f", by {difference.largest:g} at most; {_distance(difference)}"
        text += f" ({comparison.expected})" if comparison.expected else ""
    return text


def _distance(difference: Difference) -> str:
    return (
        f"rmse {difference.rmse:.4g}, mae {difference.mae:.4g}, l2r {difference.l2r:.4g}, "
        f"cos {difference.cos:.6f}"
    )
