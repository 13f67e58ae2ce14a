"""Rewrite a float graph in integers, given the parameters of every tensor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mcugen.fixed import round_half_away
from mcugen.ir import Call, DType, Graph, Node, Quant, Tensor, TensorId
from mcugen.ops import OPS
from mcugen.ops.base import Recurrent
from mcugen.passes.edit import without_unused_tensors
from mcugen.quantizer.ranges import Grid, quant_for
from mcugen.quantizer.scheme import MAX_WEIGHT, along

BIAS_LIMITS = {DType.INT32: 2**31 - 1, DType.INT64: 2**47}  # the latter by the 16x8 scheme


@dataclass(frozen=True, slots=True, eq=False)
class Weights:
    """Weights of one node: float64 scales (one, or one per channel) and the rounded integers."""

    scale: NDArray[np.float64]
    axis: int | None
    values: NDArray[np.int8]


@dataclass(frozen=True, slots=True, eq=False)
class Parameters:
    """Everything that quantization decided.

    `activations` has an entry for each float activation, `weights` and `bias` (float values, which
    bias correction may have moved) one for each node with weights, by the node's first output.
    Nodes whose first output is in `kept_float` stay float. `peaks` are the largest magnitudes of
    what layers with a state trace, by their first output.
    """

    grid: Grid
    dtype: DType  # of activations
    activations: Mapping[TensorId, Quant]
    weights: Mapping[TensorId, Weights]
    bias: Mapping[TensorId, NDArray[np.float64]]
    kept_float: frozenset[TensorId] = frozenset()
    peaks: Mapping[TensorId, float] = field(default_factory=dict)


def apply(graph: Graph, parameters: Parameters) -> Graph:
    """The integer graph; conversions stand where integer and float nodes meet."""
    return _Rewriter(graph, parameters).run()


def rounded_weights(
    weights: NDArray[np.floating], scale: NDArray[np.float64], axis: int | None
) -> NDArray[np.int8]:
    """Nearest integers in [-127, 127]."""
    q = round_half_away(weights / along(scale, axis, weights.ndim))
    return np.clip(q, -MAX_WEIGHT, MAX_WEIGHT).astype(np.int8)


def quantized_bias(
    bias: NDArray[np.floating], scale: NDArray[np.float64], dtype: DType
) -> NDArray[np.signedinteger[Any]]:
    """In units of input scale x weight scale."""
    q = round_half_away(bias.astype(np.float64) / scale)
    limit = BIAS_LIMITS[dtype]
    return np.clip(q, -limit, limit).astype(dtype.numpy)


class _Rewriter:
    """One rewriting: nodes are taken in order, tensors keep their ids."""

    def __init__(self, graph: Graph, parameters: Parameters) -> None:
        self.graph = graph
        self.parameters = parameters
        self.tensors: dict[TensorId, Tensor] = dict(graph.tensors)
        self.nodes: list[Node] = []
        self.integer: set[TensorId] = set()  # activations that are stored as integers
        self.converted: dict[TensorId, TensorId] = {}
        self.next_id = graph.fresh_id()

    def run(self) -> Graph:
        for i in self.graph.inputs:
            if not all(self.is_kept(node) for node in self.graph.consumers(i)):
                self.store_integer(i)
        for call in self.graph.calls():
            if self.is_kept(call.node) or not call.output.dtype.is_float:
                self.keep(call)
            else:
                self.quantize(call)
        rewritten = self.graph.with_(tensors=self.tensors, nodes=tuple(self.nodes))
        return without_unused_tensors(rewritten)

    def is_kept(self, node: Node) -> bool:
        return node.outputs[0] in self.parameters.kept_float

    def store_integer(self, tensor: TensorId) -> None:
        quant = self.parameters.activations.get(tensor)
        if quant is not None:
            self.integer.add(tensor)
            self.tensors[tensor] = replace(
                self.tensors[tensor], dtype=self.parameters.dtype, quant=quant
            )

    def add(self, tensor: Tensor) -> TensorId:
        self.tensors[self.next_id] = tensor
        self.next_id += 1
        return self.next_id - 1

    def keep(self, call: Call) -> None:
        """A node that stays float reads its integer inputs through DEQUANTIZE."""
        inputs = tuple(
            self.convert(i, "dequantize", replace(self.graph.tensors[i]))
            if i in self.integer
            else i
            for i in call.node.inputs
        )
        self.nodes.append(replace(call.node, inputs=inputs))

    def quantize(self, call: Call) -> None:
        """A node that becomes integer; a float activation that it reads goes through QUANTIZE."""
        key = call.node.outputs[0]
        recurrent = OPS[call.node.op].recurrent
        made = {} if recurrent is None else integers(call, recurrent, self.parameters)
        inputs = [
            self.add(made[position]) if position in made else self.integer_input(i)
            for position, i in enumerate(call.node.inputs)
        ]
        if key in self.parameters.weights:
            scheme = OPS[call.node.op].scheme
            source = inputs[scheme.data]
            assert source is not None
            inputs[1], *bias = self.weights_and_bias(call, key, self.tensors[source].scale)
            inputs[scheme.bias :] = bias
        for i in call.node.outputs:
            self.store_integer(i)
        if OPS[call.node.op].scheme.shares and key in self.integer:
            inputs = [self.requantized(i, self.tensors[key].quant) for i in inputs]
        self.nodes.append(replace(call.node, inputs=tuple(inputs)))

    def requantized(self, tensor: TensorId | None, quant: Quant | None) -> TensorId | None:
        """An operand of an operator that only moves values, with the parameters of its output."""
        if tensor is None or self.tensors[tensor].quant in (None, quant):
            return tensor
        target = replace(self.tensors[tensor], quant=quant)
        if target.is_const or target.dtype is not self.parameters.dtype:
            return tensor
        moved = self.add(target)
        self.nodes.append(Node("quantize", f"{target.name}/requantize", (tensor,), (moved,)))
        return moved

    def integer_input(self, tensor: TensorId | None) -> TensorId | None:
        if tensor is None or not self.graph.tensors[tensor].dtype.is_float:
            return tensor
        original = self.graph.tensors[tensor]
        if original.is_const:
            return self.convert_constant(tensor, original)
        if tensor in self.integer:
            return tensor
        quant = self.parameters.activations[tensor]
        return self.convert(
            tensor, "quantize", replace(original, dtype=self.parameters.dtype, quant=quant)
        )

    def convert(self, source: TensorId, op: str, target: Tensor) -> TensorId:
        """The other form of an activation, made once."""
        if source not in self.converted:
            self.converted[source] = self.add(target)
            name = f"{target.name}/{op}"
            self.nodes.append(Node(op, name, (source,), (self.converted[source],)))
        return self.converted[source]

    def convert_constant(self, tensor: TensorId, original: Tensor) -> TensorId:
        """A constant operand (of an ADD, say) on the grid of activations, made once."""
        if tensor not in self.converted:
            grid = self.parameters.grid
            values = original.values()
            quant = self.parameters.activations.get(tensor)
            if quant is None:
                quant = quant_for(float(values.min()), float(values.max()), grid)
            q = round_half_away(values / quant.scale[0]) + quant.zero_point[0]
            dtype = self.parameters.dtype
            data = np.clip(q, grid.low, grid.high).astype(dtype.numpy)
            self.converted[tensor] = self.add(
                replace(original, dtype=dtype, quant=quant, data=data)
            )
        return self.converted[tensor]

    def weights_and_bias(
        self, call: Call, key: TensorId, input_scale: float
    ) -> list[TensorId | None]:
        """New constants for one node."""
        weights = self.parameters.weights[key]
        channels = len(weights.scale)
        axis = weights.axis if channels > 1 else None
        quant = Quant(tuple(weights.scale.tolist()), (0,) * channels, axis)
        new: list[TensorId | None] = [
            self.add(replace(call.input(1), dtype=DType.INT8, quant=quant, data=weights.values))
        ]
        if key in self.parameters.bias:
            # The reference multiplies float32 scales; a product is stored as float32 again.
            scale = (np.float32(input_scale) * weights.scale.astype(np.float32)).astype(np.float64)
            bias = self.parameters.bias[key]
            dtype = DType.INT64 if self.parameters.dtype is DType.INT16 else DType.INT32
            before = call.optional(OPS[call.node.op].scheme.bias)
            new.append(
                self.add(
                    Tensor(
                        before.name if before is not None else f"{call.node.name}/bias",
                        bias.shape,
                        dtype,
                        Quant(tuple(scale.tolist()), (0,) * channels, 0 if channels > 1 else None),
                        quantized_bias(bias, scale, dtype),
                    )
                )
            )
        return new


def integers(call: Call, recurrent: Recurrent, parameters: Parameters) -> Mapping[int, Tensor]:
    """The constants and the states of the integer form of a layer with a state, by position."""
    source, key = call.node.inputs[0], call.node.outputs[0]
    assert source is not None
    quants = parameters.activations
    return recurrent.integers(call, quants[source], quants[key], parameters.peaks[key])


def has_weights(call: Call) -> bool:
    """Whether a call carries weights that the quantizer rounds."""
    return OPS[call.node.op].scheme.weights_axis is not None and call.input(1).is_const
