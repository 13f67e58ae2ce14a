"""Models of one depthwise convolution, for the tests of its kernels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mcugen.ops.base import Activation
from mcugen.ops.window import Padding, axis
from mcugen.testing.builder import one_op, quant


@dataclass(frozen=True)
class Depthwise:
    """A depthwise convolution with random weights whose outputs spread over the whole range.

    Its output clamps at its zero point, unless the activation is NONE.
    """

    pixels: tuple[int, int] = (5, 6)
    channels: int = 4
    multiplier: int = 1
    kernel: tuple[int, int] = (3, 3)
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    padding: Padding = Padding.SAME
    batch: int = 1
    activation: Activation = Activation.RELU
    in_zero_point: int = -128
    out_zero_point: int = -128
    largest: int = 127
    gain: float = 1.0
    dead: int = 0  # channels whose weights are zero

    def model(self) -> bytes:
        """The model file."""
        rng = np.random.default_rng(1)
        out_ch = self.channels * self.multiplier
        shape = (1, *self.kernel, out_ch)
        weights = rng.integers(-self.largest, self.largest + 1, shape)
        weights.flat[0] = -self.largest
        weights[..., : self.dead] = 0
        spread = self.gain * 60 / (74 * 74 * np.sqrt(np.prod(self.kernel)))
        scales = quant(spread * rng.uniform(0.3, 1.5, out_ch), axis=3)
        steps = zip(self.pixels, self.kernel, self.stride, self.dilation, strict=True)
        size = [axis(*step, self.padding).out for step in steps]
        bias = rng.integers(-3000, 3000, out_ch)
        bias[: self.dead] *= 30000
        return one_op(
            "DEPTHWISE_CONV_2D",
            [
                {
                    "shape": (self.batch, *self.pixels, self.channels),
                    "quant": quant(1.0, self.in_zero_point),
                },
                {"shape": shape, "quant": scales, "data": weights},
                {
                    "shape": [out_ch],
                    "dtype": "int32",
                    "quant": quant(scales.scale, axis=0),
                    "data": bias,
                },
            ],
            {"shape": (self.batch, *size, out_ch), "quant": quant(1.0, self.out_zero_point)},
            {
                "padding": self.padding.value,
                "strideH": self.stride[0],
                "strideW": self.stride[1],
                "depthMultiplier": self.multiplier,
                "dilationHFactor": self.dilation[0],
                "dilationWFactor": self.dilation[1],
                "fusedActivationFunction": self.activation.value,
            },
        )
