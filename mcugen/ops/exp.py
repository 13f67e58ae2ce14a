"""EXP, LOG and ELU: functions whose int8 tables the references fill in float32.

TFLite Micro has ELU only; EXP and LOG follow BUILTIN_REF, which in turn has no ELU.
"""

from __future__ import annotations

import numpy as np

from mcugen.ir import Call
from mcugen.ops import float32, rules, table, unary_f32
from mcugen.ops.base import Array, Arrays, Op, no_attributes
from mcugen.ops.table import correctly_rounded
from mcugen.ops.window import same_rows

_RULES = (rules.same_type_in_out, rules.quantized_per_tensor)

_exp = correctly_rounded(np.exp)
_log = correctly_rounded(np.log)


def _elu(x: Array) -> Array:
    return np.where(x < 0, _exp(np.minimum(x, 0)) - np.float32(1), x)


# ---- rules


def results_fit_int32(call: Call) -> str | None:
    """No int8 input may give a result of 2**30 output scales or more."""
    if call.input().dtype.is_float:
        return None
    every = table.BYTES.view(np.int8)
    return table.beyond_int32(call, table.steps_from_float(call, every, _elu))


# ---- semantics


def elu_floating(call: Call, inputs: Arrays) -> list[Array]:
    """Float32: x, or exp(x) - 1 below 0."""
    return [np.where(inputs[0] < 0, float32.expm1(inputs[0]), inputs[0])]


def elu_quantized(call: Call, inputs: Arrays) -> list[Array]:
    """Int8 ELU, as TFLite Micro's: exp(x) is rounded to float32 before 1 is subtracted."""
    return table.from_float(call, inputs[0], _elu)


def exp_floating(call: Call, inputs: Arrays) -> list[Array]:
    """Float32 exponential."""
    return [float32.exp(inputs[0])]


def exp_quantized(call: Call, inputs: Arrays) -> list[Array]:
    """Int8 exponential, as LUTPopulate."""
    return table.from_float(call, inputs[0], _exp)


def log_floating(call: Call, inputs: Arrays) -> list[Array]:
    """Float32 natural logarithm; NaN below 0."""
    return [float32.log(inputs[0])]


def log_quantized(call: Call, inputs: Arrays) -> list[Array]:
    """Int8 natural logarithm, as LogLUTPrepare: zero and below give the least output."""
    least = np.float32(call.output.scale * (-128 - call.output.zero_point))
    return table.from_float(call, inputs[0], lambda x: np.where(x <= 0, least, _log(x)))


# ---- the operators

ELU = Op(
    name="elu",
    tflite="ELU",
    decode=no_attributes,
    infer=table.infer,
    rows=same_rows,
    rules=(*_RULES, results_fit_int32),
    floating=elu_floating,
    quantized=elu_quantized,
    arity=(1, 1),
    kernels=(table.kernel(elu_quantized), unary_f32.kernel("elu", 55)),
)

EXP = Op(
    name="exp",
    tflite="EXP",
    decode=no_attributes,
    infer=table.infer,
    rows=same_rows,
    rules=_RULES,
    floating=exp_floating,
    quantized=exp_quantized,
    arity=(1, 1),
    kernels=(table.kernel(exp_quantized), unary_f32.kernel("exp", 45)),
)

LOG = Op(
    name="log",
    tflite="LOG",
    decode=no_attributes,
    infer=table.infer,
    rows=same_rows,
    rules=_RULES,
    floating=log_floating,
    quantized=log_quantized,
    arity=(1, 1),
    kernels=(table.kernel(log_quantized), unary_f32.kernel("log", 50)),
)
