"""Instructions per layer, beside the multiply-accumulates that they are for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mcugen.ir import Graph
from mcugen.ops import OPS


@dataclass(frozen=True, slots=True)
class LayerCount:
    """One layer; `per_mac` is None for layers without multiply-accumulates."""

    index: int
    operator: str
    name: str
    macs: int
    instructions: int
    per_mac: float | None


@dataclass(frozen=True, slots=True)
class Profile:
    """Exact instruction counts of one inference.

    The total is that of the firmware as it ships; layers are counted in one that reports each of
    them, which costs a few instructions per layer.
    """

    model: str
    board: str
    layers: tuple[LayerCount, ...]
    macs: int
    instructions: int
    per_mac: float | None


def profile(graph: Graph, model: str, board: str, counts: Sequence[int], total: int) -> Profile:
    """Join a graph's layers with the instructions that each took, and that all took together."""
    calls = [call for call in graph.calls() if not OPS[call.node.op].alias]
    layers = []
    for call, instructions in zip(calls, counts, strict=True):
        op = OPS[call.node.op]
        macs = op.macs(call)
        per_mac = _ratio(instructions, macs)
        layers.append(
            LayerCount(call.node.index, op.tflite, call.node.name, macs, instructions, per_mac)
        )
    macs = sum(layer.macs for layer in layers)
    return Profile(model, board, tuple(layers), macs, total, _ratio(total, macs))


def _ratio(instructions: int, macs: int) -> float | None:
    return instructions / macs if macs else None
