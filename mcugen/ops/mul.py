"""MUL: the product of two tensors, with broadcasting and a fused activation."""

from __future__ import annotations

import numpy as np

from mcugen.fixed import quantize_multiplier, requantize
from mcugen.ir import Call, DType
from mcugen.ops import binary_f32, broadcast, overlap, rules
from mcugen.ops.base import (
    Array,
    Arrays,
    Cost,
    Family,
    Fields,
    Kernel,
    Op,
    activation_range,
    apply_activation,
)
from mcugen.ops.window import same_rows

# |product| < 2**16, or at most 2**30 of int16, so that the scaled value stays in an int32.
MAX_SHIFT, MAX_SHIFT_16 = 14, 0

# ---- rules


def product_scale_fits(call: Call) -> str | None:
    """The product of the inputs' scales must be below 2**14 output scales, of int16 below 1."""
    most = MAX_SHIFT_16 if call.input(0).dtype is DType.INT16 else MAX_SHIFT
    if call.input(0).dtype.is_float or multiplier(call)[1] <= most:
        return None
    scales = call.input(0).scale, call.input(1).scale, call.output.scale
    return "input scales {:g} and {:g}, output scale {:g}".format(*scales)


# ---- semantics


def floating(call: Call, inputs: Arrays) -> list[Array]:
    """Float32 product."""
    return [apply_activation(call.attrs.activation, np.multiply(inputs[0], inputs[1]))]


def quantized(call: Call, inputs: Arrays) -> list[Array]:
    """Int8 or int16 product, as reference_integer_ops::MulElementwise.

    TFLite Micro's CalculateOpDataMul multiplies and divides the scales in double, BUILTIN_REF's
    Prepare in float32: that moves about one in 4,000 int16 products by one, and one int8 product
    in a million.
    """
    x, y = (values.astype(np.int64) - call.input(i).zero_point for i, values in enumerate(inputs))
    low, high = activation_range(call.attrs.activation, call.output)
    zero_point, dtype = call.output.zero_point, call.output.dtype.numpy
    return [requantize(x * y, *multiplier(call), zero_point, low, high, dtype)]


def multiplier(call: Call) -> tuple[int, int]:
    """(Q0.31 multiplier, shift) from the product's scale to the output's."""
    return quantize_multiplier(call.input(0).scale * call.input(1).scale / call.output.scale)


# ---- C parameters and kernels


def params_s8(call: Call) -> Fields:
    """Fields of mcu_mul_s8_params."""
    scale, shift = multiplier(call)
    low, high = activation_range(call.attrs.activation, call.output)
    return {
        **broadcast.loop_fields(call),
        "offset1": -call.input(0).zero_point,
        "offset2": -call.input(1).zero_point,
        "output_offset": call.output.zero_point,
        "multiplier": scale,
        "shift": shift,
        "act_min": low,
        "act_max": high,
    }


def params_s16(call: Call) -> Fields:
    """Fields of mcu_mul_s16_params."""
    scale, shift = multiplier(call)
    low, high = activation_range(call.attrs.activation, call.output)
    return {
        **broadcast.loop_fields(call),
        "multiplier": scale,
        "shift": shift,
        "act_min": low,
        "act_max": high,
    }


OP = Op(
    name="mul",
    tflite="MUL",
    decode=broadcast.decode,
    encode=broadcast.encode,
    infer=broadcast.infer,
    rows=same_rows,
    rules=(
        *broadcast.RULES_16,
        rules.activation_is_a_clamp,
        rules.clamp_fits_int32,
        product_scale_fits,
    ),
    floating=floating,
    quantized=quantized,
    arity=(2, 2),
    kernels=(
        Kernel(
            name="mcu_mul_s8_ref",
            family=Family.REF,
            dtype=DType.INT8,
            params=params_s8,
            params_type="mcu_mul_s8_params",
            header="mcu_mul.h",
            operands=(0, 1),
            overlap=overlap.elementwise,
            cost=lambda call: Cost(cycles=40 * call.output.elements + 250),
        ),
        Kernel(
            name="mcu_mul_s16_ref",
            family=Family.REF,
            dtype=DType.INT16,
            params=params_s16,
            params_type="mcu_mul_s16_params",
            header="mcu_mul_s16.h",
            operands=(0, 1),
            overlap=overlap.elementwise,
            cost=lambda call: Cost(cycles=40 * call.output.elements + 250),
        ),
        binary_f32.kernel("mul"),
    ),
)
