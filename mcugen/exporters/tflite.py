"""Graph to TensorFlow Lite file, the inverse of `mcugen.importers.tflite`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mcugen.exporters.builder import ModelBuilder
from mcugen.ir import DType, Graph, Tensor, TensorId
from mcugen.ops import OPS
from mcugen.ops.read_variable import ASSIGN, READ
from mcugen.passes.edit import without_unused_tensors

# The operator versions at which TFLite's registry introduced int8, where that is not 1.
INT8_VERSIONS = {
    "ABS": 2,
    "ADD": 2,
    "ARG_MAX": 2,
    "ARG_MIN": 2,
    "AVERAGE_POOL_2D": 2,
    "BATCH_MATMUL": 2,
    "BATCH_TO_SPACE_ND": 2,
    "BROADCAST_TO": 2,
    "CAST": 3,
    "CONCATENATION": 2,
    "CONV_2D": 3,
    "DEPTHWISE_CONV_2D": 3,
    "DEQUANTIZE": 2,
    "EQUAL": 2,
    "EXP": 2,
    "FULLY_CONNECTED": 4,
    "GELU": 2,
    "GREATER": 2,
    "GREATER_EQUAL": 2,
    "L2_NORMALIZATION": 2,
    "LESS": 2,
    "LESS_EQUAL": 2,
    "LOG": 2,
    "LOGISTIC": 2,
    "LOG_SOFTMAX": 2,
    "MAXIMUM": 2,
    "MAX_POOL_2D": 2,
    "MEAN": 2,
    "MINIMUM": 2,
    "MIRROR_PAD": 2,
    "MUL": 2,
    "NOT_EQUAL": 2,
    "PACK": 2,
    "PAD": 2,
    "PADV2": 2,
    "REDUCE_MAX": 2,
    "REDUCE_MIN": 2,
    "RELU": 2,
    "RELU6": 2,
    "RESIZE_BILINEAR": 2,
    "RESIZE_NEAREST_NEIGHBOR": 2,
    "REVERSE_V2": 3,
    "RSQRT": 2,
    "SLICE": 2,
    "SOFTMAX": 2,
    "SPACE_TO_BATCH_ND": 2,
    "SPACE_TO_DEPTH": 2,
    "SPLIT": 2,
    "SPLIT_V": 2,
    "SQUARED_DIFFERENCE": 2,
    "STRIDED_SLICE": 2,
    "SUB": 2,
    "SUM": 2,
    "TANH": 2,
    "TRANSPOSE": 2,
    "TRANSPOSE_CONV": 2,
    "UNPACK": 2,
}

OTHER_VERSIONS = {"BROADCAST_TO": 2}  # for types that are not int8


def dumps(graph: Graph) -> bytes:
    """A `.tflite` file; importing it gives the same graph, with tensors numbered anew.

    Tensors that no node reads or writes are left out, as the intermediates that a file had.
    """
    graph = without_unused_tensors(graph)
    builder = ModelBuilder()
    handles = {node.inputs[0] for node in graph.nodes if node.op in (READ.name, ASSIGN.name)}
    assigned = {i for node in graph.nodes if node.op == ASSIGN.name for i in node.outputs}

    def add(tensor: Tensor) -> TensorId:
        return builder.tensor(
            tensor.shape,
            tensor.dtype.value,
            tensor.quant,
            tensor.data,
            tensor.name,
            variable=tensor.variable,
        )

    position: dict[TensorId, TensorId] = {}
    for i, tensor in graph.tensors.items():
        if i in handles:
            position[i] = builder.tensor((), "resource", name=tensor.name)
        elif i not in assigned:  # a file has no tensor of what a variable is afterwards
            position[i] = add(tensor)
    _begin(builder, {position[i]: graph.tensors[i] for i in position if i in handles})
    for call in graph.calls():
        op = OPS[call.node.op]
        is_int8 = call.input().dtype is DType.INT8 or call.output.dtype is DType.INT8
        builder.op(
            op.tflite,
            [None if i is None else position[i] for i in call.node.inputs],
            [position[i] for i in call.node.outputs if i not in assigned],
            op.encode(call),
            (INT8_VERSIONS if is_int8 else OTHER_VERSIONS).get(op.tflite, 1),
            [add(tensor) for tensor in op.intermediates(call)],
        )
    return builder.build([position[i] for i in graph.inputs], [position[i] for i in graph.outputs])


def _begin(builder: ModelBuilder, variables: Mapping[int, Tensor]) -> None:
    """Give variables their first values in a subgraph that runs once; make their handles."""
    given = [tensor for tensor in variables.values() if tensor.initial is not None]
    if given:
        builder.op("CALL_ONCE", [], [], {"initSubgraphIndex": 1})
        _assign(builder.subgraph(), given)
    for handle, tensor in variables.items():
        builder.op("VAR_HANDLE", [], [handle], _named(tensor))


def _assign(once: ModelBuilder, variables: Sequence[Tensor]) -> None:
    for tensor in variables:
        handle = once.tensor((), "resource")
        value = once.tensor(tensor.shape, tensor.dtype.value, tensor.quant, tensor.initial)
        once.op("VAR_HANDLE", [], [handle], _named(tensor))
        once.op(ASSIGN.tflite, [handle, value], [])


def _named(variable: Tensor) -> dict[str, str]:
    """VarHandleOptions; names of variables are unique."""
    return {"container": "", "sharedName": variable.name}
