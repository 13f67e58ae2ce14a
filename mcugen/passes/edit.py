"""Small edits that several passes share."""

from __future__ import annotations

from collections.abc import Mapping

from mcugen.ir import Graph, Node, TensorId


def without_unused_tensors(graph: Graph) -> Graph:
    """Drop the tensors that nothing reads or writes."""
    used = {*graph.inputs, *graph.outputs}
    for node in graph.nodes:
        used.update(node.outputs)
        used.update(i for i in node.inputs if i is not None)
    return graph.with_(tensors={i: t for i, t in graph.tensors.items() if i in used})


def renamed_inputs(node: Node, names: Mapping[TensorId, TensorId]) -> tuple[TensorId | None, ...]:
    """A node's inputs, with some tensors replaced by others."""
    return tuple(None if i is None else names.get(i, i) for i in node.inputs)
