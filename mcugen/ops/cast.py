"""CAST: numbers to another type. Scales and zero points are not looked at."""

from __future__ import annotations

import numpy as np

from mcugen.ir import Call, DType
from mcugen.ops import table
from mcugen.ops.base import Array, Arrays, Op, no_attributes

NUMBERS = (
    *(DType.FLOAT32, DType.BOOL, DType.INT8, DType.UINT8),
    *(DType.INT16, DType.INT32, DType.INT64),
)
BYTES = (DType.BOOL, DType.INT8, DType.UINT8)

# ---- rules


def types_are_numbers(call: Call) -> str | None:
    """Input and output must be float32, bool, int8, uint8, int16, int32 or int64."""
    source, target = call.input().dtype, call.output.dtype
    if source in NUMBERS and target in NUMBERS:
        return None
    return f"input {source.value}, output {target.value}"


# ---- semantics


def cast(call: Call, inputs: Arrays) -> list[Array]:
    """As C converts: floats towards zero, integers modulo the range, to bool what is not zero.

    Floats beyond the range of an integer saturate; the reference leaves them to the processor.
    """
    source, target = inputs[0], call.output.dtype.numpy
    if source.dtype.kind == "f" and target.kind in "iu":
        limits = np.iinfo(target)
        source = np.clip(np.nan_to_num(source.astype(np.float64)), limits.min, limits.max)
    with np.errstate(invalid="ignore"):  # 2**63 as int64
        return [source.astype(target)]


# ---- kernels


def output_is_a_byte(call: Call) -> str | None:
    """The output must be bool, int8 or uint8."""
    return None if call.output.dtype in BYTES else call.output.dtype.value


OP = Op(
    name="cast",
    tflite="CAST",
    decode=no_attributes,
    infer=table.infer,
    rules=(types_are_numbers,),
    floating=cast,
    quantized=cast,
    arity=(1, 1),
    kernels=tuple(table.kernel(cast, dtype, (output_is_a_byte,)) for dtype in BYTES),
)
