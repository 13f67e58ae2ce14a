"""QUANTIZE: float32 to int8 or int16, either of these to another scale, int8 to and from uint8.

A requantization is also what the RELU operators do, which only clamp in addition; they share
its semantics and its kernels.
"""

from __future__ import annotations

import numpy as np

from mcugen.fixed import quantize_multiplier, requantize, round_half_away
from mcugen.ir import Call, DType
from mcugen.ops import overlap, rules, table
from mcugen.ops.base import (
    Activation,
    Array,
    Arrays,
    Cost,
    Family,
    Fields,
    Kernel,
    Op,
    Rule,
    Shape,
    activation_range,
    no_attributes,
)
from mcugen.ops.window import same_rows

# |input| < 2**8, or at most 2**15 of int16, so that the scaled value stays within 2**30.
MAX_SHIFT, MAX_SHIFT_16 = 22, 15

# ---- infer


def infer(call: Call) -> tuple[Shape, ...]:
    """The input's shape."""
    return (call.input().shape,)


# ---- rules


def types_are_quantizable(call: Call) -> str | None:
    """It must make int8 or int16 of float32, int8 or int16, uint8 of int8, or int8 of uint8."""
    source, target = call.input().dtype, call.output.dtype
    integers = (DType.INT8, DType.INT16)
    if source in (DType.FLOAT32, *integers) and target in integers:
        return None
    if {source, target} == {DType.INT8, DType.UINT8}:
        return None
    return f"input {source.value}, output {target.value}"


def uint8_has_one_scale(call: Call) -> str | None:
    """A uint8 input or output must have one scale and one zero point."""
    for tensor in (call.input(), call.output):
        count = len(tensor.quant.scale) if tensor.quant is not None else 0
        if tensor.dtype is DType.UINT8 and count != 1:
            return f'"{tensor.name}" with {count} scales'
    return None


def scale_ratio_fits(call: Call) -> str | None:
    """The input scale must be below 2**22 output scales, that of int16 below 2**15."""
    most = MAX_SHIFT_16 if call.input().dtype is DType.INT16 else MAX_SHIFT
    if call.input().dtype.is_float or multiplier(call)[1] <= most:
        return None
    return f"input scale {call.input().scale:g}, output scale {call.output.scale:g}"


# ---- semantics


def floating(call: Call, inputs: Arrays) -> list[Array]:
    """Float32 to int8 or int16, as reference_ops::AffineQuantize, which divides in float32.

    Values beyond the range saturate; the reference overflows an int32 where |x / scale| >= 2**31.
    """
    with np.errstate(over="ignore"):
        steps = round_half_away(inputs[0] / np.float32(call.output.scale))
    limits = np.iinfo(call.output.dtype.numpy)
    return [np.clip(steps + call.output.zero_point, limits.min, limits.max).astype(limits.dtype)]


def quantized(call: Call, inputs: Arrays) -> list[Array]:
    """Another scale, zero point or type, as reference_ops::Requantize and ReluQuantized."""
    low, high = activation_range(activation(call), call.output)
    centred = inputs[0].astype(np.int64) - call.input().zero_point
    zero_point, dtype = call.output.zero_point, call.output.dtype.numpy
    return [requantize(centred, *multiplier(call), zero_point, low, high, dtype)]


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


def params(call: Call) -> Fields:
    """Fields of mcu_requantize_params."""
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


def _gives(dtype: DType) -> Rule:
    def rule(call: Call) -> str | None:
        return None if call.output.dtype is dtype else f"output {call.output.dtype.value}"

    rule.__doc__ = f"The output must be {dtype.value}."
    return rule


def _requantize(source: DType, target: DType, name: str) -> Kernel:
    """The kernel between two integer types."""
    is_narrow = source.bytes < target.bytes
    return Kernel(
        name=f"mcu_requantize_{name}_ref",
        family=Family.REF,
        dtype=source,
        params=params,
        params_type="mcu_requantize_params",
        header="mcu_requantize.h",
        applies=(_gives(target),),
        overlap=None if is_narrow else overlap.elementwise,
        cost=lambda call: Cost(cycles=30 * call.output.elements + 50),
    )


def _from_float(target: DType, name: str) -> Kernel:
    """The kernel from float32 to an integer type."""
    return Kernel(
        name=f"mcu_quantize_f32_{name}_ref",
        family=Family.REF,
        dtype=DType.FLOAT32,
        params=params_f32,
        params_type="mcu_quantize_params",
        header="mcu_quantize.h",
        applies=(_gives(target),),
        cost=lambda call: Cost(cycles=40 * call.output.elements + 50),
    )


REQUANTIZE_S8 = _requantize(DType.INT8, DType.INT8, "s8")
REQUANTIZE_S16 = _requantize(DType.INT16, DType.INT16, "s16")

OP = Op(
    name="quantize",
    tflite="QUANTIZE",
    decode=no_attributes,
    infer=infer,
    rows=same_rows,
    rules=(
        types_are_quantizable,
        rules.quantized_per_tensor,
        uint8_has_one_scale,
        scale_ratio_fits,
    ),
    floating=floating,
    quantized=quantized,
    arity=(1, 1),
    kernels=(
        REQUANTIZE_S8,
        REQUANTIZE_S16,
        _requantize(DType.INT8, DType.INT16, "s8_s16"),
        _requantize(DType.INT16, DType.INT8, "s16_s8"),
        table.kernel(quantized, DType.INT8, (_gives(DType.UINT8),)),
        table.kernel(quantized, DType.UINT8, (_gives(DType.INT8),)),
        _from_float(DType.INT8, "s8"),
        _from_float(DType.INT16, "s16"),
    ),
)
