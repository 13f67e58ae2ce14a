"""AVERAGE_POOL_2D and MAX_POOL_2D: numpy equals both references, C equals numpy, the rules hold."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from mcugen.importers import tflite
from mcugen.ir import Call, DType, Quant
from mcugen.ops import average_pool2d, max_pool2d, pool2d
from mcugen.ops.base import Activation
from mcugen.ops.window import Padding, axis
from mcugen.reference import RefusedError, tflm
from mcugen.testing.builder import ModelBuilder, quant
from mcugen.testing.check import (
    BOTH,
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
from mcugen.testing.wide import widened

SAME, VALID = Padding.SAME, Padding.VALID
OPERATORS = {"average": average_pool2d.OP, "max": max_pool2d.OP}


@dataclass(frozen=True)
class Pool:
    """A pool; `scales` are those of input and output."""

    size: tuple[int, int] = (5, 6)
    channels: int = 5
    window: tuple[int, int] = (2, 2)
    stride: tuple[int, int] = (2, 2)
    padding: Padding = SAME
    batch: int = 1
    activation: Activation = Activation.NONE
    zero_point: int = -7
    scales: tuple[float, float] = (0.05, 0.05)
    dtype: str = "int8"

    @property
    def out_shape(self) -> tuple[int, int, int, int]:
        steps = zip(self.size, self.window, self.stride, strict=True)
        rows, cols = (axis(*step, 1, self.padding).out for step in steps)
        return self.batch, rows, cols, self.channels

    def model(self, operator: str) -> bytes:
        builder = ModelBuilder()
        quants = [quant(s, self.zero_point) if self.dtype == "int8" else None for s in self.scales]
        shape = [self.batch, *self.size, self.channels]
        x = builder.tensor(shape, self.dtype, quants[0])
        y = builder.tensor(self.out_shape, self.dtype, quants[1])
        options = {
            "padding": self.padding.value,
            "strideH": self.stride[0],
            "strideW": self.stride[1],
            "filterHeight": self.window[0],
            "filterWidth": self.window[1],
            "fusedActivationFunction": self.activation.value,
        }
        builder.op(OPERATORS[operator].tflite, [x], [y], options)
        return builder.build([x], [y])


def grid() -> dict[str, Pool]:
    """Channels below, at and above the block of four; windows; then the edges of the range."""
    cases = {f"channels{n}": Pool(channels=n) for n in (1, 3, 4, 5, 8, 13)}
    for window in ((1, 1), (2, 2), (3, 3), (1, 4), (5, 2), (11, 10)):
        for stride in ((1, 1), (2, 2), (3, 1)):
            for padding in Padding:
                name = f"window{window}-stride{stride}-{padding.name}"
                cases[name] = Pool((11, 10), 5, window, stride, padding)
    cases |= {
        "window-beyond-input": Pool((2, 3), window=(7, 7), stride=(1, 1)),
        "stride-beyond-window": Pool((7, 7), window=(2, 2), stride=(4, 4), padding=VALID),
        "stride-beyond-input": Pool((3, 3), window=(2, 2), stride=(4, 5)),
        "one-pixel": Pool((1, 1), window=(1, 1), stride=(1, 1)),
        "global": Pool((25, 5), 64, window=(25, 5), stride=(25, 5), padding=VALID),
        "batch": Pool(batch=3),
        "scales-nearly-equal": Pool(scales=(0.05, 0.0500009)),
    }
    for activation in (Activation.RELU, Activation.RELU_N1_TO_1, Activation.RELU6):
        for zero_point in ZERO_POINTS:
            name = f"{activation.name}-zero-point{zero_point}"
            cases[name] = Pool(activation=activation, zero_point=zero_point)
    return cases


GRID = grid()


@pytest.mark.parametrize("operator", OPERATORS)
@pytest.mark.parametrize("name", GRID)
def test_numpy_equals_the_references(name: str, operator: str) -> None:
    check_op(GRID[name].model(operator))


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_kernels_equal_numpy(compiler: str) -> None:
    batch = KernelBatch()
    for operator in OPERATORS:
        for name, case in GRID.items():
            batch.add(f"{operator}-{name}", run_op(case.model(operator)))
    batch.check(compiler)


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        ([1, 2], 2),  # 1.5
        ([-1, -2], -2),
        ([0, 1], 1),
        ([0, -1], -1),
        ([1, 1, 2], 1),  # 1.33
        ([-1, -2, -2], -2),
        ([-1, 0, 0], 0),
        ([-128, -128, -128], -128),
        ([127, 127, 127], 127),
    ],
)
def test_average_rounds_halves_away_from_zero(window: list[int], expected: int) -> None:
    """Of the raw integers: the zero point plays no part."""
    shape = (1, len(window))
    case = Pool(shape, 1, shape, (1, 1), VALID, zero_point=17)
    inputs = [np.array(window, np.int8).reshape(1, *shape, 1)]
    assert check_op(case.model("average"), inputs).outputs[0].item() == expected


@pytest.mark.parametrize("operator", OPERATORS)
@pytest.mark.parametrize("padding", Padding)
def test_float_is_close_to_the_reference(operator: str, padding: Padding) -> None:
    case = Pool((7, 6), 3, (3, 2), (2, 2), padding, dtype="float32", activation=Activation.RELU6)
    model = case.model(operator)
    ours = run_op(model)
    expected = tflm(model).outputs([ours.values[0]])
    np.testing.assert_allclose(ours.outputs[0], expected[0], rtol=1e-5, atol=1e-5)


# ---- 16x8


@pytest.mark.parametrize("operator", OPERATORS)
@pytest.mark.parametrize("name", GRID)
def test_16x8_equals_the_references(name: str, operator: str) -> None:
    check_op(widened(GRID[name].model(operator)), against=BOTH)


def test_16x8_kernels_equal_numpy() -> None:
    batch = KernelBatch()
    for operator in OPERATORS:
        for name, case in GRID.items():
            batch.add(f"{operator} {name}", run_op(widened(case.model(operator))))
    batch.check()


# ---- rules


def call_of(case: Pool) -> Call:
    return next(tflite.loads(case.model("average"), "test").calls())


def change_output_quant(new: Quant | None) -> Change:
    return lambda call: replace(call, outputs=(replace(call.output, quant=new),))


EXACT = Pool((5, 5), window=(5, 5), padding=VALID)
LARGEST = 2**12

BROKEN: tuple[tuple[str, Pool, Change], ...] = (
    ("input_is_4d", Pool(), change_input(0, shape=(5, 6, 5))),
    ("strides_are_positive", Pool(), change_attrs(stride=(1, 0))),
    ("window_is_sensible", Pool(), change_attrs(window=(0, 2))),
    ("window_is_sensible", Pool(), change_attrs(window=(LARGEST, LARGEST + 1))),
    ("window_fits", replace(EXACT, window=(5, 6)), unchanged),
    ("activation_is_a_clamp", Pool(), change_attrs(activation=Activation.SIGN_BIT)),
    ("same_type_in_out", Pool(), change_input(0, dtype=DType.UINT8)),
    ("activations_are_quantized", Pool(), change_output_quant(None)),
    ("clamp_fits_int32", Pool(), clamped_to_6(2.0**-31 * 6)),
    ("quantization_is_kept", Pool(), change_output_quant(quant(0.05, -8))),
    ("quantization_is_kept", Pool(scales=(0.05, 0.050002)), unchanged),
)

JUST_PASSING: tuple[tuple[Pool, Change], ...] = (
    (EXACT, unchanged),
    (Pool(), change_attrs(window=(LARGEST, LARGEST))),
    (Pool(), change_attrs(activation=Activation.RELU6)),
    (GRID["scales-nearly-equal"], unchanged),
    (Pool(scales=(2.0**-28, 2.0**-28)), change_attrs(activation=Activation.RELU6)),
)


@pytest.mark.parametrize(("rule", "case", "change"), BROKEN)
def test_rule_refuses(rule: str, case: Pool, change: Change) -> None:
    assert broken_rule(change(call_of(case))) == rule


@pytest.mark.parametrize(("case", "change"), JUST_PASSING)
def test_rules_accept_at_the_limit(case: Pool, change: Change) -> None:
    assert broken_rule(change(call_of(case))) is None


def test_reference_refuses_another_scale_too() -> None:
    with pytest.raises(RefusedError):
        tflm(Pool(scales=(0.05, 0.050002)).model("average"))


def test_every_rule_is_tested() -> None:
    assert {rule for rule, _, _ in BROKEN} == {rule.__name__ for rule in pool2d.RULES}
