"""STRIDED_SLICE: numpy's basic indexing, of shapes that fold away as well as of data."""

from __future__ import annotations

from dataclasses import dataclass
from types import EllipsisType
from typing import Any

import numpy as np

from mcugen.ir import Call, DType
from mcugen.ops import movers
from mcugen.ops.base import Array, Op, Options, Scheme, Shape

# ---- attributes and decode


@dataclass(frozen=True, slots=True)
class StridedSliceAttrs:
    """Bit i of a mask changes the meaning of entry i of begin, end and strides."""

    begin_mask: int  # from the first element
    end_mask: int  # to the last element
    ellipsis_mask: int  # as many whole axes as are left over
    new_axis_mask: int  # a new axis of size 1
    shrink_axis_mask: int  # one element, whose axis goes away
    offset: bool  # end counts from begin


def decode(options: Any) -> StridedSliceAttrs:
    """Read StridedSliceOptions."""
    return StridedSliceAttrs(
        begin_mask=options.BeginMask(),
        end_mask=options.EndMask(),
        ellipsis_mask=options.EllipsisMask(),
        new_axis_mask=options.NewAxisMask(),
        shrink_axis_mask=options.ShrinkAxisMask(),
        offset=bool(options.Offset()),
    )


def encode(call: Call) -> Options:
    """Write StridedSliceOptions."""
    attrs: StridedSliceAttrs = call.attrs
    return {
        "beginMask": attrs.begin_mask,
        "endMask": attrs.end_mask,
        "ellipsisMask": attrs.ellipsis_mask,
        "newAxisMask": attrs.new_axis_mask,
        "shrinkAxisMask": attrs.shrink_axis_mask,
        "offset": attrs.offset,
    }


# ---- infer

Index = tuple[int | slice | EllipsisType | None, ...]


def index(call: Call) -> Index:
    """What the node would be between the brackets of numpy."""
    attrs: StridedSliceAttrs = call.attrs
    entries: list[int | slice | EllipsisType | None] = []
    bounds = (call.input(i).values().reshape(-1).tolist() for i in (1, 2, 3))
    for i, (begin, end, stride) in enumerate(zip(*bounds, strict=True)):
        bit = 1 << i
        from_first, to_last = attrs.begin_mask & bit, attrs.end_mask & bit
        if attrs.ellipsis_mask & bit:
            entries.append(...)
        elif attrs.new_axis_mask & bit:
            entries.append(None)
        elif attrs.shrink_axis_mask & bit:
            entries.append(0 if from_first else begin)
        else:
            entries.append(slice(None if from_first else begin, None if to_last else end, stride))
    return tuple(entries)


def infer(call: Call) -> tuple[Shape, ...]:
    """The shape of the slice."""
    return (np.broadcast_to(False, call.input().shape)[index(call)].shape,)


# ---- rules


def indices_are_known(call: Call) -> str | None:
    """Begin, end and strides must be constants of int32 or int64, of one axis and equal length."""
    tensors = [call.input(i) for i in (1, 2, 3)]
    if not all(tensor.is_const for tensor in tensors):
        return "indices computed at run time"
    legal = all(tensor.dtype in (DType.INT32, DType.INT64) for tensor in tensors)
    shapes = [tensor.shape for tensor in tensors]
    if legal and len(shapes[0]) == 1 and shapes == shapes[:1] * 3:
        return None
    return "begin, end and strides of shapes {}, {} and {}".format(*map(list, shapes))


def indices_fit(call: Call) -> str | None:
    """Indices must suit the input's shape, with strides other than 0 and at most one ellipsis.

    It must stand for an axis: where none is left for it, LiteRT takes one from the indices behind.
    """
    shape, attrs = call.input().shape, call.attrs
    count = call.input(1).elements
    listed = count - (attrs.new_axis_mask & ((1 << count) - 1)).bit_count()
    if attrs.ellipsis_mask & ((1 << count) - 1) and listed > len(shape):
        return f"input of shape {list(shape)}: an ellipsis that stands for no axis"
    try:
        np.broadcast_to(False, shape)[index(call)]
    except (IndexError, ValueError) as error:
        return f"input of shape {list(shape)}: {error}"
    return None


def end_is_absolute(call: Call) -> str | None:
    """The option `offset` must not be set."""
    return "ends that count from begin" if call.attrs.offset else None


RULES = (
    *movers.RULES,
    indices_are_known,
    indices_fit,
    end_is_absolute,
)


# ---- semantics and kernel


def view(call: Call, x: Array) -> Array:
    """The slice, in place; the ellipsis keeps it an array where no axis is left."""
    entries = index(call)
    return x[entries if ... in entries else (*entries, ...)]


semantics = movers.view_semantics(view)

OP = Op(
    name="strided_slice",
    tflite="STRIDED_SLICE",
    scheme=Scheme(shares=True),
    decode=decode,
    encode=encode,
    infer=infer,
    rules=RULES,
    floating=semantics,
    quantized=semantics,
    kernels=(movers.view_kernel(view),),
    arity=(4, 4),
)
