"""`mcugen.fixed` against its definition in exact arithmetic, its C twin and the reference."""

from __future__ import annotations

import subprocess
from fractions import Fraction
from math import floor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcugen import fixed, resources
from mcugen.fixed import INT32_MAX, INT32_MIN
from mcugen.testing.builder import ModelBuilder, quant
from mcugen.testing.check import check_op
from mcugen.testing.kernels import SANITIZERS, WARNINGS

int32s = st.integers(INT32_MIN, INT32_MAX)
mantissas = st.one_of(st.just(0), st.integers(2**30, INT32_MAX))
shifts = st.integers(-31, fixed.MAX_SHIFT)


def half_up(x: Fraction) -> int:
    return floor(x + Fraction(1, 2))


def half_away(x: Fraction) -> int:
    return half_up(x) if x >= 0 else -half_up(-x)


def scale_by_definition(x: int, multiplier: int, shift: int) -> int:
    shifted = (x * 2 ** max(shift, 0) - INT32_MIN) % 2**32 + INT32_MIN
    high = half_up(Fraction(shifted * multiplier, 2**31))
    return half_away(Fraction(high, 2 ** max(-shift, 0)))


@given(int32s, mantissas, shifts)
def test_scale_equals_its_definition(x: int, multiplier: int, shift: int) -> None:
    scaled = fixed.multiply_by_quantized_multiplier(x, multiplier, shift)
    assert scaled == scale_by_definition(x, multiplier, shift)


@given(int32s, int32s, mantissas, st.integers(-31, 0))
def test_scale_is_monotone(x: int, y: int, multiplier: int, shift: int) -> None:
    low, high = fixed.multiply_by_quantized_multiplier(sorted((x, y)), multiplier, shift)
    assert low <= high


