"""Turn constant integer weights of float layers into float ones.

Such weights make a dynamic-range ("hybrid") model smaller on disk. The reference quantizes their
inputs at run time, for each inference anew; with float weights, a layer computes what that stands
for, without the error of it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mcugen.ir import DType, Graph, Node, Tensor
from mcugen.ops import OPS


def float_weights(graph: Graph) -> Graph:
    """Give every float layer float weights; works on graphs straight from a file."""
    tensors = dict(graph.tensors)
    for node in graph.nodes:
        if _is_hybrid(graph, node):
            i = node.inputs[1]
            assert i is not None
            tensors[i] = _dequantized(graph.tensors[i])
    return graph.with_(tensors=tensors)


def is_dynamic_range(graph: Graph) -> bool:
    """Whether some layer of a graph straight from a file would get float weights."""
    return any(_is_hybrid(graph, node) for node in graph.nodes)


def _is_hybrid(graph: Graph, node: Node) -> bool:
    op = OPS.get(node.op)
    if op is None or op.scheme.weights_axis is None or len(node.inputs) < 2 or not node.outputs:
        return False
    source, weights, output = (
        graph.tensors.get(-1 if i is None else i)
        for i in (node.inputs[0], node.inputs[1], node.outputs[0])
    )
    if source is None or weights is None or output is None or weights.quant is None:
        return False
    is_float = source.dtype is DType.FLOAT32 is output.dtype
    return is_float and weights.is_const and weights.dtype is DType.INT8 and _scales_fit(weights)


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
