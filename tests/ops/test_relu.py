"""The RELU family: numpy equals the references, the kernel equals numpy, the rules hold."""

from __future__ import annotations

import numpy as np
import pytest

from mcugen.importers import tflite
from mcugen.ir import DType, Quant
from mcugen.ops.relu import RELU, RELU6, RELU_N1_TO_1
from mcugen.testing.builder import one_op, quant
from mcugen.testing.check import (
    BOTH,
    LITERT_ONLY,
    MULTIPLIERS,
    ZERO_POINTS,
    Change,
    KernelBatch,
    broken_rule,
    change_input,
    check_op,
    run_op,
    unchanged,
)

OPERATORS = ("RELU", "RELU6", "RELU_N1_TO_1")
BYTES = np.arange(-128, 128).astype(np.int8)


def clamping(operator: str, source: Quant, target: Quant, dtype: str = "int8") -> bytes:
    """A clamp of every int8 value."""
    x, y = ({"shape": (256,), "dtype": dtype, "quant": q} for q in (source, target))
    return one_op(operator, [x], y)


def same_quant() -> list[Quant]:
    """The bounds inside the int8 range, beyond it, and at its ends."""
    scales = (0.01, 6 / 255, 0.05, 0.1, 3.0)
    return [quant(scale, zero_point) for scale in scales for zero_point in ZERO_POINTS]


def other_quant() -> list[tuple[Quant, Quant]]:
    pairs = [(quant(0.05, -10), quant(0.1, 5)), (quant(0.1, 5), quant(0.05, -128))]
    pairs += [(quant(multiplier * 0.05, 3), quant(0.05, -9)) for multiplier in MULTIPLIERS]
    return pairs


@pytest.mark.parametrize("operator", OPERATORS)
def test_numpy_equals_the_references(operator: str) -> None:
    for q in same_quant():
        against = LITERT_ONLY if operator == "RELU_N1_TO_1" else BOTH
        check_op(clamping(operator, q, q), [BYTES], against=against)


@pytest.mark.parametrize("operator", OPERATORS)
def test_other_scale_equals_the_references(operator: str) -> None:
    for source, target in other_quant():
        against = ("tflm",) if operator == "RELU" else LITERT_ONLY
        check_op(clamping(operator, source, target), [BYTES], against=against)


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_kernels_equal_numpy(compiler: str) -> None:
    batch = KernelBatch()
    for operator in OPERATORS:
        for source, target in [(q, q) for q in same_quant()] + other_quant():
            name = f"{operator} {source.scale[0]:g} {source.zero_point[0]} {target.scale[0]:g}"
            batch.add(name, run_op(clamping(operator, source, target), [BYTES]))
    batch.check(compiler)


@pytest.mark.parametrize("operator", OPERATORS)
def test_float_equals_the_reference(operator: str) -> None:
    x = np.linspace(-8, 8, 256, dtype=np.float32)
    check_op(clamping(operator, quant(1.0), quant(1.0), "float32"), [x], against=LITERT_ONLY)


# ---- rules

SAME = clamping("RELU6", quant(1.0), quant(1.0))

BROKEN: tuple[tuple[str, bytes, Change], ...] = (
    ("same_type_in_out", SAME, change_input(0, dtype=DType.FLOAT32)),
    ("same_type_in_out", clamping("RELU", quant(1.0), quant(1.0), "uint8"), unchanged),
    ("quantized_per_tensor", SAME, change_input(0, quant=None)),
    ("clamp_fits_int32", clamping("RELU6", quant(1e-8), quant(2.0**-31 * 6)), unchanged),
    ("clamp_fits_int32", clamping("RELU_N1_TO_1", quant(1e-8), quant(2.0**-31)), unchanged),
    ("scale_ratio_fits", clamping("RELU", quant(2.0**22), quant(1.0)), unchanged),
)


@pytest.mark.parametrize(("rule", "model", "change"), BROKEN)
def test_rule_refuses(rule: str, model: bytes, change: Change) -> None:
    call = next(tflite.loads(model, "test").calls())
    assert broken_rule(change(call)) == rule


def test_rules_accept_at_the_limit() -> None:
    model = clamping("RELU", quant(2.0**22 * (1 - 2.0**-20)), quant(1.0))
    assert broken_rule(next(tflite.loads(model, "test").calls())) is None


def test_every_rule_is_tested() -> None:
    rules = {rule.__name__ for op in (RELU, RELU6, RELU_N1_TO_1) for rule in op.rules}
    assert {rule for rule, _, _ in BROKEN} == rules