@given(st.integers(-(2**47), 2**47 - 1), mantissas, st.integers(-31, 7))
def test_wide_scale_equals_its_definition(x: int, multiplier: int, shift: int) -> None:
    reduced = min((multiplier + 2**15) // 2**16, 0x7FFF)
    exact = half_up(Fraction(x * reduced) / Fraction(2) ** (15 - shift))
    wrapped = (exact - INT32_MIN) % 2**32 + INT32_MIN
    assert fixed.multiply_wide_by_quantized_multiplier(x, multiplier, shift) == wrapped


@given(int32s, int32s)
def test_high_mul_saturates_in_one_case_only(a: int, b: int) -> None:
    product = half_up(Fraction(a * b, 2**31))
    expected = INT32_MAX if a == b == INT32_MIN else product
    assert fixed.saturating_rounding_doubling_high_mul(a, b) == expected


def test_high_mul_of_the_most_negative_values_saturates() -> None:
    assert fixed.saturating_rounding_doubling_high_mul(INT32_MIN, INT32_MIN) == INT32_MAX


@given(int32s, st.integers(0, 31))
def test_rounding_divide_rounds_halves_away_from_zero(x: int, exponent: int) -> None:
    assert fixed.rounding_divide_by_pot(x, exponent) == half_away(Fraction(x, 2**exponent))


@given(st.floats(2.0**-31, 2.0**30, exclude_max=True))
def test_quantized_multiplier_is_within_half_a_unit(real: float) -> None:
    multiplier, shift = fixed.quantize_multiplier(real)
    if shift < fixed.MAX_SHIFT:  # the last values below 2**30 saturate
        assert 2**30 <= multiplier <= INT32_MAX
    error = abs(Fraction(real) - Fraction(multiplier) * Fraction(2) ** (shift - 31))
    assert error <= Fraction(2) ** (shift - 31)


@pytest.mark.parametrize(
    ("real", "expected"),
    [
        (4.0, (2**30, 3)),
        (1.0, (2**30, 1)),
        (0.5, (2**30, 0)),
        (0.25, (2**30, -1)),
        (0.125, (2**30, -2)),
        (np.nextafter(1.0, 0.0), (2**30, 1)),  # the mantissa rounds up to the next power of two
        (1.0 - 2.0**-31, (INT32_MAX, 0)),
        (2.0**-32, (2**30, -31)),
        (np.nextafter(2.0**-32, 0.0), (2**30, -31)),
        (2.0**-33, (0, 0)),
        (0.0, (0, 0)),
        (2.0**29, (2**30, 30)),
        (2.0**30, (INT32_MAX, 30)),
        (1e300, (INT32_MAX, 30)),
    ],
)
def test_quantize_multiplier_at_its_edges(real: float, expected: tuple[int, int]) -> None:
    assert fixed.quantize_multiplier(real) == expected


@given(st.floats(-1e9, 1e9))
def test_round_half_away(x: float) -> None:
    assert fixed.round_half_away(x) == half_away(Fraction(x))


def test_round_half_away_below_one_half() -> None:
    assert fixed.round_half_away(np.nextafter(0.5, 0.0)) == 0.0  # floor(x + 0.5) would give 1


def test_requantize_clamps_after_the_zero_point() -> None:
    acc = np.array([[-1000, -11, -10, 0, 7, 8, 1000]])
    out = fixed.requantize(acc, 2**30, 1, zero_point=5, low=-5, high=12)
    assert out.dtype == np.int8
    assert out.tolist() == [[-5, -5, -5, 5, 12, 12, 12]]


# ---- the C twin

EDGES = (0, 1, 2, 3, 2**15, 2**30 - 1, 2**30, 2**30 + 1, INT32_MAX - 1, INT32_MAX)

PROGRAM = """
#include <stdio.h>
#include "mcu_fixed.h"
int main(void) {
    int32_t v[3]; /* x, multiplier, shift */
    while (fread(v, sizeof v, 1, stdin) == 1) {
        const int32_t r[4] = {
            mcu_mul_high(v[0], v[1]),
            mcu_round_shift(v[0], v[2] < 0 ? -v[2] : v[2]),
            mcu_shift_left(v[0], v[2] < 0 ? -v[2] : v[2]),
            mcu_scale(v[0], v[1], v[2]),
        };
        (void)fwrite(r, sizeof r, 1, stdout);
    }
    return 0;
}
"""


def operands() -> np.ndarray:
    """Rows of (x, multiplier, shift): all combinations of the edges, then random ones."""
    xs = {sign * edge for edge in EDGES for sign in (1, -1)} | {INT32_MIN}
    ms = (0, 2**30, 2**30 + 1, INT32_MAX - 1, INT32_MAX)
    ss = range(-31, fixed.MAX_SHIFT + 1)
    edges = np.array([(x, m, s) for x in sorted(xs) for m in ms for s in ss])
    rng = np.random.default_rng(1)
    count = 50_000
    # A random width first, so that small values are as frequent as large ones.
    x = rng.integers(INT32_MIN, INT32_MAX, count, endpoint=True) >> rng.integers(0, 31, count)
    m = rng.integers(2**30, INT32_MAX, count, endpoint=True)
    s = rng.integers(-31, fixed.MAX_SHIFT, count, endpoint=True)
    return np.concatenate([edges, np.stack([x, m, s], axis=1)]).astype(np.int32)


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_c_equals_numpy(compiler: str, tmp_path: Path) -> None:
    source, binary = tmp_path / "fixed.c", tmp_path / "fixed"
    source.write_text(PROGRAM)
    include = f"-I{resources.runtime_c() / 'include'}"
    flags = ["-std=c99", "-O1", *WARNINGS, *SANITIZERS, include]
    subprocess.run([compiler, *flags, "-o", binary, source], check=True)
    rows = operands()
    done = subprocess.run([binary], input=rows.tobytes(), capture_output=True, check=True)
    x, m, s = rows.T
    expected = np.stack(
        [
            fixed.saturating_rounding_doubling_high_mul(x, m),
            fixed.rounding_divide_by_pot(x, np.abs(s)),
            fixed.wrap_int32(x.astype(np.int64) << np.abs(s)),
            fixed.multiply_by_quantized_multiplier(x, m, s),
        ],
        axis=1,
    )
    np.testing.assert_array_equal(np.frombuffer(done.stdout, np.int32).reshape(-1, 4), expected)


# ---- the reference

CHANNELS = 2000


@pytest.mark.parametrize("seed", [1, 2])
def test_requantization_equals_the_reference_at_its_thresholds(seed: int) -> None:
    """One convolution with a multiplier per channel; each bias lies at a step of the output."""
    rng = np.random.default_rng(seed)
    reals = 2.0 ** rng.uniform(-34, 9, CHANNELS)
    steps = rng.integers(-128, 128, CHANNELS) + 0.5
    acc = np.clip(np.round(steps / reals) + rng.integers(-1, 2, CHANNELS), INT32_MIN, INT32_MAX)
    # 1x1 pixel, weight 1, input at its zero point: the accumulator is the bias. The rule against
    # overflow allows for any input, so the outermost 256 are out of reach.
    bias = np.clip(acc, -INT32_MAX + 256, INT32_MAX - 256)
    builder = ModelBuilder()
    x = builder.tensor([1, 1, 1, 1], "int8", quant(1.0, 3))
    weights = np.ones((CHANNELS, 1, 1, 1))
    w = builder.tensor(weights.shape, "int8", quant(reals, axis=0), weights)
    b = builder.tensor([CHANNELS], "int32", quant(reals, axis=0), bias)
    y = builder.tensor([1, 1, 1, CHANNELS], "int8", quant(1.0, 0))
    builder.op("CONV_2D", [x, w, b], [y], {"padding": 1, "strideH": 1, "strideW": 1})
    case = check_op(builder.build([x], [y]), [np.full((1, 1, 1, 1), 3, np.int8)])
    assert len(np.unique(case.outputs[0])) > 200
