"""PRELU: negative values times factors of their own, one for each channel as a rule."""

from __future__ import annotations

import numpy as np

from mcugen.fixed import multiply_by_quantized_multiplier, quantize_multiplier
from mcugen.ir import Call, DType
from mcugen.ops import binary_f32, broadcast, overlap
from mcugen.ops.base import Array, Arrays, Cost, Family, Fields, Kernel, Op, no_attributes
from mcugen.ops.mul import MAX_SHIFT as MAX_PRODUCT_SHIFT
from mcugen.ops.quantize import MAX_SHIFT
from mcugen.ops.window import same_rows

# ---- rules


def output_has_the_inputs_shape(call: Call) -> str | None:
    """The factors must broadcast to the shape of the input."""
    shapes = call.input(0).shape, call.input(1).shape
    if np.broadcast_shapes(*shapes) == shapes[0]:
        return None
    return f"input of shape {list(shapes[0])}, factors of shape {list(shapes[1])}"


def scale_ratios_fit(call: Call) -> str | None:
    """An int8 input's scale must be below 2**22, times that of the factors below 2**14 outputs'."""
    if call.input().dtype.is_float:
        return None
    identity, product = multipliers(call)
    if identity[1] <= MAX_SHIFT and product[1] <= MAX_PRODUCT_SHIFT:
        return None
    scales = call.input(0).scale, call.input(1).scale, call.output.scale
    return "input scale {:g}, factors' {:g}, output scale {:g}".format(*scales)


# ---- semantics


def floating(call: Call, inputs: Arrays) -> list[Array]:
    """Float32."""
    return [np.where(inputs[0] >= 0, inputs[0], np.multiply(inputs[0], inputs[1]))]


def quantized(call: Call, inputs: Arrays) -> list[Array]:
    """Int8, as BroadcastPrelu4DSlow."""
    x, alpha = (
        values.astype(np.int64) - call.input(i).zero_point for i, values in enumerate(inputs)
    )
    identity, product = multipliers(call)
    scaled = np.where(
        x >= 0,
        multiply_by_quantized_multiplier(x, *identity),
        multiply_by_quantized_multiplier(x * alpha, *product),
    )
    return [np.clip(scaled + call.output.zero_point, -128, 127).astype(np.int8)]


def multipliers(call: Call) -> tuple[tuple[int, int], tuple[int, int]]:
    """(Q0.31 multiplier, shift) of the input, and of its product with a factor.

    In double, as TFLite Micro's CalculatePreluParams; BUILTIN_REF computes them in float32.
    """
    source, factors, target = call.input(0).scale, call.input(1).scale, call.output.scale
    return quantize_multiplier(source / target), quantize_multiplier(source * factors / target)


# ---- C parameters and kernels


def params_s8(call: Call) -> Fields:
    """Fields of mcu_prelu_s8_params."""
    (multiplier, shift), (product_multiplier, product_shift) = multipliers(call)
    return {
        **broadcast.loop_fields(call),
        "input_offset": -call.input(0).zero_point,
        "alpha_offset": -call.input(1).zero_point,
        "output_offset": call.output.zero_point,
        "multiplier": multiplier,
        "shift": shift,
        "product_multiplier": product_multiplier,
        "product_shift": product_shift,
    }


OP = Op(
    name="prelu",
    tflite="PRELU",
    decode=no_attributes,
    infer=broadcast.infer,
    rows=same_rows,
    rules=(*broadcast.RULES, output_has_the_inputs_shape, scale_ratios_fit),
    floating=floating,
    quantized=quantized,
    arity=(2, 2),
    kernels=(
        Kernel(
            name="mcu_prelu_s8_ref",
            family=Family.REF,
            dtype=DType.INT8,
            params=params_s8,
            params_type="mcu_prelu_s8_params",
            header="mcu_prelu.h",
            operands=(0, 1),
            overlap=overlap.elementwise,
            cost=lambda call: Cost(cycles=43 * call.output.elements + 250),
        ),
        binary_f32.kernel("prelu"),
    ),
)
