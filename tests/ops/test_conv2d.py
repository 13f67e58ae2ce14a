"""CONV_2D: numpy equals both references, every kernel equals numpy, the rules hold the line."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from mcugen import int4
from mcugen.fixed import INT32_MAX
from mcugen.ir import Call, DType, Tensor
from mcugen.ops.base import Activation, Const, activation_range
from mcugen.ops.conv2d import OP
from mcugen.ops.window import Padding, axis
from mcugen.reference import tflm
from mcugen.testing.builder import one_op, quant
from mcugen.testing.check import (
    BOTH,
    MULTIPLIERS,
    TFLM_ONLY,
    ZERO_POINTS,
    Change,
    KernelBatch,
    broken_rule,
    call_of,
    change_attrs,
    change_input,
    change_output,
    check_op,
    clamped_to_6,
    run_op,
    unchanged,
)
from mcugen.testing.wide import narrowed, widened

SAME, VALID = Padding.SAME, Padding.VALID


@dataclass(frozen=True)
class Conv:
    """A convolution of random int8 weights; by default its outputs spread over the whole range.

    `multiplier` is the real requantization multiplier, per tensor, instead of that default.
    """

    size: tuple[int, int] = (5, 6)
    in_ch: int = 3
    out_ch: int = 5
    kernel: tuple[int, int] = (3, 3)
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    padding: Padding = SAME
    groups: int = 1
    batch: int = 1
    bias: int | None = 3000  # the largest, None for no bias at all
    per_channel: bool = True
    activation: Activation = Activation.NONE
    in_zero_point: int = -7
    out_zero_point: int = 11
    multiplier: float | None = None

    @property
    def out_shape(self) -> tuple[int, int, int, int]:
        steps = zip(self.size, self.kernel, self.stride, self.dilation, strict=True)
        rows, cols = (axis(*step, self.padding).out for step in steps)
        return self.batch, rows, cols, self.out_ch

    def weights(self) -> np.ndarray:
        shape = (self.out_ch, *self.kernel, self.in_ch // self.groups)
        weights = np.random.default_rng(1).integers(-127, 128, shape)
        weights.flat[0], weights.flat[-1] = -127, 127
        return weights

    def biases(self) -> np.ndarray:
        assert self.bias is not None
        biases = np.random.default_rng(2).integers(-self.bias, self.bias, self.out_ch)
        biases[-1], biases[0] = -self.bias, self.bias
        return biases

    def scales(self) -> np.ndarray:
        """Scales of the weights; those of input and output are 1, so they are the multipliers."""
        if self.multiplier is not None:
            return np.array([self.multiplier])
        taps = self.kernel[0] * self.kernel[1] * self.in_ch // self.groups
        spread = 60 / (74 * 74 * np.sqrt(taps))  # 74: deviation of a uniform int8
        channels = self.out_ch if self.per_channel else 1
        return spread * np.random.default_rng(3).uniform(0.3, 1.5, channels)

    def model(self) -> bytes:
        scales = self.scales()
        weights, weights_quant = self.weights(), quant(scales, axis=0)
        inputs = [
            {
                "shape": (self.batch, *self.size, self.in_ch),
                "quant": quant(1.0, self.in_zero_point),
            },
            {"shape": weights.shape, "quant": weights_quant, "data": weights},
        ]
        if self.bias is not None:
            bias = {"shape": [self.out_ch], "dtype": "int32", "data": self.biases()}
            inputs.append({**bias, "quant": weights_quant})
        output = {"shape": self.out_shape, "quant": quant(1.0, self.out_zero_point)}
        return one_op("CONV_2D", inputs, output, self.options())

    def options(self) -> dict[str, int]:
        return {
            "padding": self.padding.value,
            "strideH": self.stride[0],
            "strideW": self.stride[1],
            "dilationHFactor": self.dilation[0],
            "dilationWFactor": self.dilation[1],
            "fusedActivationFunction": self.activation.value,
        }


def grid() -> dict[str, Conv]:
    """Channels below, at and above the block of four; windows; then the arithmetic's edges."""
    cases = {f"in{i}-out{o}": Conv(in_ch=i, out_ch=o) for i in (1, 4, 9) for o in (1, 3, 4, 8, 13)}
    for kernel in ((1, 1), (1, 4), (4, 1), (2, 2), (5, 5), (10, 4)):
        for stride in ((1, 1), (2, 2), (3, 1)):
            for padding in Padding:
                name = f"kernel{kernel}-stride{stride}-{padding.name}"
                cases[name] = Conv((11, 10), 2, 4, kernel, stride, padding=padding)
    for dilation in ((2, 2), (1, 3), (3, 1)):
        for padding in Padding:
            cases[f"dilation{dilation}-{padding.name}"] = Conv(
                (9, 8), dilation=dilation, padding=padding
            )
    cases |= {
        "dilation-stride": Conv((9, 9), stride=(2, 2), dilation=(2, 2)),
        "window-beyond-input": Conv((2, 3), kernel=(7, 7)),
        "dilated-window-beyond-input": Conv((3, 2), kernel=(3, 3), dilation=(4, 5)),
        "stride-beyond-input": Conv((3, 3), kernel=(2, 2), stride=(4, 5)),
        "one-pixel": Conv((1, 1), kernel=(1, 1)),
        "depthwise": Conv(in_ch=6, out_ch=6, groups=6),
        "groups-multiplier": Conv(in_ch=3, out_ch=12, groups=3),
        "groups-odd": Conv(in_ch=4, out_ch=10, groups=2),
        "groups-dilated": Conv((8, 8), 4, 8, groups=2, dilation=(2, 2)),
        "batch": Conv(batch=2),
        "batch-stride": Conv((7, 6), batch=3, stride=(2, 2)),
        "no-bias": Conv(bias=None),
        "no-bias-groups": Conv(in_ch=8, out_ch=9, bias=None),
        "per-tensor": Conv(per_channel=False),
    }
    for activation in (Activation.RELU, Activation.RELU_N1_TO_1, Activation.RELU6):
        cases[activation.name] = Conv(activation=activation)
        cases[f"{activation.name}-clipped"] = Conv(activation=activation, out_zero_point=125)
    for zero_point in ZERO_POINTS:
        cases[f"in-zero-point{zero_point}"] = Conv(in_zero_point=zero_point)
        cases[f"out-zero-point{zero_point}"] = Conv(out_zero_point=zero_point)
    for multiplier in MULTIPLIERS:
        cases[f"multiplier{multiplier:g}"] = Conv(multiplier=multiplier)
        cases[f"multiplier{multiplier:g}-large"] = Conv(multiplier=multiplier, bias=2**31 - 2**21)
    return cases


