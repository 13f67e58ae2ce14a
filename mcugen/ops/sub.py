"""SUB: the difference of two tensors, with broadcasting and a fused activation."""

from __future__ import annotations

import numpy as np

from mcugen.fixed import requantize
from mcugen.ir import Call
from mcugen.ops import binary_f32, broadcast, rules
from mcugen.ops.add import kernel_s16, left_shift, multipliers, sum_scale_is_below_one
from mcugen.ops.base import Array, Arrays, Op, activation_range, apply_activation
from mcugen.ops.difference import difference, kernel
from mcugen.ops.window import same_rows

# ---- semantics


def floating(call: Call, inputs: Arrays) -> list[Array]:
    """Float32 difference."""
    return [apply_activation(call.attrs.activation, np.subtract(inputs[0], inputs[1]))]


def quantized(call: Call, inputs: Arrays) -> list[Array]:
    """Int8 or int16 difference, as SubElementwise: ADD with a minus between the scaled operands."""
    scales = multipliers(call)
    low, high = activation_range(call.attrs.activation, call.output)
    steps = difference(call, inputs, scales, left_shift(call))
    zero_point, dtype = call.output.zero_point, call.output.dtype.numpy
    return [requantize(steps, *scales[2], zero_point, low, high, dtype)]


OP = Op(
    name="sub",
    tflite="SUB",
    decode=broadcast.decode,
    encode=broadcast.encode,
    infer=broadcast.infer,
    rows=same_rows,
    rules=(
        *broadcast.RULES_16,
        rules.activation_is_a_clamp,
        rules.clamp_fits_int32,
        sum_scale_is_below_one,
    ),
    floating=floating,
    quantized=quantized,
    arity=(2, 2),
    kernels=(
        kernel("mcu_sub_s8_ref", multipliers, cycles=75),
        kernel_s16("mcu_sub_s16_ref"),
        binary_f32.kernel("sub"),
    ),
)
