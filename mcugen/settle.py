"""Moves of tensors where those make an arena smaller.

The peak of the steps bounds the arena, but a plan may take more: an output that may lie over its
input begins in front of it, and after some layers nothing is left in front. A MOVE takes a tensor
elsewhere for about a cycle a byte.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mcugen.ir import Graph, Node
from mcugen.lifetimes import lifetimes
from mcugen.ops import move
from mcugen.ops.base import Kernel
from mcugen.plan import loads, plan
from mcugen.select import Selection

MOST_NODES = 60  # of graphs that are looked at: each trial is a plan


def settle(graph: Graph, selection: Selection) -> tuple[Graph, Selection, int]:
    """The graph with the moves that its plan needs to come near its peak, and their cycles."""
    arena, least = _sizes(graph, selection)
    if arena <= least or len(graph.nodes) > MOST_NODES:
        return graph, selection, 0
    places = _places(graph, selection)
    best, smallest = places, _sizes(*_moved(graph, selection, places))[0]
    if smallest >= arena:
        return graph, selection, 0
    for place in places:  # drop those that do not help
        fewer = [other for other in best if other != place]
        if _sizes(*_moved(graph, selection, fewer))[0] <= smallest:
            best = fewer
    changed, kernels = _moved(graph, selection, best)
    moves = (call for call in changed.calls() if call.node.op == "move")
    return changed, kernels, sum(move.KERNEL.cost(call).cycles for call in moves)


def _sizes(graph: Graph, selection: Selection) -> tuple[int, int]:
    """The arena, and the peak of the steps."""
    lives = lifetimes(graph, selection)
    arena = plan(lives.buffers, lives.shares).arena_bytes
    return arena, max(loads(lives.buffers, lives.shares).values(), default=0)


def _places(graph: Graph, selection: Selection) -> list[int]:
    """The nodes whose outputs begin in front of an input that dies; chains name their own."""
    lives = lifetimes(graph, selection)
    creeping = {share.output for share in lives.shares if share.distance > 0}
    return [
        number
        for number, node in enumerate(graph.nodes)
        if node.op != "rows"
        and lives.tensors.get(node.outputs[0]) in creeping
        and lives.buffers[lives.tensors[node.outputs[0]]].last < len(graph.nodes)
    ]


def _moved(graph: Graph, selection: Selection, places: Sequence[int]) -> tuple[Graph, Selection]:
    """The graph with a move behind each of these nodes, which write a new tensor then."""
    tensors = dict(graph.tensors)
    nodes: list[Node] = []
    kernels: list[Kernel | None] = []
    for number, (node, kernel) in enumerate(zip(graph.nodes, selection.kernels, strict=True)):
        kernels.append(kernel)
        if number not in places:
            nodes.append(node)
            continue
        (result,), new = node.outputs, max(tensors) + 1
        tensors[new] = graph.tensors[result]
        nodes.append(replace(node, outputs=(new,)))
        nodes.append(Node("move", node.name, (new,), (result,), None, node.index))
        kernels.append(move.KERNEL)
    return graph.with_(tensors=tensors, nodes=tuple(nodes)), Selection(tuple(kernels))
