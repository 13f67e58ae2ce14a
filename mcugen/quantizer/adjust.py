"""Fit weights and biases, layer by layer, to inputs that are already quantized."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mcugen.ir import Call, TensorId
from mcugen.ops import OPS
from mcugen.ops.base import Array
from mcugen.quantizer import rounding, simulate
from mcugen.quantizer.apply import Parameters, Weights
from mcugen.quantizer.batch import Batch
from mcugen.quantizer.config import Pass
from mcugen.quantizer.rounding import Matrix

Values = dict[TensorId, Array]


def adjust(batch: Batch, parameters: Parameters, passes: Collection[Pass]) -> Parameters:
    """Better weights (ROUNDING) and biases (BIAS), in one sweep from first layer to last.

    Weights are rounded by second-order information instead of to the nearest, with MATCH after they
    were moved to answer the errors of their inputs; biases make the mean
    of each channel before the activation that of the float layer. What a layer is fitted to must
    not change afterwards, or errors that cancel stop doing so.
    """
    exact = [simulate.float_values(batch.graph, chunk) for chunk in batch.chunks]
    rough = [simulate.start(batch.graph, chunk, parameters) for chunk in batch.chunks]
    for call in batch.graph.calls():
        key = call.node.outputs[0]
        is_matmul = OPS[call.node.op].matmul is not None
        if Pass.ROUNDING in passes and key in parameters.weights and is_matmul:
            better = _rounded(call, exact, rough, parameters.weights[key], Pass.MATCH in passes)
            parameters = replace(parameters, weights={**parameters.weights, key: better})
        if Pass.BIAS in passes and key in parameters.bias and is_matmul:
            shifted = parameters.bias[key] + _mean_error(call, exact, rough, parameters)
            parameters = replace(parameters, bias={**parameters.bias, key: shifted})
        for values in rough:
            values.update(simulate.step(call, values, parameters))
    return parameters


def _mean_error(
    call: Call, exact: Sequence[Values], rough: Sequence[Values], parameters: Parameters
) -> NDArray[np.float64]:
    """How much each channel lacks before the activation, on average."""
    errors = [
        simulate.linear(call, simulate.operands(call, float_values))
        - simulate.linear(call, simulate.quantized_operands(call, values, parameters))
        for float_values, values in zip(exact, rough, strict=True)
    ]
    rows = [error.reshape(-1, error.shape[-1]) for error in errors]
    mean: NDArray[np.float64] = np.concatenate(rows).mean(axis=0, dtype=np.float64)
    return mean


def _rounded(
    call: Call,
    exact: Sequence[Values],
    rough: Sequence[Values],
    weights: Weights,
    is_matched: bool,
) -> Weights:
    """One layer's weights, rounded for the inputs that it will see."""
    view = OPS[call.node.op].matmul
    source = call.node.inputs[OPS[call.node.op].scheme.data]
    assert view is not None and source is not None
    real = view.weights(call, call.input(1).values().astype(np.float64))
    groups, outputs, k = real.shape
    if k > rounding.MAX_INPUTS:
        return weights
    scale = np.broadcast_to(weights.scale, groups * outputs).reshape(groups, outputs)
    seen = np.concatenate([view.inputs(call, values[source]) for values in rough], axis=1)
    rounded = []
    for g in range(groups):
        rows, wanted = seen[g].astype(np.float64), real[g]
        gram: Matrix = rows.T @ rows
        if is_matched:
            meant = np.concatenate([view.inputs(call, values[source])[g] for values in exact])
            wanted = rounding.matched_weights(wanted, gram, rows.T @ (meant - rows))
        rounded.append(rounding.round_weights(wanted, scale[g], gram))
    return replace(weights, values=view.restore(call, np.stack(rounded)).astype(np.int8))
