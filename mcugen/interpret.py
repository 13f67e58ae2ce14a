"""Run a graph in numpy, through the semantics of the operator modules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from mcugen.errors import DataError
from mcugen.ir import Graph, Tensor, TensorId
from mcugen.ops import OPS
from mcugen.ops.base import ABSENT, Array


def run(graph: Graph, inputs: Sequence[Array]) -> dict[TensorId, Array]:
    """Every tensor's value, constants included, for one set of inputs of a legal graph.

    Variables have the values that they have before the first inference.
    """
    return step(graph, inputs, reset(graph))[0]


def reset(graph: Graph) -> dict[TensorId, Array]:
    """The variables' values before the first inference."""
    return {i: _first_value(graph.tensors[i]) for i in graph.variables}


def _first_value(variable: Tensor) -> Array:
    if variable.initial is not None:
        return variable.initial
    return np.full(variable.shape, variable.reset_value, variable.dtype.numpy)


def step(
    graph: Graph, inputs: Sequence[Array], states: Mapping[TensorId, Array]
) -> tuple[dict[TensorId, Array], dict[TensorId, Array]]:
    """(Every tensor's value, variables as they were; the variables' new values)."""
    _check(graph, inputs)
    values = {i: tensor.values() for i, tensor in graph.tensors.items() if tensor.is_const}
    values.update(zip(graph.inputs, inputs, strict=True))
    values.update(states)
    updated = dict(states)
    with np.errstate(over="ignore", invalid="ignore"):  # floats may overflow, as they do in C
        for call in graph.calls():
            op, node = OPS[call.node.op], call.node
            operands = [ABSENT if i is None else updated.get(i, values[i]) for i in node.inputs]
            results = op.run(call, operands)
            values.update(zip(node.outputs, results, strict=False))
            for position, value in zip(op.state, results[len(node.outputs) :], strict=True):
                changed = node.inputs[position]
                assert changed is not None, node.where
                updated[changed] = value
    return values, updated


def outputs(graph: Graph, inputs: Sequence[Array]) -> list[Array]:
    """The graph's outputs for one set of inputs."""
    values = run(graph, inputs)
    return [values[i] for i in graph.outputs]


def _check(graph: Graph, inputs: Sequence[Array]) -> None:
    """Refuse data that does not suit the graph's inputs."""
    if len(inputs) != len(graph.inputs):
        raise DataError(
            f"{graph.name}: {len(inputs)} input arrays; the model takes {len(graph.inputs)}; "
            "give one array for each"
        )
    for i, array in zip(graph.inputs, inputs, strict=True):
        tensor = graph.tensors[i]
        where = f'{graph.name}: input "{tensor.name}"'
        if array.shape != tensor.shape or array.dtype != tensor.dtype.numpy:
            raise DataError(
                f"{where}: {array.dtype} of shape {list(array.shape)}; "
                f"the model takes {tensor.dtype.value} of shape {list(tensor.shape)}; "
                "convert the data"
            )
        if tensor.dtype.is_float and not np.isfinite(array).all():
            raise DataError(f"{where}: NaN or infinity; values must be finite; clean the data")
