"""Replace NEG in a float graph by operators that can be quantized with any zero point.

TFLite negates the integers themselves, so that an int8 input of NEG must have zero point 0. Keras's
LayerNormalization takes the negative of a mean; there, and wherever only a sum reads the negative,
a difference takes its place, with the same float results to the last bit.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mcugen.ir import DType, Graph, Node, Tensor
from mcugen.ops.add import AddAttrs
from mcugen.ops.base import Activation
from mcugen.ops.broadcast import ArithmeticAttrs
from mcugen.passes.edit import readers, without_unused_tensors


def no_negation(graph: Graph) -> Graph:
    """The same float function without NEG: signs move to sums, or become a factor of -1."""
    while any(node.op == "neg" and _is_float(graph, node) for node in graph.nodes):
        graph = without_unused_tensors(_one_replaced(graph))
    return graph


def _is_float(graph: Graph, node: Node) -> bool:
    return graph.tensors[node.outputs[0]].dtype is DType.FLOAT32


def _one_replaced(graph: Graph) -> Graph:
    """The last NEG moved behind the product that reads it, into a sum, or made a product."""
    neg = next(n for n in reversed(graph.nodes) if n.op == "neg" and _is_float(graph, n))
    (source,), (output,) = neg.inputs, neg.outputs
    users = graph.consumers(output)
    user = users[0] if len(users) == readers(graph)[output] == 1 else None
    others = [] if user is None else [i for i in user.inputs if i != output]
    if user is not None and len(others) == 1:
        operands = (*others, source)
        if user.op == "add":
            attrs = ArithmeticAttrs(user.attrs.activation)
            made = replace(user, op="sub", inputs=operands, attrs=attrs)
            return _with(graph, neg, user, (made,))
        if user.op == "sub" and user.inputs[1] == output:
            made = replace(user, op="add", inputs=operands, attrs=AddAttrs(user.attrs.activation))
            return _with(graph, neg, user, (made,))
        if user.op == "mul" and user.attrs.activation is Activation.NONE:
            product = graph.fresh_id()
            graph = graph.with_tensor(product, graph.tensors[user.outputs[0]])
            inputs = tuple(source if i == output else i for i in user.inputs)
            moved = replace(neg, inputs=(product,), outputs=user.outputs)
            return _with(
                graph, neg, user, (replace(user, inputs=inputs, outputs=(product,)), moved)
            )
    factor = graph.fresh_id()
    minus_one = Tensor(f"{neg.name}/factor", (), DType.FLOAT32, data=np.array(-1, np.float32))
    plain = ArithmeticAttrs(Activation.NONE)
    times = replace(neg, op="mul", inputs=(source, factor), attrs=plain)
    return _with(graph.with_tensor(factor, minus_one), neg, neg, (times,))


def _with(graph: Graph, neg: Node, user: Node, made: tuple[Node, ...]) -> Graph:
    """The graph with other nodes in the place of a NEG's reader, and without the NEG."""
    nodes: list[Node] = []
    for node in graph.nodes:
        nodes += made if node is user else () if node is neg else (node,)
    return graph.with_(nodes=tuple(nodes))
