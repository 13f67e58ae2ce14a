"""Drop the conversions between float and integers at the edges of an integer model.

A converter often leaves float inputs and outputs: float -> QUANTIZE -> int8 body -> DEQUANTIZE ->
float. The generated code takes and gives the integers, and says their scale and zero point.
"""

from __future__ import annotations

from mcugen.ir import Graph, Node, TensorId
from mcugen.passes.edit import without_unused_tensors


def strip_float_edges(graph: Graph) -> Graph:
    """Make the integer tensors behind QUANTIZE and before DEQUANTIZE the inputs and outputs."""
    inputs = {i: node for i in graph.inputs if (node := _quantize_behind(graph, i)) is not None}
    computed = {i for node in graph.nodes for i in node.outputs}
    computed -= {node.outputs[0] for node in inputs.values()}
    outputs: dict[TensorId, Node] = {}
    for i in graph.outputs:
        node = _dequantize_before(graph, i)
        taken = {*graph.outputs, *(n.inputs[0] for n in outputs.values())}
        if node is not None and node.inputs[0] in computed - taken:
            outputs[i] = node
    dropped = {id(node) for node in (*inputs.values(), *outputs.values())}
    stripped = graph.with_(
        nodes=tuple(node for node in graph.nodes if id(node) not in dropped),
        inputs=tuple(inputs[i].outputs[0] if i in inputs else i for i in graph.inputs),
        outputs=tuple(_integer(outputs[i]) if i in outputs else i for i in graph.outputs),
    )
    return without_unused_tensors(stripped)


def _integer(dequantize: Node) -> TensorId:
    (source,) = dequantize.inputs
    assert source is not None
    return source


def _quantize_behind(graph: Graph, tensor: TensorId) -> Node | None:
    """The only reader of a float input, if it is a QUANTIZE whose result is not an output."""
    if not graph.tensors[tensor].dtype.is_float or tensor in graph.outputs:
        return None
    readers = graph.consumers(tensor)
    if len(readers) == 1 and readers[0].op == "quantize":
        return None if readers[0].outputs[0] in graph.outputs else readers[0]
    return None


def _dequantize_before(graph: Graph, tensor: TensorId) -> Node | None:
    """The DEQUANTIZE that makes a float output, if nothing else reads it."""
    node = graph.producer(tensor)
    if node is None or node.op != "dequantize" or graph.consumers(tensor):
        return None
    return node
