"""Drop operators that copy their input: a clamp that never clamps, a QUANTIZE to what is there."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mcugen.ir import Call, Graph, TensorId
from mcugen.ops.base import Activation, activation_range
from mcugen.passes.edit import without_unused_tensors


def drop_identity(graph: Graph) -> Graph:
    """Let the readers of a copy read the original. A copy that the model returns stays."""
    original: dict[TensorId, TensorId] = {}
    returned = set(graph.outputs)
    nodes = []
    for call in graph.calls():
        node = call.node
        inputs = tuple(None if i is None else original.get(i, i) for i in node.inputs)
        if _is_identity(call) and node.outputs[0] not in returned:
            assert inputs[0] is not None
            original[node.outputs[0]] = inputs[0]
        else:
            nodes.append(replace(node, inputs=inputs))
    return without_unused_tensors(graph.with_(nodes=tuple(nodes)))


def _is_identity(call: Call) -> bool:
    source, target = call.input(), call.output
    if source.dtype is not target.dtype or source.quant != target.quant or source.quant is None:
        return False
    if call.node.op == "quantize":
        return True
    if not isinstance(call.attrs, Activation):
        return False
    limits = np.iinfo(target.dtype.numpy)
    return activation_range(call.attrs, target) == (limits.min, limits.max)
