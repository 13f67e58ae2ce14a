"""SVDF and its state: numpy equals TFLM step by step, C equals numpy, the rules hold the line."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from mcugen import interpret
from mcugen.importers import tflite
from mcugen.ir import Call, DType
from mcugen.ops.base import Activation, Array
from mcugen.ops.svdf import OP
from mcugen.reference import tflm
from mcugen.testing.builder import ModelBuilder, quant
from mcugen.testing.check import (
    MULTIPLIERS,
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
class Svdf:
    """`steps` layers in a row share one state, as inferences do that follow one another."""

    size: int = 7
    units: int = 5
    rank: int = 2
    memory: int = 4
    batch: int = 1
    steps: int = 6
    zero_points: tuple[int, int] = (-7, 11)
    feature_multiplier: float = 0.5
    multiplier: float = 1.0 / 20000
    activation: Activation = Activation.NONE

    def model(self) -> bytes:
        rng = np.random.default_rng(1)
        b = ModelBuilder()
        filters = self.units * self.rank
        state_scale, time_scale = 0.5, 2.0**-10
        out_scale = state_scale * time_scale / self.multiplier
        features = b.tensor(
            (filters, self.size),
            "int8",
            quant(self.feature_multiplier * state_scale),
            rng.integers(-127, 128, (filters, self.size)),
        )
        time = b.tensor(
            (filters, self.memory),
            "int16",
            quant(time_scale),
            rng.integers(-4000, 4000, (filters, self.memory)),
        )
        bias = b.tensor(
            (self.units,),
            "int32",
            quant(state_scale * time_scale),
            rng.integers(-(10**5), 10**5, self.units),
        )
        shape = (self.batch, filters * self.memory)
        state = b.tensor(shape, "int16", quant(state_scale), variable=True)
        xs, ys = [], []
        for _ in range(self.steps):
            xs.append(b.tensor((self.batch, self.size), "int8", quant(1.0, self.zero_points[0])))
            out = quant(out_scale, self.zero_points[1])
            ys.append(b.tensor((self.batch, self.units), "int8", out))
            options = {"rank": self.rank, "fusedActivationFunction": self.activation.value}
            b.op("SVDF", [xs[-1], features, time, bias, state], [ys[-1]], options)
        return b.build(xs, ys)


def grid() -> dict[str, Svdf]:
    cases = {
        "usual": Svdf(),
        "rank-one": Svdf(rank=1),
        "no-memory": Svdf(memory=1),
        "one-of-all": Svdf(1, 1, 1, 1),
        "batch": Svdf(batch=3),
        "relu": Svdf(activation=Activation.RELU, zero_points=(0, -128)),
    }
    cases |= {f"in-zero-point{z}": Svdf(zero_points=(z, 11)) for z in ZERO_POINTS}
    cases |= {f"out-zero-point{z}": Svdf(zero_points=(-7, z)) for z in ZERO_POINTS}
    for multiplier in MULTIPLIERS:
        cases[f"features{multiplier:g}"] = Svdf(feature_multiplier=multiplier)
        if multiplier <= 1.25:
            cases[f"multiplier{multiplier:g}"] = Svdf(multiplier=multiplier)
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
        assert_equal(ours, theirs, f"{name}, step {step}")


def one_step(case: Svdf) -> OpCase:
    """The first of the steps, with random features in the state."""
    graph = tflite.loads(case.model(), "test")
    graph = graph.with_(nodes=graph.nodes[:1], inputs=graph.inputs[:1], outputs=graph.outputs[:1])
    rng = np.random.default_rng(2)
    (state,) = graph.variables
    old = rng.integers(-(2**15), 2**15, graph.tensors[state].shape, np.int16)
    values, _ = interpret.step(graph, random_inputs(graph), {state: old})
    return OpCase(graph, values)


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_kernels_equal_numpy(compiler: str) -> None:
    batch = KernelBatch()
    for name, case in GRID.items():
        batch.add(name, one_step(case))
    batch.check(compiler)


def test_state_keeps_the_last_features() -> None:
    graph = tflite.loads(Svdf(steps=1, memory=3).model(), "test")
    states = interpret.reset(graph)
    (state,) = graph.variables
    kept: list[Array] = []
    for seed in range(4):
        _, states = interpret.step(graph, random_inputs(graph, seed), states)
        kept.append(states[state].reshape(-1, 3)[:, -1])
    np.testing.assert_array_equal(states[state].reshape(-1, 3), np.stack(kept[1:], axis=1))


# ---- rules


def call_of(case: Svdf) -> Call:
    return next(tflite.loads(case.model(), "test").calls())


def full_time(value: int) -> Change:
    """Time weights of one value, so that a sum may reach 2 * 4 * 2**15 of them."""

    def change(call: Call) -> Call:
        shape = call.input(2).shape
        bias = change_input(3, data=np.zeros(5, np.int32))
        return change_input(2, data=np.full(shape, value, np.int16))(bias(call))

    return change


BROKEN: tuple[tuple[str, Change], ...] = (
    ("has_a_state", change_input(4, None)),
    ("weights_are_constant", change_input(1, data=None)),
    ("weights_are_constant", change_input(3, data=None)),
    ("types_fit", change_output(dtype=DType.INT16)),
    ("types_fit", change_input(4, dtype=DType.INT8)),
    ("shapes_fit", change_attrs(rank=3)),
    ("shapes_fit", change_attrs(rank=0)),
    ("shapes_fit", change_input(0, shape=(1, 6))),
    ("shapes_fit", change_input(4, shape=(1, 39))),
    ("shapes_fit", change_input(3, shape=(4,))),
    ("quantization_fits", change_output(quant=None)),
    ("quantization_fits", change_input(4, quant=quant(0.5, 1))),
    ("activation_clamps_nothing", change_attrs(activation=Activation.RELU6)),
    ("activation_clamps_nothing", change_attrs(activation=Activation.RELU)),
    ("sums_fit_int32", full_time(8192)),
    ("sums_fit_int32", change_input(0, quant=quant(2.0**15))),
    ("sums_fit_int32", change_output(quant=quant(2.0**-16))),
)

JUST_PASSING: tuple[Change, ...] = (
    full_time(8191),
    change_input(3, None),
    change_input(0, quant=quant(2.0**13)),
    change_output(quant=quant(2.0**-10.9)),
)


@pytest.mark.parametrize(("rule", "change"), BROKEN)
def test_rule_refuses(rule: str, change: Change) -> None:
    assert broken_rule(change(call_of(Svdf()))) == rule


@pytest.mark.parametrize("change", JUST_PASSING)
def test_rules_accept_at_the_limit(change: Change) -> None:
    assert broken_rule(change(call_of(Svdf()))) is None


def test_every_rule_is_tested() -> None:
    assert {rule for rule, _ in BROKEN} == {rule.__name__ for rule in OP.rules}
