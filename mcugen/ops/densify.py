"""DENSIFY: a sparse constant as a dense one. The importer reads both alike, so it has no kernel."""

from __future__ import annotations

from mcugen.ir import Call
from mcugen.ops import rules
from mcugen.ops.base import Array, Arrays, Op, Shape, no_attributes


def infer(call: Call) -> tuple[Shape, ...]:
    """The input's shape."""
    return (call.input().shape,)


def input_is_constant(call: Call) -> str | None:
    """The input must be a constant."""
    return None if call.input().is_const else "an input computed at run time"


def densify(call: Call, inputs: Arrays) -> list[Array]:
    """The value itself."""
    return [inputs[0]]


OP = Op(
    name="densify",
    tflite="DENSIFY",
    decode=no_attributes,
    infer=infer,
    rules=(input_is_constant, rules.same_type),
    floating=densify,
    quantized=densify,
    arity=(1, 1),
)
