"""DEPTHWISE_CONV_2D: numpy equals both references, C equals numpy, the rules hold the line."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from mcugen.fixed import INT32_MAX
from mcugen.importers import tflite
from mcugen.ir import Call, DType, Quant
from mcugen.ops.base import Activation
from mcugen.ops.depthwise_conv2d import OP
from mcugen.ops.window import Padding, axis
from mcugen.reference import tflm
from mcugen.testing.builder import ModelBuilder, quant
from mcugen.testing.check import (
    BOTH,
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

SAME, VALID = Padding.SAME, Padding.VALID


@dataclass(frozen=True)
class Depthwise:
    """A depthwise convolution of random int8 weights, whose outputs spread over the whole range.

    `requantization` is the real requantization multiplier, per tensor, instead of that default.
    """

    size: tuple[int, int] = (5, 6)
    in_ch: int = 5
    multiplier: int = 1
    kernel: tuple[int, int] = (3, 3)
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    padding: Padding = SAME
    batch: int = 1
    bias: int | None = 3000  # the largest, None for no bias at all
    per_channel: bool = True
    activation: Activation = Activation.NONE
    in_zero_point: int = -7
    out_zero_point: int = 11
    requantization: float | None = None

    @property
    def out_ch(self) -> int:
        return self.in_ch * self.multiplier

    @property
    def out_shape(self) -> tuple[int, int, int, int]:
        steps = zip(self.size, self.kernel, self.stride, self.dilation, strict=True)
        rows, cols = (axis(*step, self.padding).out for step in steps)
        return self.batch, rows, cols, self.out_ch

    def weights(self) -> np.ndarray:
        weights = np.random.default_rng(1).integers(-127, 128, (1, *self.kernel, self.out_ch))
        weights.flat[0], weights.flat[-1] = -127, 127
        return weights

    def biases(self) -> np.ndarray:
        assert self.bias is not None
        biases = np.random.default_rng(2).integers(-self.bias, self.bias, self.out_ch)
        biases[-1], biases[0] = -self.bias, self.bias
        return biases

    def scales(self) -> np.ndarray:
        """Scales of the weights; those of input and output are 1, so they are the multipliers."""
        if self.requantization is not None:
            return np.array([self.requantization])
        spread = 60 / (74 * 74 * np.sqrt(self.kernel[0] * self.kernel[1]))
        channels = self.out_ch if self.per_channel else 1
        return spread * np.random.default_rng(3).uniform(0.3, 1.5, channels)

    def model(self) -> bytes:
        weights, scales = self.weights(), self.scales()
        builder = ModelBuilder()
        x = builder.tensor(
            [self.batch, *self.size, self.in_ch], "int8", quant(1.0, self.in_zero_point)
        )
        operands = [x, builder.tensor(weights.shape, "int8", quant(scales, axis=3), weights)]
        if self.bias is not None:
            operands.append(
                builder.tensor([self.out_ch], "int32", quant(scales, axis=0), self.biases())
            )
        y = builder.tensor(self.out_shape, "int8", quant(1.0, self.out_zero_point))
        options = {
            "padding": self.padding.value,
            "strideH": self.stride[0],
            "strideW": self.stride[1],
            "depthMultiplier": self.multiplier,
            "dilationHFactor": self.dilation[0],
            "dilationWFactor": self.dilation[1],
            "fusedActivationFunction": self.activation.value,
        }
        builder.op("DEPTHWISE_CONV_2D", operands, [y], options)
        return builder.build([x], [y])


def grid() -> dict[str, Depthwise]:
    """Channels below, at and above the block of four; windows; then the arithmetic's edges."""
    cases = {
        f"in{channels}-times{multiplier}": Depthwise(in_ch=channels, multiplier=multiplier)
        for channels in (1, 3, 4, 8, 13)
        for multiplier in (1, 2, 4, 7)
    }
    for kernel in ((1, 1), (1, 4), (4, 1), (2, 2), (5, 5), (10, 4)):
        for stride in ((1, 1), (2, 2), (3, 3)):
            for padding in Padding:
                name = f"kernel{kernel}-stride{stride}-{padding.name}"
                cases[name] = Depthwise((11, 10), 5, 1, kernel, stride, padding=padding)
    for dilation in ((2, 2), (1, 3), (3, 1)):
        for padding in Padding:
            cases[f"dilation{dilation}-{padding.name}"] = Depthwise(
                (9, 8), dilation=dilation, padding=padding
            )
    cases |= {
        "uneven-stride": Depthwise((9, 9), stride=(2, 3)),
        "dilation-multiplier": Depthwise((9, 9), in_ch=2, multiplier=3, dilation=(2, 2)),
        "window-beyond-input": Depthwise((2, 3), kernel=(7, 7)),
        "dilated-window-beyond-input": Depthwise((3, 2), dilation=(4, 5)),
        "every-tap-in-the-padding": Depthwise((1, 1), kernel=(2, 2), dilation=(4, 4)),
        "stride-beyond-input": Depthwise((3, 3), kernel=(2, 2), stride=(4, 4)),
        "one-pixel": Depthwise((1, 1), kernel=(1, 1)),
        "batch": Depthwise(batch=2),
        "batch-stride-multiplier": Depthwise((7, 6), 3, 2, batch=3, stride=(2, 2)),
        "no-bias": Depthwise(bias=None),
        "per-tensor": Depthwise(per_channel=False),
    }
    for activation in (Activation.RELU, Activation.RELU_N1_TO_1, Activation.RELU6):
        cases[activation.name] = Depthwise(activation=activation)
        cases[f"{activation.name}-clipped"] = Depthwise(activation=activation, out_zero_point=125)
    for zero_point in ZERO_POINTS:
        cases[f"in-zero-point{zero_point}"] = Depthwise(in_zero_point=zero_point)
        cases[f"out-zero-point{zero_point}"] = Depthwise(out_zero_point=zero_point)
    for real in MULTIPLIERS:
        cases[f"requantization{real:g}"] = Depthwise(requantization=real)
        cases[f"requantization{real:g}-large"] = Depthwise(requantization=real, bias=2**31 - 2**19)
    return cases


