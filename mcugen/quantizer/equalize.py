"""Cross-layer equalization: balance the channels of an activation between two weighted layers.

An activation has one scale for all channels, so a channel with small values gets few levels. Its
producer's weights may be divided by any s > 0, per channel, if its consumer's are multiplied by it:
with nothing but a ReLU between them the float function stays the same, but for float rounding.
After M. Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction",
2019 (arXiv:1906.04721), with ranges from data in place of weight ranges for the activation.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mcugen.ir import Call, Graph, TensorId
from mcugen.ops import OPS
from mcugen.ops.base import Activation
from mcugen.passes.edit import readers, without_unused_tensors
from mcugen.quantizer import simulate
from mcugen.quantizer.batch import Batch

# Operators that treat channels alike and commute with a positive factor per channel.
TRANSPARENT = frozenset({"average_pool2d", "max_pool2d", "mean", "pad", "relu", "reshape", "slice"})
LINEAR = frozenset({Activation.NONE, Activation.RELU})
INPUT_AXIS = {"conv2d": 3, "depthwise_conv2d": 3, "fully_connected": 1}  # of the weights
MAX_FACTOR = 64.0  # a channel that is next to silent is not blown up without end
Factors = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Pair:
    """Two weighted layers, by what they write; the second alone reads the first.

    Between them are transparent layers only.
    """

    producer: TensorId
    consumer: TensorId
    between: TensorId  # what the second reads


def equalize(graph: Graph, batch: Batch) -> Graph:
    """The same float function with balanced channels; `batch` shows how large each one is."""
    pairs = list(_pairs(graph))
    peaks = _channel_peaks(batch, [pair.between for pair in pairs])
    for pair in pairs:
        graph = _scaled(graph, pair, peaks[pair.between])
    return graph


def _pairs(graph: Graph) -> Iterator[_Pair]:
    reads = readers(graph)
    for call in graph.calls():
        if call.node.op not in INPUT_AXIS or call.attrs.activation not in LINEAR:
            continue
        reader = _only_reader(graph, reads, call)
        while reader is not None and _is_transparent(reader):
            reader = _only_reader(graph, reads, reader)
        if reader is not None and _takes_channels(reader, call.output.shape[-1]):
            source = reader.node.inputs[0]
            assert source is not None
            yield _Pair(call.node.outputs[0], reader.node.outputs[0], source)


def _only_reader(graph: Graph, reads: Mapping[TensorId, int], call: Call) -> Call | None:
    output = call.node.outputs[0]
    consumers = graph.consumers(output)
    return graph.call(consumers[0]) if len(consumers) == reads[output] == 1 else None


def _is_transparent(call: Call) -> bool:
    """Whether a call leaves channels apart, and in the last dimension."""
    activation = getattr(call.attrs, "activation", Activation.NONE)
    keeps = call.output.shape[-1:] == call.input().shape[-1:]
    return call.node.op in TRANSPARENT and activation in LINEAR and keeps


def _takes_channels(call: Call, channels: int) -> bool:
    """Whether a layer has weights of its own for each of the channels that it reads."""
    axis = INPUT_AXIS.get(call.node.op)
    if axis is None or not call.input(1).is_const or call.input(0).shape[-1] != channels:
        return False
    is_depthwise = call.node.op == "depthwise_conv2d"
    return is_depthwise or call.input(1).shape[axis] == channels  # not in groups


def _channel_peaks(batch: Batch, tensors: Sequence[TensorId]) -> dict[TensorId, Factors]:
    """The largest magnitude in each channel."""
    peaks: dict[TensorId, Factors] = {}
    for chunk in batch.chunks:
        values = simulate.float_values(batch.graph, chunk)
        for i in tensors:
            peak = np.abs(values[i]).reshape(-1, values[i].shape[-1]).max(axis=0)
            peaks[i] = np.maximum(peaks.get(i, 0.0), peak)
    return peaks


def _factors(consumer: Call, peak: Factors) -> Factors:
    """What each channel is divided by.

    Depthwise weights have a scale for each channel, so there the activation is balanced in full;
    other weights share scales over what they read, so it and they meet half way.
    """
    if consumer.node.op == "depthwise_conv2d":
        wanted = peak / max(float(peak.max()), 1e-30)
    else:
        weights = np.abs(consumer.input(1).values())
        axis = INPUT_AXIS[consumer.node.op]
        strength = weights.max(axis=tuple(i for i in range(weights.ndim) if i != axis))
        wanted = np.sqrt(peak * strength.max() / np.maximum(strength * peak.max(), 1e-30))
    is_silent = (wanted == 0) | ~np.isfinite(wanted)
    return np.where(is_silent, 1.0, np.clip(wanted, 1 / MAX_FACTOR, MAX_FACTOR))


def _scaled(graph: Graph, pair: _Pair, peak: Factors) -> Graph:
    """Divide the producer's output channels and multiply the consumer's weights."""
    consumer = _writer(graph, pair.consumer)
    factors, axis = _factors(consumer, peak), INPUT_AXIS[consumer.node.op]
    repeats = consumer.input(1).shape[axis] // len(factors)  # a depthwise multiplier
    graph = _multiplied(graph, pair.consumer, 1, axis, np.repeat(factors, repeats))
    producer = _writer(graph, pair.producer)
    output_axis = OPS[producer.node.op].scheme.weights_axis
    assert output_axis is not None
    graph = _multiplied(graph, pair.producer, 1, output_axis, 1 / factors)
    if producer.optional(2) is not None:
        graph = _multiplied(graph, pair.producer, 2, 0, 1 / factors)
    return graph


def _writer(graph: Graph, tensor: TensorId) -> Call:
    node = graph.producer(tensor)
    assert node is not None
    return graph.call(node)


def _multiplied(
    graph: Graph, output: TensorId, position: int, axis: int, factors: Factors
) -> Graph:
    """A copy of a layer's constant, multiplied along an axis; other readers keep the original."""
    call = _writer(graph, output)
    old = call.input(position)
    shape = tuple(-1 if i == axis else 1 for i in range(len(old.shape)))
    data = (old.values() * factors.reshape(shape)).astype(np.float32)
    new = graph.fresh_id()
    inputs = tuple(new if i == position else t for i, t in enumerate(call.node.inputs))
    changed = replace(call.node, inputs=inputs)
    nodes = tuple(changed if node is call.node else node for node in graph.nodes)
    scaled = graph.with_tensor(new, replace(old, data=data)).with_(nodes=nodes)
    return without_unused_tensors(scaled)
