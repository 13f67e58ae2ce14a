"""ADD: the sum of two tensors, with broadcasting and a fused activation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mcugen.fixed import multiply_by_quantized_multiplier, quantize_multiplier, requantize
from mcugen.ir import Call, DType
from mcugen.ops import binary_f32, broadcast, overlap, rules
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
    activation_range,
    apply_activation,
)

LEFT_SHIFT = 20  # keeps the rounding of both operands far below one step of the output

# ---- attributes and decode


@dataclass(frozen=True, slots=True)
class AddAttrs:
    """The fused activation."""

    activation: Activation


def decode(options: Any) -> AddAttrs:
    """Read AddOptions."""
    return AddAttrs(Activation(options.FusedActivationFunction()))


def encode(call: Call) -> Options:
    """Write AddOptions."""
    return {"fusedActivationFunction": call.attrs.activation.value}


# ---- rules


def sum_scale_is_below_one(call: Call) -> str | None:
    """Twice the larger input scale must be less than 2**20 output scales."""
    if call.input(0).dtype.is_float or multipliers(call)[2][1] <= 0:
        return None
    scales = call.input(0).scale, call.input(1).scale, call.output.scale
    return "input scales {:g} and {:g}, output scale {:g}".format(*scales)


RULES = (
    rules.types_are_equal,
    rules.quantized_per_tensor,
    broadcast.shapes_broadcast,
    broadcast.loops_fit,
    rules.activation_is_a_clamp,
    sum_scale_is_below_one,
)


# ---- semantics


def floating(call: Call, inputs: Arrays) -> list[Array]:
    """Float32 sum."""
    return [apply_activation(call.attrs.activation, np.add(inputs[0], inputs[1]))]


def quantized(call: Call, inputs: Arrays) -> list[Array]:
    """Int8 sum, as reference_integer_ops::AddElementwise.

    Both operands are brought to a common scale, twice the larger of theirs, with 20 fraction bits;
    |sum| < 2**28.
    """
    *operands, (multiplier, shift) = multipliers(call)
    centred = [x.astype(np.int64) - call.input(i).zero_point for i, x in enumerate(inputs)]
    terms = [
        multiply_by_quantized_multiplier(x << LEFT_SHIFT, *operand)
        for x, operand in zip(centred, operands, strict=True)
    ]
    low, high = activation_range(call.attrs.activation, call.output)
    return [requantize(terms[0] + terms[1], multiplier, shift, call.output.zero_point, low, high)]


def multipliers(call: Call) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int]]:
    """(Q0.31 multiplier, shift) of both operands and of the sum, as CalculateOpDataAdd.

    The reference computes in double, and stops the program unless the last one is below 1.
    """
    scale1, scale2 = call.input(0).scale, call.input(1).scale
    common = 2 * max(scale1, scale2)
    return (
        quantize_multiplier(scale1 / common),
        quantize_multiplier(scale2 / common),
        quantize_multiplier(common / (2**LEFT_SHIFT * call.output.scale)),
    )


# ---- C parameters and kernels


def params_s8(call: Call) -> Fields:
    """Fields of mcu_add_s8_params."""
    loops = broadcast.merge(call.input(0).shape, call.input(1).shape)
    (multiplier1, shift1), (multiplier2, shift2), (multiplier, shift) = multipliers(call)
    low, high = activation_range(call.attrs.activation, call.output)
    return {
        "counts": loops.counts,
        "steps1": loops.steps1,
        "steps2": loops.steps2,
        "offset1": -call.input(0).zero_point,
        "offset2": -call.input(1).zero_point,
        "multiplier1": multiplier1,
        "multiplier2": multiplier2,
        "shift1": shift1,
        "shift2": shift2,
        "multiplier": multiplier,
        "shift": shift,
        "output_offset": call.output.zero_point,
        "act_min": low,
        "act_max": high,
    }


OP = Op(
    name="add",
    tflite="ADD",
    decode=decode,
    encode=encode,
    infer=broadcast.infer,
    rules=RULES,
    floating=floating,
    quantized=quantized,
    arity=(2, 2),
    kernels=(
        Kernel(
            name="mcu_add_s8_ref",
            family=Family.REF,
            dtype=DType.INT8,
            params=params_s8,
            params_type="mcu_add_s8_params",
            header="mcu_add.h",
            operands=(0, 1),
            overlap=overlap.elementwise,
            cost=lambda call: Cost(cycles=75 * call.output.elements + 100),
        ),
        binary_f32.kernel("add"),
    ),
)
