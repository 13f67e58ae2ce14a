"""GELU: x times the normal distribution's probability below x. TFLite Micro has none."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from mcugen.ir import Call
from mcugen.ops import float32, rules, table, unary_f32
from mcugen.ops.base import Array, Arrays, Op, Options
from mcugen.ops.table import correctly_rounded
from mcugen.ops.window import same_rows

# ---- attributes and decode


@dataclass(frozen=True, slots=True)
class GeluAttrs:
    """`approximate`: by the hyperbolic tangent of a polynomial."""

    approximate: bool


def decode(options: Any) -> GeluAttrs:
    """Read GeluOptions."""
    return GeluAttrs(approximate=bool(options.Approximate()))


def encode(call: Call) -> Options:
    """Write GeluOptions."""
    return {"approximate": call.attrs.approximate}


# ---- semantics

_erfc = correctly_rounded(np.vectorize(math.erfc, otypes=[np.float64]))
_tanh = correctly_rounded(np.tanh)
Function = Callable[[Array], Array]
_SQRT_HALF = np.float32(math.sqrt(0.5))
_SQRT_2_OVER_PI = np.float32(math.sqrt(2 / math.pi))


def gelu(call: Call, x: Array, tanh: Function = _tanh, erfc: Function = _erfc) -> Array:
    """Float32, in the reference's order: 0.5 x erfc(-x / sqrt(2)), or the approximation."""
    if call.attrs.approximate:
        cubic = x + np.float32(0.044715) * x * x * x
        twice_probability = np.float32(1) + tanh(_SQRT_2_OVER_PI * cubic)
    else:
        twice_probability = erfc(x * -_SQRT_HALF)
    result: Array = np.float32(0.5) * x * twice_probability
    return result


def floating(call: Call, inputs: Arrays) -> list[Array]:
    """Float32."""
    return [gelu(call, inputs[0], float32.tanh, float32.erfc)]


def quantized(call: Call, inputs: Arrays) -> list[Array]:
    """Int8, as LUTPopulate."""
    return table.from_float(call, inputs[0], lambda x: gelu(call, x))


OP = Op(
    name="gelu",
    tflite="GELU",
    decode=decode,
    encode=encode,
    infer=table.infer,
    rows=same_rows,
    rules=(rules.same_type_in_out, rules.quantized_per_tensor),
    floating=floating,
    quantized=quantized,
    arity=(1, 1),
    kernels=(
        table.kernel(quantized),
        unary_f32.kernel("gelu", 90, lambda call: call.attrs.approximate),
    ),
)
