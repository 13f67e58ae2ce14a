"""L2_NORMALIZATION: each row of the last axis divided by its Euclidean length."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from mcugen.fixed import inverse_sqrt, multiply_by_quantized_multiplier
from mcugen.ir import Call, DType
from mcugen.ops import float32, overlap, rules
from mcugen.ops.base import (
    Activation,
    Array,
    Arrays,
    Cost,
    Family,
    Fields,
    Kernel,
    Op,
    Options,
    Scheme,
    Shape,
)

MAX_DEPTH = (2**31 - 1) // 255**2  # squares that surely fit an int32
FRACTION_BITS = 7  # of the output

# ---- attributes and decode


@dataclass(frozen=True, slots=True)
class L2NormAttrs:
    """The fused activation."""

    activation: Activation


def decode(options: Any) -> L2NormAttrs:
    """Read L2NormOptions."""
    return L2NormAttrs(Activation(options.FusedActivationFunction()))


def encode(call: Call) -> Options:
    """Write L2NormOptions."""
    return {"fusedActivationFunction": call.attrs.activation.value}


# ---- infer


def infer(call: Call) -> tuple[Shape, ...]:
    """The input's shape."""
    return (call.input().shape,)


# ---- rules


def activation_is_none(call: Call) -> str | None:
    """A fused activation must be NONE, as TFLite has no other one here."""
    activation = call.attrs.activation
    return None if activation is Activation.NONE else f"activation {activation.name}"


def depth_fits(call: Call) -> str | None:
    """The last axis must have 1 to 33025 elements."""
    shape = call.input().shape
    return None if shape and 1 <= shape[-1] <= MAX_DEPTH else f"input of shape {list(shape)}"


def output_is_signed_fraction(call: Call) -> str | None:
    """An int8 output must have scale 1/128 and zero point 0."""
    return rules.not_scaled_by(call.output, 1 / 128, 0)


# ---- semantics


def floating(call: Call, inputs: Arrays) -> list[Array]:
    """Float32; a length below 1e-6 counts as that much."""
    length = float32.sqrt(float32.add_up_rows(np.square(inputs[0])))
    return [inputs[0] / np.maximum(length, np.float32(1e-6))]


def quantized(call: Call, inputs: Arrays) -> list[Array]:
    """Int8, as reference_integer_ops::L2Normalization; the input's scale does not matter."""
    centred = inputs[0].astype(np.int64) - call.input().zero_point
    multiplier, shift = inverse_sqrt(np.square(centred).sum(axis=-1, keepdims=True))
    steps = multiply_by_quantized_multiplier(centred, multiplier, shift + FRACTION_BITS)
    return [np.clip(steps, -128, 127).astype(np.int8)]


# ---- C parameters and kernels


def params_s8(call: Call) -> Fields:
    """Fields of mcu_l2_normalization_s8_params."""
    *outer, depth = call.input().shape
    return {
        "rows": math.prod(outer),
        "depth": depth,
        "input_offset": -call.input().zero_point,
    }


def params_f32(call: Call) -> Fields:
    """Fields of mcu_l2_normalization_f32_params."""
    *outer, depth = call.input().shape
    return {"rows": math.prod(outer), "depth": depth}


OP = Op(
    name="l2_normalization",
    tflite="L2_NORMALIZATION",
    scheme=Scheme(output=(1 / 128, 0)),
    decode=decode,
    encode=encode,
    infer=infer,
    rules=(
        rules.same_type_in_out,
        rules.quantized_per_tensor,
        activation_is_none,
        depth_fits,
        output_is_signed_fraction,
    ),
    floating=floating,
    quantized=quantized,
    arity=(1, 1),
    kernels=(
        Kernel(
            name="mcu_l2_normalization_s8_ref",
            family=Family.REF,
            dtype=DType.INT8,
            params=params_s8,
            params_type="mcu_l2_normalization_s8_params",
            header="mcu_l2_normalization.h",
            overlap=overlap.elementwise,
            cost=lambda call: Cost(cycles=35 * call.output.elements + 300),
        ),
        Kernel(
            name="mcu_l2_normalization_f32_ref",
            family=Family.REF,
            dtype=DType.FLOAT32,
            params=params_f32,
            params_type="mcu_l2_normalization_f32_params",
            header="mcu_l2_normalization_f32.h",
            overlap=overlap.elementwise,
            cost=lambda call: Cost(cycles=22 * call.output.elements + 100),
        ),
    ),
)
