"""Comparisons, logical operators, selection: numpy equals the references, the kernels numpy."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from mcugen.ir import DType
from mcugen.ops import OPS
from mcugen.ops.base import Array
from mcugen.testing.builder import ModelBuilder, one_op, quant
from mcugen.testing.check import (
    BOTH,
    LITERT_ONLY,
    ZERO_POINTS,
    Change,
    KernelBatch,
    broken_rule,
    call_of,
    change_input,
    check_op,
    run_op,
    unchanged,
)

Shape = tuple[int, ...]
BYTES = np.arange(-128, 128).astype(np.int8)
PAIRS = ((256, 1), (1, 256))
COMPARISONS = ("EQUAL", "NOT_EQUAL", "LESS", "LESS_EQUAL", "GREATER", "GREATER_EQUAL")
SHAPES: tuple[tuple[Shape, Shape], ...] = (
    ((), ()),
    ((7,), ()),
    ((1, 4, 5, 3), (3,)),
    ((2, 4, 5, 3), (1, 4, 1, 3)),
    ((2, 1, 5, 1), (1, 4, 1, 3)),
)


def tensor(shape: Shape, dtype: str, scale: float = 0.1, zero_point: int = 0) -> dict[str, Any]:
    return {
        "shape": shape,
        "dtype": dtype,
        "quant": quant(scale, zero_point) if dtype == "int8" else None,
    }


# ---- comparisons


@dataclass(frozen=True)
class Comparison:
    """One comparison; scales and zero points of its operands."""

    operator: str
    shapes: tuple[Shape, Shape] = PAIRS
    scales: tuple[float, float] = (0.1, 0.1)
    zero_points: tuple[int, int] = (-7, -7)

    def model(self, dtype: str = "int8") -> bytes:
        operands = [
            tensor(*operand)
            for operand in zip(
                self.shapes, (dtype,) * 2, self.scales, self.zero_points, strict=True
            )
        ]
        output = tensor(np.broadcast_shapes(*self.shapes), "bool")
        return one_op(self.operator, operands, output)

    def inputs(self) -> list[Array] | None:
        """All pairs of values, or random ones where the shapes are not for that."""
        return [BYTES.reshape(shape) for shape in PAIRS] if self.shapes == PAIRS else None


def comparisons(operator: str) -> list[Comparison]:
    pairs = ((0.1, 0.1), (0.1, 0.2), (0.03, 0.0311), (0.999, 0.5), (0.004, 0.002), (1e-4, 1e-9))
    cases = [Comparison(operator, scales=scales) for scales in pairs]
    cases += [Comparison(operator, zero_points=(point, 3)) for point in ZERO_POINTS[::3]]
    cases += [Comparison(operator, zero_points=(3, point)) for point in ZERO_POINTS[::3]]
    cases += [Comparison(operator, shapes) for a, b in SHAPES for shapes in ((a, b), (b, a))]
    return cases


@pytest.mark.parametrize("operator", COMPARISONS)
def test_comparison_equals_the_references(operator: str) -> None:
    for case in comparisons(operator):
        check_op(case.model(), case.inputs())


@pytest.mark.parametrize("dtype", ["float32", "int32"])
@pytest.mark.parametrize("operator", COMPARISONS)
def test_comparison_of_other_types_equals_the_references(operator: str, dtype: str) -> None:
    few = np.array([-2.5, -1, 0, 1, 3e9, 3]).clip(-(2**31), 2**31 - 1).astype(dtype)
    model = Comparison(operator, ((6, 1), (1, 6))).model(dtype)
    check_op(model, [few.reshape(6, 1), few.reshape(1, 6)])


def test_nothing_but_not_equal_holds_of_nan() -> None:
    """NaN arises in a graph, as the logarithm of a negative number."""
    batch = KernelBatch()
    for operator in COMPARISONS:
        b = ModelBuilder()
        x, y = (b.tensor((3,), "float32") for _ in range(2))
        z = b.tensor((3,), "bool")
        b.op("LOG", [x], [y])
        b.op(operator, [y, x], [z])
        values = [np.array([-1, 0, 1], np.float32)]
        case = run_op(b.build([x], [z]), values)
        assert case.outputs[0][0] == (operator == "NOT_EQUAL")
        batch.add(operator, case)
    batch.check()


def test_close_values_are_equal() -> None:
    model = Comparison("EQUAL", scales=(0.002, 0.002)).model()
    assert np.count_nonzero(run_op(model, [BYTES.reshape(s) for s in PAIRS]).outputs[0]) > 256


# ---- logical operators


def logical(operator: str, *shapes: Shape) -> bytes:
    output = tensor(np.broadcast_shapes(*shapes), "bool")
    return one_op(operator, [tensor(shape, "bool") for shape in shapes], output)


LOGICAL = {
    **{f"{op}{a}{b}": logical(op, a, b) for op in ("LOGICAL_AND", "LOGICAL_OR") for a, b in SHAPES},
    "LOGICAL_NOT": logical("LOGICAL_NOT", (2, 3, 4)),
}


@pytest.mark.parametrize("name", LOGICAL)
def test_logic_equals_the_references(name: str) -> None:
    check_op(LOGICAL[name])


# ---- selection


@dataclass(frozen=True)
class Select:
    """A selection between two tensors of one scale and zero point."""

    operator: str
    condition: Shape
    first: Shape = (2, 4, 5, 3)
    second: Shape = (2, 4, 5, 3)

    def model(self, dtype: str = "int8") -> bytes:
        choices = [tensor(shape, dtype, 0.1, 5) for shape in (self.first, self.second)]
        condition = self.condition
        if self.operator == "SELECT" and len(condition) == 1:
            condition = (*condition, *(1 for _ in self.first[1:]))
        shape = np.broadcast_shapes(condition, self.first, self.second)
        operands = [tensor(self.condition, "bool"), *choices]
        return one_op(self.operator, operands, tensor(shape, dtype, 0.1, 5))


FULL: Shape = (2, 4, 5, 3)
SELECTS: dict[str, tuple[tuple[str, ...], Select]] = {
    "same": (BOTH, Select("SELECT_V2", FULL)),
    "channels": (BOTH, Select("SELECT_V2", (3,))),
    "scalar": (BOTH, Select("SELECT_V2", FULL, (), FULL)),
    "second-scalar": (BOTH, Select("SELECT_V2", FULL, FULL, (1,))),
    "all-different": (BOTH, Select("SELECT_V2", (2, 1, 1, 1), (1, 4, 1, 3), (1, 1, 5, 3))),
    "v1-same": (LITERT_ONLY, Select("SELECT", FULL)),
    "v1-vector": (LITERT_ONLY, Select("SELECT", (2,))),
    "v1-both-vectors": (LITERT_ONLY, Select("SELECT", (7,), (7,), (7,))),
}


@pytest.mark.parametrize("dtype", ["int8", "float32"])
@pytest.mark.parametrize("name", SELECTS)
def test_select_equals_the_references(name: str, dtype: str) -> None:
    against, case = SELECTS[name]
    check_op(case.model(dtype), against=against)


# ---- kernels


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_kernels_equal_numpy(compiler: str) -> None:
    batch = KernelBatch()
    for operator in COMPARISONS:
        for i, case in enumerate(comparisons(operator)):
            batch.add(f"{operator} {i}", run_op(case.model(), case.inputs()))
        few = np.array([-2.5, -1, 0, -0.0, 1, 3e9], np.float32)
        model = Comparison(operator, ((6, 1), (1, 6))).model("float32")
        batch.add(f"{operator} float", run_op(model, [few.reshape(6, 1), few.reshape(1, 6)]))
    for name, model in LOGICAL.items():
        batch.add(name, run_op(model))
    for name, (_, select) in SELECTS.items():
        for dtype in ("int8", "float32"):
            batch.add(f"{name} {dtype}", run_op(select.model(dtype)))
    batch.check(compiler)


# ---- rules

LESS = Comparison("LESS", ((2, 3, 4), (2, 3, 4)))
AND, NOT = (logical("LOGICAL_AND", (2, 3), (2, 3)), LOGICAL["LOGICAL_NOT"])
CHOICE, CHOICE_V1 = Select("SELECT_V2", FULL), Select("SELECT", FULL)
DEEP: Shape = (2, 2, 2, 2, 2)

BROKEN: tuple[tuple[str, bytes, Change], ...] = (
    ("types_are_compared", LESS.model(), change_input(1, dtype=DType.FLOAT32)),
    ("types_are_compared", LESS.model("uint8"), unchanged),
    ("quantized_per_tensor", LESS.model(), change_input(1, quant=None)),
    ("scales_are_below_one", replace(LESS, scales=(0.1, 1.0)).model(), unchanged),
    ("shapes_broadcast", LESS.model(), change_input(1, shape=(2, 3, 3))),
    ("loops_fit", replace(LESS, shapes=(DEEP, (1, 2, 1, 2, 1))).model(), unchanged),
    ("types_are_bool", AND, change_input(1, dtype=DType.INT8)),
    ("types_are_bool", NOT, change_input(0, dtype=DType.UINT8)),
    ("shapes_broadcast", AND, change_input(1, shape=(4, 3))),
    ("types_are_selected", CHOICE.model(), change_input(0, dtype=DType.INT8)),
    ("types_are_selected", CHOICE.model(), change_input(1, dtype=DType.FLOAT32)),
    ("types_are_selected", CHOICE_V1.model("int64"), unchanged),
    ("quantized_per_tensor", CHOICE.model(), change_input(2, quant=None)),
    ("choices_share_quantization", CHOICE.model(), change_input(2, quant=quant(0.1, 6))),
    ("choices_share_quantization", CHOICE_V1.model(), change_input(1, quant=quant(0.2, 5))),
    ("shapes_are_equal", CHOICE_V1.model(), change_input(0, shape=(3,))),
    ("shapes_are_equal", CHOICE_V1.model(), change_input(2, shape=(4, 5, 3))),
    ("loops_fit", Select("SELECT_V2", (1, 2, 1, 2, 1), DEEP, DEEP).model(), unchanged),
)

JUST_PASSING: tuple[tuple[bytes, Change], ...] = (
    (replace(LESS, scales=(1 - 2.0**-20, 0.1)).model(), unchanged),
    (LESS.model(), change_input(1, shape=(3, 4))),
    (AND, change_input(1, shape=(3,))),
    (CHOICE.model(), change_input(0, shape=(3,))),
    (CHOICE_V1.model(), change_input(0, shape=(2,))),
)


@pytest.mark.parametrize(("rule", "model", "change"), BROKEN)
def test_rule_refuses(rule: str, model: bytes, change: Change) -> None:
    assert broken_rule(change(call_of(model))) == rule


@pytest.mark.parametrize(("model", "change"), JUST_PASSING)
def test_rules_accept_at_the_limit(model: bytes, change: Change) -> None:
    assert broken_rule(change(call_of(model))) is None


def test_every_rule_is_tested() -> None:
    names = (*COMPARISONS, "LOGICAL_AND", "LOGICAL_OR", "LOGICAL_NOT", "SELECT", "SELECT_V2")
    rules = {rule.__name__ for name in names for rule in OPS[name.lower()].rules}
    assert {rule for rule, _, _ in BROKEN} == rules
