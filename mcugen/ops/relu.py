"""RELU, RELU6 and RELU_N1_TO_1: clamps to a real range; the attributes are the `Activation`.

An int8 input may have another scale than the output, and is requantized on the way. TFLite Micro
does so for RELU, forgets it for RELU6 and has no RELU_N1_TO_1: the last two follow BUILTIN_REF.
"""

from __future__ import annotations

from mcugen.ir import Call
from mcugen.ops import rules
from mcugen.ops.base import Activation, Array, Arrays, Op, apply_activation
from mcugen.ops.quantize import REQUANTIZE_S8, infer, quantized, scale_ratio_fits


def floating(call: Call, inputs: Arrays) -> list[Array]:
    """Float32 clamp."""
    return [apply_activation(call.attrs, inputs[0])]


def _op(activation: Activation) -> Op:
    return Op(
        name=activation.name.lower(),
        tflite=activation.name,
        decode=lambda options: activation,
        infer=infer,
        rules=(rules.same_type_in_out, rules.quantized_per_tensor, scale_ratio_fits),
        floating=floating,
        quantized=quantized,
        arity=(1, 1),
        kernels=(REQUANTIZE_S8,),
    )


RELU = _op(Activation.RELU)
RELU6 = _op(Activation.RELU6)
RELU_N1_TO_1 = _op(Activation.RELU_N1_TO_1)
