"""Operators with several operands: their shapes, merged into the few axes that kernels loop over.

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
    """Loop counts, outermost first, and the steps of each operand, 0 where its value repeats."""

    counts: tuple[int, ...]
    steps: tuple[tuple[int, ...], ...]

    @property
    def steps1(self) -> tuple[int, ...]:
        """The steps of the first operand."""
        return self.steps[0]

    @property
    def steps2(self) -> tuple[int, ...]:
        """The steps of the second operand."""
        return self.steps[1]


def merge(*shapes: Shape) -> Loops:
    """The loops over shapes that broadcast; at least `AXES` of them."""
    rank = max(map(len, shapes))
    padded = ((1,) * (rank - len(shape)) + shape for shape in shapes)
    axes: list[tuple[int, tuple[bool, ...]]] = []
    for sizes in zip(*padded, strict=True):
        count, varies = max(sizes), tuple(size != 1 for size in sizes)
        if axes and axes[-1][1] == varies:
            axes[-1] = axes[-1][0] * count, varies
        elif count != 1:
            axes.append((count, varies))
    axes = [(1, (False,) * len(shapes))] * (AXES - len(axes)) + axes
    counts = tuple(count for count, _ in axes)
    steps = (_steps(counts, tuple(v[i] for _, v in axes)) for i in range(len(shapes)))
    return Loops(counts, tuple(steps))


def _steps(counts: tuple[int, ...], varies: tuple[bool, ...]) -> tuple[int, ...]:
    steps: list[int] = []
    step = 1
    for count, moves in zip(reversed(counts), reversed(varies), strict=True):
        steps.append(step if moves else 0)
        step *= count if moves else 1
    return tuple(reversed(steps))


def shapes(call: Call) -> tuple[Shape, ...]:
    """The shapes of all operands."""
    return tuple(call.input(i).shape for i in range(len(call.inputs)))


def infer(call: Call) -> tuple[Shape, ...]:
    """The shape that the operands broadcast to."""
    return (np.broadcast_shapes(*shapes(call)),)


def listed(shapes: tuple[Shape, ...]) -> str:
    """Shapes as messages show them."""
    return "operands of shape " + " and ".join(str(list(shape)) for shape in shapes)


def shapes_broadcast(call: Call) -> str | None:
    """The operands' shapes must broadcast: equal from the last axis on, or 1, or absent."""
    try:
        np.broadcast_shapes(*shapes(call))
    except ValueError:
        return listed(shapes(call))
    return None


def loops_fit(call: Call) -> str | None:
    """Broadcasting may alternate between the operands at most three times."""
    return None if len(merge(*shapes(call)).counts) <= AXES else listed(shapes(call))


_SHAPES = (rules.quantized_per_tensor, shapes_broadcast, loops_fit)
RULES = (rules.types_are_equal, *_SHAPES)
RULES_16 = (rules.types_are_equal_16, *_SHAPES)  # of operators that take int16, too


def loop_fields(call: Call) -> Fields:
    """The field `loops`, an mcu_broadcast, of a params struct."""
    loops = merge(*shapes(call))
    return {
        "loops.counts": loops.counts,
        "loops.steps1": loops.steps1,
        "loops.steps2": loops.steps2,
    }
