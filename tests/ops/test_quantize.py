"""QUANTIZE and DEQUANTIZE: numpy equals the references, the kernel numpy; the rules hold."""

from __future__ import annotations

import numpy as np
import pytest

from mcugen.importers import tflite
from mcugen.ir import Call, DType, Quant
from mcugen.ops import dequantize, quantize
from mcugen.ops.base import Array
from mcugen.testing.builder import one_op, quant
from mcugen.testing.check import (
    LITERT_ONLY,
    MULTIPLIERS,
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

BYTES = np.arange(-128, 128).astype(np.int8)


def requantizing(
    source: Quant, target: Quant, source_type: str = "int8", target_type: str = "int8"
) -> bytes:
    """A QUANTIZE of every value of a byte."""
    x = {"shape": (256,), "quant": source, "dtype": source_type}
    y = {"shape": (256,), "quant": target, "dtype": target_type}
    return one_op("QUANTIZE", [x], y)


def grid() -> dict[str, bytes]:
    cases = {}
    for multiplier in MULTIPLIERS:
        for zero_points in ((0, 0), (-128, 127), (127, -128), (-3, 40)):
            source, target = quant(multiplier, zero_points[0]), quant(1.0, zero_points[1])
            cases[f"ratio{multiplier:g}-{zero_points}"] = requantizing(source, target)
    for zero_point in ZERO_POINTS:
        cases[f"from{zero_point}"] = requantizing(quant(0.7, zero_point), quant(0.5, 3))
        cases[f"to{zero_point}"] = requantizing(quant(0.7, 3), quant(0.5, zero_point))
    # What converters put at the edges of a model with uint8 inputs and outputs, and other scales.
    for scale in (1 / 256, 0.7, 0.004, 3.0):
        wide, narrow = quant(scale, 128), quant(1 / 256, 0)
        cases[f"from-uint8-{scale:g}"] = requantizing(wide, narrow, "uint8")
        cases[f"to-uint8-{scale:g}"] = requantizing(narrow, wide, target_type="uint8")
    return cases


def values_of(name: str) -> list[Array]:
    """Every value of the input's type."""
    return [BYTES.view(np.uint8) if name.startswith("from-uint8") else BYTES]


GRID = grid()


@pytest.mark.parametrize("name", GRID)
def test_numpy_equals_the_references(name: str) -> None:
    check_op(GRID[name], values_of(name))


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_kernels_equal_numpy(compiler: str) -> None:
    batch = KernelBatch()
    for name, model in GRID.items():
        batch.add(name, run_op(model, values_of(name)))
    batch.check(compiler)


@pytest.mark.parametrize("zero_point", [-128, 0, 7, 127])
@pytest.mark.parametrize("scale", [0.1, 1 / 3, 0.00392157, 2.0**-10, 40.0])
def test_float_to_int8_equals_the_references(scale: float, zero_point: int) -> None:
    steps = np.arange(-300, 300, 0.25)  # halves among them
    x = np.concatenate([steps * np.float32(scale), [1e5, -1e5, 0.0, -0.0]]).astype(np.float32)
    source = {"shape": x.shape, "dtype": "float32"}
    target = {"shape": x.shape, "quant": quant(scale, zero_point)}
    check_op(one_op("QUANTIZE", [source], target), [x])


def test_large_floats_saturate() -> None:
    source, target = {"shape": (2,), "dtype": "float32"}, {"shape": (2,), "quant": quant(1.0)}
    case = run_op(one_op("QUANTIZE", [source], target), [np.array([1e30, -1e30], np.float32)])
    assert case.outputs[0].tolist() == [127, -128]


# ---- dequantize


def dequantizing(dtype: str, source: Quant | None, shape: tuple[int, ...] = (256,)) -> bytes:
    x = {"shape": shape, "dtype": dtype, "quant": source}
    return one_op("DEQUANTIZE", [x], {"shape": shape, "dtype": "float32"})


@pytest.mark.parametrize("zero_point", ZERO_POINTS)
@pytest.mark.parametrize("scale", [0.1, 1 / 3, 1e-30, 1e30])
def test_int8_to_float_equals_the_references(scale: float, zero_point: int) -> None:
    check_op(dequantizing("int8", quant(scale, zero_point)), [BYTES])


@pytest.mark.parametrize(("dtype", "zero_point"), [("uint8", 0), ("uint8", 200), ("int16", 0)])
def test_other_integers_to_float_equal_the_references(dtype: str, zero_point: int) -> None:
    check_op(dequantizing(dtype, quant(0.3, zero_point), (5, 40)))


def test_float16_to_float_equals_litert() -> None:
    check_op(dequantizing("float16", None), against=LITERT_ONLY)


def test_channels_to_float_equal_litert() -> None:
    source = quant([0.1, 2.0, 3e-5], axis=1)
    check_op(dequantizing("int8", source, (4, 3, 2)), against=LITERT_ONLY)


# ---- rules


def call_of(model: bytes) -> Call:
    return next(tflite.loads(model, "test").calls())


SAME = requantizing(quant(1.0), quant(1.0))
FROM_INT8 = dequantizing("int8", quant(1.0))
BYTE = {"shape": (2,), "quant": quant(1.0)}
TO_UINT8 = one_op("QUANTIZE", [BYTE], {**BYTE, "dtype": "uint8"})
TO_INT32 = one_op("DEQUANTIZE", [BYTE], {**BYTE, "dtype": "int32"})

BROKEN: tuple[tuple[str, bytes, Change], ...] = (
    ("types_are_quantizable", SAME, change_input(0, dtype=DType.INT32)),
    ("types_are_quantizable", TO_UINT8, change_input(0, dtype=DType.FLOAT32, quant=None)),
    ("types_are_quantizable", TO_UINT8, change_input(0, dtype=DType.INT16)),
    ("types_are_quantizable", TO_UINT8, change_input(0, dtype=DType.UINT8)),
    ("types_are_quantizable", SAME, change_input(0, dtype=DType.BOOL)),
    ("quantized_per_tensor", SAME, change_input(0, quant=None)),
    ("quantized_per_tensor", SAME, change_input(0, quant=quant([1.0, 2.0], axis=0))),
    ("uint8_has_one_scale", SAME, change_input(0, dtype=DType.UINT8, quant=None)),
    ("uint8_has_one_scale", TO_UINT8, change_output(quant=quant([1.0, 2.0], axis=0))),
    ("scale_ratio_fits", requantizing(quant(2.0**22), quant(1.0)), unchanged),
    ("output_is_float32", FROM_INT8, change_input(0, quant=None)),
    ("output_is_float32", FROM_INT8, change_input(0, dtype=DType.INT64)),
    ("output_is_float32", TO_INT32, unchanged),
)

JUST_PASSING: tuple[tuple[bytes, Change], ...] = (
    (TO_UINT8, unchanged),
    (SAME, change_input(0, dtype=DType.UINT8)),
    (SAME, change_input(0, dtype=DType.FLOAT32, quant=None)),
    (requantizing(quant(2.0**22 * (1 - 2.0**-20)), quant(1.0)), unchanged),
    (FROM_INT8, change_input(0, dtype=DType.FLOAT16, quant=None)),
)


@pytest.mark.parametrize(("rule", "model", "change"), BROKEN)
def test_rule_refuses(rule: str, model: bytes, change: Change) -> None:
    assert broken_rule(change(call_of(model))) == rule


@pytest.mark.parametrize(("model", "change"), JUST_PASSING)
def test_rules_accept_at_the_limit(model: bytes, change: Change) -> None:
    assert broken_rule(change(call_of(model))) is None


def test_every_rule_is_tested() -> None:
    rules = (*quantize.OP.rules, *dequantize.OP.rules)
    assert {rule for rule, _, _ in BROKEN} == {rule.__name__ for rule in rules}
