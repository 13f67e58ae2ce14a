"""Which scale and zero point each tensor gets, by the TFLite 8-bit quantization specification.

Source: https://ai.google.dev/edge/litert/models/quantization_spec. Activations are affine per
tensor, weights symmetric per channel, biases int32 with the product of input and weight scales.
Operators that only move values share parameters between input and output; some outputs are fixed.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from mcugen.ir import Graph, Quant, TensorId
from mcugen.ops import OPS

MAX_WEIGHT = 127  # int8 weights are symmetric: -128 is not used


def shared_groups(graph: Graph) -> dict[TensorId, TensorId]:
    """For each activation, the tensor whose parameters it takes (itself, or one further up)."""
    leader: dict[TensorId, TensorId] = {}

    def find(tensor: TensorId) -> TensorId:
        while leader.setdefault(tensor, tensor) != tensor:
            tensor = leader[tensor]
        return tensor

    for call in graph.calls():
        if not OPS[call.node.op].scheme.shares:
            continue
        moved = [
            i
            for i in (*call.node.inputs, *call.node.outputs)
            if i is not None and graph.tensors[i].dtype.is_float
        ]
        for tensor in moved[1:]:
            leader[find(tensor)] = find(moved[0])
    return {i: find(i) for i in list(leader)}


def activation_quants(graph: Graph, ranges: Mapping[TensorId, Quant]) -> dict[TensorId, Quant]:
    """Apply what the specification fixes and shares to the parameters chosen from ranges."""
    groups = shared_groups(graph)
    chosen = dict(ranges)
    for call in graph.calls():
        fixed = OPS[call.node.op].scheme.output
        if fixed is not None:
            for i in call.node.outputs:
                chosen[groups.get(i, i)] = Quant((fixed[0],), (fixed[1],))
    return {i: chosen[groups.get(i, i)] for i in ranges}


def weight_scales(weights: NDArray[np.floating], axis: int | None) -> NDArray[np.float64]:
    """Symmetric scales that cover the weights: one per channel of `axis`, or a single one.

    A channel of zeros gets scale 1.
    """
    magnitudes = np.abs(weights.astype(np.float64))
    others = tuple(i for i in range(weights.ndim) if axis is None or i != axis)
    peak = np.atleast_1d(magnitudes.max(axis=others))
    return np.where(peak > 0, peak / MAX_WEIGHT, 1.0).astype(np.float32).astype(np.float64)
