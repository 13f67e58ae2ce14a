"""SUM, REDUCE_MAX, REDUCE_MIN: numpy equals the references, C equals numpy, the rules hold."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from mcugen.importers import tflite
from mcugen.ir import Call, DType
from mcugen.ops import sum
from mcugen.ops.mean import MAX_COUNT
from mcugen.ops.reduce_max import REDUCE_MAX, REDUCE_MIN
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
    change_output,
    check_op,
    run_op,
    unchanged,
)


@dataclass(frozen=True)
class Reduce:
    """A reduction; `scales` are those of input and output."""

    operator: str = "REDUCE_MAX"
    shape: tuple[int, ...] = (2, 5, 6, 7)
    axes: tuple[int, ...] = (1, 2)
    keep_dims: bool = True
    zero_points: tuple[int, int] = (-7, -7)
    scales: tuple[float, float] = (0.05, 0.05)
    dtype: str = "int8"

    def model(self) -> bytes:
        builder = ModelBuilder()
        quants = [
            quant(*pair) if self.dtype == "int8" else None
            for pair in zip(self.scales, self.zero_points, strict=True)
        ]
        kept = tuple({axis % len(self.shape) for axis in self.axes})
        out = np.zeros(self.shape).sum(axis=kept, keepdims=self.keep_dims).shape
        x = builder.tensor(self.shape, self.dtype, quants[0])
        axes = builder.tensor([len(self.axes)], "int32", data=self.axes)
        y = builder.tensor(out, self.dtype, quants[1])
        builder.op(self.operator, [x, axes], [y], {"keepDims": self.keep_dims})
        return builder.build([x], [y])


TOTAL = Reduce("SUM", zero_points=(-7, 11), scales=(0.05, 0.4))


def grid() -> dict[str, Reduce]:
    cases: dict[str, Reduce] = {}
    for base in (Reduce("REDUCE_MAX"), Reduce("REDUCE_MIN"), TOTAL):
        for axes in ((0,), (1,), (3,), (0, 2), (2, 1), (-1, -2), (1, 1), (1, 2, 3), (0, 1, 2, 3)):
            for keep in (True, False):
                name = f"{base.operator}{axes}-keep{keep}"
                cases[name] = replace(base, axes=axes, keep_dims=keep)
        cases |= {
            f"{base.operator}-vector": replace(base, shape=(9,), axes=(0,)),
            f"{base.operator}-one-value": replace(base, shape=(1, 1, 1, 4)),
            f"{base.operator}-five": replace(base, shape=(2, 3, 4, 5, 3), axes=(1, 3)),
        }
    for z in ZERO_POINTS:
        cases[f"max-zero-point{z}"] = Reduce(zero_points=(z, z))
        cases[f"sum-in-zero-point{z}"] = replace(TOTAL, zero_points=(z, 11))
        cases[f"sum-out-zero-point{z}"] = replace(TOTAL, zero_points=(-7, z))
    for multiplier in MULTIPLIERS:
        cases[f"sum-multiplier{multiplier:g}"] = replace(TOTAL, scales=(multiplier, 1.0))
    return cases


GRID = grid()


@pytest.mark.parametrize("name", GRID)
def test_numpy_equals_the_references(name: str) -> None:
    case = GRID[name]
    check_op(case.model(), against=TFLM_ONLY if case.operator == "SUM" else BOTH)


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_kernels_equal_numpy(compiler: str) -> None:
    batch = KernelBatch()
    for name, case in GRID.items():
        batch.add(name, run_op(case.model()))
    batch.check(compiler)


def test_extremes_of_the_type_are_found() -> None:
    x = np.full((1, 2, 2, 2), -128, np.int8)
    x[0, 1, 1, 1] = 127
    batch = KernelBatch()
    for operator, expected in (("REDUCE_MAX", [-128, 127]), ("REDUCE_MIN", [-128, -128])):
        case = run_op(Reduce(operator, shape=x.shape).model(), [x])
        assert case.outputs[0].reshape(-1).tolist() == expected
        batch.add(operator, case)
    batch.check()


@pytest.mark.parametrize("operator", ["REDUCE_MAX", "REDUCE_MIN"])
def test_float_extremes_equal_the_references(operator: str) -> None:
    check_op(Reduce(operator, dtype="float32").model())


def test_float_sum_is_close_to_the_reference() -> None:
    model = replace(TOTAL, dtype="float32").model()
    ours = run_op(model)
    expected = tflm(model).outputs([ours.values[0]])
    np.testing.assert_allclose(ours.outputs[0], expected[0], rtol=1e-5, atol=1e-4)


# ---- rules


def call_of(case: Reduce) -> Call:
    return next(tflite.loads(case.model(), "test").calls())


def change_axes(*axes: int) -> Change:
    return change_input(1, data=np.array(axes, np.int32), shape=(len(axes),))


THREE_GROUPS = Reduce(shape=(2, 3, 2, 3, 2), axes=(0, 2, 4))

BROKEN: tuple[tuple[str, Reduce, Change], ...] = (
    ("axes_are_constant", Reduce(), change_input(1, data=None)),
    ("axes_are_constant", TOTAL, change_axes(4)),
    ("axes_form_two_groups", THREE_GROUPS, unchanged),
    ("same_type_in_out", TOTAL, change_output(dtype=DType.INT16)),
    ("activations_are_quantized", TOTAL, change_input(0, quant=None)),
    ("same_quantization_in_out", Reduce(), change_output(quant=quant(0.4, -7))),
    ("ratio_is_defined", TOTAL, change_input(0, quant=quant(2.0**40))),
    ("sum_fits_int32", TOTAL, change_input(0, shape=(1, MAX_COUNT + 1, 1, 1))),
)

JUST_PASSING: tuple[tuple[Reduce, Change], ...] = (
    (Reduce(), change_axes(3, -4)),
    (TOTAL, change_input(0, shape=(1, MAX_COUNT, 1, 1))),
    (Reduce(), change_input(0, shape=(1, MAX_COUNT + 1, 1, 1))),
)


@pytest.mark.parametrize(("rule", "case", "change"), BROKEN)
def test_rule_refuses(rule: str, case: Reduce, change: Change) -> None:
    assert broken_rule(change(call_of(case))) == rule


@pytest.mark.parametrize(("case", "change"), JUST_PASSING)
def test_rules_accept_at_the_limit(case: Reduce, change: Change) -> None:
    assert broken_rule(change(call_of(case))) is None


def test_every_rule_is_tested() -> None:
    names = {rule.__name__ for op in (sum.OP, REDUCE_MAX, REDUCE_MIN) for rule in op.rules}
    assert {rule for rule, _, _ in BROKEN} == names
