"""Drop operators that copy their input: a clamp that never clamps, a QUANTIZE to what is there."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mcugen.ir import Call, Graph, TensorId
from mcugen.ops.base import activation_range
from mcugen.passes.edit import renamed_inputs, without_unused_tensors
from mcugen.passes.fuse_activation import ACTIVATIONS


def drop_identity(graph: Graph) -> Graph:
    """Let the readers of a copy read the original. A copy that the model returns stays."""
    original: dict[TensorId, TensorId] = {}
    nodes = []
    for call in graph.calls():
        node = call.node
        inputs = renamed_inputs(node, original)
        if _is_identity(call) and node.outputs[0] not in graph.outputs:
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
    if call.node.op in ACTIVATIONS:
        limits = np.iinfo(target.dtype.numpy)
        clamp = activation_range(ACTIVATIONS[call.node.op], target)
        return clamp == (limits.min, limits.max)
    return False
