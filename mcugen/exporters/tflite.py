"""Graph to TensorFlow Lite file, the inverse of `mcugen.importers.tflite`."""

from __future__ import annotations

from mcugen.ir import DType, Graph, TensorId
from mcugen.ops import OPS
from mcugen.exporters.builder import ModelBuilder

# The operator versions at which TFLite's registry introduced int8, where that is not 1.
INT8_VERSIONS = {
    "ADD": 2,
    "AVERAGE_POOL_2D": 2,
    "CONV_2D": 3,
    "DEPTHWISE_CONV_2D": 3,
    "DEQUANTIZE": 2,
    "FULLY_CONNECTED": 4,
    "MAX_POOL_2D": 2,
    "MEAN": 2,
    "PACK": 2,
    "PAD": 2,
    "RELU": 2,
    "RELU6": 2,
    "SOFTMAX": 2,
    "STRIDED_SLICE": 2,
}


def dumps(graph: Graph) -> bytes:
    """A `.tflite` file; importing it gives the same graph, with tensors numbered anew."""
    builder = ModelBuilder()
    position: dict[TensorId, int] = {}
    for i, tensor in graph.tensors.items():
        position[i] = builder.tensor(
            tensor.shape, tensor.dtype.value, tensor.quant, tensor.data, tensor.name
        )
    for call in graph.calls():
        op = OPS[call.node.op]
        is_int8 = call.input().dtype is DType.INT8 or call.output.dtype is DType.INT8
        builder.op(
            op.tflite,
            [None if i is None else position[i] for i in call.node.inputs],
            [position[i] for i in call.node.outputs],
            op.encode(call),
            INT8_VERSIONS.get(op.tflite, 1) if is_int8 else 1,
        )
    return builder.build([position[i] for i in graph.inputs], [position[i] for i in graph.outputs])
