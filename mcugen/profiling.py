"""Instructions and modelled cycles per layer, beside the multiply-accumulates that they are for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mcugen.device import Measured
from mcugen.ir import Graph
from mcugen.ops import OPS

if TYPE_CHECKING:  # needs the optional emulator
    from mcugen.cycles.model import ModelCycles


@dataclass(frozen=True, slots=True)
class LayerCount:
    """One layer; `per_mac` is None for layers without multiply-accumulates."""

    index: int
    operator: str
    name: str
    macs: int
    instructions: int
    per_mac: float | None
    cycles: int | None


@dataclass(frozen=True, slots=True)
class FunctionCount:
    """What a C function spent itself, without those that it called."""

    name: str
    instructions: int
    cycles: int


@dataclass(frozen=True, slots=True)
class Profile:
    """Exact instruction counts of one inference, and modelled cycles where the core has a model.

    The total is that of the firmware as it ships; layers are counted in one that reports each of
    them, which costs a few instructions per layer. `cycles_note` says what the cycles are, or why
    there are none.
    """

    model: str
    board: str
    layers: tuple[LayerCount, ...]
    functions: tuple[FunctionCount, ...]
    macs: int
    instructions: int
    per_mac: float | None
    cycles: int | None
    cycles_note: str


@dataclass(frozen=True, slots=True)
class LayerTime:
    """One layer, in the unit of its profile; `per_mac` is None for layers without MACs."""

    index: int
    operator: str
    name: str
    macs: int
    time: int
    per_mac: float | None


@dataclass(frozen=True, slots=True)
class DeviceProfile:
    """What one inference took on a board: `unit` is cycles, or microseconds of its timer.

    `milliseconds` are those of the total.
    """

    model: str
    board: str
    port: str
    unit: str
    layers: tuple[LayerTime, ...]
    macs: int
    total: int
    milliseconds: float
    note: str


def device_profile(graph: Graph, names: tuple[str, str, str], measured: Measured) -> DeviceProfile:
    """Join a graph's layers with what each took; `names` of the model, the board and its port."""
    calls = (call for call in graph.calls() if not OPS[call.node.op].alias)
    layers = []
    for call, time in zip(calls, measured.layers, strict=True):
        macs = OPS[call.node.op].macs(call)
        node, name = call.node, OPS[call.node.op].tflite
        layers.append(LayerTime(node.index, name, node.name, macs, time, _ratio(time, macs)))
    return DeviceProfile(
        *names,
        measured.unit,
        tuple(layers),
        sum(layer.macs for layer in layers),
        measured.total,
        measured.milliseconds,
        measured.note,
    )


def profile(
    graph: Graph,
    model: str,
    board: str,
    counts: Sequence[int],
    total: int,
    modelled: ModelCycles | None,
    note: str,
) -> Profile:
    """Join a graph's layers with what each took, and with what all took together."""
    calls = [call for call in graph.calls() if not OPS[call.node.op].alias]
    cycles = [use.cycles for use in modelled.layers] if modelled else [None] * len(counts)
    layers = []
    for call, instructions, spent in zip(calls, counts, cycles, strict=True):
        op = OPS[call.node.op]
        macs = op.macs(call)
        per_mac = _ratio(instructions, macs)
        layers.append(
            LayerCount(
                call.node.index, op.tflite, call.node.name, macs, instructions, per_mac, spent
            )
        )
    macs = sum(layer.macs for layer in layers)
    return Profile(
        model,
        board,
        tuple(layers),
        tuple(FunctionCount(n, u.instructions, u.cycles) for n, u in modelled.functions)
        if modelled
        else (),
        macs,
        total,
        _ratio(total, macs),
        modelled.total.cycles if modelled else None,
        note,
    )


def _ratio(instructions: int, macs: int) -> float | None:
    return instructions / macs if macs else None
