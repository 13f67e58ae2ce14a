"""Fold constant factors and offsets per channel into the weights and the bias beside them.

A batch normalization that a converter left alone is a MUL and an ADD, of constants. With the layer
before or after it the float function is the same but for rounding, so this is for graphs that will
be quantized: there each operator rounds once more, and the constants would be rounded too.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mcugen.ir import Call, DType, Graph, Node, Tensor, TensorId
from mcugen.ops import OPS
from mcugen.ops.base import Activation
from mcugen.ops.window import Padding
from mcugen.passes.edit import producers, readers, without_unused_tensors
from mcugen.verify import call_problems

Values = NDArray[np.float64]

# The axis of the weights that runs over input channels; a depthwise one has its multiplier there.
INPUT_AXIS = {"conv2d": 3, "depthwise_conv2d": 3, "fully_connected": 1}


@dataclass(frozen=True, slots=True, eq=False)
class _Affine:
    """x * scale + offset, both with a value for each channel or one for all."""

    source: TensorId
    scale: Values
    offset: Values


def fold_affine(graph: Graph) -> Graph:
    """Fold every MUL, ADD and SUB of constants that has a float layer with weights next to it."""
    while (folded := _one_folded(graph)) is not None:
        graph = without_unused_tensors(folded)
    return graph


def _one_folded(graph: Graph) -> Graph | None:
    makers, reads = producers(graph), readers(graph)
    for call in graph.calls():
        affine = _affine(call)
        if affine is None:
            continue
        before, output = makers.get(affine.source), call.node.outputs[0]
        if before is not None and reads[affine.source] == 1:
            folded = _into_producer(graph, graph.call(before), call, affine)
            if folded is not None:
                return folded
        after = graph.consumers(output)
        if len(after) == reads[output] == 1:
            folded = _into_consumer(graph, call, graph.call(after[0]), affine)
            if folded is not None:
                return folded
    return None


def _affine(call: Call) -> _Affine | None:
    """What a call computes, if that is a factor or an offset per channel of one float tensor."""
    if call.node.op not in ("mul", "add", "sub") or call.output.dtype is not DType.FLOAT32:
        return None
    first, second = call.inputs
    assert first is not None and second is not None
    if first.is_const == second.is_const:
        return None
    constant, varying, position = (first, second, 1) if first.is_const else (second, first, 0)
    source, channels = call.node.inputs[position], call.output.shape[-1:]
    is_per_channel = constant.elements == 1 or constant.shape[-1:] == channels
    if source is None or varying.shape != call.output.shape or not is_per_channel:
        return None
    if constant.elements not in (1, *channels):
        return None
    value, one, zero = constant.values().astype(np.float64).reshape(-1), np.ones(1), np.zeros(1)
    if call.node.op == "mul":
        return _Affine(source, value, zero)
    if call.node.op == "add":
        return _Affine(source, one, value)
    return _Affine(source, one, -value) if position == 0 else _Affine(source, -one, value)


def _into_producer(graph: Graph, layer: Call, call: Call, affine: _Affine) -> Graph | None:
    """A layer that also does what follows it, activation and all."""
    if not _has_float_weights(layer) or layer.attrs.activation is not Activation.NONE:
        return None
    axis = OPS[layer.node.op].scheme.weights_axis
    assert axis is not None
    weights = layer.input(1).values().astype(np.float64)
    attrs = replace(layer.attrs, activation=call.attrs.activation)
    return _replaced(
        graph,
        layer,
        weights * _along(affine.scale, axis, weights.ndim),
        _bias(layer) * affine.scale + affine.offset,
        replace(layer.node, attrs=attrs, outputs=call.node.outputs),
        call.node,
    )


def _into_consumer(graph: Graph, call: Call, layer: Call, affine: _Affine) -> Graph | None:
    """A layer that also does what comes before it; padding must stay zero."""
    if not _has_float_weights(layer) or call.attrs.activation is not Activation.NONE:
        return None
    if layer.node.inputs[0] != call.node.outputs[0]:
        return None
    is_padded = getattr(layer.attrs, "padding", Padding.VALID) is not Padding.VALID
    if is_padded and affine.offset.any():
        return None
    axis = INPUT_AXIS[layer.node.op]
    weights, channels = layer.input(1).values().astype(np.float64), layer.input().shape[-1]
    repeats = weights.shape[axis] // channels
    if weights.shape[axis] % channels or (repeats > 1 and layer.node.op != "depthwise_conv2d"):
        return None  # in groups, or rows of several pixels
    scale, offset = (
        np.repeat(np.broadcast_to(v, channels), repeats) for v in (affine.scale, affine.offset)
    )
    output_axis = OPS[layer.node.op].scheme.weights_axis
    others = tuple(i for i in range(weights.ndim) if i != output_axis)
    shift = (weights * _along(offset, axis, weights.ndim)).sum(axis=others)
    source = (affine.source, *layer.node.inputs[1:])
    return _replaced(
        graph,
        layer,
        weights * _along(scale, axis, weights.ndim),
        _bias(layer) + shift,
        replace(layer.node, inputs=source),
        call.node,
    )


def _has_float_weights(layer: Call) -> bool:
    if layer.node.op not in INPUT_AXIS:
        return False
    constants = [layer.input(1), *(t for t in (layer.optional(2),) if t is not None)]
    return all(t.is_const and t.dtype is DType.FLOAT32 for t in constants)


def _bias(layer: Call) -> Values:
    bias = layer.optional(2)
    channels = layer.output.shape[-1]
    return np.zeros(channels) if bias is None else bias.values().astype(np.float64).reshape(-1)


def _along(values: Values, axis: int, rank: int) -> Values:
    """Shaped to broadcast over weights, along one of their axes."""
    return values.reshape(tuple(-1 if i == axis else 1 for i in range(rank)))


def _replaced(
    graph: Graph, layer: Call, weights: Values, bias: Values, node: Node, gone: Node
) -> Graph | None:
    """The graph with new constants for a layer and without a node; None if that breaks a rule."""
    if not (np.isfinite(weights).all() and np.isfinite(bias).all()):
        return None
    new_weights = replace(layer.input(1), data=weights.astype(np.float32))
    old_bias = layer.optional(2)
    name = f"{layer.node.name}/bias" if old_bias is None else old_bias.name
    new_bias = Tensor(name, bias.shape, DType.FLOAT32, data=bias.astype(np.float32))
    first = graph.fresh_id()
    graph = graph.with_tensor(first, new_weights).with_tensor(first + 1, new_bias)
    node = replace(node, inputs=(node.inputs[0], first, first + 1))
    if call_problems(graph.call(node)):
        return None
    nodes = [node if n is layer.node else n for n in graph.nodes if n is not gone]
    return graph.with_(nodes=tuple(nodes))
