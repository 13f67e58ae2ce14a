"""Changes of any legal call, for the edges of rules: they read the call, so that they fit it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mcugen.exporters.builder import quant
from mcugen.ir import Call, DType, Quant
from mcugen.ops.base import Activation
from mcugen.ops.resize_bilinear import MAX_SIZE, interpolation
from mcugen.ops.rules import INT32_MAX
from mcugen.testing.check import (
    Change,
    change_attrs,
    change_input,
    change_output,
    unchanged,
)

ALMOST = 1 - 2.0**-20
Make = Callable[[Call], Any]


@dataclass(frozen=True)
class Edge:
    """What breaks a rule, and what just does not."""

    breaks: Change
    passes: Change = unchanged


def then(*changes: Change) -> Change:
    """Changes one after the other."""

    def change(call: Call) -> Call:
        for each in changes:
            call = each(call)
        return call

    return change


def by(make: Callable[[Call], Change]) -> Change:
    """A change that is made of the call."""
    return lambda call: make(call)(call)


# ---- the positions that operators of one family give to an input


def source(call: Call) -> int:
    """The input that is computed at run time."""
    return {"transpose_conv": 2, "split": 1, "select": 1, "select_v2": 1}.get(call.node.op, 0)


def bias(call: Call) -> int:
    return 3 if call.node.op == "transpose_conv" else 2


def on(position: Callable[[Call], int], **fields: Any) -> Change:
    """A change of the input at a position that depends on the operator."""
    return by(lambda call: change_input(position(call), **fields))


# ---- scales


def scale(position: int, make: Make) -> Change:
    """Another scale of an input, with the same zero point."""
    return by(
        lambda call: change_input(
            position, quant=quant(float(make(call)), call.input(position).zero_point)
        )
    )


def out_scale(make: Make) -> Change:
    return by(lambda call: change_output(quant=quant(float(make(call)), call.output.zero_point)))


def scales(*values: float) -> Change:
    """Scales of the first inputs, and of the output last."""
    *inputs, output = values
    steps = [scale(i, lambda call, value=value: value) for i, value in enumerate(inputs)]
    return then(*steps, out_scale(lambda call: output))


def affine(quantization: Quant | None) -> Change:
    """One quantization of the first input and of all outputs."""
    return then(
        on(source, quant=quantization),
        lambda call: replace(
            call, outputs=tuple(replace(t, quant=quantization) for t in call.outputs)
        ),
    )


TWO_SCALES = by(
    lambda call: change_input(
        source(call),
        quant=quant([0.5, 0.25], 0, 0) if call.input(source(call)).dtype is DType.INT8 else None,
    )
)
OTHER_SCALE = by(lambda call: change_output(quant=quant(2 * _shared(call).scale[0], 0)))


def _shared(call: Call) -> Quant:
    found = call.output.quant
    assert found is not None
    return found


# ---- numbers that an operator reads from a constant


def numbers(position: int, make: Callable[[Call], Iterable[int]]) -> Change:
    """Another constant of int32, a list."""

    def change(call: Call) -> Call:
        values = np.array(list(make(call)), np.int32)
        return change_input(position, data=values, shape=values.shape, dtype=DType.INT32)(call)

    return change


def edited(position: int, make: Callable[[Call, np.ndarray], Any]) -> Change:
    """Another constant of the same shape, made of its values."""

    def change(call: Call) -> Call:
        old = call.input(position)
        values = np.asarray(make(call, old.values().copy()), old.dtype.numpy)
        return change_input(position, data=values)(call)

    return change


def runtime(position: int) -> Edge:
    """A constant that is none; one of int64 is legal."""
    return Edge(change_input(position, data=None), change_input(position, dtype=DType.INT64))


def with_first(position: int, value: Callable[[Call], int]) -> Change:
    """The first number of a constant replaced."""

    def make(call: Call, values: np.ndarray) -> np.ndarray:
        values.reshape(-1)[0] = value(call)
        return values

    return edited(position, make)


def rank(call: Call) -> int:
    return len(call.input(source(call)).shape)


def shape_of(position: int, make: Callable[[Call], Iterable[int]]) -> Change:
    """Another shape of an input."""
    return by(lambda call: change_input(position, shape=tuple(make(call))))


def last_axis(size: int) -> Change:
    return by(lambda call: change_input(0, shape=(*call.input().shape[:-1], size)))


# ---- sums


def biases(over: int) -> Change:
    """The largest bias that the sums leave room for, and more or less than that."""

    def change(call: Call) -> Call:
        weights = np.abs(call.input(1).values().astype(np.int64))
        axis = 3 if call.node.op == "depthwise_conv2d" else 0
        sums = weights.sum(axis=tuple(i for i in range(weights.ndim) if i != axis))
        room = INT32_MAX - 256 * int(sums.max()) + over
        count = call.output.shape[-1]
        return change_input(
            bias(call), data=np.full(count, room, np.int32), shape=(count,), dtype=DType.INT32
        )(call)

    return change


def lstm_bias(over: int) -> Change:
    def change(call: Call) -> Call:
        quiet = then(*(scale(i, lambda call: 2.0**-20) for i in (1, 2, 3, 4, 5, 6, 7, 8)))(call)
        most = max(
            int(np.abs(call.input(i).values().astype(np.int64)).sum(axis=1).max()) * 256
            for i in (1, 2, 3, 4, 5, 6, 7, 8)
        )
        value = np.full(call.input(12).shape, INT32_MAX - most + over, np.int32)
        return then(*(change_input(i, data=value) for i in (12, 13, 14, 15)))(quiet)

    return change


def svdf_bias(over: int) -> Change:
    def change(call: Call) -> Call:
        call = then(scale(0, lambda call: 2.0**-20), out_scale(lambda call: 2.0**20))(call)
        time = np.abs(call.input(2).values().astype(np.int64)).sum(axis=1) * 2**15
        sums = time.reshape(-1, call.attrs.rank).sum(axis=1)
        value = np.full(call.input(3).shape, INT32_MAX - int(sums.max()) + over, np.int64)
        return change_input(3, data=value.astype(np.int32))(call)

    return change


def outputs(count: int) -> Change:
    """Another number of outputs."""

    def change(call: Call) -> Call:
        made = tuple(call.outputs[i % len(call.outputs)] for i in range(count))
        return replace(call, outputs=made)

    return change


def more_outputs(call: Call) -> Call:
    return outputs(len(call.outputs) + 1)(call)


def second_output(**fields: Any) -> Change:
    def change(call: Call) -> Call:
        *kept, last = call.outputs
        return replace(call, outputs=(*kept, replace(last, **fields)))

    return change


TANH = change_attrs(activation=Activation.TANH)
RELU6 = change_attrs(activation=Activation.RELU6)


def clamped(to: float) -> Change:
    """RELU6 of an output scale, where the operator's scales are all alike."""

    def change(call: Call) -> Call:
        if not isinstance(call.attrs, Activation):
            call = RELU6(call)
        else:
            call = replace(call, node=replace(call.node, attrs=Activation.RELU6))
        weights = call.node.op in CONVOLUTIONS
        inputs = (source(call),) if weights else range(len(call.inputs))
        around = then(*(scale(i, lambda call: to) for i in inputs), out_scale(lambda call: to))
        return then(around, scale(1, lambda call: 1.0) if weights else unchanged)(call)

    return change


