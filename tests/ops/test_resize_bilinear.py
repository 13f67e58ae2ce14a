"""Resized images: numpy equals the references, C equals numpy, the rules hold the line."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from mcugen.importers import tflite
from mcugen.ir import Call, DType
from mcugen.ops.resize_bilinear import BILINEAR, MAX_SIZE, NEAREST, interpolation
from mcugen.testing.builder import one_op, quant
from mcugen.testing.check import (
    BOTH,
    Change,
    KernelBatch,
    broken_rule,
    change_attrs,
    change_input,
    change_output,
    check_op,
    run_op,
)


@dataclass(frozen=True)
class Resize:
    """`mode` is none, or the one option that is set."""

    operator: str = "RESIZE_BILINEAR"
    size: tuple[int, int] = (7, 9)
    out: tuple[int, int] = (13, 5)
    mode: str = ""
    channels: int = 3
    batch: int = 1

    def model(self, dtype: str = "int8") -> bytes:
        tensor = {"dtype": dtype, "quant": quant(0.1, -7) if dtype == "int8" else None}
        size = {"shape": (2,), "dtype": "int32", "data": self.out}
        return one_op(
            self.operator,
            [{"shape": (self.batch, *self.size, self.channels), **tensor}, size],
            {"shape": (self.batch, *self.out, self.channels), **tensor},
            {self.mode: True} if self.mode else {},
        )


SIZES = (
    *((1, 1), (1, 2), (2, 1), (2, 2), (2, 4), (3, 7), (5, 5), (7, 3), (8, 4), (9, 10), (16, 5)),
    *((3, 96), (31, 97)),
)


def grid() -> dict[str, Resize]:
    """Along rows and columns: equal, enlarged, reduced, by whole and by odd factors, from 1."""
    cases: dict[str, Resize] = {}
    for operator in ("RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR"):
        for mode in ("", "alignCorners", "halfPixelCenters"):
            for (h, out_h), (w, out_w) in zip(SIZES, (*SIZES[4:], *SIZES[:4]), strict=True):
                name = f"{operator}-{mode}-{h}x{w}-{out_h}x{out_w}"
                cases[name] = Resize(operator, (h, w), (out_h, out_w), mode)
        cases[f"{operator}-batch"] = Resize(operator, batch=3, channels=1)
    return cases


GRID = grid()


@pytest.mark.parametrize("name", GRID)
def test_numpy_equals_the_references(name: str) -> None:
    check_op(GRID[name].model(), against=BOTH)


@pytest.mark.parametrize("name", [name for name in GRID if "NEAREST" in name])
def test_float_neighbours_equal_the_references(name: str) -> None:
    check_op(GRID[name].model("float32"), against=BOTH)


@pytest.mark.parametrize("name", [name for name in GRID if "NEAREST" not in name])
def test_float_bilinear_equals_the_references(name: str) -> None:
    check_op(GRID[name].model("float32"), against=BOTH)


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_kernels_equal_numpy(compiler: str) -> None:
    batch = KernelBatch()
    for name, case in GRID.items():
        batch.add(name, run_op(case.model()))
        batch.add(f"{name} float", run_op(case.model("float32")))
    batch.check(compiler)


@pytest.mark.parametrize("value", [-128, -1, 1, 127])
def test_a_plain_image_stays_plain(value: int) -> None:
    for mode in ("", "alignCorners", "halfPixelCenters"):
        x = np.full((1, 7, 9, 3), value, np.int8)
        assert set(run_op(Resize(mode=mode).model(), [x]).outputs[0].flat) == {value}


# ---- rules


def call_of(case: Resize) -> Call:
    return next(tflite.loads(case.model(), "test").calls())


def sized(*size: int) -> Change:
    return change_input(1, data=np.array(size, np.int32), shape=(len(size),))


def enlarged_until_it_leaves(size: int) -> int:
    attrs = call_of(Resize()).attrs
    return next(n for n in range(size, MAX_SIZE) if interpolation(size, n, attrs)[-1, 0] >= size)


LEAVES = enlarged_until_it_leaves(7)

BROKEN: tuple[tuple[str, Resize, Change], ...] = (
    ("same_type", Resize(), change_output(dtype=DType.FLOAT32)),
    ("same_quantization_in_out", Resize(), change_output(quant=quant(0.2, -7))),
    ("input_is_4d", Resize(), change_input(0, shape=(7, 9, 3))),
    ("size_known", Resize(), change_input(1, data=None)),
    ("size_fits", Resize(), sized(3)),
    ("size_fits", Resize(), sized(0, 3)),
    ("size_fits", Resize(), sized(3, MAX_SIZE + 1)),
    (
        "quantized_per_tensor",
        Resize(),
        lambda c: change_output(quant=None)(change_input(0, quant=None)(c)),
    ),
    (
        "same_type_in_out",
        Resize(),
        lambda c: change_output(dtype=DType.INT16)(change_input(0, dtype=DType.INT16)(c)),
    ),
    ("modes_exclude", Resize(), change_attrs(align_corners=True, half_pixel_centers=True)),
    ("positions_fit", Resize(), sized(LEAVES, 5)),
)

JUST_PASSING: tuple[tuple[Resize, Change], ...] = (
    (Resize(), sized(1, 1)),
    (Resize(), sized(LEAVES - 1, 5)),
    (Resize("RESIZE_NEAREST_NEIGHBOR"), sized(MAX_SIZE, 5)),
    (Resize(), change_attrs(align_corners=True)),
)


@pytest.mark.parametrize(("rule", "case", "change"), BROKEN)
def test_rule_refuses(rule: str, case: Resize, change: Change) -> None:
    assert broken_rule(change(call_of(case))) == rule


@pytest.mark.parametrize(("case", "change"), JUST_PASSING)
def test_rules_accept_at_the_limit(case: Resize, change: Change) -> None:
    assert broken_rule(change(call_of(case))) is None


def test_every_rule_is_tested() -> None:
    names = {rule.__name__ for rule in (*NEAREST.rules, *BILINEAR.rules)}
    assert {rule for rule, _, _ in BROKEN} == names
