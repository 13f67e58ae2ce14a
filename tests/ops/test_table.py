"""Operators on one value: numpy equals the references for all bytes, the table kernel numpy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from mcugen.ir import DType, Quant
from mcugen.ops import OPS
from mcugen.ops.base import Array
from mcugen.reference import litert, tflm
from mcugen.testing.builder import one_op, quant
from mcugen.testing.check import (
    BOTH,
    LITERT_ONLY,
    TFLM_ONLY,
    ZERO_POINTS,
    Change,
    KernelBatch,
    broken_rule,
    call_of,
    change_attrs,
    change_input,
    check_op,
    run_op,
    unchanged,
)

BYTES = np.arange(-128, 128).astype(np.int8)
SCALES = (1e-6, 0.003, 1 / 128, 0.02, 0.0517, 0.11, 1 / 3, 1.0, 2.7, 30.0)
PROBABILITY, FRACTION = quant(1 / 256, -128), quant(1 / 128, 0)


@dataclass(frozen=True)
class Unary:
    """One operator on every int8 value, or on those from `first`."""

    operator: str
    source: Quant
    target: Quant
    options: Mapping[str, Any] = field(default_factory=dict)
    first: int = -128

    def model(self, dtype: str = "int8") -> bytes:
        x, y = (
            {"shape": (128 - self.first,), "dtype": dtype, "quant": q}
            for q in (self.source, self.target)
        )
        return one_op(self.operator, [x], y, self.options)

    def inputs(self) -> list[Array]:
        return [BYTES[self.first + 128 :]]


# ---- grids of scales and zero points


def with_fixed_output(operator: str, target: Quant) -> list[Unary]:
    """All scales from the least to those at which the output is a step."""
    scales = (*SCALES, 2.0**-28, 15.9, 16.0, 1000.0, 2.0**34)
    cases = [Unary(operator, quant(scale, 5), target) for scale in scales]
    return cases + [Unary(operator, quant(0.06, point), target) for point in ZERO_POINTS]


def with_ratios(operator: str, ratios: tuple[float, ...], **options: Any) -> list[Unary]:
    """Output scales of some ratios to the input's, and zero points at the ends."""
    cases = [
        Unary(operator, quant(scale, -9), quant(scale * ratio, 3), options)
        for scale in SCALES
        for ratio in ratios
    ]
    cases += [Unary(operator, quant(0.1, p), quant(0.07, -p - 1), options) for p in ZERO_POINTS]
    return cases


def non_negative(operator: str) -> list[Unary]:
    """Inputs of 0 and more, for which alone the references have a square root."""
    return [
        Unary(operator, quant(scale, point), quant(target, output), first=point)
        for scale in SCALES
        for target in (0.004, 0.031, 0.7)
        for point, output in ((-128, -128), (-128, 90), (-3, 7), (127, -128))
    ]


def hard_swishes() -> list[Unary]:
    ratios = (2.0**-7 * 1.0001, 0.02, 0.3, 0.9, 1.0, 1.7, 40.0, 2.0**9)
    return with_ratios("HARD_SWISH", ratios) + [
        Unary("HARD_SWISH", quant(scale, 0), quant(scale, 0)) for scale in (2.0**-22, 2.0**23.9)
    ]


def exponentials() -> list[Unary]:
    """Scales at which the largest result is below 2**31 steps, where the reference overflows."""
    return [case for case in with_ratios("EXP", (0.1, 1.0, 5.0)) if case.source.scale[0] < 0.1]


def leaky_relus() -> list[Unary]:
    cases = []
    for alpha in (0.0, 1e-6, 0.01, 0.2, 0.3, 1.0, 1.5, -0.4, -1.0):
        cases += with_ratios("LEAKY_RELU", (0.3, 1.0, 1.9, 7.7, 255.0), alpha=alpha)
    for alpha in (-0.375, -0.5, -0.75):  # whose products are halves
        cases += with_ratios("LEAKY_RELU", (0.5, 1.0, 2.0), alpha=alpha)
    return cases


