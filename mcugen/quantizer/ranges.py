"""From what calibration saw to the range that a tensor's integers cover, by five methods."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mcugen.ir import Quant
from mcugen.quantizer.statistics import Statistics

Values = NDArray[np.float64]


class Method(enum.Enum):
    """How a range is chosen."""

    MINMAX = "minmax"  # everything seen
    MOVING = "moving"  # moving average of each batch's minimum and maximum
    PERCENTILE = "percentile"  # all but a small share at each end
    MSE = "mse"  # least squared error over candidate clips
    ENTROPY = "entropy"  # least Kullback-Leibler divergence over candidate clips


@dataclass(frozen=True, slots=True)
class Grid:
    """The integers that activations use."""

    low: int
    high: int
    symmetric: bool

    @property
    def steps(self) -> int:
        """Number of intervals between the smallest and the largest integer."""
        return self.high - self.low


INT8 = Grid(-128, 127, symmetric=False)
INT8_SYMMETRIC = Grid(-127, 127, symmetric=True)
INT16 = Grid(-32767, 32767, symmetric=True)  # the 16x8 scheme fixes the zero point at 0


def quant_for(low: float, high: float, grid: Grid) -> Quant:
    """Scale and zero point of the affine scheme for a real range.

    The range is widened to contain zero, which must be exact (padding), and the zero point is
    rounded to an integer (TFLite 8-bit quantization specification). The scale is a float32. A range
    of nothing but zero gets scale 1.
    """
    low, high = min(low, 0.0), max(high, 0.0)
    if grid.symmetric:
        scale = max(-low, high) / grid.high
        return Quant((_float32(scale),), (0,))
    scale = _float32((high - low) / grid.steps)
    zero_point = int(np.clip(round(grid.low - low / scale), grid.low, grid.high))
    return Quant((scale,), (zero_point,))


def _float32(scale: float) -> float:
    """A scale that float32 holds with full precision; 1 for a range of nothing but zero."""
    smallest = np.finfo(np.float32).tiny
    return float(np.float32(max(scale, smallest))) if scale > 0.0 else 1.0


def quantization_noise(values: Values, weights: Values, quant: Quant, grid: Grid) -> float:
    """Mean squared error of rounding and clipping a distribution."""
    scale, zero_point = quant.scale[0], quant.zero_point[0]
    q = np.clip(np.rint(values / scale) + zero_point, grid.low, grid.high)
    return float(weights @ (scale * (q - zero_point) - values) ** 2)


def choose_range(stats: Statistics, method: Method, grid: Grid) -> tuple[float, float]:
    """The real range [low, high] for a tensor."""
    return CHOOSERS[method](stats, grid)


def _minmax(stats: Statistics, grid: Grid) -> tuple[float, float]:
    return stats.low, stats.high


def _moving(stats: Statistics, grid: Grid) -> tuple[float, float]:
    return stats.moving_low, stats.moving_high


def _percentile(stats: Statistics, grid: Grid, share: float = 1e-4) -> tuple[float, float]:
    values, weights = stats.distribution()
    cumulative = np.cumsum(weights)
    low = int(np.searchsorted(cumulative, share))
    high = min(int(np.searchsorted(cumulative, 1.0 - share)), len(values) - 1)
    return float(values[low]), float(values[high])


def _mse(stats: Statistics, grid: Grid) -> tuple[float, float]:
    values, weights = stats.distribution()

    def error(low: float, high: float) -> float:
        return quantization_noise(values, weights, quant_for(low, high, grid), grid)

    return _descend(stats.low, stats.high, error)


def _entropy(stats: Statistics, grid: Grid) -> tuple[float, float]:
    values, weights = stats.distribution()
    nonzero = values != 0.0  # zero is exact at any scale, so a ReLU's spike there says nothing
    values, weights = values[nonzero], weights[nonzero]

    def divergence(low: float, high: float) -> float:
        return _kl_divergence(values, weights, quant_for(low, high, grid), grid)

    return _descend(stats.low, stats.high, divergence)


def _kl_divergence(values: Values, weights: Values, quant: Quant, grid: Grid) -> float:
    """KL(P || Q): P is the distribution clipped to the range, Q spreads each level's mass evenly.

    After S. Migacz, "8-bit inference with TensorRT", GTC 2017: what is clipped counts at the edges
    of P but not in Q. `values` ascend.
    """
    scale, zero_point = quant.scale[0], quant.zero_point[0]
    first = int(np.searchsorted(values, scale * (grid.low - zero_point)))
    last = int(np.searchsorted(values, scale * (grid.high - zero_point), side="right"))
    if first >= last:
        return float("inf")
    inside = weights[first:last]
    p = inside.copy()
    p[0] += weights[:first].sum()
    p[-1] += weights[last:].sum()
    level = np.rint(values[first:last] / scale).astype(np.int64)
    level -= level[0]
    share = np.bincount(level, inside) / np.maximum(np.bincount(level), 1)
    return float(p @ np.log(p / share[level]))


def _descend(
    low: float, high: float, error: Callable[[float, float], float]
) -> tuple[float, float]:
    """Shrink both ends by coordinate descent over a falling grid of factors."""
    best = (error(low, high), low, high)
    factors = np.linspace(0.3, 1.0, 36)
    for _ in range(2):
        best = min([best, *((error(low * f, best[2]), low * f, best[2]) for f in factors)])
        best = min([best, *((error(best[1], high * f), best[1], high * f) for f in factors)])
    return best[1], best[2]


CHOOSERS: dict[Method, Callable[[Statistics, Grid], tuple[float, float]]] = {
    Method.MINMAX: _minmax,
    Method.MOVING: _moving,
    Method.PERCENTILE: _percentile,
    Method.MSE: _mse,
    Method.ENTROPY: _entropy,
}
