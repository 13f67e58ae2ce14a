"""TRANSPOSE_CONV: numpy equals the references, C equals numpy, the rules hold the line."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from mcugen.importers import tflite
from mcugen.ir import Call, DType, Quant
from mcugen.ops.base import Activation
from mcugen.ops.transpose_conv import OP
from mcugen.ops.window import Padding
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
    change_attrs,
    change_input,
    change_output,
    check_op,
    clamped_to_6,
    run_op,
    unchanged,
)
from mcugen.testing.wide import widened

SAME, VALID = Padding.SAME, Padding.VALID


@dataclass(frozen=True)
class Deconv:
    """A transposed convolution of random weights; `out` is the output's size, else the usual."""

    size: tuple[int, int] = (4, 5)
    in_ch: int = 3
    out_ch: int = 5
    kernel: tuple[int, int] = (3, 3)
    stride: tuple[int, int] = (2, 2)
    padding: Padding = SAME
    out: tuple[int, int] | None = None
    batch: int = 1
    bias: bool = True
    per_channel: bool = True
    activation: Activation = Activation.NONE
    in_zero_point: int = -7
    out_zero_point: int = 11
    multiplier: float | None = None
    dtype: str = "int8"

    @property
    def out_shape(self) -> tuple[int, ...]:
        sizes = zip(self.size, self.kernel, self.stride, strict=True)
        usual = (n * s if self.padding is SAME else (n - 1) * s + k for n, k, s in sizes)
        return (self.batch, *(self.out or usual), self.out_ch)

    def model(self) -> bytes:
        rng = np.random.default_rng(1)
        shape = (self.out_ch, *self.kernel, self.in_ch)
        weights = rng.integers(-127, 128, shape)
        spread = 90 / (74 * 74 * np.sqrt(np.prod(self.kernel) * self.in_ch))
        scales = spread * rng.uniform(0.3, 1.5, self.out_ch if self.per_channel else 1)
        weights_quant = quant(scales if self.multiplier is None else self.multiplier, axis=0)
        is_int8 = self.dtype == "int8"

        def affine(zero_point: int) -> Quant | None:
            return quant(1.0, zero_point) if is_int8 else None

        data = {"shape": (self.batch, *self.size, self.in_ch), "dtype": self.dtype}
        inputs = [
            {"shape": (4,), "dtype": "int32", "data": self.out_shape},
            {"shape": shape, "dtype": self.dtype, "data": weights},
            {**data, "quant": affine(self.in_zero_point)},
        ]
        if is_int8:
            inputs[1]["quant"] = weights_quant
        if self.bias:
            values = rng.integers(-3000, 3000, self.out_ch)
            bias = {"shape": (self.out_ch,), "data": values}
            kind = "int32" if is_int8 else "float32"
            inputs.append({**bias, "dtype": kind, "quant": weights_quant if is_int8 else None})
        options = {
            "padding": self.padding.value,
            "strideH": self.stride[0],
            "strideW": self.stride[1],
            "fusedActivationFunction": self.activation.value,
        }
        output = {
            "shape": self.out_shape,
            "dtype": self.dtype,
            "quant": affine(self.out_zero_point),
        }
        return one_op("TRANSPOSE_CONV", inputs, output, options)


def grid() -> dict[str, Deconv]:
    """Windows and strides, output sizes that are not the usual; then the arithmetic's edges."""
    cases = {f"in{i}-out{o}": Deconv(in_ch=i, out_ch=o) for i in (1, 4, 9) for o in (1, 4, 5)}
    for kernel in ((1, 1), (2, 2), (3, 3), (4, 1), (5, 2)):
        for stride in ((1, 1), (2, 2), (3, 1), (4, 5)):
            for padding in Padding:
                name = f"kernel{kernel}-stride{stride}-{padding.name}"
                cases[name] = Deconv((3, 4), 2, 2, kernel, stride, padding)
    cases |= {
        "out-odd": Deconv(out=(7, 9)),
        "out-valid-odd": Deconv(padding=VALID, out=(10, 12)),
        "one-pixel": Deconv((1, 1)),
        "batch": Deconv(batch=3),
        "no-bias": Deconv(bias=False),
        "per-tensor": Deconv(per_channel=False),
    }
    for z in ZERO_POINTS:
        cases[f"in-zero-point{z}"] = Deconv(in_zero_point=z)
        cases[f"out-zero-point{z}"] = Deconv(out_zero_point=z)
    for multiplier in MULTIPLIERS:
        cases[f"multiplier{multiplier:g}"] = Deconv(multiplier=multiplier, bias=False)
    return cases


GRID = grid()
UNUSUAL = {
    "out-larger": Deconv(out=(13, 14)),
    "out-smaller": Deconv(padding=VALID, out=(8, 10)),
    "out-tiny": Deconv(out=(1, 1)),
}
CLAMPED = {
    a.name: Deconv(activation=a, out_zero_point=-30, multiplier=2e-3)
    for a in (Activation.RELU, Activation.RELU6, Activation.RELU_N1_TO_1)
}