# By which reference an operator is judged. LiteRT takes LOGISTIC and TANH from float tables, which
# differ by 1 here and there; TFLM lacks the others that are not judged by it.
GRIDS: dict[str, tuple[tuple[str, ...], list[Unary]]] = {
    "LOGISTIC": (TFLM_ONLY, with_fixed_output("LOGISTIC", PROBABILITY)),
    "TANH": (TFLM_ONLY, with_fixed_output("TANH", FRACTION)),
    "HARD_SWISH": (TFLM_ONLY, hard_swishes()),
    "LEAKY_RELU": (TFLM_ONLY, leaky_relus()),
    "ELU": (TFLM_ONLY, with_ratios("ELU", (0.1, 0.5, 1.0, 2.0))),
    "GELU": (LITERT_ONLY, with_ratios("GELU", (0.1, 0.5, 1.0, 2.0), approximate=False)),
    "GELU-approximate": (LITERT_ONLY, with_ratios("GELU", (0.2, 0.5, 2.0), approximate=True)),
    "EXP": (LITERT_ONLY, exponentials()),
    "LOG": (LITERT_ONLY, with_ratios("LOG", (0.1, 0.5, 1.0, 10.0))),
    "SQRT": (LITERT_ONLY, non_negative("SQRT")),
    "RSQRT": (BOTH, non_negative("RSQRT")),
    "ABS": (BOTH, with_ratios("ABS", (0.1, 0.5, 1.0, 2.0, 1e4))),
    "NEG": (LITERT_ONLY, [Unary("NEG", quant(0.1), quant(0.1))]),
}


@pytest.mark.parametrize("name", GRIDS)
def test_numpy_equals_the_references(name: str) -> None:
    against, cases = GRIDS[name]
    for case in cases:
        check_op(case.model(), case.inputs(), against=against)


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_kernel_equals_numpy(compiler: str) -> None:
    batch = KernelBatch()
    for name, (_, cases) in GRIDS.items():
        for i, case in enumerate(cases[:8]):
            batch.add(f"{name} {i}", run_op(case.model(), case.inputs()))
    batch.check(compiler)


@pytest.mark.parametrize("name", GRIDS)
def test_float_is_close_to_the_reference(name: str) -> None:
    against, cases = GRIDS[name]
    positive = cases[0].operator in ("LOG", "SQRT", "RSQRT")
    model = cases[0].model("float32")
    x = np.linspace(0.01 if positive else -9, 9, 128 - cases[0].first, dtype=np.float32)
    expected = {"tflm": tflm, "litert": litert}[against[0]](model).outputs([x])[0]
    np.testing.assert_allclose(run_op(model, [x]).outputs[0], expected, rtol=1e-5, atol=1e-6)


def test_exp_saturates_where_the_reference_overflows() -> None:
    case = Unary("EXP", quant(1.0), quant(0.1))
    assert run_op(case.model(), [BYTES]).outputs[0][-1] == 127


@pytest.mark.parametrize(("operator", "below_zero"), [("SQRT", -20), ("RSQRT", 127)])
def test_roots_of_negative_values(operator: str, below_zero: int) -> None:
    case = Unary(operator, quant(0.1), quant(0.1, -20))
    assert set(run_op(case.model(), [BYTES]).outputs[0][:128]) == {below_zero}


# ---- rules

SAME = quant(0.1, 5)
TENTH = quant(0.1)


def unary(operator: str, source: Quant = SAME, target: Quant = SAME, **options: Any) -> Unary:
    return Unary(operator, source, target, options)


PLAIN = {
    "LOGISTIC": unary("LOGISTIC", target=PROBABILITY),
    "TANH": unary("TANH", target=FRACTION),
    "LEAKY_RELU": unary("LEAKY_RELU", alpha=0.1),
    "NEG": unary("NEG", TENTH, TENTH),
    **{name: unary(name) for name in ("HARD_SWISH", "ELU", "GELU", "EXP", "LOG", "SQRT", "RSQRT")},
    "ABS": unary("ABS"),
}

