"""Small queries and edits that several passes share."""

from __future__ import annotations

from collections import Counter

from mcugen.ir import Graph, Node, TensorId


def producers(graph: Graph) -> dict[TensorId, Node]:
    """The node that writes each tensor."""
    return {i: node for node in graph.nodes for i in node.outputs}


def readers(graph: Graph) -> Counter[TensorId]:
    """How often each tensor is read, the caller's reading of an output included."""
    reads = Counter(i for node in graph.nodes for i in node.inputs if i is not None)
    reads.update(graph.outputs)
    return reads


def without_unused_tensors(graph: Graph) -> Graph:
    """Drop the tensors that nothing reads or writes."""
    used = {*graph.inputs, *graph.outputs}
    for node in graph.nodes:
        used.update(node.outputs)
        used.update(i for i in node.inputs if i is not None)
    return graph.with_(tensors={i: t for i, t in graph.tensors.items() if i in used})
