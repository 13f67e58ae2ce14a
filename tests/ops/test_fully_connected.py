"""FULLY_CONNECTED: numpy equals TFLM, C equals numpy, the rules hold the line.

LiteRT is no yardstick here: it rounds double(sum) * scale.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from mcugen.fixed import INT32_MAX
from mcugen.importers import tflite
from mcugen.ir import Call, DType
from mcugen.ops.base import Activation
from mcugen.ops.fully_connected import OP, WeightsFormat
from mcugen.reference import tflm
from mcugen.testing.builder import ModelBuilder, quant
from mcugen.testing.check import (
    MULTIPLIERS,
    TFLM_ONLY,
    ZERO_POINTS,
    Change,
    KernelBatch,
    broken_rule,
    change_attrs,
    change_input,
    check_op,
    clamped_to_6,
    run_op,
    unchanged,
)
from mcugen.testing.wide import narrowed, widened


@dataclass(frozen=True)
class Dense:
    """A dense layer of random int8 weights, whose outputs spread over the whole range.

    `multiplier` is the real requantization multiplier, per tensor, instead of that default.
    """

    depth: int = 9
    out: int = 5
    leading: tuple[int, ...] = (1,)  # dimensions of the input before its last
    keep_num_dims: bool = False
    bias: int | None = 3000  # the largest, None for no bias at all
    per_channel: bool = False
    activation: Activation = Activation.NONE
    in_zero_point: int = -7
    out_zero_point: int = 11
    multiplier: float | None = None

    @property
    def out_shape(self) -> tuple[int, ...]:
        batch = self.leading if self.keep_num_dims else (int(np.prod(self.leading)),)
        return (*batch, self.out)

    def weights(self) -> np.ndarray:
        weights = np.random.default_rng(1).integers(-127, 128, (self.out, self.depth))
        weights.flat[0], weights.flat[-1] = -127, 127
        return weights

    def biases(self) -> np.ndarray:
        assert self.bias is not None
        biases = np.random.default_rng(2).integers(-self.bias, self.bias, self.out)
        biases[-1], biases[0] = -self.bias, self.bias
        return biases

    def scales(self) -> np.ndarray:
        """Scales of the weights; those of input and output are 1, so they are the multipliers."""
        if self.multiplier is not None:
            return np.array([self.multiplier])
        spread = 60 / (74 * 74 * np.sqrt(self.depth))
        channels = self.out if self.per_channel else 1
        return spread * np.random.default_rng(3).uniform(0.3, 1.5, channels)

    def model(self) -> bytes:
        scales = self.scales()
        builder = ModelBuilder()
        x = builder.tensor([*self.leading, self.depth], "int8", quant(1.0, self.in_zero_point))
        w = builder.tensor([self.out, self.depth], "int8", quant(scales, axis=0), self.weights())
        operands = [x, w]
        if self.bias is not None:
            bias = builder.tensor([self.out], "int32", quant(scales, axis=0), self.biases())
            operands.append(bias)
        y = builder.tensor(self.out_shape, "int8", quant(1.0, self.out_zero_point))
        options = {
            "keepNumDims": self.keep_num_dims,
            "fusedActivationFunction": self.activation.value,
        }
        builder.op("FULLY_CONNECTED", operands, [y], options)
        return builder.build([x], [y])


def grid() -> dict[str, Dense]:
    """Sizes below, at and above the block of four; shapes; then the arithmetic's edges."""
    cases = {
        f"{depth}-to-{out}": Dense(depth, out)
        for depth in (1, 2, 4, 7, 64, 641)
        for out in (1, 3, 4, 5, 8, 11)
    }
    cases |= {
        "batch": Dense(leading=(3,)),
        "flattened": Dense(leading=(2, 3)),
        "flattened-to-one": Dense(leading=(1, 1, 1)),
        "keep-num-dims": Dense(leading=(2, 3), keep_num_dims=True),
        "per-channel-keep-num-dims": Dense(leading=(2, 3), keep_num_dims=True, per_channel=True),
        "vector": Dense(leading=(), keep_num_dims=True),
        "no-bias": Dense(bias=None),
        "per-channel": Dense(per_channel=True),
        "per-channel-batch": Dense(out=9, leading=(3,), per_channel=True),
        "per-channel-no-bias": Dense(per_channel=True, bias=None),
        "per-channel-one": Dense(out=1, per_channel=True),
    }
    for activation in (Activation.RELU, Activation.RELU_N1_TO_1, Activation.RELU6):
        cases[activation.name] = Dense(activation=activation)
        cases[f"{activation.name}-clipped"] = Dense(activation=activation, out_zero_point=125)
    for zero_point in ZERO_POINTS:
        cases[f"in-zero-point{zero_point}"] = Dense(in_zero_point=zero_point)
        cases[f"out-zero-point{zero_point}"] = Dense(out_zero_point=zero_point)
    for multiplier in MULTIPLIERS:
        cases[f"multiplier{multiplier:g}"] = Dense(multiplier=multiplier)
        cases[f"multiplier{multiplier:g}-large"] = Dense(multiplier=multiplier, bias=2**31 - 2**19)
    return cases


