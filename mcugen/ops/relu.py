"""RELU, RELU6 and RELU_N1_TO_1: clamps to a real range; the attributes are the `Activation`.

An int8 input may have another scale than the output, and is requantized on the way. TFLite Micro
does so for RELU, forgets it for RELU6 and has no RELU_N1_TO_1: the last two follow BUILTIN_REF,
which divides the scales in float32.
"""

from __future__ import annotations

from mcugen.ir import Call, DType
from mcugen.ops import float32, overlap, rules, table
from mcugen.ops.base import (
    Activation,
    Array,
    Arrays,
    Cost,
    Family,
    Fields,
    Kernel,
    Op,
    apply_activation,
)
from mcugen.ops.quantize import REQUANTIZE_S8, REQUANTIZE_S16, infer, quantized, scale_ratio_fits
from mcugen.ops.window import same_rows


def floating(call: Call, inputs: Arrays) -> list[Array]:
    """Float32 clamp."""
    return [apply_activation(call.attrs, inputs[0])]


def params_f32(call: Call) -> Fields:
    """Fields of mcu_relu_f32_params."""
    return {"elements": call.output.elements, **float32.clamp_fields(call.attrs)}


RELU_F32 = Kernel(
    name="mcu_relu_f32_ref",
    family=Family.REF,
    dtype=DType.FLOAT32,
    params=params_f32,
    params_type="mcu_relu_f32_params",
    header="mcu_relu_f32.h",
    overlap=overlap.elementwise,
    cost=lambda call: Cost(cycles=10 * call.output.elements + 50),
)


def _op(activation: Activation) -> Op:
    takes_16 = activation is not Activation.RELU_N1_TO_1  # no reference does
    return Op(
        name=activation.name.lower(),
        tflite=activation.name,
        decode=lambda options: activation,
        infer=infer,
        rows=same_rows,
        rules=(
            rules.same_type_in_out_16 if takes_16 else rules.same_type_in_out,
            rules.quantized_per_tensor,
            scale_ratio_fits,
            rules.clamp_fits_int32,
        ),
        floating=floating,
        quantized=quantized,
        arity=(1, 1),
        kernels=(
            REQUANTIZE_S8,
            *((REQUANTIZE_S16,) if takes_16 else ()),
            table.kernel(quantized),
            RELU_F32,
        ),
    )


RELU = _op(Activation.RELU)
RELU6 = _op(Activation.RELU6)
RELU_N1_TO_1 = _op(Activation.RELU_N1_TO_1)