CONVOLUTIONS = ("conv2d", "depthwise_conv2d", "fully_connected", "transpose_conv")


def ratio(to: float) -> Change:
    """Both operands' scales over the output's."""
    return then(
        on(source, quant=quant(to, 0)),
        change_input(1, quant=quant(1.0, 0)),
        out_scale(lambda call: 1.0),
    )


def alternating(*sizes: int) -> Change:
    """Operands that take turns in broadcasting along axes of size 2."""

    def change(call: Call) -> Call:
        first = tuple(sizes)
        second = tuple(2 if i % 2 else 1 for i in range(len(sizes)))
        call = change_input(0, shape=first)(call)
        for i in range(1, len(call.inputs)):
            call = change_input(i, shape=second if i == 1 else first)(call)
        return call

    return change


def enlarged(more: int) -> Change:
    """As many rows as it takes for a rounded position to leave the image, and more or less."""

    def change(call: Call) -> Call:
        rows, attrs = call.input().shape[1], call.attrs
        leaves = (n for n in range(rows, MAX_SIZE) if interpolation(rows, n, attrs)[-1, 0] >= rows)
        most = next(leaves, MAX_SIZE)
        return numbers(1, lambda c: (most + more, 1))(call)

    return change


HALVES = then(outputs(2), change_attrs(count=2))
FIRST_AXIS = change_attrs(axis=0, batch_dims=0)
FIVE, FOUR = alternating(2, 2, 2, 2, 2), alternating(2, 2, 2, 2)
FLOAT = DType.FLOAT32
