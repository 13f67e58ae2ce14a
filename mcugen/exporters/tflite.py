"""Graph to TensorFlow Lite file, the inverse of `mcugen.importers.tflite`."""

from __future__ import annotations

from mcugen.exporters.builder import ModelBuilder
from mcugen.ir import DType, Graph, Tensor, TensorId
from mcugen.ops import OPS

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
    """A `.tflite` file; importing it gives the same graph, with tensors numbered anew."""
    builder = ModelBuilder()

    def add(tensor: Tensor) -> TensorId:
        return builder.tensor(
            tensor.shape,
            tensor.dtype.value,
            tensor.quant,
            tensor.data,
            tensor.name,
            variable=tensor.variable,
        )

    position = {i: add(tensor) for i, tensor in graph.tensors.items()}
    for call in graph.calls():
        op = OPS[call.node.op]
        is_int8 = call.input().dtype is DType.INT8 or call.output.dtype is DType.INT8
        builder.op(
            op.tflite,
            [None if i is None else position[i] for i in call.node.inputs],
            [position[i] for i in call.node.outputs],
            op.encode(call),
            (INT8_VERSIONS if is_int8 else OTHER_VERSIONS).get(op.tflite, 1),
            [add(tensor) for tensor in op.intermediates(call)],
        )
    return builder.build([position[i] for i in graph.inputs], [position[i] for i in graph.outputs])
