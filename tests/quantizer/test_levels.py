"""Inputs of few values: integers that stand for exactly these."""

from __future__ import annotations

import numpy as np
import pytest

from mcugen.quantizer.levels import exact_quant
from mcugen.quantizer.ranges import INT8, INT8_SYMMETRIC, Grid
from mcugen.quantizer.statistics import Statistics


def seen(values: np.ndarray) -> np.ndarray | None:
    statistics = Statistics()
    for part in np.array_split(values.astype(np.float32), 3):
        statistics.update(part)
    return statistics.levels.values


def bytes_of(scale: float, zero_point: int) -> np.ndarray:
    return (np.arange(-128, 128) - zero_point) * scale


@pytest.mark.parametrize(
    ("values", "grid"),
    [
        (bytes_of(0.5847029, 83), INT8),
        (bytes_of(1 / 255, -128), INT8),
        (np.arange(17) / 16, INT8),
        (np.array([-1.0, 0.0, 1.0]), INT8),
        (np.arange(-3, 4) * 0.1, INT8_SYMMETRIC),
    ],
)
def test_values_on_a_grid_are_held_exactly(values: np.ndarray, grid: Grid) -> None:
    quant = exact_quant(seen(values), grid)
    assert quant is not None
    q = np.clip(np.rint(values / quant.scale[0]) + quant.zero_point[0], grid.low, grid.high)
    found = quant.scale[0] * (q - quant.zero_point[0])
    np.testing.assert_allclose(found, values, atol=1e-5 * np.abs(values).max())


def test_the_range_is_no_wider_than_it_must_be() -> None:
    quant = exact_quant(seen(np.arange(17) / 16), INT8)
    assert quant is not None
    assert 1.0 <= 255 * quant.scale[0] < 1.1


@pytest.mark.parametrize(
    "values",
    [
        np.random.default_rng(0).normal(size=4000),
        np.arange(256) / 127.5 - 1,  # zero lies between two of them
        np.arange(300) / 300,
        np.array([0.0, 1.0, np.e]),
        np.zeros(4),
    ],
)
def test_other_values_are_left_to_the_methods(values: np.ndarray) -> None:
    assert exact_quant(seen(values), INT8) is None
