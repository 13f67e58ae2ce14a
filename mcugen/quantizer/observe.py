"""Run the float graph over calibration data and remember what every tensor looked like."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice

import numpy as np

from mcugen import verify
from mcugen.errors import DataError
from mcugen.ir import Graph, TensorId
from mcugen.ops import OPS
from mcugen.ops.base import Array
from mcugen.passes.resolve import resolve
from mcugen.quantizer import simulate
from mcugen.quantizer.logits import far_behind, visible
from mcugen.quantizer.statistics import Statistics

BATCH = 16
SHAPE_INPUT = {"reshape": 1, "transpose_conv": 0}  # whose first number is the batch
LIMIT = 1e30  # beyond it float32 arithmetic on ranges would overflow

Sample = Sequence[Array]  # one array per input of the graph, batch 1


def observe(
    graph: Graph, samples: Iterable[Sample], is_int8: bool = True
) -> dict[TensorId, Statistics]:
    """Statistics of every activation and traced state of a float graph.

    `samples` is read once, as a stream. What an int8 softmax cannot see does not count.

    Raises DataError without samples, and where a value overflows to infinity.
    """
    statistics = {i: Statistics() for i in (*activations(graph), *traced(graph).values())}
    distances = far_behind(graph) if is_int8 else {}
    for inputs, runner in batches(graph, samples):
        with np.errstate(all="ignore"):  # what overflows is found here
            values = simulate.float_values(runner, inputs)
            values.update(_traces(runner, values))
        for tensor, summary in statistics.items():
            if not (np.abs(values[tensor]) < LIMIT).all():
                name = graph.tensors[tensor].name
                raise DataError(
                    f'{graph.name}: tensor "{name}" becomes infinite, or nearly so; calibration '
                    "data must be of the kind that the model was trained on; check its scaling"
                )
            seen = values[tensor]
            if tensor in distances:
                seen = visible(seen, distances[tensor])
            summary.update(seen)
    if all(summary.is_empty for summary in statistics.values()):
        raise DataError(f"{graph.name}: no calibration samples; give at least one")
    return statistics


def activations(graph: Graph) -> list[TensorId]:
    """The float tensors that are computed or given at run time."""
    computed = [*graph.inputs, *(i for node in graph.nodes for i in node.outputs)]
    return [i for i in computed if graph.tensors[i].dtype.is_float]


def traced(graph: Graph) -> dict[TensorId, TensorId]:
    """The states whose range the quantizer must know, by their layer's first output."""
    found = {}
    for node in graph.nodes:
        recurrent = OPS[node.op].recurrent
        if recurrent is not None:
            state = node.inputs[recurrent.traced]
            assert state is not None, node.where
            found[node.outputs[0]] = state
    return found


def _traces(graph: Graph, values: Mapping[TensorId, Array]) -> dict[TensorId, Array]:
    states, found = traced(graph), {}
    for call in graph.calls():
        recurrent = OPS[call.node.op].recurrent
        if recurrent is not None:
            operands = simulate.operands(call, values)
            found[states[call.node.outputs[0]]] = recurrent.trace(call, operands)
    return found


def batches(graph: Graph, samples: Iterable[Sample]) -> Iterator[tuple[list[Array], Graph]]:
    """Stack samples where the graph allows it: (inputs, the graph for that batch size)."""
    stream = iter(samples)
    size = BATCH if with_batch(graph, BATCH) is not None else 1
    while chunk := list(islice(stream, size)):
        runner = with_batch(graph, len(chunk))
        assert runner is not None
        yield [np.concatenate(parts) for parts in zip(*chunk, strict=True)], runner


def with_batch(graph: Graph, size: int) -> Graph | None:
    """The same graph for several samples at once; None if it mixes its samples."""
    if size == 1:
        return graph
    if any(graph.tensors[i].shape[:1] != (1,) for i in (*graph.inputs, *graph.variables)):
        return None  # a sample is a batch already
    if any(graph.tensors[i].initial is not None for i in graph.variables):
        return None
    tensors = dict(graph.tensors)
    for i in (*graph.inputs, *graph.variables):
        tensors[i] = replace(tensors[i], shape=(size, *tensors[i].shape[1:]))
    for node in graph.nodes:
        position = SHAPE_INPUT.get(node.op, len(node.inputs))
        target = node.inputs[position] if position < len(node.inputs) else None
        if target is not None and tensors[target].is_const:
            shape = tensors[target].values().copy()
            shape[:1] = np.where(shape[:1] == 1, size, shape[:1])
            tensors[target] = replace(tensors[target], data=shape)
    batched = resolve(graph.with_(tensors=tensors))
    legal = not verify.problems(batched)
    stacked = all(batched.tensors[i].shape[:1] == (size,) for i in activations(batched))
    return batched if legal and stacked else None
