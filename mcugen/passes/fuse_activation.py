"""Fuse a RELU that stands alone into the operator before it.

Exact where both tensors have the same quantization: the fused clamp then ends at the same integers
as the one that stood alone, and nothing is rounded in between.
"""

from __future__ import annotations

from dataclasses import replace

from mcugen.ir import Graph, Node, TensorId
from mcugen.ops.base import Activation
from mcugen.passes.edit import producers, readers, without_unused_tensors
from mcugen.verify import call_problems


def fuse_activation(graph: Graph) -> Graph:
    """Let an operator without activation write the tensor of the RELU that follows it."""
    makers, reads = producers(graph), readers(graph)
    fused: dict[TensorId, Node] = {}  # by the tensor that the RELU reads
    nodes = []
    for node in graph.nodes:
        source = node.inputs[0]
        before = None if source is None or reads[source] != 1 else makers.get(source)
        together = None if before is None else _fused(graph, before, node)
        if before is None or together is None:
            nodes.append(node)
        else:
            fused[before.outputs[0]] = together
    merged = tuple(fused.get(node.outputs[0], node) for node in nodes)
    return without_unused_tensors(graph.with_(nodes=merged))


def _fused(graph: Graph, before: Node, node: Node) -> Node | None:
    """`before` with `node` in it, if that is a RELU that changes no scale, and its rules allow."""
    if (
        not isinstance(node.attrs, Activation)
        or getattr(before.attrs, "activation", None) is not Activation.NONE
        or graph.tensors[before.outputs[0]].quant != graph.tensors[node.outputs[0]].quant
    ):
        return None
    attrs = replace(before.attrs, activation=node.attrs)
    together = replace(before, attrs=attrs, outputs=node.outputs)
    return None if call_problems(graph.call(together)) else together
