"""SLICE: a box of the input, given by its first element and its size."""

from __future__ import annotations

from mcugen.ir import Call
from mcugen.ops import movers
from mcugen.ops.base import Array, Op, Scheme, Shape, no_attributes
from mcugen.ops.window import Axis, Padding, axis

# ---- infer


def box(call: Call) -> tuple[slice, ...]:
    """The elements of each axis; a size of -1 takes all that are left."""
    begins, sizes = movers.integers(call, 1), movers.integers(call, 2)
    return tuple(
        slice(begin, full if size == -1 else begin + size)
        for begin, size, full in zip(begins, sizes, call.input().shape, strict=True)
    )


def infer(call: Call) -> tuple[Shape, ...]:
    """The box's shape."""
    return (tuple(part.stop - part.start for part in box(call)),)


# ---- rules

begin_known = movers.constant(1, "begin")
size_known = movers.constant(2, "size")


def box_fits(call: Call) -> str | None:
    """The box must lie within the input, with begin and size given for each axis."""
    shape = call.input().shape
    begins, sizes = movers.integers(call, 1), movers.integers(call, 2)
    found = f"begin {begins}, size {sizes} in an input of shape {list(shape)}"
    if not len(begins) == len(sizes) == len(shape):
        return found
    fits = all(0 <= p.start < p.stop <= n for p, n in zip(box(call), shape, strict=True))
    return None if fits else found


# ---- rows


def rows(call: Call) -> dict[int, Axis]:
    """Each row from the same row; the size -1 says that all rows are taken, be they cut or not."""
    shape = call.input().shape
    if len(shape) != 4 or movers.integers(call, 1)[1] != 0 or movers.integers(call, 2)[1] != -1:
        return {}
    return {0: axis(shape[1], 1, 1, 1, Padding.VALID)}


# ---- semantics and kernel


def view(call: Call, x: Array) -> Array:
    """The box, in place."""
    return x[box(call)]


semantics = movers.view_semantics(view)

OP = Op(
    name="slice",
    tflite="SLICE",
    scheme=Scheme(shares=True),
    decode=no_attributes,
    infer=infer,
    rows=rows,
    rules=(*movers.RULES, begin_known, size_known, box_fits),
    floating=semantics,
    quantized=semantics,
    kernels=(movers.view_kernel(view),),
    arity=(3, 3),
)
