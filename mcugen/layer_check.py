"""Compares what a board computes with the yardstick, layer by layer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from mcugen.data import Samples
from mcugen.ir import Graph
from mcugen.model import Model
from mcugen.ops import OPS
from mcugen.ops.base import Array
from mcugen.validation import LayerDifference, Oracle, Outputs, all_close, oracles

InferLayers = Callable[[Sequence[bytes]], list[bytes]]


def check_layers(
    model: Model, graph: Graph, samples: Samples, index: int, layers: InferLayers
) -> tuple[LayerDifference, ...]:
    """Every layer of one sample."""
    return tuple(_compare(oracles(model, graph)[0][0], graph, samples[index], index, layers))


def first_difference(
    model: Model, graph: Graph, samples: Samples, outputs: Outputs, layers: InferLayers
) -> LayerDifference | None:
    """The first layer that differs from the yardstick, in the first sample that shows one."""
    yardstick = oracles(model, graph)[0][0]
    for index, ours in enumerate(outputs):
        inputs = samples[index]
        if all_close(graph, graph.outputs, ours, yardstick.outputs(inputs)):
            continue
        for found in _compare(yardstick, graph, inputs, index, layers):
            if not found.close:
                return found
    return None


def _compare(
    yardstick: Oracle, graph: Graph, inputs: Sequence[Array], index: int, layers: InferLayers
) -> Iterator[LayerDifference]:
    """Each layer that the file has a tensor for; passes may have made others."""
    expected = yardstick.tensors(inputs)
    observed = layers([values.tobytes() for values in inputs])
    kernel_nodes = (node for node in graph.nodes if not OPS[node.op].alias)
    for number, (node, got) in enumerate(zip(kernel_nodes, observed, strict=True)):
        output = node.outputs[0]
        if output not in expected:
            continue
        wanted = graph.tensors[output].left_of(expected[output]).ravel()
        found = np.frombuffer(got, wanted.dtype)
        close = all_close(graph, [output], [found], [wanted])
        differing = sum(a != b for a, b in zip(got, wanted.tobytes(), strict=True))
        yield LayerDifference(index, number, node.where, differing, len(got), close)
