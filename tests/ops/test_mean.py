"""MEAN: numpy equals both references, C equals numpy, the rules hold the line."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from mcugen.importers import tflite
from mcugen.ir import Call, DType
from mcugen.ops.mean import MAX_COUNT, OP, layout
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
    change_input,
    check_op,
    run_op,
    unchanged,
)
from mcugen.testing.wide import widened


@dataclass(frozen=True)
class Mean:
    """A mean; `scales` are those of input and output."""

    shape: tuple[int, ...] = (1, 5, 6, 7)
    axes: tuple[int, ...] = (1, 2)
    keep_dims: bool = True
    zero_points: tuple[int, int] = (-7, 11)
    scales: tuple[float, float] = (0.05, 0.012)
    dtype: str = "int8"

    @property
    def out_shape(self) -> tuple[int, ...]:
        axes = tuple({axis % len(self.shape) for axis in self.axes})
        return np.zeros(self.shape).sum(axis=axes, keepdims=self.keep_dims).shape

    def model(self) -> bytes:
        builder = ModelBuilder()
        quants = [
            quant(*pair) if self.dtype == "int8" else None
            for pair in zip(self.scales, self.zero_points, strict=True)
        ]
        x = builder.tensor(self.shape, self.dtype, quants[0])
        axes = builder.tensor([len(self.axes)], "int32", data=self.axes)
        y = builder.tensor(self.out_shape, self.dtype, quants[1])
        builder.op("MEAN", [x, axes], [y], {"keepDims": self.keep_dims})
        return builder.build([x], [y])


def grid() -> dict[str, Mean]:
    """Inner sizes below, at and above the block of four; axes; then the arithmetic's edges."""
    cases = {f"inner{n}": Mean((2, 3, 5, n)) for n in (1, 3, 4, 5, 8, 13)}
    for axes in ((0,), (1,), (2,), (3,), (0, 1), (1, 3), (0, 2), (2, 1), (-1, -2), (1, 1), (1, -3)):
        for keep_dims in (True, False):
            cases[f"axes{axes}-keep{keep_dims}"] = Mean((2, 5, 3, 6), axes, keep_dims)
    cases |= {
        "no-axes": Mean(axes=()),
        "three-axes": Mean(axes=(1, 2, 3)),
        "all-axes": Mean((2, 5, 6, 7), (0, 1, 2, 3)),
        "vector": Mean((9,), (0,)),
        "matrix": Mean((4, 9), (1,), keep_dims=False),
        "five-dimensions": Mean((2, 3, 4, 5, 6), (1, 3), keep_dims=False),
        "ones-between": Mean((4, 1, 5, 1), (0, 2)),
        "large": Mean((1, 64, 64, 4)),
        "one-value": Mean((1, 1, 1, 4)),
        "equal-quantization": Mean(zero_points=(-7, -7), scales=(0.05, 0.05)),
    }
    for zero_point in ZERO_POINTS:
        cases[f"in-zero-point{zero_point}"] = Mean(zero_points=(zero_point, 11))
        cases[f"out-zero-point{zero_point}"] = Mean(zero_points=(-7, zero_point))
    for multiplier in MULTIPLIERS:
        cases[f"multiplier{multiplier:g}"] = Mean(scales=(multiplier, 1.0))
        cases[f"multiplier{multiplier:g}-one-axis"] = Mean(axes=(1,), scales=(multiplier, 1.0))
    return cases


GRID = grid()


@pytest.mark.parametrize("name", GRID)
def test_numpy_equals_the_references(name: str) -> None:
    case = GRID[name]
    check_op(case.model(), against=BOTH if case.axes else TFLM_ONLY)  # LiteRT wants an axis


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_kernels_equal_numpy(compiler: str) -> None:
    batch = KernelBatch()
    for name, case in GRID.items():
        batch.add(name, run_op(case.model()))
    batch.check(compiler)


def test_default_case_spreads_over_the_range() -> None:
    values = run_op(Mean((1, 2, 2, 2000)).model()).outputs[0]
    assert len(np.unique(values)) > 200
    assert {-128, 127} <= set(values.flat)


