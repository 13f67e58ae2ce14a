"""Fit weights and biases, layer by layer, to inputs that are already quantized."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mcugen import interpret
from mcugen.ir import Call, Graph
from mcugen.ops import OPS
from mcugen.ops.base import Array
from mcugen.quantize import rounding, simulate
from mcugen.quantize.apply import Parameters, Weights
from mcugen.quantize.rounding import Matrix


def adjust(
    graph: Graph,
    inputs: list[Array],
    parameters: Parameters,
    *,
    round_weights: bool,
    correct_bias: bool,
) -> Parameters:
    """Better weights and biases; `graph` has the batch of `inputs`.

    `round_weights` rounds by second-order information instead of to the nearest; `correct_bias`
    makes the mean of each channel before the activation that of the float layer.
    """
    exact = interpret.run(graph, inputs)
    rough = simulate.start(graph, inputs, parameters)
    for call in graph.calls():
        key = call.node.outputs[0]
        if key in parameters.weights:
            source = call.node.inputs[0]
            assert source is not None
            if round_weights:
                better = _rounded(call, exact[source], rough[source], parameters.weights[key])
                weights = {**parameters.weights, key: better}
                parameters = replace(parameters, weights=weights)
            if correct_bias and key in parameters.bias:
                wanted = simulate.linear(call, simulate.operands(call, exact))
                found = simulate.linear(call, simulate.quantized_operands(call, rough, parameters))
                error = (wanted - found).reshape(-1, wanted.shape[-1])
                shifted = parameters.bias[key] + error.mean(axis=0, dtype=np.float64)
                bias = {**parameters.bias, key: shifted}
                parameters = replace(parameters, bias=bias)
        results = simulate.run_call(
            call, simulate.quantized_operands(call, rough, parameters), parameters
        )
        rough.update(zip(call.node.outputs, results, strict=True))
    return parameters


def _rounded(call: Call, exact: Array, rough: Array, weights: Weights) -> Weights:
    """One layer's weights, rounded for the inputs that it will see."""
    view = OPS[call.node.op].matmul
    assert view is not None
    real = view.weights(call, call.input(1).values().astype(np.float64))
    groups, outputs, k = real.shape
    if k > rounding.MAX_INPUTS:
        return weights
    scale = np.broadcast_to(weights.scale, groups * outputs).reshape(groups, outputs)
    matrices = zip(view.inputs(call, rough), view.inputs(call, exact), strict=True)
    rounded = [
        _round_group(real[g], scale[g], x_rough.astype(np.float64), x_exact.astype(np.float64))
        for g, (x_rough, x_exact) in enumerate(matrices)
    ]
    return replace(weights, values=view.restore(call, np.stack(rounded)).astype(np.int8))


def _round_group(real: Matrix, scale: NDArray[np.float64], rough: Matrix, exact: Matrix) -> Matrix:
    gram, cross = rough.T @ rough, rough.T @ (exact - rough)
    return rounding.round_weights(rounding.matched_weights(real, gram, cross), scale, gram)