GRID = grid()


@pytest.mark.parametrize("name", GRID)
def test_numpy_equals_the_references(name: str) -> None:
    case = GRID[name]
    check_op(case.model(), against=TFLM_ONLY if case.bias is None else BOTH)


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_kernels_equal_numpy(compiler: str) -> None:
    batch = KernelBatch()
    for name, case in GRID.items():
        batch.add(name, run_op(case.model()))
    batch.check(compiler)


def test_default_case_spreads_over_the_range() -> None:
    values = run_op(Depthwise(size=(16, 16)).model()).outputs[0]
    assert len(np.unique(values)) > 200
    assert {-128, 127} <= set(values.flat)


@pytest.mark.parametrize("multiplier", [1, 3])
def test_float_is_close_to_the_reference(multiplier: int) -> None:
    case = Depthwise((7, 6), 2, multiplier, stride=(2, 2), activation=Activation.RELU6)
    weights = case.weights().astype(np.float32) / 127
    builder = ModelBuilder()
    x = builder.tensor([1, *case.size, case.in_ch], "float32")
    w = builder.tensor(weights.shape, "float32", data=weights)
    b = builder.tensor([case.out_ch], "float32", data=case.biases() / 3000)
    y = builder.tensor(case.out_shape, "float32")
    options = {
        "strideH": 2,
        "strideW": 2,
        "depthMultiplier": multiplier,
        "fusedActivationFunction": Activation.RELU6.value,
    }
    builder.op("DEPTHWISE_CONV_2D", [x, w, b], [y], options)
    model = builder.build([x], [y])
    ours = run_op(model)
    expected = tflm(model).outputs([ours.values[x]])
    np.testing.assert_allclose(ours.outputs[0], expected[0], rtol=1e-5, atol=1e-5)


# ---- 16x8, whose zero points are all 0; its multipliers end at 2**7 where sums are int64

WIDE = {
    name: case
    for name, case in GRID.items()
    if "zero-point" not in name and (case.requantization is None or case.requantization < 2**7)
}


@pytest.mark.parametrize("name", WIDE)
def test_16x8_equals_the_references(name: str) -> None:
    case = WIDE[name]
    check_op(widened(case.model()), against=TFLM_ONLY if case.bias is None else BOTH)


def test_16x8_kernels_equal_numpy() -> None:
    batch = KernelBatch()
    for name, case in WIDE.items():
        batch.add(name, run_op(widened(case.model())))
    batch.check()


# ---- int4 weights, some of which begin in the middle of a byte


@pytest.mark.parametrize("name", GRID)
def test_int4_weights_equal_the_references(name: str) -> None:
    case = GRID[name]
    check_op(narrowed(case.model()), against=TFLM_ONLY if case.bias is None else BOTH)