GRID = grid()


@pytest.mark.parametrize("name", GRID)
def test_numpy_equals_tflm(name: str) -> None:
    check_op(GRID[name].model(), against=TFLM_ONLY)


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_kernels_equal_numpy(compiler: str) -> None:
    batch = KernelBatch()
    for name, case in GRID.items():
        batch.add(name, run_op(case.model()))
    batch.check(compiler)


def test_default_case_spreads_over_the_range() -> None:
    values = run_op(Dense(out=400, leading=(4,), per_channel=True).model()).outputs[0]
    assert len(np.unique(values)) > 200
    assert {-128, 127} <= set(values.flat)


@pytest.mark.parametrize("per_channel", [False, True])
def test_product_of_scales_has_double_precision(per_channel: bool) -> None:
    """With sums so large that the product in float32 would round each of them the other way."""
    in_scale, weight_scale = np.float32(0.1), np.float32(1.1e-6)
    single, double = float(in_scale * weight_scale), float(in_scale) * float(weight_scale)
    halves = np.arange(40, 120) + 0.5
    sums = np.round((halves / single + halves / double) / 2).astype(np.int64)
    assert np.all(np.round(sums * single) != np.round(sums * double))

    out = len(sums)
    scales = [weight_scale] * out if per_channel else weight_scale
    builder = ModelBuilder()
    x = builder.tensor([1, 1], "int8", quant(in_scale))
    w = builder.tensor([out, 1], "int8", quant(scales, axis=0), np.zeros((out, 1)))
    b = builder.tensor([out], "int32", quant(single), sums)
    y = builder.tensor([1, out], "int8", quant(1.0))
    builder.op("FULLY_CONNECTED", [x, w, b], [y])
    case = check_op(builder.build([x], [y]), against=TFLM_ONLY)
    np.testing.assert_array_equal(case.outputs[0][0], np.round(sums * double))


def test_float_is_close_to_the_reference() -> None:
    weights = Dense().weights().astype(np.float32) / 127
    builder = ModelBuilder()
    x = builder.tensor([2, 9], "float32")
    w = builder.tensor(weights.shape, "float32", data=weights)
    b = builder.tensor([5], "float32", data=Dense().biases() / 3000)
    y = builder.tensor([2, 5], "float32")
    options = {"fusedActivationFunction": Activation.RELU6.value}
    builder.op("FULLY_CONNECTED", [x, w, b], [y], options)
    model = builder.build([x], [y])
    ours = run_op(model)
    expected = tflm(model).outputs([ours.values[x]])
    np.testing.assert_allclose(ours.outputs[0], expected[0], rtol=1e-5, atol=1e-5)


# ---- 16x8, whose zero points are all 0; its multipliers end at 2**7 where sums are int64

WIDE = {
    name: case
    for name, case in GRID.items()
    if "zero-point" not in name and (case.multiplier is None or case.multiplier < 2**7)
}


@pytest.mark.parametrize("name", WIDE)
def test_16x8_equals_the_references(name: str) -> None:
    check_op(widened(WIDE[name].model()), against=TFLM_ONLY)


@pytest.mark.parametrize("name", [name for name in WIDE if not name.endswith("-large")])
def test_16x8_with_an_int32_bias_equals_tflm(name: str) -> None:
    check_op(widened(WIDE[name].model(), DType.INT32), against=TFLM_ONLY)


def test_16x8_kernels_equal_numpy() -> None:
    batch = KernelBatch()
    for name, case in WIDE.items():
        batch.add(name, run_op(widened(case.model())))
        if not name.endswith("-large"):
            batch.add(f"{name}, int32", run_op(widened(case.model(), DType.INT32)))
    batch.check()


# ---- int4 weights, some of which begin in the middle of a byte

