"""SPLIT, SPLIT_V and UNPACK: an input cut into several outputs along an axis.

They have no kernels: `mcugen.passes.one_output` makes a slice of each output.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mcugen.ir import Call, Tensor
from mcugen.ops import movers
from mcugen.ops.base import Array, Arrays, Op, Options, Scheme, Shape

# ---- attributes and decode


@dataclass(frozen=True, slots=True)
class SplitAttrs:
    """`count` is that of the outputs. The axis is an input."""

    count: int


@dataclass(frozen=True, slots=True)
class UnpackAttrs:
    """`count` is that of the outputs; `axis` goes away."""

    count: int
    axis: int


def decode_split(options: Any) -> SplitAttrs:
    """Read SplitOptions or SplitVOptions."""
    return SplitAttrs(options.NumSplits())


def decode_unpack(options: Any) -> UnpackAttrs:
    """Read UnpackOptions."""
    return UnpackAttrs(options.Num(), options.Axis())


def encode_split(call: Call) -> Options:
    """Write SplitOptions or SplitVOptions."""
    return {"numSplits": len(call.outputs)}


def encode_unpack(call: Call) -> Options:
    """Write UnpackOptions."""
    return {"num": len(call.outputs), "axis": call.attrs.axis}


# ---- infer


def data(call: Call) -> int:
    """The position of the input that is cut."""
    return 1 if call.node.op == "split" else 0


def _source(call: Call) -> Tensor:
    return call.input(data(call))


def raw_axis(call: Call) -> int:
    """The axis as the file gives it."""
    if call.node.op == "unpack":
        return int(call.attrs.axis)
    return movers.integers(call, 0 if call.node.op == "split" else 2)[0]


def axis(call: Call) -> int:
    """The axis, counted from the start."""
    return raw_axis(call) % len(_source(call).shape)


def sizes(call: Call) -> list[int]:
    """The size of each output along the axis; one of -1 takes what the others leave."""
    full, count = _source(call).shape[axis(call)], len(call.outputs)
    if call.node.op != "split_v":
        return [full // count] * count
    asked = movers.integers(call, 1)
    rest = full - sum(size for size in asked if size != -1)
    return [rest if size == -1 else size for size in asked]


def infer(call: Call) -> tuple[Shape, ...]:
    """The input's shape with each output's size."""
    at, shape = axis(call), _source(call).shape
    if call.node.op == "unpack":
        return ((*shape[:at], *shape[at + 1 :]),) * len(call.outputs)
    return tuple((*shape[:at], size, *shape[at + 1 :]) for size in sizes(call))


# ---- rules

axis_known_first = movers.constant(0, "axis")
axis_known_last = movers.constant(2, "axis")
sizes_known = movers.constant(1, "sizes")


def axis_fits(call: Call) -> str | None:
    """The axis must be one number in the range [-rank, rank) of the input."""
    rank = len(_source(call).shape)
    if call.node.op != "unpack" and call.input(0 if call.node.op == "split" else 2).elements != 1:
        return "not one axis"
    at = raw_axis(call)
    return None if -rank <= at < rank else f"axis {at} of {rank} dimensions"


def count_fits(call: Call) -> str | None:
    """The option that counts the outputs must be right."""
    count = call.attrs.count
    return None if count == len(call.outputs) else f"{count} for {len(call.outputs)} outputs"


def parts_are_equal(call: Call) -> str | None:
    """The outputs' number must divide the input's size along the axis."""
    full, count = _source(call).shape[axis(call)], len(call.outputs)
    return None if full % count == 0 else f"{count} parts of {full}"


def each_is_unpacked(call: Call) -> str | None:
    """There must be an output for each entry of the axis."""
    full, count = _source(call).shape[axis(call)], len(call.outputs)
    return None if full == count else f"{count} outputs of {full} entries"


def sizes_add_up(call: Call) -> str | None:
    """The sizes must be 1 or more, at most one -1, and add up to the input's along the axis."""
    full, asked = _source(call).shape[axis(call)], movers.integers(call, 1)
    parts = sizes(call)
    good = asked.count(-1) <= 1 and min(parts, default=0) >= 1 and sum(parts) == full
    if good and len(parts) == len(call.outputs):
        return None
    return f"sizes {asked} of {full}, {len(call.outputs)} outputs"


def outputs_match(call: Call) -> str | None:
    """All outputs must have the type and the quantization of the input."""
    source = _source(call)
    for position, tensor in enumerate(call.outputs):
        if tensor.dtype is not source.dtype:
            return f"input {source.dtype.value}, output {position} {tensor.dtype.value}"
        if tensor.quant != source.quant:
            return f"output {position} with another quantization than the input"
    return None


# ---- semantics


def split(call: Call, inputs: Arrays) -> list[Array]:
    """The parts, in memory of their own."""
    x, at = inputs[data(call)], axis(call)
    ends = np.cumsum(sizes(call))[:-1]
    parts = np.split(x, ends.tolist(), axis=at)
    return [
        movers.contiguous(part, output.shape)
        for part, output in zip(parts, call.outputs, strict=True)
    ]


SPLIT = Op(
    name="split",
    tflite="SPLIT",
    scheme=Scheme(shares=True),
    decode=decode_split,
    encode=encode_split,
    infer=infer,
    rules=(outputs_match, axis_known_first, axis_fits, count_fits, parts_are_equal),
    floating=split,
    quantized=split,
    arity=(2, 2),
)

SPLIT_V = Op(
    name="split_v",
    tflite="SPLIT_V",
    scheme=Scheme(shares=True),
    decode=decode_split,
    encode=encode_split,
    infer=infer,
    rules=(outputs_match, sizes_known, axis_known_last, axis_fits, count_fits, sizes_add_up),
    floating=split,
    quantized=split,
    arity=(3, 3),
)

UNPACK = Op(
    name="unpack",
    tflite="UNPACK",
    scheme=Scheme(shares=True),
    decode=decode_unpack,
    encode=encode_unpack,
    infer=infer,
    rules=(outputs_match, axis_fits, count_fits, each_is_unpacked),
    floating=split,
    quantized=split,
    arity=(1, 1),
)
