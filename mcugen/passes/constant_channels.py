"""Remove channels that do nothing: constant for every input, or read by nobody.

A channel that interval analysis proves constant is folded into the biases of the layers that read
it and dropped from its producer; a channel that only zero weights read is dropped. Layers in
between that treat channels one by one (depthwise, pools, ADD, activations) lose it too. The outputs
stay the same, byte for byte. A constant that a padded convolution reads can be folded only where it
equals the zero point, since at the border the padding takes its place.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mcugen.ir import Call, DType, Graph, Node, Quant, Tensor, TensorId
from mcugen.ops import OPS
from mcugen.ops.base import Array
from mcugen.passes.edit import without_unused_tensors
from mcugen.passes.intervals import (
    BOUNDED,
    MONOTONE,
    Interval,
    intervals,
    is_bounded,
    keeps_channels,
)
from mcugen.passes.resolve import resolve

MIXING = ("conv2d", "fully_connected")  # every output channel reads every input channel

Removed = dict[TensorId, Array]  # per channel of a tensor: whether it goes


def constant_channels(graph: Graph) -> Graph:
    """Drop all channels that can go; tensors that lose some say in `kept` which are left."""
    if any(graph.tensors[i].dtype not in BOUNDED for i in graph.inputs):
        return graph
    bounds = intervals(graph)
    removed = _removable(graph, bounds)
    if not any(gone.any() for gone in removed.values()):
        return graph
    return _without(graph, removed, bounds)


# ---- which channels can go


def _removable(graph: Graph, bounds: dict[TensorId, Interval]) -> Removed:
    """The largest set that all agree on: start with all channels, drop contradictions."""
    removed = {i: np.ones(len(interval.low), bool) for i, interval in bounds.items()}
    for i in (*graph.inputs, *graph.outputs):
        removed[i][:] = False
    before = -1
    while (now := sum(int(gone.sum()) for gone in removed.values())) != before:
        before = now
        for call in graph.calls():
            _agree(call, removed, bounds)
        if sum(int(gone.sum()) for gone in removed.values()) == before:
            for gone in removed.values():
                gone[0] &= not gone.all()  # a tensor keeps a channel
    return removed


def _agree(call: Call, removed: Removed, bounds: dict[TensorId, Interval]) -> None:
    """Apply what one operator demands."""
    activations = [i for i in call.node.inputs if i is not None and i in removed]
    outputs = call.node.outputs
    source = activations[0] if activations else -1
    is_known = is_bounded(call) and source == call.node.inputs[0]
    if is_known and call.node.op in MIXING and _mixes_whole_channels(call):
        removed[source] &= _foldable(call, bounds[source], removed[outputs[0]])
    elif is_known and call.node.op == "depthwise_conv2d" and call.input(1).is_const:
        together = removed[source] & removed[outputs[0]].reshape(len(removed[source]), -1).all(1)
        removed[source][:] = together
        removed[outputs[0]][:] = np.repeat(together, len(removed[outputs[0]]) // len(together))
    elif is_known and _is_by_channel(call):
        together = np.logical_and.reduce([removed[i] for i in (*activations, *outputs)])
        for i in (*activations, *outputs):
            removed[i][:] = together
    else:
        for i in (*activations, *outputs):
            removed[i][:] = False


def _mixes_whole_channels(call: Call) -> bool:
    """One group, and for a dense layer one column of weights for each channel."""
    return call.input(1).is_const and call.input(1).shape[-1] == call.input().shape[-1]


def _is_by_channel(call: Call) -> bool:
    """A monotone operator whose operands are all activations, but for shapes and axes."""
    constants = [t for t in call.inputs if t is not None and t.is_const]
    return (
        call.node.op in MONOTONE
        and keeps_channels(call)
        and all(t.dtype in (DType.INT32, DType.INT64) for t in constants)
    )


def _foldable(call: Call, interval: Interval, gone: Array) -> Array:
    """Input channels whose contribution to the outputs that stay is the same at every position."""
    view = OPS[call.node.op].matmul
    assert view is not None
    weights = call.input(1).values()[~gone]
    unread = ~weights.any(axis=tuple(range(weights.ndim - 1)))
    is_padded = bool((view.inputs(call, np.ones(call.input().shape)) == 0).any())
    even = (interval.low == call.input().zero_point) if is_padded else True
    foldable: Array = unread | (interval.is_constant & even)
    return foldable


# ---- the graph without them


def _without(graph: Graph, removed: Removed, bounds: dict[TensorId, Interval]) -> Graph:
    tensors = dict(graph.tensors)
    for i, gone in removed.items():
        if gone.any():
            left = tuple(np.flatnonzero(~gone).tolist())
            shape = (*tensors[i].shape[:-1], len(left))
            tensors[i] = replace(tensors[i], shape=shape, kept=left)
    nodes: list[Node] = []
    next_id = graph.fresh_id()
    for call in graph.calls():
        inputs = list(call.node.inputs)
        for position, constant in _constants(call, removed, bounds).items():
            inputs[position:] = [next_id, *inputs[position + 1 :]]
            tensors[next_id] = constant
            next_id += 1
        nodes.append(replace(call.node, inputs=tuple(inputs)))
    return without_unused_tensors(resolve(graph.with_(tensors=tensors, nodes=tuple(nodes))))


def _constants(call: Call, removed: Removed, bounds: dict[TensorId, Interval]) -> dict[int, Tensor]:
    """The constants of one node that change, by input position."""
    source, output = call.node.inputs[0], call.node.outputs[0]
    gone_in = removed.get(source) if source is not None else None
    gone_out = removed.get(output)
    if gone_in is None or gone_out is None or not (gone_in.any() or gone_out.any()):
        return {}
    if call.node.op == "reshape":
        return _shape_constant(call, gone_out)
    if OPS[call.node.op].matmul is None:
        return {}
    weights, bias = call.input(1), call.optional(2)
    axis = 3 if call.node.op == "depthwise_conv2d" else 0
    values = np.compress(~gone_out, weights.values(), axis=axis)
    if call.node.op in MIXING:
        values = np.compress(~gone_in, values, axis=values.ndim - 1)
        assert source is not None
        folded = _folded(call, gone_in, bounds[source])
    else:
        folded = np.zeros(len(gone_out), np.int64)
    changed = {1: _sliced(weights, values, ~gone_out)}
    if bias is not None:
        total = (bias.values().astype(np.int64) + folded)[~gone_out]
        changed[2] = _sliced(bias, total.astype(bias.dtype.numpy), ~gone_out)
    elif folded[~gone_out].any():
        dtype = DType.INT64 if call.input().dtype is DType.INT16 else DType.INT32
        total = folded[~gone_out].astype(dtype.numpy)
        changed[2] = Tensor(f"{call.node.name}/bias", total.shape, dtype, None, total)
    return changed


def _folded(call: Call, gone: Array, interval: Interval) -> Array:
    """What the removed input channels add to every sum."""
    view = OPS[call.node.op].matmul
    assert view is not None
    steady = np.where(gone & interval.is_constant, interval.low - call.input().zero_point, 0)
    spread = np.broadcast_to(steady, call.input().shape).astype(np.float64)
    weights = view.weights(call, call.input(1).values().astype(np.float64))
    sums = view.inputs(call, spread)[:, :1] @ weights.swapaxes(1, 2)
    total: Array = sums.reshape(-1).astype(np.int64)
    return total


def _sliced(tensor: Tensor, values: Array, left: Array) -> Tensor:
    """A constant with some channels less, and their scales."""
    quant = tensor.quant
    if quant is not None and quant.is_per_channel:
        kept = np.flatnonzero(left)
        scale = tuple(quant.scale[i] for i in kept)
        zero_point = tuple(quant.zero_point[i] for i in kept)
        quant = Quant(scale, zero_point, quant.axis if len(kept) > 1 else None)
    return replace(tensor, shape=values.shape, data=np.ascontiguousarray(values), quant=quant)


def _shape_constant(call: Call, gone: Array) -> dict[int, Tensor]:
    """The target shape of a RESHAPE that keeps its channels."""
    target = call.optional(1)
    if target is None:
        return {}
    shape = np.array([*call.output.shape[:-1], int((~gone).sum())], target.dtype.numpy)
    return {1: replace(target, shape=shape.shape, data=shape)}
