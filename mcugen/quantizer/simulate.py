"""Run a float graph as if it were quantized, layer by layer, beside the float graph itself.

A value is rounded to its grid and turned back into a real number, so that float semantics compute
what the integer kernels will compute, but for the last bit. The passes that adjust weights and
biases use it, because each layer must see the errors of those before it.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mcugen import interpret
from mcugen.data import dequantize
from mcugen.ir import Call, Graph, Quant, TensorId
from mcugen.ops import OPS
from mcugen.ops.base import ABSENT, Array, apply_activation
from mcugen.quantizer.apply import Parameters, Weights, integers
from mcugen.quantizer.ranges import Grid
from mcugen.quantizer.scheme import along


def on_grid(x: Array, quant: Quant, grid: Grid) -> Array:
    """The real values of the integers that `x` rounds to."""
    scale, zero_point = np.float32(quant.scale[0]), quant.zero_point[0]
    q = np.clip(np.rint(x / scale) + np.float32(zero_point), grid.low, grid.high)
    real: Array = (q - np.float32(zero_point)) * scale
    return real


def real_weights(weights: Weights) -> Array:
    """The real values of rounded weights."""
    scale = along(weights.scale, weights.axis, weights.values.ndim)
    return (weights.values * scale).astype(np.float32)


def operands(call: Call, values: Mapping[TensorId, Array]) -> list[Array]:
    """A call's inputs among the values of a run; layers with a state have gaps for absent ones."""
    if OPS[call.node.op].state:
        return [ABSENT if i is None else values[i] for i in call.node.inputs]
    return [values[i] for i in call.node.inputs if i is not None]


def linear(call: Call, inputs: list[Array]) -> Array:
    """A weighted layer's result before its activation, as matrix products.

    Sums are in any order: unlike the operators' own semantics this is fast, not exact to the bit.
    """
    view, scheme = OPS[call.node.op].matmul, OPS[call.node.op].scheme
    assert view is not None
    products = view.inputs(call, inputs[scheme.data]) @ view.weights(call, inputs[1]).transpose(
        0, 2, 1
    )
    result: Array = products.transpose(1, 0, 2).reshape(call.output.shape)
    return result if len(inputs) <= scheme.bias else result + inputs[scheme.bias]


def floating(call: Call, inputs: list[Array]) -> list[Array]:
    """A call's results in float, without new states."""
    if OPS[call.node.op].matmul is None:
        return OPS[call.node.op].run(call, inputs)[: len(call.node.outputs)]
    return [apply_activation(call.attrs.activation, linear(call, inputs))]


def float_values(graph: Graph, inputs: list[Array]) -> dict[TensorId, Array]:
    """Every tensor of the float graph; states are what a reset makes them."""
    values = {i: tensor.values() for i, tensor in graph.tensors.items() if tensor.is_const}
    values.update(interpret.reset(graph))
    values.update(zip(graph.inputs, inputs, strict=True))
    for call in graph.calls():
        results = floating(call, operands(call, values))
        values.update(zip(call.node.outputs, results, strict=True))
    return values


def run_call(call: Call, inputs: list[Array], parameters: Parameters) -> list[Array]:
    """A layer's results, on the grids of its outputs; a layer that stays float is not rounded."""
    results = floating(call, inputs)
    if call.node.outputs[0] in parameters.kept_float:
        return results
    return [
        on_grid(value, parameters.activations[i], parameters.grid)
        if i in parameters.activations
        else value
        for i, value in zip(call.node.outputs, results, strict=True)
    ]


def quantized_operands(
    call: Call, values: Mapping[TensorId, Array], parameters: Parameters
) -> list[Array]:
    """A call's inputs with the rounded weights and the bias in place of the float ones.

    What layers that stay float wrote is rounded where integer layers read it.
    """
    inputs = operands(call, values)
    key, recurrent = call.node.outputs[0], OPS[call.node.op].recurrent
    if parameters.kept_float and key not in parameters.kept_float:
        inputs = [
            on_grid(value, parameters.activations[i], parameters.grid)
            if i is not None and i in parameters.activations
            else value
            for i, value in zip(_given(call), inputs, strict=True)
        ]
    if recurrent is not None and key not in parameters.kept_float:
        for position, tensor in integers(call, recurrent, parameters).items():
            if tensor.is_const:
                inputs[position] = dequantize(tensor.values(), tensor)
    if key in parameters.weights:
        inputs[1] = real_weights(parameters.weights[key])
    if key in parameters.bias:
        bias = OPS[call.node.op].scheme.bias
        inputs[bias:] = [parameters.bias[key].astype(np.float32)]
    return inputs


def _given(call: Call) -> list[TensorId | None]:
    """The inputs that `operands` has values for."""
    return [i for i in call.node.inputs if i is not None or OPS[call.node.op].state]


def step(
    call: Call, values: Mapping[TensorId, Array], parameters: Parameters
) -> dict[TensorId, Array]:
    """What one call adds to the values of a quantized run."""
    results = run_call(call, quantized_operands(call, values, parameters), parameters)
    return dict(zip(call.node.outputs, results, strict=True))


def outputs(graph: Graph, inputs: list[Array], parameters: Parameters) -> list[Array]:
    """The graph's outputs, as real values, with every tensor on its grid."""
    values = start(graph, inputs, parameters)
    for call in graph.calls():
        values.update(step(call, values, parameters))
    return [values[i] for i in graph.outputs]


def start(graph: Graph, inputs: list[Array], parameters: Parameters) -> dict[TensorId, Array]:
    """The constants, the states after a reset, and the inputs on their grids."""
    values = {i: tensor.values() for i, tensor in graph.tensors.items() if tensor.is_const}
    values.update(interpret.reset(graph))
    for i, value in zip(graph.inputs, inputs, strict=True):
        quant = parameters.activations.get(i)
        values[i] = value if quant is None else on_grid(value, quant, parameters.grid)
    return values
