"""Where the references round differently: numpy equals TFLite Micro, and LiteRT is known to differ.

Each case is one value. Float32 ratios of scales fall on the other side of a half than double ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from mcugen import reference
from mcugen.testing.builder import one_op, quant
from mcugen.testing.check import TFLM_ONLY, check_op
from mcugen.testing.fuzz import generate
from mcugen.testing.fuzz.catalog import TFLM
from mcugen.validation import ROUNDED_OTHERWISE


def model(
    operator: str,
    scales: Sequence[float],
    dtype: str = "int8",
    zeros: Sequence[int] = (0, 0, 0),
    options: Mapping[str, Any] | None = None,
) -> bytes:
    """An operator on single values; scales and zero points of its inputs and, last, its output."""
    *sources, target = (
        {"shape": (1,), "dtype": dtype, "quant": quant(scale, zero)}
        for scale, zero in zip(scales, zeros, strict=False)
    )
    return one_op(operator, sources, target, options)


# By operator: the model, its inputs, what TFLM gives and what LiteRT.
CASES: dict[str, tuple[bytes, tuple[int, ...], int, int]] = {
    "abs": (model("ABS", (1.051562786102295, 1.9680625200271606)), (-102,), 54, 55),
    "relu": (model("RELU", (0.6209496855735779, 0.054588984698057175)), (4,), 45, 46),
    "hard_swish": (
        model("HARD_SWISH", (0.10278899222612381, 0.05730065330862999), zeros=(-127, -105)),
        (-47,),
        38,
        39,
    ),
    "leaky_relu": (
        model("LEAKY_RELU", (0.04143854230642319, 0.06303327530622482), options={"alpha": 0.3}),
        (54,),
        36,
        35,
    ),
    "prelu": (
        model("PRELU", (0.9932597875595093, 0.01, 0.9029634594917297)),
        (5, 1),
        5,
        6,
    ),
    "mul": (
        model("MUL", (0.0025578606873750687, 0.004643680527806282, 0.08298417180776596), "int16"),
        (-1960, 28083),
        -7878,
        -7879,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_scales_are_divided_in_double(name: str) -> None:
    content, values, tflm, litert = CASES[name]
    case = check_op(content, _arrays(content, values), against=TFLM_ONLY)
    assert case.outputs[0].item() == tflm
    assert reference.litert(content).outputs(_arrays(content, values))[0].item() == litert


def _arrays(content: bytes, values: Sequence[int]) -> list[np.ndarray[Any, Any]]:
    dtype = np.int16 if CASES["mul"][0] is content else np.int8
    return [np.array([value], dtype) for value in values]


def ties(count: int) -> list[tuple[float, float]]:
    """Scales of which some integer times the first is half an odd number of the second, nearly."""
    rng = np.random.default_rng(4)
    found: list[tuple[float, float]] = []
    while len(found) < count:
        second = np.float32(2.0 ** rng.uniform(-8, 2))
        first = np.float32(second * (rng.integers(64) + 0.5) / rng.integers(1, 128))
        away = rng.choice(np.float32((0, first, np.inf)))
        pair = float(np.nextafter(first, away)), float(second)
        if 0.05 < pair[0] / pair[1] < 60:
            found.append(pair)
    return found


EVERY = np.arange(-128, 128).astype(np.int8)
OPERATORS: dict[str, dict[str, Any]] = {
    **{op: {} for op in ("ABS", "HARD_SWISH", "QUANTIZE", "RELU")},
    "LEAKY_RELU": {"alpha": 0.3},
    "ADD": {"fusedActivationFunction": 0},
    "MUL": {"fusedActivationFunction": 0},
    "SQUARED_DIFFERENCE": {},
    "SUB": {"fusedActivationFunction": 0},
}


@pytest.mark.parametrize("operator", OPERATORS)
def test_all_values_equal_tflm_where_ratios_of_scales_are_near_ties(operator: str) -> None:
    """A ratio or product of scales that is rounded to float32 would move some of the results."""
    pairs = hard_swish_ties(40) if operator == "HARD_SWISH" else ties(40)
    for first, second in pairs:
        inputs = [{"shape": (256,), "quant": quant(first)}]
        if operator in ("ADD", "MUL", "SQUARED_DIFFERENCE", "SUB"):
            inputs.append({"shape": (256,), "quant": quant(1.0 if operator == "MUL" else first)})
        target = {"shape": (256,), "quant": quant(second, 3)}
        values = [EVERY, np.full(256, 1, np.int8)][: len(inputs)]
        content = one_op(operator, inputs, target, OPERATORS[operator])
        check_op(content, values, against=TFLM_ONLY)


def hard_swish_ties(count: int) -> list[tuple[float, float]]:
    """Scales of which a 128th of the first is nearly half an odd number of 2**-15 of the second."""
    rng = np.random.default_rng(4)
    found = []
    for _ in range(count):
        first = np.float32(2.0 ** rng.uniform(-5, -1))
        ratio = (rng.integers(2**14, 2**15) + 0.5) * 2.0 ** (-15 - rng.integers(5, 8))
        found.append((float(first), float(np.float32(first / 128 / ratio))))
    return found


@pytest.mark.parametrize("op", sorted(ROUNDED_OTHERWISE))
def test_random_models_have_the_yardstick_where_litert_rounds_differently(op: str) -> None:
    cases = [generate.case(3, number, [op]) for number in range(8)]
    calls = [(case, call) for case in cases for call in case.graph.calls()]
    judges = {case.reference for case, call in calls if not call.input().dtype.is_float}
    assert judges == {TFLM}
