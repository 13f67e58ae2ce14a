"""Operators on two tensors: numpy equals the references for all pairs, the kernels numpy."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from mcugen.ir import DType
from mcugen.ops import OPS
from mcugen.ops.base import Activation, Array
from mcugen.reference import tflm
from mcugen.testing.builder import one_op, quant
from mcugen.testing.check import (
    ZERO_POINTS,
    Change,
    KernelBatch,
    broken_rule,
    call_of,
    change_attrs,
    change_input,
    check_op,
    clamped_to_6,
    run_op,
    unchanged,
)

Shape = tuple[int, ...]
BYTES = np.arange(-128, 128).astype(np.int8)
WITH_ACTIVATION = ("MUL", "SUB", "DIV")
UNSCALED = ("MINIMUM", "MAXIMUM")  # operands and output have one scale and zero point
INT8 = ("MUL", "SUB", "SQUARED_DIFFERENCE", "PRELU", *UNSCALED)


@dataclass(frozen=True)
class Binary:
    """One operator; scales and zero points of a, b, output; `const` is a constant operand."""

    operator: str
    shapes: tuple[Shape, Shape] = ((2, 3, 4), (2, 3, 4))
    scales: tuple[float, float, float] = (0.05, 0.07, 0.1)
    zero_points: tuple[int, int, int] = (-7, 30, 11)
    activation: Activation = Activation.NONE
    const: int | None = None

    def model(self, dtype: str = "int8") -> bytes:
        scales, zero_points = self.scales, self.zero_points
        if self.operator in UNSCALED:
            scales, zero_points = (scales[0],) * 3, (zero_points[0],) * 3
        *operands, output = (
            {"shape": shape, "dtype": dtype, "quant": quant(scale, zero_point)}
            for shape, scale, zero_point in zip(
                (*self.shapes, np.broadcast_shapes(*self.shapes)), scales, zero_points, strict=True
            )
        )
        if self.const is not None:
            values = np.random.default_rng(1).integers(-128, 128, self.shapes[self.const])
            operands[self.const] |= {"data": values}
        options = {"fusedActivationFunction": self.activation.value}
        fields = options if self.operator in WITH_ACTIVATION else {}
        return one_op(self.operator, operands, output, fields)


PAIRS = ((256, 256), (1, 256))  # the first operand is as large as the output, for PRELU


def pair_inputs() -> list[Array]:
    """All pairs of values: one operand runs down, the other one across."""
    down = np.broadcast_to(BYTES[:, np.newaxis], PAIRS[0])
    return [np.ascontiguousarray(down), BYTES[np.newaxis]]


def pairs(operator: str) -> list[Binary]:
    cases = [
        Binary(operator, PAIRS, (0.1, 0.1, 0.1), (0, 0, 0)),
        Binary(operator, PAIRS, (0.9, 0.013, 0.7), (-128, 127, 3)),
        Binary(operator, PAIRS, (0.0031, 0.02, 0.011), (17, -90, -128)),
        Binary(operator, PAIRS, (1.0, 0.7, 0.01), (5, -5, 0)),
        Binary(operator, PAIRS, (1e-9, 1e-12, 1.0), (1, 2, 3)),
    ]
    if operator in ("SUB", "SQUARED_DIFFERENCE"):
        ratios = (2.0**-31, 1 / 3, 0.3, 1 - 2.0**-24)
        cases += [Binary(operator, PAIRS, (ratio, 1.0, 1.3)) for ratio in ratios]
        cases += [Binary(operator, PAIRS, (0.011, 0.012, 0.013 * n)) for n in range(1, 5)]
    return cases


SHAPES: tuple[tuple[Shape, Shape], ...] = (
    ((), ()),
    ((7,), ()),
    ((1, 4, 5, 3), (3,)),
    ((1, 4, 5, 3), (1, 4, 5, 1)),
    ((2, 4, 5, 3), (2, 1, 1, 3)),
    ((2, 4, 5, 3), (1, 4, 1, 3)),
)
BOTH_WAYS = ((2, 1, 5, 1), (1, 4, 1, 3))


def grid(operator: str) -> list[Binary]:
    cases = [Binary(operator, shapes) for shapes in SHAPES]
    if operator != "PRELU":
        cases += [Binary(operator, (b, a)) for a, b in (*SHAPES, BOTH_WAYS)]
    cases += [Binary(operator, SHAPES[2], const=1), Binary(operator, const=1)]
    if operator in WITH_ACTIVATION:
        clamps = (Activation.RELU, Activation.RELU_N1_TO_1, Activation.RELU6)
        cases += [Binary(operator, ((16, 1), (1, 16)), activation=clamp) for clamp in clamps]
    for zero_point in ZERO_POINTS:
        cases.append(Binary(operator, zero_points=(zero_point, 3, 4)))
        cases.append(Binary(operator, zero_points=(3, zero_point, 4)))
        cases.append(Binary(operator, zero_points=(3, 4, zero_point)))
    return cases


@pytest.mark.parametrize("operator", INT8)
def test_numpy_equals_the_references_for_all_pairs(operator: str) -> None:
    for case in pairs(operator):
        check_op(case.model(), pair_inputs())


@pytest.mark.parametrize("operator", INT8)
def test_numpy_equals_the_references(operator: str) -> None:
    for case in grid(operator):
        check_op(case.model())


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_kernels_equal_numpy(compiler: str) -> None:
    batch = KernelBatch()
    for operator in INT8:
        for i, case in enumerate(pairs(operator)):
            batch.add(f"{operator} pairs {i}", run_op(case.model(), pair_inputs()))
        for i, case in enumerate(grid(operator)):
            batch.add(f"{operator} {i}", run_op(case.model()))
    batch.check(compiler)


@pytest.mark.parametrize("operator", [*INT8, "DIV"])
def test_float_equals_the_reference(operator: str) -> None:
    case = Binary(operator, ((2, 3, 4), (4,)))
    clamped = replace(case, activation=Activation.RELU6)
    for model in (case.model("float32"), clamped.model("float32")):
        done = run_op(model)
        inputs = [done.values[i] for i in done.graph.inputs]
        np.testing.assert_array_equal(done.outputs[0], tflm(model).outputs(inputs)[0])


def test_division_by_zero_gives_the_largest_number() -> None:
    ones = np.ones((2, 3, 4), np.float32)
    check_op(Binary("DIV").model("float32"), [ones, 0 * ones])


# ---- rules


def rules_broken_by_all(operator: str) -> list[tuple[str, Binary, Change]]:
    case = Binary(operator)
    return [
        ("types_are_equal", case, change_input(1, dtype=DType.FLOAT32)),
        ("types_are_equal", case, change_input(0, dtype=DType.INT32)),
        ("quantized_per_tensor", case, change_input(1, quant=None)),
        ("quantized_per_tensor", case, change_input(0, quant=quant([1.0, 2.0], axis=0))),
        ("shapes_broadcast", case, change_input(1, shape=(2, 3, 3))),
        ("loops_fit", replace(case, shapes=((2, 2, 2, 2, 2), (1, 2, 1, 2, 1))), unchanged),
    ]


MUL, SUB, SQUARE, PRELU, DIV = map(Binary, ("MUL", "SUB", "SQUARED_DIFFERENCE", "PRELU", "DIV"))

BROKEN: tuple[tuple[str, Binary, Change], ...] = (
    *(broken for operator in INT8 for broken in rules_broken_by_all(operator)),
    ("activation_is_a_clamp", MUL, change_attrs(activation=Activation.TANH)),
    ("activation_is_a_clamp", SUB, change_attrs(activation=Activation.SIGN_BIT)),
    ("clamp_fits_int32", MUL, clamped_to_6(2.0**-31 * 6)),
    ("clamp_fits_int32", SUB, clamped_to_6(2.0**-31 * 6)),
    ("product_scale_fits", replace(MUL, scales=(128.0, 128.0, 1.0)), unchanged),
    ("sum_scale_is_below_one", replace(SUB, scales=(1.0, 2.0**19, 1.0)), unchanged),
    ("square_scale_is_below_one", replace(SQUARE, scales=(1.0, 64.0, 1.0)), unchanged),
    ("same_quantization_throughout", Binary("MINIMUM"), change_input(1, quant=quant(0.06, -7))),
    ("same_quantization_throughout", Binary("MAXIMUM"), change_input(0, quant=quant(0.05, -8))),
    ("output_has_the_inputs_shape", replace(PRELU, shapes=((3, 1), (1, 4))), unchanged),
    ("output_has_the_inputs_shape", replace(PRELU, shapes=((3,), (1, 3))), unchanged),
    ("scale_ratios_fit", replace(PRELU, scales=(2.0**22, 2.0**-10, 1.0)), unchanged),
    ("scale_ratios_fit", replace(PRELU, scales=(2.0**7, 2.0**7, 1.0)), unchanged),
    ("types_are_float32", DIV, unchanged),
)

BELOW_ONE = 1 - 2.0**-20
JUST_PASSING: tuple[tuple[Binary, Change], ...] = (
    *((Binary(operator), unchanged) for operator in INT8),
    *((Binary(operator), change_input(1, shape=(3, 4))) for operator in INT8),
    *((Binary(operator, ((2, 2, 2, 2), (1, 2, 1, 2))), unchanged) for operator in INT8),
    (replace(MUL, scales=(2.0**-20, 2.0**-20, 2.0**-28)), clamped_to_6(2.0**-31 * 6.01)),
    (replace(SUB, scales=(2.0**-20, 2.0**-20, 2.0**-28)), clamped_to_6(2.0**-31 * 6.01)),
    (replace(MUL, scales=(128.0, 128.0 * BELOW_ONE, 1.0)), unchanged),
    (replace(SUB, scales=(1.0, 2.0**19 * BELOW_ONE, 1.0)), unchanged),
    (replace(SQUARE, scales=(1.0, 64.0 * BELOW_ONE, 1.0)), unchanged),
    (replace(PRELU, scales=(2.0**22 * BELOW_ONE, 2.0**-10, 1.0)), unchanged),
    (replace(PRELU, scales=(2.0**7 * BELOW_ONE, 2.0**7, 1.0)), unchanged),
)


@pytest.mark.parametrize(("rule", "case", "change"), BROKEN)
def test_rule_refuses(rule: str, case: Binary, change: Change) -> None:
    assert broken_rule(change(call_of(case.model()))) == rule


@pytest.mark.parametrize(("case", "change"), JUST_PASSING)
def test_rules_accept_at_the_limit(case: Binary, change: Change) -> None:
    assert broken_rule(change(call_of(case.model()))) is None


def test_every_rule_is_tested() -> None:
    rules = {rule.__name__ for name in (*INT8, "DIV") for rule in OPS[name.lower()].rules}
    assert {rule for rule, _, _ in BROKEN} == rules
