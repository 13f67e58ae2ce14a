"""A quantized graph as a standard `.tflite` file."""

from __future__ import annotations

from dataclasses import replace

from mcugen.exporters import tflite
from mcugen.ir import DType, Graph, Node, TensorId


def export(graph: Graph, *, float_edges: bool = False) -> bytes:
    """The file; with `float_edges` it takes and gives real values, and converts them itself."""
    return tflite.dumps(_with_float_edges(graph) if float_edges else graph)


def _with_float_edges(graph: Graph) -> Graph:
    """Put QUANTIZE behind each integer input and DEQUANTIZE before each integer output."""
    before: list[Node] = []
    after: list[Node] = []
    renamed: dict[TensorId, TensorId] = {}
    for i in (*graph.inputs, *graph.outputs):
        tensor = graph.tensors[i]
        if tensor.dtype.is_float:
            continue
        renamed[i] = graph.fresh_id()
        real = replace(tensor, name=f"{tensor.name}/real", dtype=DType.FLOAT32, quant=None)
        graph = graph.with_tensor(renamed[i], real)
        if i in graph.inputs:
            before.append(Node("quantize", f"{tensor.name}/quantize", (renamed[i],), (i,)))
        else:
            after.append(Node("dequantize", f"{tensor.name}/dequantize", (i,), (renamed[i],)))
    return graph.with_(
        nodes=(*before, *graph.nodes, *after),
        inputs=tuple(renamed.get(i, i) for i in graph.inputs),
        outputs=tuple(renamed.get(i, i) for i in graph.outputs),
    )
