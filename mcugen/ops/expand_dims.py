"""EXPAND_DIMS: inserts an axis of size 1; it costs nothing at run time."""

from __future__ import annotations

from mcugen.ir import Call, DType
from mcugen.ops import rules
from mcugen.ops.base import Array, Arrays, Op, Scheme, Shape, no_attributes

# ---- infer


def axis(call: Call) -> int:
    """Where the new axis goes in the output, as the file has it."""
    return int(call.input(1).values().item())


def infer(call: Call) -> tuple[Shape, ...]:
    """The input's shape with a 1 inserted."""
    shape = call.input().shape
    at = axis(call) % (len(shape) + 1)
    return ((*shape[:at], 1, *shape[at:]),)


# ---- rules


def axis_is_known(call: Call) -> str | None:
    """The axis must be a constant of int32 or int64, with one element."""
    tensor = call.input(1)
    if not tensor.is_const:
        return "an axis computed at run time"
    if tensor.dtype in (DType.INT32, DType.INT64) and tensor.elements == 1:
        return None
    return f"{tensor.dtype.value} axis of shape {list(tensor.shape)}"


def axis_fits(call: Call) -> str | None:
    """The axis must lie within the output's rank."""
    rank, at = len(call.input().shape) + 1, axis(call)
    return None if -rank <= at < rank else f"axis {at} of an output of rank {rank}"


# ---- semantics


def expand_dims(call: Call, inputs: Arrays) -> list[Array]:
    """The same elements in the inferred shape."""
    return [inputs[0].reshape(infer(call)[0])]


OP = Op(
    name="expand_dims",
    tflite="EXPAND_DIMS",
    scheme=Scheme(shares=True),
    decode=no_attributes,
    infer=infer,
    rules=(rules.same_type, rules.same_quantization_in_out, axis_is_known, axis_fits),
    floating=expand_dims,
    quantized=expand_dims,
    alias=True,
    arity=(2, 2),
)
