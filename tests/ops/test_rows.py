"""LOG_SOFTMAX and L2_NORMALIZATION: numpy equals both references, the kernels equal numpy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from mcugen.ir import DType, Quant
from mcugen.ops import OPS
from mcugen.ops.base import Activation, Array
from mcugen.ops.l2_normalization import MAX_DEPTH
from mcugen.ops.softmax import MAX_CLASSES
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
    change_output,
    check_op,
    run_op,
    unchanged,
)

LOGARITHM, FRACTION = quant(16 / 256, 127), quant(1 / 128, 0)


@dataclass(frozen=True)
class Rows:
    """Rows of different kinds, see `inputs`."""

    operator: str
    shape: tuple[int, ...] = (40, 12)
    scale: float = 0.1
    zero_point: int = 5

    def model(self, dtype: str = "int8") -> bytes:
        output: Quant = LOGARITHM if self.operator == "LOG_SOFTMAX" else FRACTION
        x = {"shape": self.shape, "dtype": dtype, "quant": quant(self.scale, self.zero_point)}
        return one_op(self.operator, [x], {**x, "quant": output})

    def inputs(self) -> list[Array]:
        """Rows over the whole range, at either end, of one value, of zeros, and all but zeros."""
        rng = np.random.default_rng(self.shape[-1])
        x = rng.integers(-128, 128, self.shape)
        rows = x.reshape(-1, self.shape[-1])
        rows[1::6] = rng.integers(100, 128, rows[1::6].shape)
        rows[2::6] = rng.integers(-128, -100, rows[2::6].shape)
        rows[3::6] = rng.integers(-128, 128, (len(rows[3::6]), 1))
        rows[4::6] = self.zero_point
        rows[5::6] = self.zero_point
        rows[5::6, 0] = rng.integers(-128, 128, len(rows[5::6]))
        return [x.astype(np.int8)]


def grid(operator: str) -> dict[str, Rows]:
    shapes = ((1,), (7,), (2, 3, 4), (2, 1, 3, 6), (40, 1), (40, 2), (40, 100), (3, 1000))
    cases = {f"{operator}{shape}": Rows(operator, shape) for shape in shapes}
    for point in ZERO_POINTS:
        cases[f"{operator}-zero-point{point}"] = Rows(operator, zero_point=point)
    return cases


SCALES = (2.0**-25.9, 1e-6, 0.003, 0.0625, 0.17, 0.5, 1.0, 3.9, 7.9, 15.9)
GRID = grid("LOG_SOFTMAX") | grid("L2_NORMALIZATION")
GRID |= {f"scale{scale:g}": Rows("LOG_SOFTMAX", scale=scale) for scale in SCALES}
GRID["classes"] = Rows("LOG_SOFTMAX", (4, MAX_CLASSES), 1e-6)
GRID["depth"] = Rows("L2_NORMALIZATION", (6, MAX_DEPTH), zero_point=127)


@pytest.mark.parametrize("name", GRID)
def test_numpy_equals_the_references(name: str) -> None:
    check_op(GRID[name].model(), GRID[name].inputs())


def distances() -> Array:
    """Every pair of the largest value and another one: [65536, 2] less the rows out of order."""
    low, high = np.meshgrid(np.arange(-128, 128), np.arange(-128, 128))
    return np.stack([low, high], axis=-1).reshape(-1, 2).astype(np.int8)


ALL_PAIRS = (
    *(Rows("LOG_SOFTMAX", (65536, 2), scale) for scale in (0.004, 0.05, 0.3)),
    Rows("L2_NORMALIZATION", (65536, 2), zero_point=-3),
)


@pytest.mark.parametrize("case", ALL_PAIRS)
def test_all_pairs(case: Rows) -> None:
    check_op(case.model(), [distances()])


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_kernels_equal_numpy(compiler: str) -> None:
    batch = KernelBatch()
    for name, case in GRID.items():
        batch.add(name, run_op(case.model(), case.inputs()))
    for case in ALL_PAIRS[1:]:
        batch.add(f"{case.operator} pairs", run_op(case.model(), [distances()]))
    batch.check(compiler)


@pytest.mark.parametrize("operator", ["LOG_SOFTMAX", "L2_NORMALIZATION"])
def test_float_is_close_to_the_reference(operator: str) -> None:
    model = Rows(operator).model("float32")
    case = run_op(model)
    expected = tflm(model).outputs([case.values[0]])
    np.testing.assert_allclose(case.outputs[0], expected[0], rtol=1e-5, atol=1e-6)


def test_a_row_of_zeros_has_no_length() -> None:
    model = Rows("L2_NORMALIZATION").model("float32")
    zeros = np.zeros((40, 12), np.float32)
    check_op(model, [zeros])


# ---- rules

LOG, L2 = Rows("LOG_SOFTMAX"), Rows("L2_NORMALIZATION")

BROKEN: tuple[tuple[str, Rows, Change], ...] = (
    ("same_type_in_out", LOG, change_input(0, dtype=DType.UINT8)),
    ("same_type_in_out", L2, change_input(0, dtype=DType.FLOAT32)),
    ("quantized_per_tensor", LOG, change_input(0, quant=None)),
    ("quantized_per_tensor", L2, change_input(0, quant=None)),
    ("classes_fit", LOG, change_input(0, shape=())),
    ("classes_fit", Rows("LOG_SOFTMAX", (1, MAX_CLASSES + 1)), unchanged),
    ("output_is_a_logarithm", LOG, change_output(quant=quant(16 / 256, 126))),
    ("output_is_a_logarithm", LOG, change_output(quant=quant(16 / 255, 127))),
    ("scale_is_representable", Rows("LOG_SOFTMAX", scale=2.0**-26), unchanged),
    ("scale_is_representable", Rows("LOG_SOFTMAX", scale=16.0), unchanged),
    ("activation_is_none", L2, change_attrs(activation=Activation.RELU)),
    ("depth_fits", L2, change_input(0, shape=())),
    ("depth_fits", Rows("L2_NORMALIZATION", (1, MAX_DEPTH + 1)), unchanged),
    ("output_is_signed_fraction", L2, change_output(quant=quant(1 / 128, 1))),
    ("output_is_signed_fraction", L2, change_output(quant=quant(1 / 127))),
)

JUST_PASSING = (
    *(LOG, L2),
    Rows("LOG_SOFTMAX", (1, MAX_CLASSES)),
    Rows("LOG_SOFTMAX", (1, 1)),
    Rows("LOG_SOFTMAX", scale=2.0**-26 * (1 + 2.0**-20)),
    Rows("LOG_SOFTMAX", scale=16.0 * (1 - 2.0**-20)),
    Rows("L2_NORMALIZATION", (1, MAX_DEPTH)),
    Rows("L2_NORMALIZATION", (1, 1)),
)


@pytest.mark.parametrize(("rule", "case", "change"), BROKEN)
def test_rule_refuses(rule: str, case: Rows, change: Change) -> None:
    assert broken_rule(change(call_of(case.model()))) == rule


@pytest.mark.parametrize("case", JUST_PASSING)
def test_rules_accept_at_the_limit(case: Rows) -> None:
    assert broken_rule(call_of(case.model())) is None


def test_every_rule_is_tested() -> None:
    operators = (OPS["log_softmax"], OPS["l2_normalization"])
    assert {rule for rule, _, _ in BROKEN} == {r.__name__ for op in operators for r in op.rules}
