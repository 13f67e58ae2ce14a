"""GATHER: entries of an axis, picked by a tensor of indices.

Indices that come at run time may be out of range: LiteRT then fails, TFLite Micro reads whatever
lies there. The kernel, and so the semantics, take the first or the last entry instead.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from mcugen.ir import Call, DType
from mcugen.ops import movers
from mcugen.ops.base import Array, Arrays, Cost, Family, Fields, Kernel, Op, Options, Scheme, Shape

# ---- attributes and decode


@dataclass(frozen=True, slots=True)
class GatherAttrs:
    """`axis` of the input is indexed; its first `batch_dims` axes go along with the indices'."""

    axis: int
    batch_dims: int


def decode(options: Any) -> GatherAttrs:
    """Read GatherOptions."""
    return GatherAttrs(options.Axis(), options.BatchDims())


def encode(call: Call) -> Options:
    """Write GatherOptions."""
    return {"axis": call.attrs.axis, "batchDims": call.attrs.batch_dims}


# ---- infer


def places(call: Call) -> tuple[int, int]:
    """(Axis, batch dimensions), counted from the start."""
    attrs: GatherAttrs = call.attrs
    from_end = len(call.input(1).shape) if attrs.batch_dims < 0 else 0
    return attrs.axis % len(call.input().shape), attrs.batch_dims + from_end


def infer(call: Call) -> tuple[Shape, ...]:
    """The indices' shape, without what goes along, in place of the axis."""
    axis, batch = places(call)
    shape, indices = call.input().shape, call.input(1).shape
    return ((*shape[:axis], *indices[batch:], *shape[axis + 1 :]),)


# ---- rules


def indices_are_int32(call: Call) -> str | None:
    """The indices must be int32."""
    dtype = call.input(1).dtype
    return None if dtype is DType.INT32 else f"indices of type {dtype.value}"


def axis_fits(call: Call) -> str | None:
    """The axis must exist and come after the batch dimensions, which both inputs must share."""
    attrs: GatherAttrs = call.attrs
    shape, indices = call.input().shape, call.input(1).shape
    found = f"axis {attrs.axis}, batch_dims {attrs.batch_dims}, "
    found += f"input of shape {list(shape)}, indices of shape {list(indices)}"
    if not (-len(shape) <= attrs.axis < len(shape) and abs(attrs.batch_dims) <= len(indices)):
        return found
    axis, batch = places(call)
    return None if batch <= axis and shape[:batch] == indices[:batch] else found


def constant_indices_fit(call: Call) -> str | None:
    """Constant indices must lie within the axis."""
    if not call.input(1).is_const:
        return None
    size = call.input().shape[places(call)[0]]
    outside = [i for i in movers.integers(call, 1) if not 0 <= i < size]
    return f"index {outside[0]} of an axis of {size}" if outside else None


# ---- semantics


def gather(call: Call, inputs: Arrays) -> list[Array]:
    """Batch by batch, take entries."""
    axis, batch = places(call)
    x, indices = inputs[0], np.clip(inputs[1], 0, inputs[0].shape[axis] - 1)
    rows = math.prod(x.shape[:batch])
    xs = x.reshape(rows, *x.shape[batch:])
    ids = indices.reshape(rows, *indices.shape[batch:])
    taken = [np.take(xs[i], ids[i], axis=axis - batch) for i in range(rows)]
    return [np.stack(taken).reshape(call.output.shape)]


# ---- C parameters and kernels


def params(call: Call) -> Fields:
    """Fields of mcu_gather_params."""
    axis, batch = places(call)
    shape, indices = call.input().shape, call.input(1).shape
    return {
        "batch": math.prod(shape[:batch]),
        "outer": math.prod(shape[batch:axis]),
        "axis": shape[axis],
        "count": math.prod(indices[batch:]),
        "inner": math.prod(shape[axis + 1 :]) * call.input().dtype.bytes,
    }


OP = Op(
    name="gather",
    tflite="GATHER",
    scheme=Scheme(shares=True),
    decode=decode,
    encode=encode,
    infer=infer,
    rules=(*movers.RULES, indices_are_int32, axis_fits, constant_indices_fit),
    floating=gather,
    quantized=gather,
    arity=(2, 2),
    kernels=(
        Kernel(
            name="mcu_gather_ref",
            family=Family.REF,
            dtype=None,
            params=params,
            params_type="mcu_gather_params",
            header="mcu_gather.h",
            operands=(0, 1),
            cost=lambda call: Cost(cycles=20 * call.input(1).elements + 2 * call.output.bytes),
        ),
    ),
)