def mixed(seed: int) -> Conv:
    """Everything at once, at random."""
    rng = np.random.default_rng(seed)

    def pair(low: int, high: int) -> tuple[int, int]:
        return tuple(int(n) for n in rng.integers(low, high, 2, endpoint=True))

    groups = int(rng.choice([1, 1, 2, 3]))
    kernel, dilation = pair(1, 4), pair(1, 2)
    smallest = tuple((k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True))
    return Conv(
        size=tuple(n + int(rng.integers(0, 5)) for n in smallest),
        in_ch=groups * int(rng.integers(1, 6)),
        out_ch=groups * int(rng.integers(1, 8)),
        kernel=kernel,
        stride=pair(1, 3),
        dilation=dilation,
        padding=Padding(int(rng.integers(2))),
        groups=groups,
        batch=int(rng.integers(1, 3)),
        per_channel=bool(rng.integers(2)),
        activation=Activation(int(rng.choice([0, 1, 3]))),
        in_zero_point=int(rng.integers(-128, 128)),
        out_zero_point=int(rng.integers(-128, 128)),
    )


GRID = grid() | {f"mixed{seed}": mixed(seed) for seed in range(40)}


@pytest.mark.parametrize("name", GRID)
def test_numpy_equals_the_references(name: str) -> None:
    conv = GRID[name]
    check_op(conv.model(), against=TFLM_ONLY if conv.bias is None else BOTH)  # LiteRT wants a bias


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_kernels_equal_numpy(compiler: str) -> None:
    batch = KernelBatch()
    for name, conv in GRID.items():
        batch.add(name, run_op(conv.model()))
    batch.check(compiler)