# TFLite Micro wants one scale for them.
INT4 = {name: case for name, case in GRID.items() if not case.per_channel}


@pytest.mark.parametrize("name", INT4)
def test_int4_weights_equal_tflm(name: str) -> None:
    check_op(narrowed(INT4[name].model()), against=TFLM_ONLY)


def test_int4_kernels_equal_numpy() -> None:
    batch = KernelBatch()
    for name, case in GRID.items():
        batch.add(name, run_op(narrowed(case.model())))
    batch.check()


# ---- rules


def call_of(case: Dense) -> Call:
    return next(tflite.loads(case.model(), "test").calls())


def room_for_bias(case: Dense) -> int:
    """The largest |bias| that the rule about the accumulator leaves to every channel."""
    return INT32_MAX - 256 * int(np.abs(case.weights()).sum(axis=1).max())


def biases(value: int) -> Change:
    return change_input(2, data=np.full(5, value, np.int32))


KEPT = Dense(leading=(2, 3), keep_num_dims=True)

BROKEN: tuple[tuple[str, Dense, Change], ...] = (
    ("weights_are_2d_constant", Dense(), change_input(1, shape=(5, 9, 1))),
    ("weights_are_2d_constant", Dense(), change_input(1, shape=(5, 0))),
    ("weights_are_2d_constant", Dense(), change_input(1, data=None)),
    ("weights_are_2d_constant", Dense(), change_input(1, None)),
    (
        "weights_are_not_shuffled",
        Dense(),
        change_attrs(weights_format=WeightsFormat.SHUFFLED4X16INT8),
    ),
    ("input_divides_into_rows", Dense(), change_input(0, shape=(1, 10))),
    ("input_divides_into_rows", KEPT, change_input(0, shape=(9, 6))),
    ("input_divides_into_rows", KEPT, change_input(0, shape=())),
    ("activation_is_a_clamp", Dense(), change_attrs(activation=Activation.TANH)),
    ("types_are_conv", Dense(), change_input(0, dtype=DType.INT16)),
    ("types_are_conv", Dense(), change_input(2, dtype=DType.INT64)),
    ("activations_are_quantized", Dense(), change_input(0, quant=None)),
    ("weights_are_symmetric", Dense(), change_input(1, quant=None)),
    ("weights_are_symmetric", Dense(), change_input(1, quant=quant(0.01, -1))),
    ("weights_are_symmetric", Dense(), change_input(1, quant=quant([0.01] * 9, axis=1))),
    ("bias_matches_channels", Dense(), change_input(2, data=None)),
    ("bias_matches_channels", Dense(), change_input(2, shape=(4,))),
    ("clamp_fits_int32", Dense(), clamped_to_6(2.0**-31 * 6)),
    ("accumulator_fits_int32", Dense(), biases(room_for_bias(Dense()) + 1)),
    ("accumulator_fits_int32", Dense(), biases(-room_for_bias(Dense()) - 1)),
    ("multiplier_is_defined", Dense(), change_input(0, quant=quant(2.0**60))),
)

JUST_PASSING: tuple[tuple[Dense, Change], ...] = (
    (Dense(), change_input(0, quant=quant(2.0**20))),
    (Dense(), change_input(0, shape=(9, 1))),
    (KEPT, change_input(0, shape=(6, 9))),
    (replace(KEPT, leading=()), unchanged),
    (Dense(), change_attrs(activation=Activation.RELU6)),
    (Dense(), change_input(1, quant=quant([0.01] * 5, axis=0))),
    (Dense(), change_input(2, None)),
    (Dense(), clamped_to_6(2.0**-31 * 6.01)),
    (Dense(), biases(room_for_bias(Dense()))),
    (Dense(), biases(-room_for_bias(Dense()))),
)


@pytest.mark.parametrize(("rule", "case", "change"), BROKEN)
def test_rule_refuses(rule: str, case: Dense, change: Change) -> None:
    assert broken_rule(change(call_of(case))) == rule


@pytest.mark.parametrize(("case", "change"), JUST_PASSING)
def test_rules_accept_at_the_limit(case: Dense, change: Change) -> None:
    assert broken_rule(change(call_of(case))) is None


@pytest.mark.parametrize("name", GRID)
def test_rules_accept_the_grid(name: str) -> None:
    assert broken_rule(call_of(GRID[name])) is None


def test_every_rule_is_tested() -> None:
    assert {rule for rule, _, _ in BROKEN} == {rule.__name__ for rule in OP.rules}