def test_int4_kernels_equal_numpy() -> None:
    batch = KernelBatch()
    for name, case in GRID.items():
        batch.add(name, run_op(narrowed(case.model())))
    batch.check()


# ---- rules


def call_of(case: Depthwise) -> Call:
    return next(tflite.loads(case.model(), "test").calls())


def room_for_bias(case: Depthwise) -> int:
    """The largest |bias| that the rule about the accumulator leaves to every channel."""
    return INT32_MAX - 256 * int(np.abs(case.weights()).sum(axis=(0, 1, 2)).max())


def biases(value: int) -> Change:
    return change_input(2, data=np.full(5, value, np.int32))


EXACT = Depthwise((5, 5), kernel=(5, 5), padding=VALID)
SCALES = tuple(Depthwise().scales())

BROKEN: tuple[tuple[str, Depthwise, Change], ...] = (
    ("input_is_4d", Depthwise(), change_input(0, shape=(5, 6, 5))),
    ("weights_are_4d_constant", Depthwise(), change_input(1, shape=(3, 3, 5))),
    ("weights_are_4d_constant", Depthwise(), change_input(1, data=None)),
    ("weights_are_4d_constant", Depthwise(), change_input(1, None)),
    ("strides_are_positive", Depthwise(), change_attrs(stride=(1, 0))),
    ("strides_are_positive", Depthwise(), change_attrs(dilation=(0, 1))),
    ("channels_divide", Depthwise(), change_input(1, shape=(1, 3, 3, 0))),
    ("channels_divide", Depthwise(), change_input(1, shape=(1, 3, 3, 6))),
    ("channels_divide", Depthwise(), change_input(1, shape=(2, 3, 3, 5))),
    ("window_fits", replace(EXACT, kernel=(5, 6)), unchanged),
    ("activation_is_a_clamp", Depthwise(), change_attrs(activation=Activation.TANH)),
    ("types_are_conv", Depthwise(), change_input(0, dtype=DType.UINT8)),
    ("types_are_conv", Depthwise(), change_input(2, dtype=DType.INT64)),
    ("activations_are_quantized", Depthwise(), change_input(0, quant=None)),
    ("activations_are_quantized", Depthwise(), change_input(0, quant=quant([1.0, 2.0], axis=3))),
    ("weights_are_symmetric", Depthwise(), change_input(1, quant=None)),
    ("weights_are_symmetric", Depthwise(), change_input(1, quant=quant(SCALES, 1, axis=3))),
    ("weights_are_symmetric", Depthwise(), change_input(1, quant=quant(SCALES[:3], axis=1))),
    ("bias_matches_channels", Depthwise(), change_input(2, data=None)),
    ("bias_matches_channels", Depthwise(), change_input(2, shape=(4,))),
    ("clamp_fits_int32", Depthwise(), clamped_to_6(2.0**-31 * 6)),
    ("accumulator_fits_int32", Depthwise(), biases(room_for_bias(Depthwise()) + 1)),
    ("accumulator_fits_int32", Depthwise(), biases(-room_for_bias(Depthwise()) - 1)),
    ("multiplier_is_defined", Depthwise(), change_input(0, quant=quant(2.0**60))),
)

JUST_PASSING: tuple[tuple[Depthwise, Change], ...] = (
    (EXACT, unchanged),
    (Depthwise(multiplier=3), unchanged),
    (Depthwise(), change_attrs(activation=Activation.RELU6)),
    (Depthwise(), change_input(1, quant=Quant((0.5,), (0,)))),
    (Depthwise(), change_input(2, None)),
    (Depthwise(), clamped_to_6(2.0**-31 * 6.01)),
    (Depthwise(), biases(room_for_bias(Depthwise()))),
    (Depthwise(), biases(-room_for_bias(Depthwise()))),
)


@pytest.mark.parametrize(("rule", "case", "change"), BROKEN)
def test_rule_refuses(rule: str, case: Depthwise, change: Change) -> None:
    assert broken_rule(change(call_of(case))) == rule


@pytest.mark.parametrize(("case", "change"), JUST_PASSING)
def test_rules_accept_at_the_limit(case: Depthwise, change: Change) -> None:
    assert broken_rule(change(call_of(case))) is None


@pytest.mark.parametrize("name", GRID)
def test_rules_accept_the_grid(name: str) -> None:
    assert broken_rule(call_of(GRID[name])) is None


def test_every_rule_is_tested() -> None:
    assert {rule for rule, _, _ in BROKEN} == {rule.__name__ for rule in OP.rules}
