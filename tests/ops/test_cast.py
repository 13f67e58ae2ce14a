"""CAST: numpy equals the references, the kernel equals numpy, the rule holds."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from mcugen.importers import tflite
from mcugen.ir import DType
from mcugen.ops.base import Array
from mcugen.ops.cast import INTEGERS, NUMBERS, OP
from mcugen.testing.builder import one_op
from mcugen.testing.check import (
    LITERT_ONLY,
    KernelBatch,
    OpCase,
    broken_rule,
    call_of,
    change_input,
    check_op,
    run_op,
)

EDGES = [-(2**31), -32769, -300, -129, -128, -1, 0, 1, 127, 128, 255, 256, 32768, 2**31 - 128]


def casting(source: DType, target: DType, elements: int) -> bytes:
    x, y = ({"shape": (elements,), "dtype": dtype.value} for dtype in (source, target))
    return one_op("CAST", [x], y)


def integers(source: DType) -> Array:
    """Values at the ends of all types that the source holds."""
    if source is DType.BOOL:
        return np.array([False, True])
    limits = np.iinfo(source.numpy)
    return np.array([v for v in EDGES if limits.min <= v <= limits.max], source.numpy)


def floats(target: DType) -> Array:
    """Halves and quarters of both signs within the range of the target."""
    if target in (DType.BOOL, DType.FLOAT32):
        return np.array([-2.5, -0.25, -0.0, 0.0, 1e-30, 0.5, 7.75], np.float32)
    limits = np.iinfo(target.numpy)
    wide = np.array([-40000.5, -128.75, -1.5, -0.5, 0, 0.5, 1.5, 127.75, 255.5, 40000.5])
    return wide[(wide > limits.min - 1) & (wide < limits.max + 1)].astype(np.float32)


@pytest.mark.parametrize("target", NUMBERS)
def test_numpy_equals_the_reference(target: DType) -> None:
    for source in NUMBERS:
        x = floats(target) if source is DType.FLOAT32 else integers(source)
        check_op(casting(source, target, len(x)), [x], against=LITERT_ONLY)


def test_floats_beyond_the_range_saturate() -> None:
    x = np.array([-1e30, -np.inf, -129, 128, np.inf, np.nan], np.float32)
    call = call_of(casting(DType.FLOAT32, DType.INT8, len(x)))
    assert OP.run(call, [x])[0].tolist() == [-128, -128, -128, 127, 127, 0]


BEYOND = np.array(
    [-np.inf, -3e9, -32769.5, -129, -0.99, 0.99, 256, 3e9, np.inf, np.nan], np.float32
)


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_kernels_equal_numpy(compiler: str) -> None:
    batch = KernelBatch()
    for source, target in itertools.product((*INTEGERS, DType.FLOAT32), repeat=2):
        x = floats(target) if source is DType.FLOAT32 else integers(source)
        if source in (DType.INT8, DType.UINT8):
            x = np.arange(256).astype(np.uint8).view(source.numpy)
        if source is not target or source is not DType.FLOAT32:
            batch.add(f"{source} to {target}", run_op(casting(source, target, len(x)), [x]))
    for target in INTEGERS[1:]:  # numpy runs no model on infinities
        graph = tflite.loads(casting(DType.FLOAT32, target, len(BEYOND)), "test")
        (call,) = graph.calls()
        values = {graph.inputs[0]: BEYOND, graph.outputs[0]: OP.run(call, [BEYOND])[0]}
        batch.add(f"beyond {target}", OpCase(graph, values))
    batch.check(compiler)


def test_rule_refuses_other_types() -> None:
    call = call_of(casting(DType.INT8, DType.FLOAT32, 4))
    assert broken_rule(call) is None
    assert broken_rule(change_input(0, dtype=DType.FLOAT16)(call)) == "types_are_numbers"
