"""DIV: the quotient of two float tensors, with broadcasting and a fused activation."""

from __future__ import annotations

import numpy as np

from mcugen.ir import Call, DType
from mcugen.ops import binary_f32, broadcast, rules
from mcugen.ops.base import Array, Arrays, Op, apply_activation
from mcugen.ops.window import same_rows

# ---- rules


def types_are_float32(call: Call) -> str | None:
    """All inputs and the output must be float32."""
    found = [tensor.dtype for tensor in (call.input(0), call.input(1), call.output)]
    if set(found) == {DType.FLOAT32}:
        return None
    return ", ".join(dtype.value for dtype in found)


# ---- semantics


def floating(call: Call, inputs: Arrays) -> list[Array]:
    """Float32 quotient."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return [apply_activation(call.attrs.activation, np.divide(inputs[0], inputs[1]))]


OP = Op(
    name="div",
    tflite="DIV",
    decode=broadcast.decode,
    encode=broadcast.encode,
    infer=broadcast.infer,
    rows=same_rows,
    rules=(
        types_are_float32,
        broadcast.shapes_broadcast,
        broadcast.loops_fit,
        rules.activation_is_a_clamp,
    ),
    floating=floating,
    arity=(2, 2),
    kernels=(binary_f32.kernel("div"),),
)
