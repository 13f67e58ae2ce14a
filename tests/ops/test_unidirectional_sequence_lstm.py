"""LSTM and its states: numpy equals TFLM step by step, C equals numpy, the rules hold the line."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from mcugen import interpret
from mcugen.importers import tflite
from mcugen.ir import Call, DType
from mcugen.ops import sigmoid_s16
from mcugen.ops.base import Activation
from mcugen.ops.unidirectional_sequence_lstm import BIASES, CELL, HIDDEN, OP
from mcugen.reference import tflm
from mcugen.testing.builder import ModelBuilder, one_op, quant
from mcugen.testing.check import (
    ZERO_POINTS,
    Change,
    KernelBatch,
    OpCase,
    assert_equal,
    broken_rule,
    change_attrs,
    change_input,
    change_output,
    random_inputs,
)


@dataclass(frozen=True)
class Lstm:
    """`layers` share their states, as inferences do that follow one another."""

    features: int = 5
    units: int = 6
    steps: int = 4
    batch: int = 1
    layers: int = 2
    time_major: bool = False
    zero_points: tuple[int, int] = (-7, 3)
    input_scale: float = 0.02
    cell_scale: float = 2.0**-11
    clip: float = 0.0

    def model(self) -> bytes:
        rng = np.random.default_rng(1)
        b = ModelBuilder()
        hidden_quant = quant(1.0 / 128, self.zero_points[1])

        def weights(columns: int) -> int:
            values = rng.integers(-127, 128, (self.units, columns))
            return b.tensor(values.shape, "int8", quant(rng.uniform(0.004, 0.02)), values)

        def bias() -> int:
            scale = quant(self.input_scale * 0.01)
            return b.tensor((self.units,), "int32", scale, rng.integers(-3000, 3000, self.units))

        inputs = [weights(self.features) for _ in range(4)]
        hiddens = [weights(self.units) for _ in range(4)]
        biases = [bias() for _ in range(4)]
        state = (self.batch, self.units)
        hidden = b.tensor(state, "int8", hidden_quant, variable=True)
        cell = b.tensor(state, "int16", quant(self.cell_scale), variable=True)
        order = (self.steps, self.batch) if self.time_major else (self.batch, self.steps)
        rest = [*inputs, *hiddens, *[None] * 3, *biases, None, None, hidden, cell, *[None] * 4]
        options = {
            "fusedActivationFunction": Activation.TANH.value,
            "cellClip": self.clip,
            "timeMajor": self.time_major,
        }
        xs, ys = [], []
        for _ in range(self.layers):
            x = quant(self.input_scale, self.zero_points[0])
            xs.append(b.tensor((*order, self.features), "int8", x))
            ys.append(b.tensor((*order, self.units), "int8", hidden_quant))
            b.op("UNIDIRECTIONAL_SEQUENCE_LSTM", [xs[-1], *rest], [ys[-1]], options)
        return b.build(xs, ys)


def grid() -> dict[str, Lstm]:
    cases = {
        "usual": Lstm(),
        "one-of-all": Lstm(1, 1, 1),
        "long": Lstm(steps=40, layers=1),
        "wide": Lstm(units=33, features=17),
        "batch": Lstm(batch=3),
        "time-major": Lstm(batch=3, time_major=True),
        "clip": Lstm(clip=0.7),
        "clip-beyond": Lstm(clip=100.0),
        "saturated": Lstm(input_scale=2.0, steps=30),
        "weak": Lstm(input_scale=1e-4),
    }
    cases |= {f"cell{n}": Lstm(cell_scale=2.0**-n, steps=12) for n in (9, 10, 12, 13, 14, 15)}
    cases |= {f"in-zero-point{z}": Lstm(zero_points=(z, 3)) for z in ZERO_POINTS}
    cases |= {f"hidden-zero-point{z}": Lstm(zero_points=(-7, z)) for z in ZERO_POINTS}
    return cases


GRID = grid()


@pytest.mark.parametrize("name", GRID)
def test_steps_equal_tflm(name: str) -> None:
    model = GRID[name].model()
    graph = tflite.loads(model, "test")
    inputs = random_inputs(graph)
    expected = tflm(model).outputs(inputs)
    for step, (ours, theirs) in enumerate(
        zip(interpret.outputs(graph, inputs), expected, strict=True)
    ):
        assert_equal(ours, theirs, f"{name}, inference {step}")


def test_default_case_spreads_over_the_range() -> None:
    graph = tflite.loads(Lstm(units=32, steps=20, input_scale=0.1).model(), "test")
    assert len(np.unique(interpret.outputs(graph, random_inputs(graph))[1])) > 150


def one_layer(case: Lstm) -> OpCase:
    """The first of the layers, with random states."""
    graph = tflite.loads(case.model(), "test")
    graph = graph.with_(nodes=graph.nodes[:1], inputs=graph.inputs[:1], outputs=graph.outputs[:1])
    rng = np.random.default_rng(2)
    states = {}
    for i in graph.variables:
        limits = np.iinfo(graph.tensors[i].dtype.numpy)
        shape = graph.tensors[i].shape
        states[i] = rng.integers(limits.min, limits.max, shape, limits.dtype, endpoint=True)
    values, _ = interpret.step(graph, random_inputs(graph), states)
    return OpCase(graph, values)


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_kernels_equal_numpy(compiler: str) -> None:
    batch = KernelBatch()
    for name, case in GRID.items():
        batch.add(name, one_layer(case))
    batch.check(compiler)


@pytest.mark.parametrize("operator", ["LOGISTIC", "TANH"])
def test_nonlinearities_equal_tflm_everywhere(operator: str) -> None:
    x = np.arange(-(2**15), 2**15).astype(np.int16)
    source = {"shape": x.shape, "dtype": "int16", "quant": quant(2.0**-12)}
    model = one_op(operator, [source], {**source, "quant": quant(2.0**-15)})
    ours = {"LOGISTIC": sigmoid_s16.sigmoid, "TANH": sigmoid_s16.tanh}[operator](x)
    assert_equal(ours, tflm(model).outputs([x])[0], operator)


# ---- rules


def call_of(case: Lstm) -> Call:
    return next(tflite.loads(case.model(), "test").calls())


def fewer_inputs(call: Call) -> Call:
    return Call(call.node, call.inputs[:20], call.outputs)


def large_bias(value: int) -> Change:
    return change_input(BIASES[1], data=np.full(6, value, np.int32))


def most_bias() -> int:
    """The largest bias of the forget gate that its weights leave room for."""
    call = call_of(Lstm())
    sums = [np.abs(call.input(i).values().astype(np.int64)).sum(axis=1).max() for i in (2, 6)]
    return 2**31 - 1 - 256 * int(max(sums))


def hidden_scale(scale: float) -> Change:
    def change(call: Call) -> Call:
        changed = change_input(HIDDEN, quant=quant(scale))(call)
        return change_output(quant=quant(scale))(changed)

    return change


BROKEN: tuple[tuple[str, Change], ...] = (
    ("has_plain_gates", fewer_inputs),
    ("has_plain_gates", change_input(1, None)),
    ("has_plain_gates", change_input(3, data=None)),
    ("types_fit", change_input(CELL, dtype=DType.INT8)),
    ("types_fit", change_output(dtype=DType.INT16)),
    ("shapes_fit", change_input(0, shape=(1, 4, 6))),
    ("shapes_fit", change_input(0, shape=(4, 5))),
    ("shapes_fit", change_input(HIDDEN, shape=(2, 6))),
    ("quantization_fits", change_input(0, quant=None)),
    ("quantization_fits", change_input(2, quant=quant(0.1, 1))),
    ("quantization_fits", change_input(CELL, quant=quant(0.3 * 2.0**-11))),
    ("quantization_fits", change_input(CELL, quant=quant(1.0))),
    ("output_is_hidden", change_output(quant=quant(0.5, 3))),
    ("nonlinearity_fits", change_attrs(nonlinearity=Activation.RELU)),
    ("nonlinearity_fits", change_attrs(projection_clip=1.0)),
    ("sums_fit_int32", large_bias(most_bias() + 1)),
    ("sums_fit_int32", change_input(1, quant=quant(2.0**14))),
    ("sums_fit_int32", change_input(5, quant=quant(2.0**9))),
    ("hidden_scale_is_sane", hidden_scale(2.0**-30)),
)

JUST_PASSING: tuple[Change, ...] = (
    large_bias(most_bias()),
    change_input(CELL, quant=quant(2.0**-1)),
    change_input(CELL, quant=quant(2.0**-27)),
    change_attrs(cell_clip=1.0),
    change_input(1, quant=quant(2.0**6)),
    change_input(5, quant=quant(2.0**6)),
    hidden_scale(2.0**-29.9),
)


@pytest.mark.parametrize(("rule", "change"), BROKEN)
def test_rule_refuses(rule: str, change: Change) -> None:
    assert broken_rule(change(call_of(Lstm()))) == rule


@pytest.mark.parametrize("change", JUST_PASSING)
def test_rules_accept_at_the_limit(change: Change) -> None:
    assert broken_rule(change(call_of(Lstm()))) is None


def test_every_rule_is_tested() -> None:
    assert {rule for rule, _ in BROKEN} == {rule.__name__ for rule in OP.rules}
