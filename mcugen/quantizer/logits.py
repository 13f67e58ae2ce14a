"""What a softmax can tell apart: a class far behind the first may lie anywhere below."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from mcugen.ir import Call, Graph, TensorId
from mcugen.ops.base import Array
from mcugen.passes.edit import readers

MASK = -1000.0  # a constant score that is never one
LOWEST_MASK = -1e6  # leaves room for arithmetic
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


def masks(graph: Graph) -> list[TensorId]:
    """Constants that a selection puts in the place of scores so that a softmax gives them nothing.

    On a grid that ends where classes are lost, they are its end.
    """
    distances = far_behind(graph)
    return [
        i
        for call in graph.calls()
        if call.node.op in ("select", "select_v2") and call.node.outputs[0] in distances
        for i in call.node.inputs[1:]
        if i is not None and (data := graph.tensors[i].data) is not None and data.max() <= MASK
    ]


def bounded_masks(graph: Graph) -> Graph:
    """The same scores with masks that are as low as floats go moved up."""
    for i in masks(graph):
        mask = graph.tensors[i]
        values = np.maximum(mask.values(), np.float32(LOWEST_MASK))
        graph = graph.with_tensor(i, replace(mask, data=values))
    return graph


def distance(softmax: Call) -> float:
    """How far behind the first its input must be for a class to be lost."""
    beta = softmax.attrs.beta
    return FAR / beta if beta > 0 else math.inf


def visible(logits: Array, behind: float) -> Array:
    """Classes that are further behind the first of their row are moved up to that distance."""
    result: Array = np.maximum(logits, logits.max(axis=-1, keepdims=True) - np.float32(behind))
    return result
