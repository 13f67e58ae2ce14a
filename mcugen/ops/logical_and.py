"""LOGICAL_AND, LOGICAL_OR and LOGICAL_NOT of booleans, which are bytes of 0 and 1."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mcugen.ir import Call, DType
from mcugen.ops import broadcast, minimum, table
from mcugen.ops.base import Array, Arrays, Op, no_attributes

# ---- rules


def types_are_bool(call: Call) -> str | None:
    """All inputs and the output must be bool."""
    found = [tensor.dtype for tensor in (*map(call.input, range(len(call.inputs))), call.output)]
    return None if set(found) == {DType.BOOL} else ", ".join(dtype.value for dtype in found)


# ---- semantics


def logical_not(call: Call, inputs: Arrays) -> list[Array]:
    """True where the input is false."""
    return [np.logical_not(inputs[0])]


# ---- the operators


def _op(name: str, function: Callable[[Array, Array], Array], kernel: str) -> Op:
    def combine(call: Call, inputs: Arrays) -> list[Array]:
        """Combine two booleans."""
        return [function(inputs[0], inputs[1])]

    return Op(
        name=name,
        tflite=name.upper(),
        decode=no_attributes,
        infer=broadcast.infer,
        rules=(types_are_bool, broadcast.shapes_broadcast, broadcast.loops_fit),
        quantized=combine,
        arity=(2, 2),
        kernels=(minimum.kernel(kernel, DType.BOOL),),
    )


LOGICAL_AND = _op("logical_and", np.logical_and, "minimum")
LOGICAL_OR = _op("logical_or", np.logical_or, "maximum")

LOGICAL_NOT = Op(
    name="logical_not",
    tflite="LOGICAL_NOT",
    decode=no_attributes,
    infer=table.infer,
    rules=(types_are_bool,),
    quantized=logical_not,
    arity=(1, 1),
    kernels=(table.kernel(logical_not, DType.BOOL),),
)
