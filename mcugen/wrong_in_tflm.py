"""What TFLite Micro takes and then gets wrong, some of it so that the process ends.

Models with such an operator are not compared with it.
"""

from __future__ import annotations

from collections.abc import Iterator

from mcugen.ir import Graph, Node
from mcugen.ops import OPS
from mcugen.ops.base import Activation
from mcugen.passes.float_weights import hybrid_weights

LSTM = "unidirectional_sequence_lstm"


def reasons(graph: Graph) -> list[str]:
    """Why a graph straight from a file must not be given to it, each reason once."""
    found = (f"its {OPS[node.op].tflite} {why}" for node in graph.nodes for why in _of(graph, node))
    return list(dict.fromkeys(found))


def _of(graph: Graph, node: Node) -> Iterator[str]:
    if node.op == "space_to_batch_nd":
        yield "pads with 0 in place of the zero point"
    if node.op == "relu6" and graph.call(node).input().quant != graph.call(node).output.quant:
        yield "does not look at the scale and the zero point of the output"
    if node.op == "svdf" and node.inputs[3] is None:
        yield "reads the bias of a file that has none"
    if node.op in ("svdf", LSTM) and hybrid_weights(graph, node):
        yield "takes weights of int8 beside float data for floats"
    if node.op == LSTM and node.attrs.nonlinearity is not Activation.TANH:
        yield "knows no activation but TANH"
