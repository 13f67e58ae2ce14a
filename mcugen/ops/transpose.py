"""TRANSPOSE: the axes in another order."""

from __future__ import annotations

from mcugen.ir import Call
from mcugen.ops import movers
from mcugen.ops.base import Array, Op, Scheme, Shape, no_attributes


def infer(call: Call) -> tuple[Shape, ...]:
    """The input's sizes in the new order."""
    return (tuple(call.input().shape[axis] for axis in movers.integers(call, 1)),)


permutation_known = movers.constant(1, "permutation")


def permutation_fits(call: Call) -> str | None:
    """The permutation must name each axis of the input once, none as a negative number."""
    order, rank = movers.integers(call, 1), len(call.input().shape)
    if sorted(order) == list(range(rank)):
        return None
    return f"permutation {order} of {rank} dimensions"


def view(call: Call, x: Array) -> Array:
    """The transposed array, in place."""
    transposed: Array = x.transpose(movers.integers(call, 1))
    return transposed


semantics = movers.view_semantics(view)

OP = Op(
    name="transpose",
    tflite="TRANSPOSE",
    scheme=Scheme(shares=True),
    decode=no_attributes,
    infer=infer,
    rules=(*movers.RULES, permutation_known, permutation_fits),
    floating=semantics,
    quantized=semantics,
    kernels=(movers.view_kernel(view),),
    arity=(2, 2),
)
