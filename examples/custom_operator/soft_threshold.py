"""SoftThreshold, an operator that TFLite does not have: everything nearer to zero than a threshold
becomes zero, everything else moves that much towards zero. It removes noise from a signal.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mcugen.fixed import round_half_away
from mcugen.ir import Call, DType
from mcugen.ops import rules
from mcugen.ops.base import Array, Arrays, Cost, Family, Fields, Kernel, Op, Options, Shape

# ---- attributes: the file has one float32


@dataclass(frozen=True, slots=True)
class SoftThresholdAttrs:
    """`threshold` is a real value."""

    threshold: float


def decode(options: bytes) -> SoftThresholdAttrs:
    if len(options) != 4:
        raise ValueError(f"{len(options)} bytes of options, where SoftThreshold has 4")
    return SoftThresholdAttrs(struct.unpack("<f", options)[0])


def encode(call: Call) -> Options:
    return {"customOptions": struct.pack("<f", call.attrs.threshold)}


def infer(call: Call) -> tuple[Shape, ...]:
    return (call.input().shape,)


# ---- rules: the docstring is the end of the message that the user of a bad model sees


def threshold_is_positive(call: Call) -> str | None:
    """The threshold must be a number above zero."""
    threshold = call.attrs.threshold
    return None if 0 < threshold < np.inf else f"threshold {threshold:g}"


# ---- semantics, which the kernels must equal


def floating(call: Call, inputs: Arrays) -> list[Array]:
    """Float32."""
    magnitude = np.maximum(np.abs(inputs[0]) - np.float32(call.attrs.threshold), np.float32(0))
    return [np.copysign(magnitude, inputs[0])]


def quantized(call: Call, inputs: Arrays) -> list[Array]:
    """Int8, in steps of the scale that input and output share."""
    zero_point = call.input().zero_point
    centred = inputs[0].astype(np.int32) - zero_point
    magnitude = np.maximum(np.abs(centred) - steps(call), 0)
    return [(np.sign(centred) * magnitude + zero_point).astype(np.int8)]


def steps(call: Call) -> int:
    """The threshold in steps; 255 of them cover all that an int8 holds."""
    return min(int(round_half_away(call.attrs.threshold / call.input().scale)), 255)


# ---- the kernel


def params(call: Call) -> Fields:
    """Fields of soft_threshold_params."""
    source = call.input()
    return {"elements": source.elements, "zero_point": source.zero_point, "steps": steps(call)}


OPERATORS = (
    Op(
        name="soft_threshold",
        tflite="custom:SoftThreshold",
        decode=decode,
        encode=encode,
        infer=infer,
        rules=(
            rules.same_type_in_out,
            rules.quantized_per_tensor,
            rules.same_quantization_in_out,
            threshold_is_positive,
        ),
        floating=floating,
        quantized=quantized,
        arity=(1, 1),
        kernels=(
            Kernel(
                name="soft_threshold_s8",
                family=Family.REF,
                dtype=DType.INT8,
                params=params,
                params_type="soft_threshold_params",
                header="soft_threshold.h",
                folder=Path(__file__).parent,
                cost=lambda call: Cost(cycles=10 * call.output.elements + 30),
            ),
        ),
    ),
)
