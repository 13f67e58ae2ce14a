"""REVERSE_V2: the elements along some axes from the last to the first.

Keras writes the backward half of a Bidirectional layer so. The references reverse neighbouring axes
only, and LiteRT's older versions one.
"""

from __future__ import annotations

import numpy as np

from mcugen.ir import Call
from mcugen.ops import movers
from mcugen.ops.base import Array, Op, Scheme, Shape, no_attributes


def infer(call: Call) -> tuple[Shape, ...]:
    """The input's shape."""
    return (call.input().shape,)


axes_known = movers.constant(1, "axes")


def axes_fit(call: Call) -> str | None:
    """The axes must be in the range [-rank, rank) of the input, each listed once."""
    axes, rank = movers.integers(call, 1), len(call.input().shape)
    within = all(-rank <= axis < rank for axis in axes)
    if within and len({axis % rank for axis in axes}) == len(axes):
        return None
    return f"axes {axes} of {rank} dimensions"


def view(call: Call, x: Array) -> Array:
    """The reversed array, in place."""
    reversed_: Array = np.flip(x, tuple(movers.integers(call, 1)))
    return reversed_


semantics = movers.view_semantics(view)

OP = Op(
    name="reverse_v2",
    tflite="REVERSE_V2",
    scheme=Scheme(shares=True),
    decode=no_attributes,
    infer=infer,
    rules=(*movers.RULES, axes_known, axes_fit),
    floating=semantics,
    quantized=semantics,
    kernels=(movers.view_kernel(view),),
    arity=(2, 2),
)
