"""Models of one dense layer, for the tests of its kernels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mcugen.testing.builder import one_op, quant


@dataclass(frozen=True)
class Dense:
    """A dense layer with random weights whose outputs spread over the whole range.

    Its output clamps at its zero point, or not at all.
    """

    depth: int = 16
    out: int = 8
    batch: int = 1
    per_channel: bool = True
    clamped: bool = True
    in_zero_point: int = -128
    out_zero_point: int = -128
    largest: int = 127
    gain: float = 1.0
    dead: int | None = None  # bias of output 3, which then has no weights

    def model(self) -> bytes:
        """The model file."""
        rng = np.random.default_rng(1)
        weights = rng.integers(-self.largest, self.largest + 1, (self.out, self.depth))
        weights.flat[0] = -self.largest
        spread = self.gain * 60 / 74**2 / np.sqrt(self.depth)
        channels = self.out if self.per_channel else 1
        scales = quant(spread * rng.uniform(0.3, 1.5, channels), axis=0)
        bias = rng.integers(-3000, 3000, self.out)
        if self.dead is not None:
            weights[3], bias[3] = 0, self.dead
        return one_op(
            "FULLY_CONNECTED",
            [
                {"shape": (self.batch, self.depth), "quant": quant(0.7, self.in_zero_point)},
                {"shape": weights.shape, "quant": scales, "data": weights},
                {"shape": [self.out], "dtype": "int32", "quant": scales, "data": bias},
            ],
            {"shape": (self.batch, self.out), "quant": quant(0.9, self.out_zero_point)},
            {"fusedActivationFunction": int(self.clamped)},
        )


def clamped(*fields: Any, **changes: Any) -> Dense:
    """A layer whose output clamps at its zero point."""
    return Dense(*fields, **changes)


def general(*fields: Any, **changes: Any) -> Dense:
    """A layer whose output does not clamp."""
    linear = {"clamped": False, "in_zero_point": -7, "out_zero_point": 11}
    return Dense(*fields, **{**linear, **changes})
