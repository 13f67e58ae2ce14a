"""Drop the conversions between float and integers at the edges of an integer model.

A converter often leaves float inputs and outputs: float -> QUANTIZE -> int8 body -> DEQUANTIZE ->
float. The generated code takes and gives the integers, and says their scale and zero point.
"""

from __future__ import annotations

from collections.abc import Set

from mcugen.ir import Graph, TensorId
from mcugen.passes.edit import producers, readers, without_unused_tensors


def strip_float_edges(graph: Graph) -> Graph:
    """Make the integer tensors behind QUANTIZE and before DEQUANTIZE the inputs and outputs."""
    inputs = _quantized_inputs(graph)
    outputs = _quantized_outputs(graph, computed=producers(graph).keys() - set(inputs.values()))
    dropped = {*inputs.values(), *outputs}
    stripped = graph.with_(
        nodes=tuple(node for node in graph.nodes if node.outputs[0] not in dropped),
        inputs=tuple(inputs.get(i, i) for i in graph.inputs),
        outputs=tuple(outputs.get(i, i) for i in graph.outputs),
    )
    return without_unused_tensors(stripped)


def _quantized_inputs(graph: Graph) -> dict[TensorId, TensorId]:
    """Float inputs of which a QUANTIZE is the only reader, and what it makes of them."""
    reads = readers(graph)
    floats = {i for i in graph.inputs if graph.tensors[i].dtype.is_float and reads[i] == 1}
    return {
        source: node.outputs[0]
        for node in graph.nodes
        if node.op == "quantize"
        and (source := node.inputs[0]) in floats
        and node.outputs[0] not in graph.outputs
    }


def _quantized_outputs(graph: Graph, computed: Set[TensorId]) -> dict[TensorId, TensorId]:
    """Float outputs that a DEQUANTIZE makes and nothing else reads, and what they are made of."""
    makers, reads = producers(graph), readers(graph)
    stripped: dict[TensorId, TensorId] = {}
    taken = set(graph.outputs)
    for i in graph.outputs:
        source = makers[i].inputs[0]
        is_edge = makers[i].op == "dequantize" and reads[i] == 1
        if is_edge and source in computed and source not in taken and source is not None:
            stripped[i] = source
            taken.add(source)
    return stripped
