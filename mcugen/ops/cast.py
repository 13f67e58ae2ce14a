"""CAST: numbers to another type. Scales and zero points are not looked at."""

from __future__ import annotations

import numpy as np

from mcugen.ir import Call, DType
from mcugen.ops import table
from mcugen.ops.base import (
    Array,
    Arrays,
    Cost,
    Family,
    Fields,
    Kernel,
    Op,
    Rule,
    no_attributes,
)

NUMBERS = (
    *(DType.FLOAT32, DType.BOOL, DType.INT8, DType.UINT8),
    *(DType.INT16, DType.INT32, DType.INT64),
)
BYTES = (DType.BOOL, DType.UINT8, DType.INT8)

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


# ---- C parameters and kernels

INTEGERS = (*BYTES, DType.INT16, DType.INT32)  # those that kernels take, in the order of mcu_cast.h


def output_is_a_byte(call: Call) -> str | None:
    """The output must be bool, int8 or uint8."""
    return None if call.output.dtype in BYTES else call.output.dtype.value


def output_is_an_integer(call: Call) -> str | None:
    """The output must be bool, int8, uint8, int16 or int32."""
    return None if call.output.dtype in INTEGERS else call.output.dtype.value


def output_is_float32(call: Call) -> str | None:
    """The output must be float32."""
    return None if call.output.dtype is DType.FLOAT32 else call.output.dtype.value


def params(call: Call) -> Fields:
    """Fields of mcu_cast_params."""

    def code(dtype: DType) -> int:
        return 0 if dtype is DType.FLOAT32 else INTEGERS.index(dtype)

    return {
        "elements": call.output.elements,
        "from": code(call.input().dtype),
        "to": code(call.output.dtype),
    }


def _kernel(form: str, dtype: DType, rule: Rule, cycles: int) -> Kernel:
    return Kernel(
        name=f"mcu_cast_{form}_ref",
        family=Family.REF,
        dtype=dtype,
        params=params,
        params_type="mcu_cast_params",
        header="mcu_cast.h",
        applies=(rule,),
        cost=lambda call: Cost(cycles=cycles * call.output.elements + 50),
    )


KERNELS = (
    *(table.kernel(cast, dtype, (output_is_a_byte,)) for dtype in BYTES),
    *(_kernel("integer", dtype, output_is_an_integer, 25) for dtype in INTEGERS),
    *(_kernel("to_f32", dtype, output_is_float32, 40) for dtype in INTEGERS),
    _kernel("from_f32", DType.FLOAT32, output_is_an_integer, 40),
)


OP = Op(
    name="cast",
    tflite="CAST",
    decode=no_attributes,
    infer=table.infer,
    rules=(types_are_numbers,),
    floating=cast,
    quantized=cast,
    arity=(1, 1),
    kernels=KERNELS,
)
