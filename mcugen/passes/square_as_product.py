"""Write SQUARE, which exists for floats only, as the product of a tensor with itself."""

from __future__ import annotations

from dataclasses import replace

from mcugen.ir import Graph, Node
from mcugen.ops.base import Activation
from mcugen.ops.broadcast import ArithmeticAttrs


def square_as_product(graph: Graph) -> Graph:
    """Replace every SQUARE by a MUL."""
    return graph.with_(nodes=tuple(map(_product, graph.nodes)))


def _product(node: Node) -> Node:
    if node.op != "square":
        return node
    return replace(node, op="mul", inputs=node.inputs * 2, attrs=ArithmeticAttrs(Activation.NONE))
