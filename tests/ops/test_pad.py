"""PAD: numpy equals both references, the kernel equals numpy, the rules hold the line."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from mcugen.importers import tflite
from mcugen.ir import DType
from mcugen.ops.pad import OP, PADV2, merged
from mcugen.testing.builder import one_op, quant
from mcugen.testing.check import (
    BOTH,
    LITERT_ONLY,
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

NHWC = (1, 5, 4, 3)


@dataclass(frozen=True)
class Pad:
    """`pads` are (before, after) of each axis."""

    shape: tuple[int, ...] = NHWC
    pads: tuple[tuple[int, int], ...] = ((0, 0), (1, 2), (2, 1), (0, 0))
    zero_point: int = -7
    index: str = "int32"
    value: int | None = None

    def model(self, dtype: str = "int8") -> bytes:
        padded = [n + sum(pad) for n, pad in zip(self.shape, self.pads, strict=True)]
        tensor = {"dtype": dtype, "quant": quant(0.1, self.zero_point)}
        paddings = {"shape": (len(self.pads), 2), "dtype": self.index, "data": self.pads}
        inputs = [{"shape": self.shape, **tensor}, paddings]
        if self.value is None:
            return one_op("PAD", inputs, {"shape": padded, **tensor})
        value = {"shape": (1,), "data": [self.value], **tensor}
        return one_op("PADV2", [*inputs, value], {"shape": padded, **tensor})


def grid() -> dict[str, Pad]:
    cases = {
        "rank1": Pad((5,), ((1, 2),)),
        "rank2": Pad((5, 3), ((0, 2), (1, 0))),
        "rank3": Pad((4, 5, 3), ((1, 0), (0, 0), (0, 2))),
        "rank5": Pad((1, 2, 3, 2, 2), ((0, 0), (1, 0), (0, 1), (2, 0), (0, 0))),
        "none": Pad(pads=((0, 0),) * 4),
        "channels": Pad(pads=((0, 0), (0, 0), (0, 0), (1, 4))),
        "batch": Pad((2, 3, 2, 2), ((1, 1), (0, 0), (0, 1), (0, 0))),
        "all": Pad(pads=((1, 2), (3, 4), (5, 6), (7, 8))),
        "top": Pad(pads=((0, 0), (3, 0), (0, 0), (0, 0))),
        "left": Pad(pads=((0, 0), (0, 0), (3, 0), (0, 0))),
        "one-element": Pad((1, 1, 1, 1), ((0, 0), (1, 1), (1, 1), (0, 0))),
    }
    cases |= {f"zero-point{zero_point}": Pad(zero_point=zero_point) for zero_point in ZERO_POINTS}
    cases |= {f"value{value}": Pad(value=value) for value in ZERO_POINTS}
    return cases


GRID = grid()


@pytest.mark.parametrize("name", GRID)
def test_numpy_equals_the_references(name: str) -> None:
    check_op(GRID[name].model(), against=BOTH)


def test_int64_paddings_equal_litert() -> None:
    check_op(Pad(index="int64").model(), against=LITERT_ONLY)


@pytest.mark.parametrize("value", [None, 3])
def test_float_equals_the_references(value: int | None) -> None:
    check_op(Pad(value=value).model("float32"))


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_kernels_equal_numpy(compiler: str) -> None:
    batch = KernelBatch()
    for name, pad in GRID.items():
        batch.add(name, run_op(pad.model()))
    batch.check(compiler)


def test_unpadded_axes_merge() -> None:
    call = next(tflite.loads(Pad().model(), "test").calls())
    assert merged(call) == [(1, 0, 0), (1, 0, 0), (5, 1, 2), (12, 6, 3)]


# ---- 16x8


@pytest.mark.parametrize("name", GRID)
def test_16x8_equals_the_references(name: str) -> None:
    check_op(widened(GRID[name].model()), against=BOTH)


def test_16x8_kernels_equal_numpy() -> None:
    batch = KernelBatch()
    for name, case in GRID.items():
        batch.add(name, run_op(widened(case.model())))
    batch.check()


# ---- rules

FIVE = Pad((1, 1, 1, 1, 1), ((1, 0), (1, 0), (1, 0), (1, 0), (1, 0)))

BROKEN: tuple[tuple[str, Pad, Change], ...] = (
    ("same_type_in_out", Pad(), change_input(0, dtype=DType.FLOAT32)),
    ("quantized_per_tensor", Pad(), change_input(0, quant=None)),
    ("same_quantization_in_out", Pad(), change_input(0, quant=quant(0.1, -8))),
    ("same_quantization_in_out", Pad(), change_input(0, quant=quant(0.2, -7))),
    ("paddings_are_known", Pad(), change_input(1, data=None)),
    ("paddings_are_known", Pad(), change_input(1, dtype=DType.UINT8)),
    ("paddings_are_known", Pad(), change_input(1, shape=(3, 2))),
    ("paddings_are_known", Pad(), change_input(1, shape=(4, 1))),
    ("paddings_are_positive", Pad(), change_input(1, data=np.full((4, 2), -1, np.int32))),
    ("axes_fit", FIVE, unchanged),
    ("value_is_known", Pad(value=3), change_input(2, data=None)),
    ("value_is_known", Pad(value=3), change_input(2, shape=(2,))),
    ("value_is_known", Pad(value=3), change_input(2, dtype=DType.UINT8)),
    ("value_is_known", Pad(value=3), change_input(2, quant=quant(0.2, -7))),
)

JUST_PASSING = (Pad(pads=((0, 0),) * 4), Pad((1,) * 5, ((0, 0), *FIVE.pads[1:])), Pad(value=3))


@pytest.mark.parametrize(("rule", "pad", "change"), BROKEN)
def test_rule_refuses(rule: str, pad: Pad, change: Change) -> None:
    call = next(tflite.loads(pad.model(), "test").calls())
    assert broken_rule(change(call)) == rule


@pytest.mark.parametrize("pad", JUST_PASSING)
def test_rules_accept_at_the_limit(pad: Pad) -> None:
    assert broken_rule(next(tflite.loads(pad.model(), "test").calls())) is None


def test_every_rule_is_tested() -> None:
    assert {rule for rule, _, _ in BROKEN} == {rule.__name__ for rule in (*OP.rules, *PADV2.rules)}
