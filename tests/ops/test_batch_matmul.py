"""BATCH_MATMUL: numpy equals the references, C equals numpy, the rules hold the line."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from mcugen.importers import tflite
from mcugen.ir import Call, DType
from mcugen.ops.batch_matmul import MAX_DEPTH, OP
from mcugen.reference import tflm
from mcugen.testing.builder import one_op, quant
from mcugen.testing.check import (
    BOTH,
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

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Matmul:
    """`batches` are the batch axes of x and y, `size` rows, depth and columns."""

    batches: tuple[Shape, Shape] = ((2,), (2,))
    size: tuple[int, int, int] = (3, 7, 5)
    adj_x: bool = False
    adj_y: bool = False
    zero_points: tuple[int, int, int] = (-7, 3, 11)
    multiplier: float = 0.002
    constant: bool = False
    dtype: str = "int8"

    def model(self) -> bytes:
        rows, depth, cols = self.size
        x = (*self.batches[0], *((depth, rows) if self.adj_x else (rows, depth)))
        y = (*self.batches[1], *((cols, depth) if self.adj_y else (depth, cols)))
        out = (*np.broadcast_shapes(*self.batches), rows, cols)
        scales = (self.multiplier, 1.0, 1.0)
        quants = [
            quant(scale, zero_point) if self.dtype == "int8" else None
            for scale, zero_point in zip(scales, self.zero_points, strict=True)
        ]
        values = np.random.default_rng(4).integers(-128, 128, y) if self.constant else None
        return one_op(
            "BATCH_MATMUL",
            [
                {"shape": x, "dtype": self.dtype, "quant": quants[0]},
                {"shape": y, "dtype": self.dtype, "quant": quants[1], "data": values},
            ],
            {"shape": out, "dtype": self.dtype, "quant": quants[2]},
            {"adjX": self.adj_x, "adjY": self.adj_y},
        )


def grid() -> dict[str, Matmul]:
    cases: dict[str, Matmul] = {}
    for batches in (((), ()), ((2,), (2,)), ((3, 2), (3, 2)), ((2, 1, 3), (2, 1, 3))):
        for adj_x in (False, True):
            for adj_y in (False, True):
                cases[f"{batches[0]}-{adj_x}-{adj_y}"] = Matmul(batches, adj_x=adj_x, adj_y=adj_y)
    cases |= {
        "y-once": Matmul(((3,), (1,))),
        "x-once": Matmul(((1,), (3,))),
        "both-broadcast": Matmul(((2, 1), (1, 3))),
        "y-lower-rank": Matmul(((3,), ())),
        "one-by-one": Matmul(size=(1, 1, 1)),
        "row": Matmul(size=(1, 9, 4)),
        "column": Matmul(size=(4, 9, 1)),
        "deep": Matmul(size=(2, 300, 3), multiplier=0.0003),
        "constant": Matmul(constant=True),
        "constant-transposed": Matmul(constant=True, adj_y=True),
    }
    for z in ZERO_POINTS:
        for i in range(3):
            zero_points = tuple(z if k == i else v for k, v in enumerate((-7, 3, 11)))
            cases[f"zero-points{zero_points}"] = Matmul(zero_points=zero_points)
    cases |= {f"multiplier{m:g}": Matmul(multiplier=m) for m in MULTIPLIERS}
    return cases


GRID = grid()


@pytest.mark.parametrize("name", GRID)
def test_numpy_equals_the_references(name: str) -> None:
    check_op(GRID[name].model(), against=BOTH)


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_kernels_equal_numpy(compiler: str) -> None:
    batch = KernelBatch()
    for name, case in GRID.items():
        batch.add(name, run_op(case.model()))
    batch.check(compiler)


@pytest.mark.parametrize("adj", [False, True])
def test_float_is_close_to_the_reference(adj: bool) -> None:
    model = Matmul(dtype="float32", adj_x=adj, adj_y=not adj).model()
    ours = run_op(model)
    expected = tflm(model).outputs([ours.values[0], ours.values[1]])
    np.testing.assert_allclose(ours.outputs[0], expected[0], rtol=1e-5, atol=1e-4)


# ---- rules


def call_of(case: Matmul) -> Call:
    return next(tflite.loads(case.model(), "test").calls())


def shaped(x: Shape, y: Shape) -> Change:
    return lambda call: change_input(1, shape=y)(change_input(0, shape=x)(call))


BROKEN: tuple[tuple[str, Matmul, Change], ...] = (
    ("types_are_equal", Matmul(), change_output(dtype=DType.INT16)),
    ("quantized_per_tensor", Matmul(), change_input(1, quant=None)),
    ("ranks_fit", Matmul(), shaped((3,), (3, 2))),
    ("ranks_fit", Matmul(), shaped((1, 1, 1, 1, 2, 2), (2, 2))),
    ("shapes_match", Matmul(), shaped((2, 3, 4), (2, 5, 3))),
    ("shapes_match", Matmul(), shaped((2, 3, 4), (3, 4, 3))),
    ("depth_fits_int32", Matmul(), shaped((1, MAX_DEPTH + 1), (MAX_DEPTH + 1, 1))),
    ("multiplier_is_defined", Matmul(), change_input(0, quant=quant(2.0**60))),
)

JUST_PASSING: tuple[tuple[Matmul, Change], ...] = (
    (Matmul(), shaped((1, MAX_DEPTH), (MAX_DEPTH, 1))),
    (Matmul(), shaped((1, 1, 1, 2, 2), (2, 2))),
    (replace(Matmul(), adj_x=True, adj_y=True), unchanged),
)


@pytest.mark.parametrize(("rule", "case", "change"), BROKEN)
def test_rule_refuses(rule: str, case: Matmul, change: Change) -> None:
    assert broken_rule(change(call_of(case))) == rule


@pytest.mark.parametrize(("case", "change"), JUST_PASSING)
def test_rules_accept_at_the_limit(case: Matmul, change: Change) -> None:
    assert broken_rule(change(call_of(case))) is None


def test_every_rule_is_tested() -> None:
    assert {rule for rule, _, _ in BROKEN} == {rule.__name__ for rule in OP.rules}