@pytest.mark.parametrize(
    ("shape", "axes", "expected"),
    [
        ((1, 5, 6, 7), (1, 2), (1, 1, 1, 30, 7)),
        ((2, 5, 6, 7), (1, 2), (1, 1, 2, 30, 7)),
        ((2, 5, 6, 7), (3,), (1, 1, 60, 7, 1)),
        ((2, 5, 6, 7), (1, 3), (2, 5, 6, 7, 1)),
        ((2, 5, 6, 7), (0, 2), (1, 2, 5, 6, 7)),
        ((2, 1, 6, 7), (0, 2), (1, 1, 1, 12, 7)),
        ((2, 3, 2, 3, 2), (1, 3), (2, 3, 2, 3, 2)),
        ((2, 3, 2, 3, 2), (0, 2, 4), None),
    ],
)
def test_neighbouring_axes_are_one(
    shape: tuple[int, ...], axes: tuple[int, ...], expected: tuple[int, ...] | None
) -> None:
    assert layout(call_of(Mean(shape, axes))) == expected


@pytest.mark.parametrize("keep_dims", [True, False])
def test_float_is_close_to_the_reference(keep_dims: bool) -> None:
    model = Mean(keep_dims=keep_dims, dtype="float32").model()
    ours = run_op(model)
    expected = tflm(model).outputs([ours.values[0]])
    np.testing.assert_allclose(ours.outputs[0], expected[0], rtol=1e-5, atol=1e-5)


# ---- 16x8


@pytest.mark.parametrize("name", GRID)
def test_16x8_equals_tflm(name: str) -> None:
    check_op(widened(GRID[name].model()), against=TFLM_ONLY)


def test_16x8_counts_to_its_limit() -> None:
    case = Mean((1, 2**16 - 1, 1, 1), (1,), scales=(1.0, 1.0))
    check_op(widened(case.model()), [np.full(case.shape, -(2**15), np.int16)], against=TFLM_ONLY)
    one_more = Mean((1, 2**16, 1, 1), (1,), scales=(1.0, 1.0))
    assert (
        broken_rule(next(tflite.loads(widened(one_more.model()), "test").calls()))
        == "sum_fits_int32"
    )


def test_16x8_kernels_equal_numpy() -> None:
    batch = KernelBatch()
    for name, case in GRID.items():
        batch.add(name, run_op(widened(case.model())))
    batch.check()


# ---- rules


def call_of(case: Mean) -> Call:
    return next(tflite.loads(case.model(), "test").calls())


def change_axes(*axes: int) -> Change:
    return change_input(1, data=np.array(axes, np.int32), shape=(len(axes),))


def change_output_type(call: Call) -> Call:
    return replace(call, outputs=(replace(call.output, dtype=DType.INT16),))


THREE_GROUPS = Mean((2, 3, 2, 3, 2), (0, 2, 4))

BROKEN: tuple[tuple[str, Mean, Change], ...] = (
    ("axes_are_constant", Mean(), change_input(1, data=None)),
    ("axes_are_constant", Mean(), change_axes(1, 4)),
    ("axes_are_constant", Mean(), change_axes(-5)),
    ("axes_form_two_groups", THREE_GROUPS, unchanged),
    ("same_type_in_out", Mean(), change_output_type),
    ("activations_are_quantized", Mean(), change_input(0, quant=None)),
    ("ratio_is_defined", Mean(), change_input(0, quant=quant(2.0**40))),
    ("sum_fits_int32", Mean(), change_input(0, shape=(1, MAX_COUNT + 1, 1, 1))),
)

JUST_PASSING: tuple[tuple[Mean, Change], ...] = (
    (Mean(), change_axes(3, -4)),
    (replace(THREE_GROUPS, shape=(2, 3, 2, 3, 1)), unchanged),
    (Mean(), change_input(0, shape=(1, MAX_COUNT, 1, 1))),
)


@pytest.mark.parametrize(("rule", "case", "change"), BROKEN)
def test_rule_refuses(rule: str, case: Mean, change: Change) -> None:
    assert broken_rule(change(call_of(case))) == rule


@pytest.mark.parametrize(("case", "change"), JUST_PASSING)
def test_rules_accept_at_the_limit(case: Mean, change: Change) -> None:
    assert broken_rule(change(call_of(case))) is None


def test_every_rule_is_tested() -> None:
    assert {rule for rule, _, _ in BROKEN} == {rule.__name__ for rule in OP.rules}
