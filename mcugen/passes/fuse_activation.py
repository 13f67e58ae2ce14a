"""Fuse a RELU that stands alone into the operator before it.

Exact where both tensors have the same quantization: the fused clamp then ends at the same integers
as the one that stood alone, and nothing is rounded in between.
"""

from __future__ import annotations

from dataclasses import replace

from mcugen.ir import Graph, Node
from mcugen.ops.base import Activation
from mcugen.passes.edit import without_unused_tensors

ACTIVATIONS = {
    "relu": Activation.RELU,
    "relu_n1_to_1": Activation.RELU_N1_TO_1,
    "relu6": Activation.RELU6,
}


def fuse_activation(graph: Graph) -> Graph:
    """Let an operator without activation write the tensor of the RELU that follows it."""
    fused: dict[int, Node] = {}  # by the tensor that the RELU reads
    dropped: set[int] = set()  # tensors that RELUs write
    for node in graph.nodes:
        before = _fusable(graph, node)
        if before is not None:
            attrs = replace(before.attrs, activation=ACTIVATIONS[node.op])
            fused[before.outputs[0]] = replace(before, attrs=attrs, outputs=node.outputs)
            dropped.update(node.outputs)
    nodes = tuple(
        fused.get(node.outputs[0], node)
        for node in graph.nodes
        if not dropped.intersection(node.outputs)
    )
    return without_unused_tensors(graph.with_(nodes=nodes))


def _fusable(graph: Graph, node: Node) -> Node | None:
    """The operator that a node can be fused into."""
    source = node.inputs[0] if node.inputs else None
    if node.op not in ACTIVATIONS or source is None or source in graph.outputs:
        return None
    before = graph.producer(source)
    if before is None or getattr(before.attrs, "activation", None) is not Activation.NONE:
        return None
    same_quant = graph.tensors[source].quant == graph.tensors[node.outputs[0]].quant
    return before if same_quant and len(graph.consumers(source)) == 1 else None
