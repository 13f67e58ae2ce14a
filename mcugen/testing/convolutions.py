"""Models of one convolution, for the tests of its kernels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mcugen.ops.base import Array
from mcugen.ops.window import Padding, axis
from mcugen.testing.builder import one_op, quant


@dataclass(frozen=True)
class Conv:
    """A convolution with random weights whose outputs spread over the whole range.

    Its output clamps at its zero point, or not at all.
    """

    pixels: tuple[int, int] = (3, 3)
    in_ch: int = 8
    out_ch: int = 8
    kernel: tuple[int, int] = (1, 1)
    stride: int = 1
    dilation: int = 1
    padding: Padding = Padding.SAME
    batch: int = 1
    clamped: bool = True
    in_zero_point: int = -128
    out_zero_point: int = -128
    largest: int = 127
    gain: float = 1.0
    dead: int | None = None  # bias of channel 3, which then has no weights
    weights: Array | None = None  # random ones unless given
    seed: int = 1
    stride_w: int | None = None  # where it is not that of the rows

    def model(self) -> bytes:
        """The model file."""
        rng = np.random.default_rng(self.seed)
        shape = (self.out_ch, *self.kernel, self.in_ch)
        weights = rng.integers(-self.largest, self.largest + 1, shape)
        weights.flat[0] = -self.largest
        if self.weights is not None:
            weights = self.weights
        spread = self.gain * 60 / (74 * 74 * np.sqrt(np.prod(shape[1:])))
        scales = quant(spread * rng.uniform(0.3, 1.5, self.out_ch), axis=0)
        strides = (self.stride, self.stride if self.stride_w is None else self.stride_w)
        size = [
            axis(size, kernel, stride, self.dilation, self.padding).out
            for size, kernel, stride in zip(self.pixels, self.kernel, strides, strict=True)
        ]
        bias = rng.integers(-3000, 3000, self.out_ch)
        if self.dead is not None:
            weights[3], bias[3] = 0, self.dead
        return one_op(
            "CONV_2D",
            [
                {
                    "shape": (self.batch, *self.pixels, self.in_ch),
                    "quant": quant(1.0, self.in_zero_point),
                },
                {"shape": weights.shape, "quant": scales, "data": weights},
                {"shape": [self.out_ch], "dtype": "int32", "quant": scales, "data": bias},
            ],
            {"shape": (self.batch, *size, self.out_ch), "quant": quant(1.0, self.out_zero_point)},
            {
                "padding": self.padding.value,
                "strideH": strides[0],
                "strideW": strides[1],
                "dilationHFactor": self.dilation,
                "dilationWFactor": self.dilation,
                "fusedActivationFunction": int(self.clamped),
            },
        )


def clamped(*fields: Any, **changes: Any) -> Conv:
    """One that clamps at its zero point, as behind a RELU."""
    return Conv(*fields, **changes)


def general(*fields: Any, **changes: Any) -> Conv:
    """One that does not clamp, with odd zero points."""
    linear = {"clamped": False, "in_zero_point": -7, "out_zero_point": 11}
    return Conv(*fields, **{**linear, **changes})


def edges(pixels: tuple[int, int], in_ch: int, out_ch: int, **changes: Any) -> dict[str, Conv]:
    """What may go wrong at any size, by name: batches, requantization, zero points of the input."""
    cases = {}
    for kind in (clamped, general):
        each: dict[str, dict[str, Any]] = {
            "batch": {"batch": 3},
            "saturating": {"gain": 20.0},
            "tiny-multipliers": {"gain": 1 / 500},
            "dead": {"dead": 2**30},
        }
        for name, fields in each.items():
            cases[f"{kind.__name__}-{name}"] = kind(pixels, in_ch, out_ch, **changes, **fields)
    for zero_point in (-128, -1, 0, 127):
        name = f"in-zero-point{zero_point}"
        cases[name] = general(pixels, in_ch, out_ch, in_zero_point=zero_point, **changes)
    return cases
