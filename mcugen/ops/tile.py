"""TILE: the input again and again along each axis. BROADCAST_TO: axes of size 1 repeated.

TFLite Micro has no TILE.
"""

from __future__ import annotations

import numpy as np

from mcugen.ir import Call
from mcugen.ops import movers
from mcugen.ops.base import Array, Op, Scheme, Shape, no_attributes

# ---- infer


def infer_tile(call: Call) -> tuple[Shape, ...]:
    """Each size times its multiple."""
    pairs = zip(call.input().shape, movers.integers(call, 1), strict=True)
    return (tuple(size * multiple for size, multiple in pairs),)


def infer_broadcast(call: Call) -> tuple[Shape, ...]:
    """The shape that is asked for."""
    return (tuple(movers.integers(call, 1)),)


# ---- rules

multiples_known = movers.constant(1, "multiples")
shape_known = movers.constant(1, "shape")


def multiples_fit(call: Call) -> str | None:
    """There must be a multiple of 1 or more for each axis."""
    multiples, rank = movers.integers(call, 1), len(call.input().shape)
    if len(multiples) == rank and min(multiples, default=1) >= 1:
        return None
    return f"multiples {multiples} of {rank} dimensions"


def shape_fits(call: Call) -> str | None:
    """The shape must be that of the input, but for axes in front and those of size 1."""
    shape, target = call.input().shape, movers.integers(call, 1)
    padded = (1,) * (len(target) - len(shape)) + shape
    good = len(padded) == len(target) and min(target, default=1) >= 1
    if good and all(size in (1, wanted) for size, wanted in zip(padded, target, strict=True)):
        return None
    return f"input of shape {list(shape)}, shape {target}"


# ---- semantics and kernels


def tile_view(call: Call, x: Array) -> Array:
    """[m0][n0][m1][n1]... of [n0][n1]...: an axis of multiples has stride 0."""
    multiples = movers.integers(call, 1)
    split = x.reshape([n for size in x.shape for n in (1, size)])
    pairs = zip(multiples, x.shape, strict=True)
    return np.broadcast_to(split, [n for pair in pairs for n in pair])


def broadcast_view(call: Call, x: Array) -> Array:
    """The input with stride 0 along axes that are repeated."""
    return np.broadcast_to(x, movers.integers(call, 1))


tile = movers.view_semantics(tile_view)
broadcast_to = movers.view_semantics(broadcast_view)

TILE = Op(
    name="tile",
    tflite="TILE",
    scheme=Scheme(shares=True),
    decode=no_attributes,
    infer=infer_tile,
    rules=(*movers.RULES, multiples_known, multiples_fit),
    floating=tile,
    quantized=tile,
    kernels=(movers.view_kernel(tile_view),),
    arity=(2, 2),
)

BROADCAST_TO = Op(
    name="broadcast_to",
    tflite="BROADCAST_TO",
    scheme=Scheme(shares=True),
    decode=no_attributes,
    infer=infer_broadcast,
    rules=(*movers.RULES, shape_known, shape_fits),
    floating=broadcast_to,
    quantized=broadcast_to,
    kernels=(movers.view_kernel(broadcast_view),),
    arity=(2, 2),
)
