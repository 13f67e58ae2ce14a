"""Average pools with one output per channel as MEAN, whose output has a scale of its own.

The specification makes AVERAGE_POOL_2D share the scale of its input. A mean over a whole image is
much smaller than the image's largest value, so it would use few of the levels; MEAN may use all, at
the same cost. Where the window leaves out the last rows or columns, which a stride of its size does
to the rest of a division, SLICE takes the window out first, for a copy of it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mcugen.ir import Call, DType, Graph, Node, Tensor, TensorId
from mcugen.ops import pool2d
from mcugen.ops.base import Activation
from mcugen.ops.mean import MeanAttrs
from mcugen.ops.window import Axis


def global_means(graph: Graph) -> Graph:
    """The same float function, with MEAN in place of pools that look through one window only."""
    pools = [call for call in graph.calls() if _is_single(call)]
    if not pools:
        return graph
    axes = graph.fresh_id()
    graph = graph.with_tensor(axes, _integers("mean/axes", [1, 2]))
    for call in pools:
        graph, source = _windowed(graph, call)
        mean = replace(call.node, op="mean", inputs=(source, axes), attrs=MeanAttrs(keep_dims=True))
        nodes = tuple(mean if node is call.node else node for node in graph.nodes)
        graph = graph.with_(nodes=nodes)
    return graph


def _is_single(call: Call) -> bool:
    """Whether a call averages one window, and does nothing else."""
    return (
        call.node.op == "average_pool2d"
        and call.attrs.activation is Activation.NONE
        and call.output.shape[1:3] == (1, 1)
    )


def _windowed(graph: Graph, pool: Call) -> tuple[Graph, TensorId | None]:
    """A graph with the window of a pool, and that window; the pool's input if it is all of it."""
    source, image = pool.node.inputs[0], pool.input()
    sides = [_seen(axis) for axis in pool2d.geometry(pool)]
    if tuple(sides) == image.shape[1:3]:
        return graph, source
    name, first = f"{pool.node.name}/window", graph.fresh_id()
    constants = (_integers(f"{name}/begin", [0] * 4), _integers(f"{name}/size", [-1, *sides, -1]))
    for offset, tensor in enumerate(constants):
        graph = graph.with_tensor(first + offset, tensor)
    shape = (image.shape[0], *sides, image.shape[3])
    graph = graph.with_tensor(first + 2, replace(image, name=name, shape=shape))
    node = Node("slice", name, (source, first, first + 1), (first + 2,))
    place = graph.nodes.index(pool.node)
    nodes = (*graph.nodes[:place], node, *graph.nodes[place:])
    return graph.with_(nodes=nodes), first + 2


def _seen(axis: Axis) -> int:
    """How many elements of an axis lie in its only window, from the first one on."""
    return min(axis.size, axis.kernel - axis.before)


def _integers(name: str, values: list[int]) -> Tensor:
    return Tensor(name, (len(values),), DType.INT32, data=np.array(values, np.int32))