def test_default_case_spreads_over_the_range() -> None:
    values = run_op(Conv(size=(16, 16)).model()).outputs[0]
    assert len(np.unique(values)) > 200
    assert {-128, 127} <= set(values.flat)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("activation", "low"), [(Activation.RELU6, 3), (Activation.NONE, -128)])
def test_activation_range_of_the_smallest_scale(activation: Activation, low: int) -> None:
    output = Tensor("tiny", (1,), DType.INT8, quant(np.finfo(np.float32).smallest_subnormal, 3))
    assert activation_range(activation, output) == (low, 127)


def test_float_is_close_to_the_reference() -> None:
    conv = Conv((7, 6), stride=(2, 1), activation=Activation.RELU6)
    weights = {"shape": conv.weights().shape, "data": conv.weights() / 127}
    bias = {"shape": [conv.out_ch], "data": conv.biases() / 3000}
    inputs = [{"shape": (1, *conv.size, conv.in_ch)}, weights, bias]
    model = one_op(
        "CONV_2D",
        [{**tensor, "dtype": "float32"} for tensor in inputs],
        {"shape": conv.out_shape, "dtype": "float32"},
        conv.options(),
    )
    case = run_op(model)
    expected = tflm(model).outputs([case.values[0]])
    np.testing.assert_allclose(case.outputs[0], expected[0], rtol=1e-5, atol=1e-5)


# ---- 16x8, whose zero points are all 0; its multipliers end at 2**7 where sums are int64

WIDE = {
    name: case
    for name, case in GRID.items()
    if "zero-point" not in name and (case.multiplier is None or case.multiplier < 2**7)
}


@pytest.mark.parametrize("name", WIDE)
def test_16x8_equals_the_references(name: str) -> None:
    case = WIDE[name]
    check_op(widened(case.model()), against=TFLM_ONLY if case.bias is None else BOTH)


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


def test_int4_weights_stay_packed_in_flash() -> None:
    call = call_of(narrowed(Conv(in_ch=3, kernel=(1, 1)).model()))
    (kernel,) = (k for k in OP.kernels if k.refusal(call) is None)
    weights = kernel.params(call)["weights"]
    assert isinstance(weights, Const) and weights.values.nbytes == 8  # 5 channels of 3 weights
    assert (int4.unpack(weights.values, 15).reshape(5, 1, 1, 3) == call.input(1).values()).all()
    plain = call_of(Conv().model())
    assert "takes int8 with int4 weights, not int8" in str(kernel.refusal(plain))


def wide_call(bias: int, kind: DType = DType.INT64) -> Call:
    call = call_of(widened(Conv(bias=1).model(), kind))
    return change_input(2, data=np.full(5, bias, kind.numpy))(call)


def test_16x8_rules() -> None:
    zero_point = change_input(0, quant=quant(1.0, 1))
    assert broken_rule(zero_point(wide_call(0))) == "activations_are_quantized"
    room = {
        kind: limit - 2**15 * int(np.abs(Conv().weights()).sum(axis=(1, 2, 3)).max())
        for kind, limit in ((DType.INT32, INT32_MAX), (DType.INT64, 2**47 - 1))
    }
    for kind, most in room.items():
        for sign in (1, -1):
            assert broken_rule(wide_call(sign * most, kind)) is None
            too_much = wide_call(sign * (most + 1), kind)
            assert broken_rule(too_much) == "accumulator_fits_int32"
    assert broken_rule(wide_call(-(2**63))) == "accumulator_fits_int32"
    steepest = max(Conv().scales())
    just = change_input(0, quant=quant(np.nextafter(np.float32(2.0**7 / steepest), 0)))
    beyond = change_input(0, quant=quant(2.0**7 / steepest * 1.001))
    assert broken_rule(just(wide_call(0))) is None
    assert broken_rule(beyond(wide_call(0))) == "multiplier_is_defined"
    assert broken_rule(beyond(wide_call(0, DType.INT32))) is None


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


def room_for_bias(conv: Conv) -> int:
    """The largest |bias| that the rule about the accumulator leaves to every channel."""
    return INT32_MAX - 256 * int(np.abs(conv.weights()).sum(axis=(1, 2, 3)).max())


