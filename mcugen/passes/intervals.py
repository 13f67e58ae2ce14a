"""Interval analysis: which integers each channel of an activation can take, for every input.

Exact for a layer given the intervals before it: sums of products are bounded window by window, with
padding where it really is, and requantization, being monotone, carries bounds to bounds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mcugen.ir import Call, DType, Graph, Tensor, TensorId
from mcugen.ops import OPS
from mcugen.ops.base import Array, Matmul

# Operators that never decrease when an input increases, and keep channels apart.
MONOTONE = frozenset(
    {
        *("add", "average_pool2d", "max_pool2d", "maximum", "mean", "minimum", "pad", "quantize"),
        *("relu", "relu6", "relu_n1_to_1", "reshape", "squeeze", "expand_dims"),
    }
)
BOUNDED = (DType.INT8, DType.INT16)


@dataclass(frozen=True, slots=True, eq=False)
class Interval:
    """Bounds of an int8 or int16 activation, one of each per channel, the last axis."""

    low: Array
    high: Array

    @property
    def is_constant(self) -> Array:
        """Which channels have one value only."""
        constant: Array = self.low == self.high
        return constant


def intervals(graph: Graph) -> dict[TensorId, Interval]:
    """Bounds of every int8 or int16 activation of a graph whose inputs may be anything."""
    found: dict[TensorId, Interval] = {}
    for i in graph.inputs:
        found[i] = _anything(graph.tensors[i])
    for call in graph.calls():
        for i, tensor in zip(call.node.outputs, call.outputs, strict=True):
            found[i] = _anything(tensor)
        source = call.node.inputs[0]
        if source not in found or not is_bounded(call):
            continue
        view = OPS[call.node.op].matmul
        if view is not None and call.input(1).is_const:
            found[call.node.outputs[0]] = _weighted(call, view, found[source])
        elif (
            call.node.op in MONOTONE
            and keeps_channels(call)
            and not _may_wrap(call, 2 ** (8 * call.input().dtype.bytes))
        ):
            found[call.node.outputs[0]] = _monotone(call, found)
    return found


def is_bounded(call: Call) -> bool:
    """Whether an operator computes int8 from int8, or int16 from int16."""
    return call.input().dtype is call.output.dtype and call.output.dtype in BOUNDED


def keeps_channels(call: Call) -> bool:
    """Whether channel c of the output depends on channel c of the inputs alone."""
    channels = [call.output, *(t for t in call.inputs if t is not None and not t.is_const)]
    same = len({t.shape[-1:] for t in channels}) == 1 and call.output.shape != ()
    if call.node.op == "mean":
        rank = len(call.input().shape)
        return same and all(int(axis) % rank != rank - 1 for axis in call.input(1).values().flat)
    return same


def _anything(tensor: Tensor) -> Interval:
    channels = tensor.shape[-1] if tensor.shape else 1
    limits = np.iinfo(tensor.dtype.numpy if tensor.dtype in BOUNDED else np.int8)
    return Interval(np.full(channels, limits.min), np.full(channels, limits.max))


def _spread(call: Call, position: int, values: Array) -> Array:
    """An input that has one value per channel."""
    tensor = call.input(position)
    return np.broadcast_to(values, tensor.shape).astype(tensor.dtype.numpy)


def _weighted(call: Call, view: Matmul, source: Interval) -> Interval:
    weights = view.weights(call, call.input(1).values().astype(np.float64))
    zero_point = call.input().zero_point
    low, high = (
        view.inputs(call, _spread(call, 0, bound).astype(np.float64) - zero_point)
        for bound in (source.low, source.high)
    )
    above = np.maximum(weights, 0).swapaxes(1, 2)
    below = np.minimum(weights, 0).swapaxes(1, 2)
    least = (low @ above + high @ below).min(axis=1).reshape(-1)  # group by group, as channels lie
    greatest = (high @ above + low @ below).max(axis=1).reshape(-1)
    bias = call.optional(2)
    if bias is not None:
        least, greatest = least + bias.values(), greatest + bias.values()
    quant = call.input(1).quant
    assert quant is not None
    if _may_wrap(call, int(np.abs([least, greatest]).max()), max(quant.scale)):
        return _anything(call.output)
    finish = view.finish
    return Interval(*(finish(call, sums).astype(np.int64) for sums in (least, greatest)))


def _may_wrap(call: Call, reach: int, scale: float = 1.0) -> bool:
    """Whether a multiplier above 1 may shift a sum of that size out of 32 bits, where it wraps."""
    _, shift = math.frexp(call.input().scale * scale / call.output.scale)
    return reach << max(shift, 0) >= 2**31


def _monotone(call: Call, found: Mapping[TensorId, Interval]) -> Interval:
    bounds = []
    for side in ("low", "high"):
        inputs = [
            call.input(position).values()
            if i not in found
            else _spread(call, position, getattr(found[i], side))
            for position, i in enumerate(call.node.inputs)
            if i is not None
        ]
        bounds.append(OPS[call.node.op].run(call, inputs)[0].astype(np.int64))
    axes = tuple(range(bounds[0].ndim - 1))
    return Interval(bounds[0].min(axis=axes), bounds[1].max(axis=axes))