@pytest.mark.parametrize("name", GRID)
def test_numpy_equals_the_references(name: str) -> None:
    check_op(GRID[name].model(), against=BOTH)


@pytest.mark.parametrize("name", UNUSUAL)
def test_sizes_that_litert_refuses_equal_tflm(name: str) -> None:
    check_op(UNUSUAL[name].model(), against=TFLM_ONLY)


@pytest.mark.parametrize("name", CLAMPED)
def test_activations_equal_the_references(name: str) -> None:
    check_op(CLAMPED[name].model(), against=BOTH)


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_kernels_equal_numpy(compiler: str) -> None:
    batch = KernelBatch()
    for name, case in (GRID | UNUSUAL | CLAMPED).items():
        batch.add(name, run_op(case.model()))
    batch.check(compiler)


def test_default_case_spreads_over_the_range() -> None:
    values = run_op(Deconv((16, 16), out_ch=9).model()).outputs[0]
    assert len(np.unique(values)) > 190
    assert {-128, 127} <= set(values.flat)


@pytest.mark.parametrize("padding", Padding)
def test_float_is_close_to_the_reference(padding: Padding) -> None:
    model = Deconv(padding=padding, dtype="float32").model()
    ours = run_op(model)
    expected = tflm(model).outputs([ours.values[2]])
    np.testing.assert_allclose(ours.outputs[0], expected[0], rtol=1e-5, atol=1e-2)


# ---- 16x8, whose zero points are all 0; its multipliers end at 2**7 where sums are int64

WIDE = {
    name: case
    for name, case in GRID.items()
    if "zero-point" not in name and (case.multiplier is None or case.multiplier < 2**7)
}


@pytest.mark.parametrize("name", WIDE)
def test_16x8_equals_the_references(name: str) -> None:
    check_op(widened(WIDE[name].model()), against=BOTH)


def test_16x8_kernels_equal_numpy() -> None:
    batch = KernelBatch()
    for name, case in WIDE.items():
        batch.add(name, run_op(widened(case.model())))
    batch.check()


# ---- rules


def call_of(case: Deconv) -> Call:
    return next(tflite.loads(case.model(), "test").calls())


def asked(*shape: int) -> Change:
    return change_input(0, data=np.array(shape, np.int32), shape=(len(shape),))


def weighing(total: int) -> Change:
    """Weights of one and a bias, so that accumulators may reach a total."""
    bias = np.full(5, total - 27 * 256, np.int32)
    ones = np.ones((5, 3, 3, 3), np.int8)

    def change(call: Call) -> Call:
        return change_input(3, data=bias)(change_input(1, data=ones)(call))

    return change


BROKEN: tuple[tuple[str, Deconv, Change], ...] = (
    ("input_is_4d", Deconv(), change_input(2, shape=(4, 5, 3))),
    ("weights_are_4d_constant", Deconv(), change_input(1, data=None)),
    ("output_shape_known", Deconv(), change_input(0, data=None)),
    ("shape_fits", Deconv(), asked(1, 8, 10)),
    ("shape_fits", Deconv(), asked(1, 0, 10, 5)),
    ("shape_fits", Deconv(), asked(2, 8, 10, 5)),
    ("shape_fits", Deconv(), asked(1, 8, 10, 4)),
    ("depths_agree", Deconv(), change_input(2, shape=(1, 4, 5, 4))),
    ("strides_are_positive", Deconv(), change_attrs(stride=(0, 1))),
    ("activation_is_a_clamp", Deconv(), change_attrs(activation=Activation.TANH)),
    ("types_are_conv", Deconv(), change_output(dtype=DType.INT16)),
    ("activations_are_quantized", Deconv(), change_output(quant=None)),
    ("clamp_fits_int32", Deconv(), clamped_to_6(2.0**-31 * 6)),
    ("weights_are_symmetric", Deconv(), change_input(1, quant=quant(0.1, 1))),
    ("bias_matches_channels", Deconv(), change_input(3, shape=(4,))),
    ("accumulator_fits_int32", Deconv(), weighing(2**31)),
    ("multiplier_is_defined", Deconv(), change_output(quant=quant(2.0**-60))),
)

JUST_PASSING: tuple[tuple[Deconv, Change], ...] = (
    (Deconv(), asked(1, 1, 1, 5)),
    (Deconv(), clamped_to_6(2.0**-31 * 6.01)),
    (Deconv(), weighing(2**31 - 1)),
    (replace(Deconv(), bias=False), unchanged),
)


@pytest.mark.parametrize(("rule", "case", "change"), BROKEN)
def test_rule_refuses(rule: str, case: Deconv, change: Change) -> None:
    assert broken_rule(change(call_of(case))) == rule


@pytest.mark.parametrize(("case", "change"), JUST_PASSING)
def test_rules_accept_at_the_limit(case: Deconv, change: Change) -> None:
    assert broken_rule(change(call_of(case))) is None


def test_every_rule_is_tested() -> None:
    assert {rule for rule, _, _ in BROKEN} == {rule.__name__ for rule in OP.rules}
