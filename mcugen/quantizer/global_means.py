"""Global average pools as MEAN, whose output has a scale of its own.

The specification makes AVERAGE_POOL_2D share the scale of its input. A mean over a whole image is
much smaller than the image's largest value, so it would use few of the levels; MEAN may use all, at
the same cost.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mcugen.ir import Call, DType, Graph, Node, Tensor, TensorId
from mcugen.ops.base import Activation
from mcugen.ops.mean import MeanAttrs


def global_means(graph: Graph) -> Graph:
    """The same float function, with MEAN in place of pools that cover their whole image."""
    axes = graph.fresh_id()
    nodes = [_as_mean(call.node, axes) if _is_global(call) else call.node for call in graph.calls()]
    if all(new is old for new, old in zip(nodes, graph.nodes, strict=True)):
        return graph
    rows_and_columns = Tensor("mean/axes", (2,), DType.INT32, data=np.array([1, 2], np.int32))
    return graph.with_tensor(axes, rows_and_columns).with_(nodes=tuple(nodes))


def _is_global(call: Call) -> bool:
    """Whether a call averages all of an image, and nothing else."""
    if call.node.op != "average_pool2d" or call.attrs.activation is not Activation.NONE:
        return False
    is_whole = call.attrs.window == call.input().shape[1:3]
    return is_whole and call.output.shape[1:3] == (1, 1)


def _as_mean(node: Node, axes: TensorId) -> Node:
    return replace(node, op="mean", inputs=(node.inputs[0], axes), attrs=MeanAttrs(keep_dims=True))