def biases(value: int) -> Change:
    return change_input(2, data=np.full(5, value, np.int32))


EXACT = Conv((5, 5), kernel=(5, 5), padding=VALID)

BROKEN: tuple[tuple[str, Conv, Change], ...] = (
    ("input_is_4d", Conv(), change_input(0, shape=(5, 6, 3))),
    ("weights_are_4d_constant", Conv(), change_input(1, shape=(5, 9, 3))),
    ("weights_are_4d_constant", Conv(), change_input(1, data=None)),
    ("weights_are_4d_constant", Conv(), change_input(1, None)),
    ("strides_are_positive", Conv(), change_attrs(stride=(1, 0))),
    ("strides_are_positive", Conv(), change_attrs(dilation=(0, 1))),
    ("channels_divide", Conv(), change_input(1, shape=(5, 3, 3, 0))),
    ("channels_divide", Conv(), change_input(1, shape=(5, 3, 3, 2))),
    ("channels_divide", Conv(), change_input(1, shape=(5, 3, 3, 6))),
    ("channels_divide", Conv(), change_input(1, shape=(5, 3, 3, 1))),  # 3 groups, 5 outputs
    ("window_fits", replace(EXACT, kernel=(5, 6)), unchanged),
    ("activation_is_a_clamp", Conv(), change_attrs(activation=Activation.TANH)),
    ("types_are_conv", Conv(), change_input(0, dtype=DType.FLOAT32)),
    ("types_are_conv", Conv(), change_input(0, dtype=DType.UINT8)),
    ("types_are_conv", Conv(), change_input(2, dtype=DType.INT64)),
    ("types_are_conv", Conv(), change_input(0, dtype=DType.INT16)),
    ("activations_are_quantized", Conv(), change_input(0, quant=None)),
    ("activations_are_quantized", Conv(), change_output(quant=None)),
    ("activations_are_quantized", Conv(), change_output(quant=quant([1.0] * 5, axis=3))),
    ("weights_are_symmetric", Conv(), change_input(1, quant=None)),
    ("weights_are_symmetric", Conv(), change_input(1, quant=quant(1.0, 1))),
    ("weights_are_symmetric", Conv(), change_input(1, quant=quant([1.0] * 3, axis=3))),
    ("bias_matches_channels", Conv(), change_input(2, data=None)),
    ("bias_matches_channels", Conv(), change_input(2, shape=(4,))),
    ("clamp_fits_int32", Conv(), clamped_to_6(2.0**-31 * 6)),
    ("accumulator_fits_int32", Conv(), biases(room_for_bias(Conv()) + 1)),
    ("accumulator_fits_int32", Conv(), biases(-room_for_bias(Conv()) - 1)),
    ("multiplier_is_defined", Conv(), change_input(0, quant=quant(2.0**60))),
)

JUST_PASSING: tuple[tuple[Conv, Change], ...] = (
    (Conv(), change_input(0, quant=quant(2.0**20))),
    (Conv(out_ch=6), change_input(1, shape=(6, 3, 3, 1))),
    (EXACT, unchanged),
    (Conv(), change_attrs(activation=Activation.RELU6)),
    (Conv(), change_input(2, None)),
    (Conv(), clamped_to_6(2.0**-31 * 6.01)),
    (Conv(), biases(room_for_bias(Conv()))),
    (Conv(), biases(-room_for_bias(Conv()))),
)


@pytest.mark.parametrize(("rule", "conv", "change"), BROKEN)
def test_rule_refuses(rule: str, conv: Conv, change: Change) -> None:
    assert broken_rule(change(call_of(conv.model()))) == rule


@pytest.mark.parametrize(("conv", "change"), JUST_PASSING)
def test_rules_accept_at_the_limit(conv: Conv, change: Change) -> None:
    assert broken_rule(change(call_of(conv.model()))) is None


@pytest.mark.parametrize("name", GRID)
def test_rules_accept_the_grid(name: str) -> None:
    assert broken_rule(call_of(GRID[name].model())) is None


def test_every_rule_is_tested() -> None:
    assert {rule for rule, _, _ in BROKEN} == {rule.__name__ for rule in OP.rules}
