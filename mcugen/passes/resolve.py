"""Make a graph from a file definite: batch 1, inferred shapes, folded constants, no dead nodes.

Stored shapes are not trusted. Keras 3 leaves the batch open and computes the target of a Flatten at
run time (SHAPE, STRIDED_SLICE, PACK, RESHAPE); with the batch pinned, that folds to a constant.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from mcugen import verify
from mcugen.ir import Call, Graph, Node, Tensor, TensorId
from mcugen.ops import OPS
from mcugen.ops.base import Array
from mcugen.passes.edit import without_unused_tensors

# Larger constants are not folded: they would not fit a microcontroller, and a hostile file could
# ask for any size.
MAX_FOLDED_ELEMENTS = 2**24
MAX_FOLDED_MACS = 2**26


def resolve(graph: Graph) -> Graph:
    """Pin the batch, infer every shape, fold constants, drop what no output needs.

    A graph whose wiring is broken is returned as it is, for verify to report.
    """
    if verify.wiring(graph):
        return graph
    tensors = dict(graph.tensors)
    for i in graph.inputs:
        tensors[i] = _pinned(tensors[i])
    for call in _calls(graph, tensors):
        for i, tensor in zip(call.node.outputs, _outputs(call), strict=True):
            tensors[i] = tensor
    nodes = [n for n in graph.nodes if not all(tensors[i].is_const for i in n.outputs)]
    graph = graph.with_(tensors=tensors, nodes=_needed(nodes, graph.outputs))
    return without_unused_tensors(graph)


def _pinned(tensor: Tensor) -> Tensor:
    if tensor.shape[:1] != (-1,):
        return tensor
    return replace(tensor, shape=(1, *tensor.shape[1:]))


def _calls(graph: Graph, tensors: dict[TensorId, Tensor]) -> Iterator[Call]:
    """The calls that can be judged, each resolved when it is reached, with `tensors` as of then."""
    for node in graph.nodes:
        inputs = tuple(None if i is None else tensors[i] for i in node.inputs)
        call = Call(node, inputs, tuple(tensors[i] for i in node.outputs))
        if verify.is_known(call):
            yield call


def _outputs(call: Call) -> tuple[Tensor, ...]:
    """The outputs with their inferred shapes and, where they are known, their values."""
    shapes = verify.inferred(call)
    if isinstance(shapes, str) or len(shapes) != len(call.outputs):
        return call.outputs  # verify will report it
    outputs = tuple(
        tensor if tensor.shape == shape else replace(tensor, shape=shape, data=None)
        for tensor, shape in zip(call.outputs, shapes, strict=True)
    )
    values = _folded(replace(call, outputs=outputs))
    if values is None:
        return outputs
    return tuple(
        replace(tensor, data=value.astype(tensor.dtype.numpy, copy=False).reshape(tensor.shape))
        for tensor, value in zip(outputs, values, strict=True)
    )


def _folded(call: Call) -> list[Array] | None:
    """The outputs' values, if they do not depend on the graph's inputs."""
    if verify.call_problems(call):
        return None
    op = OPS[call.node.op]
    known = op.fold(call)
    if known is not None:
        return known
    inputs = [tensor.data for tensor in call.inputs if tensor is not None]
    constants = [data for data in inputs if data is not None]
    elements = sum(tensor.elements for tensor in call.outputs)
    is_small = elements <= MAX_FOLDED_ELEMENTS and op.macs(call) <= MAX_FOLDED_MACS
    return op.run(call, constants) if len(constants) == len(call.inputs) and is_small else None


def _needed(nodes: list[Node], outputs: tuple[TensorId, ...]) -> tuple[Node, ...]:
    """The nodes that the outputs depend on, and those that write a variable."""
    wanted = set(outputs)
    kept: list[Node] = []
    for node in reversed(nodes):
        if wanted.intersection(node.outputs) or (node.op in OPS and OPS[node.op].in_state):
            kept.append(node)
            wanted.update(i for i in node.inputs if i is not None)
    return tuple(reversed(kept))
