"""SQUARED_DIFFERENCE: the square of the difference of two tensors, with broadcasting."""

from __future__ import annotations

import numpy as np

from mcugen.fixed import quantize_multiplier, requantize
from mcugen.ir import Call
from mcugen.ops import binary_f32, broadcast
from mcugen.ops.base import Array, Arrays, Op, no_attributes
from mcugen.ops.difference import Multipliers, difference, kernel
from mcugen.ops.window import same_rows

LEFT_SHIFT = 7  # the square stays below 2**30

# ---- rules


def square_scale_is_below_one(call: Call) -> str | None:
    """Twice the larger int8 input scale, squared, must be less than 2**14 output scales."""
    if call.input(0).dtype.is_float or multipliers(call)[2][1] <= 0:
        return None
    scales = call.input(0).scale, call.input(1).scale, call.output.scale
    return "input scales {:g} and {:g}, output scale {:g}".format(*scales)


# ---- semantics


def floating(call: Call, inputs: Arrays) -> list[Array]:
    """Float32 square of the difference."""
    return [np.square(np.subtract(inputs[0], inputs[1]))]


def quantized(call: Call, inputs: Arrays) -> list[Array]:
    """Int8 square of the difference, as SquaredDifference; |difference| < 2**15."""
    scales = multipliers(call)
    square = np.square(difference(call, inputs, scales, LEFT_SHIFT))
    return [requantize(square, *scales[2], call.output.zero_point, -128, 127)]


def multipliers(call: Call) -> Multipliers:
    """The multipliers, as PrepareQuantized, in double."""
    first, second = call.input(0).scale, call.input(1).scale
    common = 2 * max(first, second)
    return (
        quantize_multiplier(first / common),
        quantize_multiplier(second / common),
        quantize_multiplier(common**2 / (2.0 ** (2 * LEFT_SHIFT) * call.output.scale)),
    )


OP = Op(
    name="squared_difference",
    tflite="SQUARED_DIFFERENCE",
    decode=no_attributes,
    infer=broadcast.infer,
    rows=same_rows,
    rules=(*broadcast.RULES, square_scale_is_below_one),
    floating=floating,
    quantized=quantized,
    arity=(2, 2),
    kernels=(
        kernel("mcu_squared_difference_s8_ref", multipliers, cycles=75),
        binary_f32.kernel("squared_difference"),
    ),
)
