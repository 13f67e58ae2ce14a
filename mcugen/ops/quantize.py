"""QUANTIZE: float32 to int8, or int8 to another scale.

An int8 requantization is also what the RELU operators do, which only clamp in addition; they share
its semantics and its kernel.
"""

from __future__ import annotations

import numpy as np

from mcugen.fixed import quantize_multiplier, requantize, round_half_away
from mcugen.ir import Call, DType
from mcugen.ops import overlap, rules
from mcugen.ops.base import (
    Activation,
    Array,
    Arrays,
    Cost,
    Family,
    Fields,
    Kernel,
    Op,
    Shape,
    activation_range,
    no_attributes,
)

MAX_SHIFT = 22  # |input| < 2**8, so that the scaled value stays below 2**30

# ---- infer


def infer(call: Call) -> tuple[Shape, ...]:
    """The input's shape."""
    return (call.input().shape,)


# ---- rules


def output_is_int8(call: Call) -> str | None:
    """The input must be float32 or int8, the output int8."""
    source, target = call.input().dtype, call.output.dtype
    if source in (DType.FLOAT32, DType.INT8) and target is DType.INT8:
        return None
    return f"input {source.value}, output {target.value}"


def scale_ratio_fits(call: Call) -> str | None:
    """The input scale must be below 2**22 output scales."""
    if call.input().dtype.is_float or multiplier(call)[1] <= MAX_SHIFT:
        return None
    return f"input scale {call.input().scale:g}, output scale {call.output.scale:g}"


# ---- semantics


def floating(call: Call, inputs: Arrays) -> list[Array]:
    """Float32 to int8, as reference_ops::AffineQuantize, which divides in float32.

    Values beyond the range saturate; the reference overflows an int32 where |x / scale| >= 2**31.
    """
    with np.errstate(over="ignore"):
        steps = round_half_away(inputs[0] / np.float32(call.output.scale))
    return [np.clip(steps + call.output.zero_point, -128, 127).astype(np.int8)]


def quantized(call: Call, inputs: Arrays) -> list[Array]:
    """Int8 to another scale and zero point, as reference_ops::Requantize and ReluQuantized."""
    low, high = activation_range(activation(call), call.output)
    centred = inputs[0].astype(np.int64) - call.input().zero_point
    return [requantize(centred, *multiplier(call), call.output.zero_point, low, high)]


def multiplier(call: Call) -> tuple[int, int]:
    """(Q0.31 multiplier, shift) from the input's scale to the output's.

    TFLite Micro divides the scales in double; BUILTIN_REF, which RELU6 and RELU_N1_TO_1 follow,
    does so in float32 for the RELU operators.
    """
    source, target = call.input().scale, call.output.scale
    if activation(call) in (Activation.RELU6, Activation.RELU_N1_TO_1):
        return quantize_multiplier(float(np.float32(source) / np.float32(target)))
    return quantize_multiplier(source / target)


def activation(call: Call) -> Activation:
    """The clamp: what a RELU operator carries as its attributes, none for QUANTIZE itself."""
    return call.attrs if isinstance(call.attrs, Activation) else Activation.NONE


# ---- C parameters and kernels


def params_s8(call: Call) -> Fields:
    """Fields of mcu_requantize_s8_params."""
    scale, shift = multiplier(call)
    low, high = activation_range(activation(call), call.output)
    return {
        "elements": call.output.elements,
        "input_offset": -call.input().zero_point,
        "output_offset": call.output.zero_point,
        "multiplier": scale,
        "shift": shift,
        "act_min": low,
        "act_max": high,
    }


def params_f32(call: Call) -> Fields:
    """Fields of mcu_quantize_params."""
    return {
        "elements": call.output.elements,
        "scale": call.output.scale,
        "zero_point": call.output.zero_point,
    }


REQUANTIZE_S8 = Kernel(
    name="mcu_requantize_s8_ref",
    family=Family.REF,
    dtype=DType.INT8,
    params=params_s8,
    params_type="mcu_requantize_s8_params",
    header="mcu_requantize.h",
    overlap=overlap.elementwise,
    cost=lambda call: Cost(cycles=30 * call.output.elements + 50),
)

OP = Op(
    name="quantize",
    tflite="QUANTIZE",
    decode=no_attributes,
    infer=infer,
    rules=(output_is_int8, rules.quantized_per_tensor, scale_ratio_fits),
    floating=floating,
    quantized=quantized,
    arity=(1, 1),
    kernels=(
        REQUANTIZE_S8,
        Kernel(
            name="mcu_quantize_f32_s8_ref",
            family=Family.REF,
            dtype=DType.FLOAT32,
            params=params_f32,
            params_type="mcu_quantize_params",
            header="mcu_quantize.h",
            cost=lambda call: Cost(cycles=40 * call.output.elements + 50),
        ),
    ),
)
