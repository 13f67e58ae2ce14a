"""What the user decides about quantization."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from mcugen.ir import DType
from mcugen.quantize.ranges import INT8, INT8_SYMMETRIC, INT16, Grid, Method


class Activations(enum.Enum):
    """The integers that activations use."""

    INT8 = "int8"  # asymmetric
    INT8_SYMMETRIC = "int8-symmetric"
    INT16 = "int16"  # symmetric, with int8 weights: TFLite's 16x8

    @property
    def grid(self) -> Grid:
        """Smallest and largest integer."""
        return {
            Activations.INT8: INT8,
            Activations.INT8_SYMMETRIC: INT8_SYMMETRIC,
            Activations.INT16: INT16,
        }[self]

    @property
    def dtype(self) -> DType:
        """The element type."""
        return DType.INT16 if self is Activations.INT16 else DType.INT8


class Effort(enum.Enum):
    """How much work goes into accuracy."""

    LOW = "low"  # ranges and rounding to the nearest only
    NORMAL = "normal"  # bias correction, equalization, weight scales by error
    HIGH = "high"  # also second-order rounding of weights and a search over scales


@dataclass(frozen=True, slots=True)
class Config:
    """Choices for one quantization.

    Without a `method` all are tried, and the one with the least output error on samples that are
    held back is taken; `methods` overrides it for tensors by name. `keep_float` names layers.
    """

    method: Method | None = None
    methods: Mapping[str, Method] = field(default_factory=dict)
    activations: Activations = Activations.INT8
    per_channel: bool = True
    keep_float: tuple[str, ...] = ()
    effort: Effort = Effort.NORMAL
