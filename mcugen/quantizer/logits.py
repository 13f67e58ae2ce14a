"""What a softmax can tell apart: a class far behind the first may lie anywhere below."""

from __future__ import annotations

import math

import numpy as np

from mcugen.ir import Call, Graph, TensorId
from mcugen.ops.base import Array
from mcugen.passes.edit import readers

FAR = 8.0  # e-folds behind: a score of 0.0003, a sixth of what an int8 score of 1/256 rounds from


def far_behind(graph: Graph) -> dict[TensorId, float]:
    """For each tensor that nothing but softmaxes read, how far behind the first a class is lost."""
    reads = readers(graph)
    distances: dict[TensorId, float] = {}
    for call in graph.calls():
        source = call.node.inputs[0] if call.node.op == "softmax" else None
        if source is None or len(graph.consumers(source)) != reads[source]:
            continue
        distances[source] = max(distances.get(source, 0.0), distance(call))
    return {
        i: behind
        for i, behind in distances.items()
        if all(node.op == "softmax" for node in graph.consumers(i))
    }


def distance(softmax: Call) -> float:
    """How far behind the first its input must be for a class to be lost."""
    beta = softmax.attrs.beta
    return FAR / beta if beta > 0 else math.inf


def visible(logits: Array, behind: float) -> Array:
    """Classes that are further behind the first of their row are moved up to that distance."""
    result: Array = np.maximum(logits, logits.max(axis=-1, keepdims=True) - np.float32(behind))
    return result
