"""Calibration statistics and the five ways to choose a range."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcugen.quantizer.ranges import (
    INT8,
    INT8_SYMMETRIC,
    INT16,
    Grid,
    Method,
    choose_range,
    quant_for,
    quantization_noise,
)
from mcugen.quantizer.statistics import BINS, Statistics


def statistics(*batches: np.ndarray) -> Statistics:
    stats = Statistics()
    for batch in batches:
        stats.update(np.asarray(batch, np.float32))
    return stats


def test_widening_forgets_nothing() -> None:
    rng = np.random.default_rng(1)
    batches = [rng.normal(0, 3.0**k, 1000) for k in range(5)]
    stats = statistics(*batches)
    everything = np.concatenate(batches)
    assert stats.counts.sum() == everything.size
    assert (stats.low, stats.high) == (
        np.float32(everything.min()),
        np.float32(everything.max()),
    )
    values, weights = stats.distribution()
    assert weights.sum() == pytest.approx(1.0)
    assert values @ weights == pytest.approx(everything.mean(), abs=2 * stats.limit / BINS)


def test_zeros_before_the_first_value_stay_zeros() -> None:
    stats = statistics(np.zeros(10), np.full(10, 5.0))
    values, weights = stats.distribution()
    assert weights[values == 0.0].sum() == pytest.approx(0.5)
    assert (stats.low, stats.high) == (0.0, 5.0)


@given(
    low=st.floats(-1e6, 1e6, width=32),
    high=st.floats(-1e6, 1e6, width=32),
    grid=st.sampled_from([INT8, INT8_SYMMETRIC, INT16]),
)
def test_zero_is_exact_and_the_range_is_covered(low: float, high: float, grid: Grid) -> None:
    quant = quant_for(min(low, high), max(low, high), grid)
    scale, zero_point = quant.scale[0], quant.zero_point[0]
    assert scale == float(np.float32(scale)) > 0.0
    assert grid.low <= zero_point <= grid.high
    half = 0.5000001 * scale
    assert scale * (grid.low - zero_point) <= min(low, high, 0.0) + half
    assert scale * (grid.high - zero_point) >= max(low, high, 0.0) - half


def test_the_formula_of_blog_posts_is_not_used() -> None:
    """round(w * scale) with scale = range / 255 maps 5.5 to 0; the affine scheme keeps it."""
    quant = quant_for(-10.0, 10.0, INT8)
    q = round(5.5 / quant.scale[0]) + quant.zero_point[0]
    assert quant.scale[0] * (q - quant.zero_point[0]) == pytest.approx(5.5, abs=quant.scale[0] / 2)


DISTRIBUTIONS = {
    "normal": lambda rng: rng.normal(0, 1, 20000),
    "relu": lambda rng: np.maximum(rng.normal(0, 1, 20000), 0),
    "laplace": lambda rng: rng.laplace(0, 1, 20000),
    "uniform": lambda rng: rng.uniform(-2, 6, 20000),
    "outlier": lambda rng: np.concatenate([rng.normal(0, 1, 20000), [100.0]]),
}


@pytest.mark.parametrize("name", DISTRIBUTIONS)
@pytest.mark.parametrize("method", Method)
def test_every_method_gives_a_usable_range(name: str, method: Method) -> None:
    stats = statistics(DISTRIBUTIONS[name](np.random.default_rng(2)))
    low, high = choose_range(stats, method, INT8)
    assert stats.low <= low < high <= stats.high


@pytest.mark.parametrize("name", DISTRIBUTIONS)
@pytest.mark.parametrize("other", [m for m in Method if m is not Method.MSE])
def test_mse_has_the_least_squared_error(name: str, other: Method) -> None:
    stats = statistics(DISTRIBUTIONS[name](np.random.default_rng(3)))
    values, weights = stats.distribution()

    def noise(method: Method) -> float:
        quant = quant_for(*choose_range(stats, method, INT8), INT8)
        return quantization_noise(values, weights, quant, INT8)

    assert noise(Method.MSE) <= noise(other) * 1.01


def test_entropy_cuts_a_lone_outlier_and_minmax_does_not() -> None:
    stats = statistics(DISTRIBUTIONS["outlier"](np.random.default_rng(4)))
    assert choose_range(stats, Method.MINMAX, INT8)[1] == 100.0
    assert choose_range(stats, Method.ENTROPY, INT8)[1] < 60.0


def test_percentile_cuts_the_tails() -> None:
    stats = statistics(np.linspace(0.0, 1.0, 100_001))
    low, high = choose_range(stats, Method.PERCENTILE, INT8)
    assert low == pytest.approx(1e-4, abs=1e-3)
    assert high == pytest.approx(1.0 - 1e-4, abs=1e-3)


def test_a_constant_tensor_has_a_usable_scale() -> None:
    for constant in (0.0, 3.0, -2.0):
        stats = statistics(np.full(100, constant))
        for method in Method:
            quant = quant_for(*choose_range(stats, method, INT8), INT8)
            q = np.clip(round(constant / quant.scale[0]) + quant.zero_point[0], -128, 127)
            real = quant.scale[0] * (q - quant.zero_point[0])
            assert real == pytest.approx(constant, rel=1e-2)
