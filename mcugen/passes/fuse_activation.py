"""Fuse a RELU that stands alone into the operator before it.

Exact where both tensors have the same quantization: the fused clamp then ends at the same integers
as the one that stood alone, and nothing is rounded in between.
"""

from __future__ import annotations

from dataclasses import replace

from mcugen.ir import Graph, Node, TensorId
from mcugen.ops.base import Activation
from mcugen.passes.edit import producers, readers, without_unused_tensors


def fuse_activation(graph: Graph) -> Graph:
    """Let an operator without activation write the tensor of the RELU that follows it."""
    makers, reads = producers(graph), readers(graph)
    fused: dict[TensorId, Node] = {}  # by the tensor that the RELU reads
    nodes = []
    for node in graph.nodes:
        source = node.inputs[0]
        before = None if source is None or reads[source] != 1 else makers.get(source)
        if before is not None and _is_fusable(graph, before, node):
            attrs = replace(before.attrs, activation=node.attrs)
            fused[before.outputs[0]] = replace(before, attrs=attrs, outputs=node.outputs)
        else:
            nodes.append(node)
    merged = tuple(fused.get(node.outputs[0], node) for node in nodes)
    return without_unused_tensors(graph.with_(nodes=merged))


def _is_fusable(graph: Graph, before: Node, node: Node) -> bool:
    """True if `node` is a RELU that changes no scale, and `before` has room for it."""
    return (
        isinstance(node.attrs, Activation)
        and getattr(before.attrs, "activation", None) is Activation.NONE
        and graph.tensors[before.outputs[0]].quant == graph.tensors[node.outputs[0]].quant
    )
