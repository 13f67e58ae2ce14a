"""See an L2_NORMALIZATION in the operators of which Keras's UnitNormalization consists.

Step by step, in int8, the reciprocal of a length has one scale for all lengths, and the bound that
keeps it finite, 1e12, would be part of its range. One operator computes the whole in integers that
are wide enough. The float results differ in their last bits, and for lengths below 1e-6: this is
for graphs that will be quantized.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from mcugen.ir import Call, Graph, Node, TensorId
from mcugen.ops import mean
from mcugen.ops.base import Activation
from mcugen.ops.l2_normalization import L2NormAttrs
from mcugen.passes.edit import producers, readers, without_unused_tensors
from mcugen.verify import call_problems

LEAST_BOUND = 1e6  # of a reciprocal length; smaller ones would show in the results


def l2_norm(graph: Graph) -> Graph:
    """Replace x * min(rsqrt(sum(x * x)), bound), the sum over the last axis, by one operator."""
    makers, reads = producers(graph), readers(graph)
    gone: set[TensorId] = set()
    made: dict[TensorId, Node] = {}
    for call in graph.calls():
        steps = _steps(graph, call, makers, reads)
        if steps is not None:
            gone.update(i for node in steps for i in node.outputs)
            made[call.node.outputs[0]] = _normalization(call, steps)
    nodes = [made.get(n.outputs[0], n) for n in graph.nodes if n.outputs[0] not in gone]
    rewritten = graph.with_(nodes=tuple(nodes))
    legal = not any(call_problems(rewritten.call(node)) for node in made.values())
    return without_unused_tensors(rewritten) if made and legal else graph


def _normalization(call: Call, steps: tuple[Node, ...]) -> Node:
    source = steps[0].inputs[:1]
    return replace(
        call.node, op="l2_normalization", inputs=source, attrs=L2NormAttrs(Activation.NONE)
    )


def _steps(
    graph: Graph, product: Call, makers: Mapping[TensorId, Node], reads: Counter[TensorId]
) -> tuple[Node, ...] | None:
    """The nodes from the square to the bounded reciprocal, if `product` is the last of them."""
    if not _is_plain_product(product.node) or not product.output.dtype.is_float:
        return None
    for x, factor in (product.node.inputs, product.node.inputs[::-1]):
        chain: list[Node] = []
        wanted = ["minimum", "rsqrt", "sum", "mul"]
        at: TensorId | None = factor
        while at is not None and wanted and at in makers:
            node = makers[at]
            if node.op != wanted[0] or reads[at] != 1:
                break
            chain.insert(0, node)
            wanted.pop(0)
            varying = [i for i in node.inputs if i is not None and not graph.tensors[i].is_const]
            at = varying[0] if varying else None
        if not wanted and _is_length(graph, chain, x):
            return tuple(chain)
    return None


def _is_plain_product(node: Node) -> bool:
    return node.op == "mul" and node.attrs.activation is Activation.NONE


def _is_length(graph: Graph, chain: list[Node], x: TensorId | None) -> bool:
    """Whether a chain takes the reciprocal of the length of each row of `x`, bounded far away."""
    square, total, _, bounded = chain
    if square.inputs != (x, x) or not _is_plain_product(square):
        return False
    rows = graph.call(total)
    if mean.axes_are_constant(rows) is not None:
        return False
    bounds = [graph.tensors[i] for i in bounded.inputs if i is not None]
    least = min((float(t.values().min()) for t in bounds if t.is_const), default=0.0)
    last = (len(rows.input(0).shape) - 1,)
    return total.attrs.keep_dims and mean.axes(rows) == last and least >= LEAST_BOUND