BROKEN: tuple[tuple[str, Unary, Change], ...] = (
    *(("same_type_in_out", case, change_input(0, dtype=DType.FLOAT32)) for case in PLAIN.values()),
    *(("quantized_per_tensor", case, change_input(0, quant=None)) for case in PLAIN.values()),
    ("scale_is_representable", unary("TANH", quant(2.0**-28.1), FRACTION), unchanged),
    ("scale_is_representable", unary("LOGISTIC", quant(2.0**35), PROBABILITY), unchanged),
    ("output_is_unsigned_fraction", unary("LOGISTIC", target=quant(1 / 256, -127)), unchanged),
    ("output_is_unsigned_fraction", unary("LOGISTIC", target=quant(1 / 255, -128)), unchanged),
    ("output_is_signed_fraction", unary("TANH", target=quant(1 / 128, 1)), unchanged),
    ("output_is_signed_fraction", unary("TANH", target=quant(1 / 127)), unchanged),
    ("scales_fit", unary("HARD_SWISH", quant(2.0**24), quant(2.0**24)), unchanged),
    ("scales_fit", unary("HARD_SWISH", quant(2.0**-22.1), quant(2.0**-22)), unchanged),
    ("scales_fit", unary("HARD_SWISH", quant(12.8), quant(0.1)), unchanged),
    ("scales_fit", unary("HARD_SWISH", quant(0.1), quant(0.1 * 513)), unchanged),
    ("alpha_is_finite", PLAIN["LEAKY_RELU"], change_attrs(alpha=float("nan"))),
    ("alpha_is_finite", PLAIN["LEAKY_RELU"], change_attrs(alpha=float("-inf"))),
    ("scale_ratio_fits", PLAIN["LEAKY_RELU"], change_attrs(alpha=-(2.0**22))),
    ("scale_ratio_fits", unary("LEAKY_RELU", quant(2.0**22), quant(1.0), alpha=0.1), unchanged),
    ("scale_ratio_fits", unary("ABS", quant(2.0**22), quant(1.0)), unchanged),
    ("results_fit_int32", unary("ELU", quant(1.0), quant(2.6e-10)), unchanged),
    ("results_fit_int32", unary("ELU", quant(1.0), quant(127 * 2.0**-30)), unchanged),
    ("roots_fit_int32", unary("SQRT", quant(1.0), quant(2.0**-28)), unchanged),
    ("rsqrt_scales_fit", unary("RSQRT", quant(1.0), quant(2.0**12.1)), unchanged),
    ("rsqrt_scales_fit", unary("RSQRT", quant(1.0), quant(2.0**-30)), unchanged),
    ("same_quantization_in_out", unary("NEG", TENTH, quant(0.2)), unchanged),
    ("zero_point_is_zero", unary("NEG", SAME, SAME), unchanged),
)

JUST_PASSING: tuple[tuple[Unary, Change], ...] = (
    *((case, unchanged) for case in PLAIN.values()),
    (unary("TANH", quant(2.0**-28), FRACTION), unchanged),
    (unary("LOGISTIC", quant(2.0**34.9), PROBABILITY), unchanged),
    (unary("HARD_SWISH", quant(2.0**23.9), quant(2.0**24)), unchanged),
    (unary("HARD_SWISH", quant(2.0**-22), quant(2.0**-22)), unchanged),
    (unary("HARD_SWISH", quant(12.7), quant(0.1)), unchanged),
    (unary("HARD_SWISH", quant(0.1), quant(0.1 * 512)), unchanged),
    (PLAIN["LEAKY_RELU"], change_attrs(alpha=-(2.0**22) * (1 - 2.0**-20))),
    (unary("ABS", quant(2.0**22 * (1 - 2.0**-20)), quant(1.0)), unchanged),
    (unary("ELU", quant(1.0), quant(127 * 2.0**-29.9)), unchanged),
    (unary("SQRT", quant(1.0), quant(2.0**-26)), unchanged),
    (unary("RSQRT", quant(1.0), quant(2.0**12)), unchanged),
    (unary("RSQRT", quant(1.0), quant(2.0**-29.9)), unchanged),
)


@pytest.mark.parametrize(("rule", "case", "change"), BROKEN)
def test_rule_refuses(rule: str, case: Unary, change: Change) -> None:
    assert broken_rule(change(call_of(case.model()))) == rule


@pytest.mark.parametrize(("case", "change"), JUST_PASSING)
def test_rules_accept_at_the_limit(case: Unary, change: Change) -> None:
    assert broken_rule(change(call_of(case.model()))) is None


def test_every_rule_is_tested() -> None:
    operators = {call_of(case.model()).node.op for case in PLAIN.values()}
    rules = {rule.__name__ for operator in operators for rule in OPS[operator].rules}
    assert {rule for rule, _, _ in BROKEN} == rules
