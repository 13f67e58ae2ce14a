"""Operators with two operands: their shapes, merged into the few axes that kernels loop over.

Neighbouring axes along which the same operands vary are one axis: two equal shapes merge into a
single loop, a bias over channels into two.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mcugen.ir import Call
from mcugen.ops import rules
from mcugen.ops.base import Activation, Fields, Options, Shape

AXES = 4  # of the kernels


@dataclass(frozen=True, slots=True)
class ArithmeticAttrs:
    """The fused activation."""

    activation: Activation


def decode(options: Any) -> ArithmeticAttrs:
    """Read SubOptions, MulOptions or DivOptions."""
    return ArithmeticAttrs(Activation(options.FusedActivationFunction()))


def encode(call: Call) -> Options:
    """Write SubOptions, MulOptions or DivOptions."""
    return {"fusedActivationFunction": call.attrs.activation.value}


@dataclass(frozen=True, slots=True)
class Loops:
    """Loop counts, outermost first, and the step of each operand, 0 where its value repeats."""

    counts: tuple[int, ...]
    steps1: tuple[int, ...]
    steps2: tuple[int, ...]


def merge(shape1: Shape, shape2: Shape) -> Loops:
    """The loops over two shapes that broadcast; at least `AXES` of them."""
    rank = max(len(shape1), len(shape2))
    padded = ((1,) * (rank - len(shape)) + shape for shape in (shape1, shape2))
    axes: list[tuple[int, tuple[bool, bool]]] = []
    for n1, n2 in zip(*padded, strict=True):
        count, varies = n2 if n1 == 1 else n1, (n1 != 1, n2 != 1)
        if axes and axes[-1][1] == varies:
            axes[-1] = axes[-1][0] * count, varies
        elif count != 1:
            axes.append((count, varies))
    axes = [(1, (False, False))] * (AXES - len(axes)) + axes
    counts = tuple(count for count, _ in axes)
    return Loops(counts, *(_steps(counts, tuple(v[i] for _, v in axes)) for i in (0, 1)))


def _steps(counts: tuple[int, ...], varies: tuple[bool, ...]) -> tuple[int, ...]:
    steps: list[int] = []
    step = 1
    for count, moves in zip(reversed(counts), reversed(varies), strict=True):
        steps.append(step if moves else 0)
        step *= count if moves else 1
    return tuple(reversed(steps))


def infer(call: Call) -> tuple[Shape, ...]:
    """The shape that both operands broadcast to."""
    return (np.broadcast_shapes(call.input(0).shape, call.input(1).shape),)


def shapes_broadcast(call: Call) -> str | None:
    """The operands' shapes must broadcast: equal from the last axis on, or 1, or absent."""
    shapes = call.input(0).shape, call.input(1).shape
    pairs = zip(reversed(shapes[0]), reversed(shapes[1]), strict=False)
    if all(n1 == n2 or 1 in (n1, n2) for n1, n2 in pairs):
        return None
    return f"operands of shape {list(shapes[0])} and {list(shapes[1])}"


def loops_fit(call: Call) -> str | None:
    """Broadcasting may alternate between the operands at most three times."""
    shapes = call.input(0).shape, call.input(1).shape
    if len(merge(*shapes).counts) <= AXES:
        return None
    return f"operands of shape {list(shapes[0])} and {list(shapes[1])}"


RULES = (rules.types_are_equal, rules.quantized_per_tensor, shapes_broadcast, loops_fit)


def loop_fields(call: Call) -> Fields:
    """The field `loops`, an mcu_broadcast, of a params struct."""
    loops = merge(call.input(0).shape, call.input(1).shape)
    return {
        "loops.counts": loops.counts,
        "loops.steps1": loops.steps1,
        "loops.steps2": loops.steps2,
    }
