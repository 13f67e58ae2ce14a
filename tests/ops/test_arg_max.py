"""ARG_MAX and ARG_MIN: numpy equals both references, the kernel equals numpy, the rules hold."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from mcugen.ir import DType
from mcugen.ops.arg_max import ARG_MAX, ARG_MIN
from mcugen.testing.builder import one_op, quant
from mcugen.testing.check import (
    LITERT_ONLY,
    Change,
    KernelBatch,
    broken_rule,
    call_of,
    change_input,
    change_output,
    check_op,
    run_op,
    unchanged,
)

CODES = {"int32": 2, "int64": 4}  # TFLite's
OPERATORS = ("ARG_MAX", "ARG_MIN")


@dataclass(frozen=True)
class Arg:
    """An index along an axis; few different values, so that equal ones occur."""

    operator: str = "ARG_MAX"
    shape: tuple[int, ...] = (2, 3, 4)
    axis: int = -1
    index: str = "int32"

    def model(self, dtype: str = "int8") -> bytes:
        x = {"shape": self.shape, "dtype": dtype, "quant": quant(0.1, 5)}
        axis = {"shape": (1,), "dtype": "int32", "data": [self.axis]}
        shape = np.zeros(self.shape).argmax(axis=self.axis).shape
        output = {"shape": shape, "dtype": self.index}
        return one_op(self.operator, [x, axis], output, {"outputType": CODES[self.index]})

    def inputs(self, dtype: str = "int8") -> list[np.ndarray]:
        few = np.array([-128, -127, -1, 0, 126, 127])
        rng = np.random.default_rng(sum(self.shape))
        return [rng.choice(few, self.shape).astype(dtype)]


def grid() -> list[Arg]:
    shapes = ((1,), (9,), (1, 10), (5, 7), (2, 3, 4), (2, 3, 4, 5), (1, 300))
    return [
        Arg(operator, shape, axis)
        for operator in OPERATORS
        for shape in shapes
        for axis in range(-len(shape), len(shape))
    ]


def test_numpy_equals_the_references() -> None:
    for case in grid():
        check_op(case.model(), case.inputs())


@pytest.mark.parametrize("operator", OPERATORS)
def test_float_equals_the_references(operator: str) -> None:
    case = Arg(operator, (4, 50), 0)
    check_op(case.model("float32"), case.inputs("float32"))


@pytest.mark.parametrize("dtype", ["int8", "float32"])
@pytest.mark.parametrize("operator", OPERATORS)
def test_int64_equals_litert(operator: str, dtype: str) -> None:
    case = Arg(operator, index="int64")
    check_op(case.model(dtype), case.inputs(dtype), against=LITERT_ONLY)


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_kernel_equals_numpy(compiler: str) -> None:
    batch = KernelBatch()
    for case in grid():
        for dtype in ("int8", "float32"):
            batch.add(f"{case} {dtype}", run_op(case.model(dtype), case.inputs(dtype)))
    for operator in OPERATORS:
        wide = Arg(operator, index="int64")
        batch.add(f"{wide}", run_op(wide.model(), wide.inputs()))
    batch.check(compiler)


# ---- rules

PLAIN = Arg()

BROKEN: tuple[tuple[str, Arg, Change], ...] = (
    ("types_are_indexed", PLAIN, change_input(0, dtype=DType.UINT8)),
    ("types_are_indexed", PLAIN, change_output(dtype=DType.INT16)),
    ("quantized_per_tensor", PLAIN, change_input(0, quant=None)),
    ("axis_is_known", PLAIN, change_input(1, data=None)),
    ("axis_is_known", PLAIN, change_input(1, dtype=DType.FLOAT32)),
    ("axis_is_known", PLAIN, change_input(1, shape=(2,))),
    ("axis_is_known", PLAIN, change_input(0, shape=())),
    ("axis_is_known", replace(PLAIN, axis=2), change_input(0, shape=(6, 4))),
    ("axis_is_known", replace(PLAIN, axis=-3), change_input(0, shape=(6, 4))),
)

JUST_PASSING: tuple[tuple[Arg, Change], ...] = (
    (PLAIN, unchanged),
    (PLAIN, change_input(1, shape=())),
    (PLAIN, change_input(1, dtype=DType.INT64)),
    (replace(PLAIN, axis=2), unchanged),
    (replace(PLAIN, axis=-3), unchanged),
)


@pytest.mark.parametrize(("rule", "case", "change"), BROKEN)
def test_rule_refuses(rule: str, case: Arg, change: Change) -> None:
    assert broken_rule(change(call_of(case.model()))) == rule


@pytest.mark.parametrize(("case", "change"), JUST_PASSING)
def test_rules_accept_at_the_limit(case: Arg, change: Change) -> None:
    assert broken_rule(change(call_of(case.model()))) is None


def test_every_rule_is_tested() -> None:
    assert ARG_MAX.rules == ARG_MIN.rules
    assert {rule for rule, _, _ in BROKEN} == {rule.__name__ for rule in ARG_MAX.rules}
