"""What calibration remembers of a tensor: ranges, levels, a histogram, in constant memory."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

BINS = 4096
MOMENTUM = 0.9  # of the moving range, per batch
MOST_LEVELS = 256  # that bytes can have
PEEK = 4096  # elements that tell most tensors from one of few levels, before all are sorted


class Levels:
    """The distinct values of a tensor, as long as there are few: a streaming summary."""

    def __init__(self) -> None:
        self.values: NDArray[np.float64] | None = np.zeros(1)  # zero must always be exact

    def update(self, values: NDArray[Any]) -> None:
        """Take in a batch of finite values."""
        flat = values.ravel()
        for part in (flat[:PEEK], flat[PEEK:]):
            if self.values is not None:
                merged = np.union1d(self.values, part.astype(np.float64))
                self.values = merged if len(merged) <= MOST_LEVELS else None


class Statistics:
    """A streaming summary of the values that a tensor takes.

    The histogram covers [-limit, limit) with `BINS` equal bins; when a value falls outside, the
    limit doubles and pairs of bins merge, so that nothing is ever forgotten.
    """

    def __init__(self) -> None:
        self.low = math.inf
        self.high = -math.inf
        self.moving_low = 0.0
        self.moving_high = 0.0
        self.limit = 0.0
        self.counts: NDArray[np.int64] = np.zeros(BINS, np.int64)
        self.levels = Levels()

    @property
    def is_empty(self) -> bool:
        """Whether no value was ever seen."""
        return self.low > self.high

    def update(self, values: NDArray[Any]) -> None:
        """Take in a batch of finite values."""
        low, high = float(values.min()), float(values.max())
        if self.is_empty:
            self.moving_low, self.moving_high = low, high
        else:
            self.moving_low = MOMENTUM * self.moving_low + (1 - MOMENTUM) * low
            self.moving_high = MOMENTUM * self.moving_high + (1 - MOMENTUM) * high
        self.low, self.high = min(self.low, low), max(self.high, high)
        self.levels.update(values)
        self._widen(max(-low, high))
        if self.limit > 0.0:
            edges = (-self.limit, self.limit)
            self.counts += np.histogram(values, bins=BINS, range=edges)[0]
        else:
            self.counts[BINS // 2] += values.size

    def _widen(self, magnitude: float) -> None:
        if magnitude <= self.limit:
            return
        if self.limit == 0.0:  # so far every value was zero: the bin that starts at zero holds them
            self.limit = magnitude
            return
        while self.limit < magnitude:
            self.limit *= 2.0
            merged = self.counts.reshape(-1, 2).sum(axis=1)
            self.counts = np.zeros(BINS, np.int64)
            self.counts[BINS // 4 : BINS // 4 + BINS // 2] = merged

    def distribution(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(values, weights): centres of the occupied bins, ascending, and their shares."""
        width = 2.0 * self.limit / BINS
        occupied = np.flatnonzero(self.counts)
        centres = np.clip(-self.limit + (occupied + 0.5) * width, self.low, self.high)
        # A ReLU puts a spike at zero, which is the lower edge of its bin, not the centre.
        if self.low == 0.0:
            centres[occupied == BINS // 2] = 0.0
        return centres, self.counts[occupied] / self.counts.sum()
