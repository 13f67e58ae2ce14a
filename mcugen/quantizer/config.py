"""What the user decides about quantization."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from mcugen.ir import DType
from mcugen.quantizer.ranges import INT8, INT8_SYMMETRIC, INT16, Grid, Method


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


class Pass(enum.Enum):
    """The steps that raise accuracy, in the order in which they run; each can be disabled."""

    MEANS = "means"  # global average pools as MEAN, with a scale of its own
    EQUALIZE = "equalize"  # balance the channels of neighbouring layers
    RANGES = "ranges"  # choose the method for ranges by measuring; without it, minmax
    WEIGHT_SCALES = "weight-scales"  # the scale of each weight channel by least squares
    ROUNDING = "rounding"  # second-order rounding of weights
    MATCH = "match"  # move weights to answer the errors of their inputs, before rounding
    BIAS = "bias"  # correct the mean of each channel by its bias
    SEARCH = "search"  # try other scales for activations


class Effort(enum.Enum):
    """How much work goes into accuracy."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"

    @property
    def passes(self) -> frozenset[Pass]:
        """What is tried."""
        return {
            Effort.LOW: frozenset({Pass.RANGES}),
            Effort.NORMAL: frozenset(Pass) - {Pass.SEARCH, Pass.MATCH},
            Effort.HIGH: frozenset(Pass),
        }[self]


@dataclass(frozen=True, slots=True)
class Config:
    """Choices for one quantization.

    Without a `method` all are tried and the one with the least output error is taken; `methods`
    overrides it for layers by name. `keep_float` names layers that stay float, and `budget` asks
    for more of them, those that hurt most, until the output's signal-to-noise ratio is that many
    dB. Names may be patterns, as in `conv*`.
    """

    method: Method | None = None
    methods: Mapping[str, Method] = field(default_factory=dict)
    activations: Activations = Activations.INT8
    per_channel: bool = True
    keep_float: tuple[str, ...] = ()
    effort: Effort = Effort.NORMAL
    disable: frozenset[Pass] = frozenset()
    budget: float | None = None

    @property
    def passes(self) -> frozenset[Pass]:
        """What is tried in the end."""
        return self.effort.passes - self.disable
