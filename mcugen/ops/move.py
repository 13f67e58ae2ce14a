"""MOVE: the same bytes at another place, so that what comes next has room.

No file has this operator. Kernels that write over their input begin in front of it, so that a row
of such layers creeps towards the arena's start: `mcugen.settle` moves a tensor back where that
makes the arena smaller.
"""

from __future__ import annotations

from mcugen.ir import Call
from mcugen.ops.base import (
    Array,
    Arrays,
    Cost,
    Family,
    Fields,
    Kernel,
    Op,
    Overlap,
    Overlaps,
    Shape,
    no_attributes,
)


def infer(call: Call) -> tuple[Shape, ...]:
    """The input's shape."""
    return (call.input().shape,)


def semantics(call: Call, inputs: Arrays) -> list[Array]:
    """The input."""
    return [inputs[0]]


def params(call: Call) -> Fields:
    """Fields of mcu_move_params."""
    return {"bytes": call.output.bytes}


def overlap(call: Call) -> Overlaps:
    """Any: so far behind the input that the two do not meet, or further in front."""
    return {0: Overlap(-call.output.bytes)}


KERNEL = Kernel(
    name="mcu_move_ref",
    family=Family.REF,
    dtype=None,
    params=params,
    params_type="mcu_move_params",
    header="mcu_move.h",
    overlap=overlap,
    cost=lambda call: Cost(cycles=call.output.bytes + 60, flash=0),
)

OP = Op(
    name="move",
    tflite="MOVE",
    decode=no_attributes,
    infer=infer,
    floating=semantics,
    quantized=semantics,
    kernels=(KERNEL,),
)
