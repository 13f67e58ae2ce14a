"""Slices and concatenations that need no copy, as the layout of their tensors is one piece.

A slice of the outermost axis, or of any axis behind axes of size 1, is a stretch of its input's
memory. What is concatenated so is written to its place at once: the inputs are stretches of the
output. An input that cannot be one (an input of the model, a tensor that is a stretch of another
already, a constant) is moved there. An output that has memory of its own keeps it.
"""

from __future__ import annotations

from dataclasses import replace

from mcugen.ir import Call, Graph, Io, Node, TensorId
from mcugen.lifetimes import WORD, lifetimes, roots_of
from mcugen.ops import concatenation, move, movers, pack, slice, strided_slice
from mcugen.ops.base import Kernel
from mcugen.ops.view import ViewAttrs
from mcugen.plan import plan
from mcugen.select import Selection

_VIEWS = {"slice": slice.view, "strided_slice": strided_slice.view}
_JOINS = {"concatenation": concatenation.axis, "pack": pack.axis}


def in_place(graph: Graph, selection: Selection) -> tuple[Graph, Selection]:
    """The graph without copies that are not needed; as it was if the arena became larger."""
    changed = _joined(*_viewed(graph, selection))
    if changed[0] is graph or _arena(*changed) > _arena(graph, selection):
        return graph, selection
    return changed


def _arena(graph: Graph, selection: Selection) -> int:
    lives = lifetimes(graph, selection)
    return plan(lives.buffers, lives.shares).arena_bytes


# ---- slices


def _viewed(graph: Graph, selection: Selection) -> tuple[Graph, Selection]:
    nodes: list[Node] = []
    kernels: list[Kernel | None] = []
    roots = roots_of(graph)
    has_others = graph.io is Io.CALLER or graph.variables  # memory that no output may lie in
    apart = {roots[output] for output in graph.outputs} if has_others else set()
    for call, kernel in zip(graph.calls(), selection.kernels, strict=True):
        start = _start(call)
        if start is None or call.input().is_const or roots[call.node.outputs[0]] in apart:
            nodes.append(call.node)
            kernels.append(kernel)
        else:
            inputs = call.node.inputs[:1]
            nodes.append(replace(call.node, op="view", inputs=inputs, attrs=ViewAttrs(start)))
            kernels.append(None)
    if all(node.op != "view" for node in nodes):
        return graph, selection
    return graph.with_(nodes=tuple(nodes)), Selection(tuple(kernels))


def _start(call: Call) -> int | None:
    """Where a slice begins in its input's memory; None if it is not one piece, or not aligned."""
    if call.node.op not in _VIEWS:
        return None
    start, axes, _ = movers.walk(call, _VIEWS[call.node.op])
    return None if axes or start % max(WORD, call.output.dtype.bytes) else start


# ---- concatenations


def _joined(graph: Graph, selection: Selection) -> tuple[Graph, Selection]:
    tensors = dict(graph.tensors)
    nodes: list[Node] = []
    kernels: list[Kernel | None] = []
    roots = roots_of(graph)
    taken: set[TensorId] = {*graph.inputs, *graph.variables}
    if graph.io is Io.CALLER:
        taken |= {roots[output] for output in graph.outputs}
    for call, kernel in zip(graph.calls(), selection.kernels, strict=True):
        if not _is_one_piece(call):
            nodes.append(call.node)
            kernels.append(kernel)
            continue
        inputs = []
        for tensor in call.node.inputs:
            assert tensor is not None
            root = roots.get(tensor, tensor)
            free = roots.get(tensor) == tensor and root not in taken
            taken.add(root)
            if not free:
                new = max(tensors) + 1
                tensors[new] = replace(tensors[tensor], data=None)
                nodes.append(Node("move", call.node.name, (tensor,), (new,), None, call.node.index))
                kernels.append(move.KERNEL)
                tensor = new
            inputs.append(tensor)
        nodes.append(replace(call.node, op="join", inputs=tuple(inputs), attrs=None))
        kernels.append(None)
        taken.add(call.node.outputs[0])
    if all(node.op != "join" for node in nodes):
        return graph, selection
    return graph.with_(tensors=tensors, nodes=tuple(nodes)), Selection(tuple(kernels))


def _is_one_piece(call: Call) -> bool:
    """Whether the inputs lie one behind the other in the output, each aligned."""
    if call.node.op not in _JOINS:
        return False
    at = _JOINS[call.node.op](call)
    sizes = [call.input(i).bytes for i in range(len(call.inputs))]
    align = max(WORD, call.output.dtype.bytes)
    outer = 1
    for size in call.output.shape[:at]:
        outer *= size
    return outer == 1 and all(size % align == 0 for size in sizes[:-1])
