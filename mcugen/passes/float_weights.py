"""Turn constant integer weights of float layers into float ones.

Such weights make a dynamic-range ("hybrid") model smaller on disk. The reference quantizes their
inputs at run time, for each inference anew; with float weights, a layer computes what that stands
for, without the error of it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mcugen.ir import DType, Graph, Node, Tensor, TensorId
from mcugen.ops import OPS


def float_weights(graph: Graph) -> Graph:
    """Give every float layer float weights; works on graphs straight from a file."""
    tensors = dict(graph.tensors)
    for node in graph.nodes:
        for i in hybrid_weights(graph, node):
            tensors[i] = _dequantized(graph.tensors[i])
    return graph.with_(tensors=tensors)


def is_dynamic_range(graph: Graph) -> bool:
    """Whether some layer of a graph straight from a file would get float weights."""
    return any(hybrid_weights(graph, node) for node in graph.nodes)


def hybrid_weights(graph: Graph, node: Node) -> list[TensorId]:
    """The integer weights of a float layer."""
    op = OPS.get(node.op)
    ends = (*node.inputs[:1], *node.outputs[:1])
    if op is None or not all(_is_float(graph.tensors.get(-1 if i is None else i)) for i in ends):
        return []
    positions = op.hybrid or ((1,) if op.scheme.weights_axis is not None else ())
    given = [node.inputs[position] for position in positions if position < len(node.inputs)]
    return [i for i in given if i is not None and _is_int8_weights(graph.tensors.get(i))]


def _is_float(tensor: Tensor | None) -> bool:
    return tensor is not None and tensor.dtype is DType.FLOAT32


def _is_int8_weights(tensor: Tensor | None) -> bool:
    if tensor is None or not tensor.is_const or tensor.dtype is not DType.INT8:
        return False
    return _scales_fit(tensor)


def _scales_fit(tensor: Tensor) -> bool:
    """One scale, or one for each channel; files may say anything."""
    quant = tensor.quant
    if quant is None or len(quant.scale) != len(quant.zero_point):
        return False
    if not quant.is_per_channel:
        return len(quant.scale) == 1
    axis = quant.axis
    return (
        axis is not None
        and 0 <= axis < len(tensor.shape)
        and tensor.shape[axis] == len(quant.scale)
    )


def _dequantized(tensor: Tensor) -> Tensor:
    quant = tensor.quant
    assert quant is not None
    axis = quant.axis if quant.is_per_channel else None
    shape = [-1 if i == axis else 1 for i in range(len(tensor.shape))]
    scale = np.asarray(quant.scale, np.float32).reshape(shape)
    zero_point = np.asarray(quant.zero_point, np.float32).reshape(shape)
    data = (tensor.values().astype(np.float32) - zero_point) * scale
    return replace(tensor, dtype=DType.FLOAT32, quant=None, data=data)
