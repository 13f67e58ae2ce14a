"""One model on one board under one objective: built, run and counted."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import mcugen
from mcugen.analysis import Memory
from mcugen.ir import Call
from mcugen.profiling import LayerCount

FEW_CHANNELS = 4  # a convolution of so many reads the model's input


@dataclass(frozen=True, slots=True)
class ClassCost:
    """All layers of one class together."""

    name: str
    layers: int
    macs: int
    instructions: int
    cycles: int | None


@dataclass(frozen=True, slots=True)
class Cost:
    """One model on one board; bytes are those of the model itself, stack is a bound."""

    model: str
    board: str
    objective: str
    macs: int
    instructions: int
    cycles: int | None
    flash: int
    arena: int
    stack: int | None
    classes: tuple[ClassCost, ...] = ()

    @property
    def key(self) -> str:
        """The row's name in a base file."""
        return f"{self.model} {self.board} {self.objective}"

    @property
    def stored(self) -> dict[str, Any]:
        """What a base file keeps."""
        return {name: value for name, value in asdict(self).items() if name != "classes"}


def measure(path: Path, board: str, objective: str = "balanced") -> Cost:
    """Build a model for a board and count one inference."""
    profile = mcugen.profile(path, board, objective=objective)
    memory = mcugen.analyze(path, board, objective=objective).memory
    assert isinstance(memory, Memory)
    calls = {call.node.index: call for call in mcugen.load(path).compiled().calls()}
    return Cost(
        path.stem,
        board,
        objective,
        profile.macs,
        profile.instructions,
        profile.cycles,
        memory.flash,
        memory.arena,
        memory.stack,
        tuple(_classes(profile.layers, calls)),
    )


def _classes(layers: Iterable[LayerCount], calls: dict[int, Call]) -> Iterable[ClassCost]:
    members: dict[str, list[LayerCount]] = {}
    for layer in layers:
        members.setdefault(layer_class(calls[layer.index]), []).append(layer)
    for name, found in sorted(members.items()):
        cycles = [layer.cycles for layer in found if layer.cycles is not None]
        yield ClassCost(
            name,
            len(found),
            sum(layer.macs for layer in found),
            sum(layer.instructions for layer in found),
            sum(cycles) if len(cycles) == len(found) else None,
        )


def layer_class(call: Call) -> str:
    """What a layer has in common with others of about its speed."""
    op = call.node.op
    if op not in ("conv2d", "depthwise_conv2d"):
        return "dense" if op == "fully_connected" else re.sub("_", " ", op)
    stride = "" if call.attrs.stride == (1, 1) else f" /{call.attrs.stride[0]}"
    if op == "depthwise_conv2d":
        return f"depthwise{stride}"
    if call.input(0).shape[3] < FEW_CHANNELS:
        return "first layer"
    height, width = call.input(1).shape[1:3]
    return f"{height}x{width}{stride}"


def grown(costs: list[Cost], base: dict[str, dict[str, Any]], allowed: float) -> list[str]:
    """What costs more than `allowed` times what the base has."""
    found = []
    for cost in costs:
        before = base.get(cost.key, {})
        for field in ("instructions", "cycles", "flash", "arena", "stack"):
            now, then = getattr(cost, field), before.get(field)
            if now is not None and then is not None and now > then * allowed:
                found.append(f"{cost.key}: {field} {then:,} -> {now:,}, {now / then - 1:+.1%}")
    return found
