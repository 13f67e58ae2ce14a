"""Models of 16x8 and with int4 weights from models of int8, so that all share the tests' grids."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mcugen.exporters import tflite as exporter
from mcugen.importers import tflite as importer
from mcugen.ir import DType, Quant, Tensor
from mcugen.ops import OPS

FRACTION = Quant((2.0**-15,), (0,))  # of outputs whose quantization TFLite fixes


def widened(model: bytes, bias: DType = DType.INT64) -> bytes:
    """The model with int16 activations of the same scales, zero points 0, and biases of a type.

    Weights stay; other int8 constants are spread over the range of int16.
    """
    graph = importer.loads(model, "wide")
    tensors = dict(graph.tensors)
    for call in graph.calls():
        op = OPS[call.node.op]
        weighted = op.scheme.weights_axis is not None or call.node.op == "transpose_conv"
        for position, i in enumerate(call.node.inputs):
            if i is None or (weighted and position == 1):
                continue
            tensor = graph.tensors[i]
            if weighted and tensor.is_const and tensor.quant is not None:
                data = tensor.values().astype(bias.numpy)
                tensors[i] = replace(tensor, dtype=bias, data=data)
            else:
                tensors[i] = _wide(tensor)
        for i in call.node.outputs:
            tensors[i] = _wide(graph.tensors[i])
            if op.scheme.output is not None:
                tensors[i] = replace(tensors[i], quant=FRACTION)
    return exporter.dumps(graph.with_(tensors=tensors))


def narrowed(model: bytes) -> bytes:
    """The model with int4 weights: the upper halves of their bytes."""
    graph = importer.loads(model, "narrow")
    tensors = dict(graph.tensors)
    for call in graph.calls():
        i = call.node.inputs[1]
        assert i is not None
        weights = tensors[i]
        tensors[i] = replace(weights, dtype=DType.INT4, data=weights.values() >> 4)
    return exporter.dumps(graph.with_(tensors=tensors))


def _wide(tensor: Tensor) -> Tensor:
    if tensor.dtype is not DType.INT8:
        return tensor
    quant = None if tensor.quant is None else replace(tensor.quant, zero_point=(0,))
    data = tensor.data
    if data is not None:
        data = (data.astype(np.int16) * 257).clip(-32768, 32767).astype(np.int16)
    return replace(tensor, dtype=DType.INT16, quant=quant, data=data)
