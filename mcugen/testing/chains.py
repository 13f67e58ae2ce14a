"""Random int8 graphs of layers that can run by rows, and ways to cut them into chains."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from mcugen.ir import DType, Graph, Node, Quant, Tensor, TensorId
from mcugen.ops import OPS
from mcugen.ops.add import AddAttrs
from mcugen.ops.base import Activation, Family
from mcugen.ops.broadcast import ArithmeticAttrs
from mcugen.ops.pool2d import Pool2DAttrs
from mcugen.ops.rows import KERNEL, chain, rounds
from mcugen.ops.window import ConvolutionAttrs, Padding, axis
from mcugen.select import Selection
from mcugen.stream import part_of, rows_node, takes_rows

Rng = np.random.Generator


@dataclass(slots=True)
class _Sketch:
    """A graph that grows from its last tensor on."""

    rng: Rng
    tensors: dict[TensorId, Tensor] = field(default_factory=dict)
    nodes: list[Node] = field(default_factory=list)
    inputs: list[TensorId] = field(default_factory=list)
    last: TensorId = 0

    def tensor(self, tensor: Tensor) -> TensorId:
        self.tensors[len(self.tensors)] = tensor
        return len(self.tensors) - 1

    def activation(self, *shape: int, clamped: bool = False) -> TensorId:
        zero = -128 if clamped else int(self.rng.integers(-128, 128))
        scale = float(np.float32(self.rng.uniform(0.02, 0.06)))
        return self.tensor(Tensor("t", shape, DType.INT8, Quant((scale,), (zero,))))

    def input(self, *shape: int) -> TensorId:
        self.inputs.append(self.activation(*shape))
        return self.inputs[-1]

    def node(self, op: str, inputs: list[TensorId], output: TensorId, attrs: object = None) -> None:
        number = len(self.nodes)
        self.nodes.append(Node(op, f"layer {number}", tuple(inputs), (output,), attrs, number))
        self.last = output

    @property
    def shape(self) -> tuple[int, int, int]:
        _, height, width, channels = self.tensors[self.last].shape
        return height, width, channels


def random_graph(rng: Rng, most: int = 6) -> Graph:
    """A chain of 2 to `most` layers with residual sums now and then; one output."""
    s = _Sketch(rng)
    channels = int(rng.choice([1, 3, 4, 8, 12]))
    s.last = s.input(1, int(rng.integers(6, 20)), int(rng.integers(3, 9)), channels)
    for _ in range(int(rng.integers(2, most, endpoint=True))):
        _LAYERS[int(rng.integers(len(_LAYERS)))](s)
    if not s.nodes:
        _depthwise(s)
    return Graph("chain", s.tensors, tuple(s.nodes), tuple(s.inputs), (s.last,))


def _window(s: _Sketch) -> tuple[Padding, tuple[int, int], tuple[int, int], tuple[int, int]]:
    """Padding, size, stride and dilation of a window that fits."""
    rng = s.rng
    height, width, _ = s.shape
    while True:
        padding = Padding(int(rng.integers(2)))
        size = (3, 3) if rng.random() < 0.5 else (int(rng.integers(1, 5)), int(rng.integers(1, 4)))
        stride = (
            (1, 1) if rng.random() < 0.6 else (int(rng.integers(1, 4)), int(rng.integers(1, 3)))
        )
        dilation = (1, 1) if stride != (1, 1) or rng.random() < 0.8 else (2, 1)
        if padding is Padding.SAME:
            return padding, size, stride, dilation
        spans = [(k - 1) * d + 1 for k, d in zip(size, dilation, strict=True)]
        if spans[0] <= height and spans[1] <= width:
            return padding, size, stride, dilation


def _convolve(s: _Sketch, depthwise: bool) -> None:
    padding, size, stride, dilation = _window(s)
    height, width, channels = s.shape
    out = [
        axis(n, k, step, d, padding).out
        for n, k, step, d in zip((height, width), size, stride, dilation, strict=True)
    ]
    filters = channels if depthwise else int(s.rng.choice([1, 3, 4, 8, 12]))
    shape = (1, *size, filters) if depthwise else (filters, *size, channels)
    scales = Quant(
        tuple(float(x) for x in s.rng.uniform(0.001, 0.01, filters).astype(np.float32)),
        (0,) * filters,
        3 if depthwise else 0,
    )
    values = s.rng.integers(-127, 128, shape).astype(np.int8)
    weights = s.tensor(Tensor("w", shape, DType.INT8, scales, values))
    start = s.rng.integers(-999, 1000, filters).astype(np.int32)
    source = s.tensors[s.last].scale
    sums = Quant(tuple(source * scale for scale in scales.scale), (0,) * filters, 0)
    bias = s.tensor(Tensor("b", (filters,), DType.INT32, sums, start))
    clamped = bool(s.rng.random() < 0.7)
    output = s.activation(1, *out, filters, clamped=clamped)
    activation = Activation.RELU if clamped else Activation.NONE
    attrs = ConvolutionAttrs(padding, stride, dilation, activation)
    op = "depthwise_conv2d" if depthwise else "conv2d"
    s.node(op, [s.last, weights, bias], output, attrs)


def _conv(s: _Sketch) -> None:
    _convolve(s, depthwise=False)


def _depthwise(s: _Sketch) -> None:
    _convolve(s, depthwise=True)


def _pool(s: _Sketch) -> None:
    padding, size, stride, _ = _window(s)
    height, width, channels = s.shape
    out = [
        axis(n, k, step, 1, padding).out
        for n, k, step in zip((height, width), size, stride, strict=True)
    ]
    source = s.tensors[s.last]
    output = s.tensor(Tensor("t", (1, *out, channels), DType.INT8, source.quant))
    op = "max_pool2d" if s.rng.random() < 0.5 else "average_pool2d"
    s.node(op, [s.last], output, Pool2DAttrs(padding, stride, size, Activation.NONE))


def _add(s: _Sketch) -> None:
    """The sum with an earlier tensor of the same shape, or with an input of its own."""
    shape = s.tensors[s.last].shape
    earlier = [
        i
        for node in s.nodes
        for i in (node.inputs[0], node.outputs[0])
        if i is not None and i != s.last and s.tensors[i].shape == shape
    ]
    other = earlier[int(s.rng.integers(len(earlier)))] if earlier else s.input(*shape)
    source = s.last
    output = s.activation(*shape)
    s.node("add", [other, source], output, AddAttrs(Activation.NONE))


def _scale(s: _Sketch) -> None:
    """The product with a constant for each channel."""
    channels = s.shape[2]
    values = s.rng.integers(-128, 128, (1, 1, 1, channels)).astype(np.int8)
    factor = s.tensor(Tensor("f", values.shape, DType.INT8, Quant((0.01,), (0,)), values))
    source = s.last
    output = s.activation(*s.tensors[source].shape)
    s.node("mul", [source, factor], output, ArithmeticAttrs(Activation.NONE))


def _relu(s: _Sketch) -> None:
    source = s.last
    output = s.activation(*s.tensors[source].shape)
    s.node("relu", [source], output)


_LAYERS: tuple[Callable[[_Sketch], None], ...] = (
    *(_conv, _conv, _depthwise, _depthwise, _pool, _add, _add, _scale, _relu),
)


def cut(
    graph: Graph, rng: Rng, families: tuple[Family, ...], first: int = 0, end: int | None = None
) -> tuple[Graph, Selection] | None:
    """The graph with layers [first, end) as one chain, its kernels and rows a round random.

    None if what the layers write is read elsewhere.
    """
    calls = list(graph.calls())
    end = len(calls) if end is None else end
    parts = [part for part in map(part_of, calls[first:end]) if part is not None]
    inner = {part.output for part in parts[:-1]}
    outside = [i for node in (*graph.nodes[:first], *graph.nodes[end:]) for i in node.inputs]
    if len(parts) < end - first or inner & {*outside, *graph.outputs}:
        return None
    turns = rounds(parts, int(rng.integers(1, parts[-1].height, endpoint=True)))
    steps = [step for turn in turns for step in turn.steps]
    kernels = []
    for number, part in enumerate(parts):
        forms = {id(step.call): step.call for step in steps if step.part == number}
        able = [
            kernel
            for kernel in part.op.kernels
            if kernel.family in families
            and takes_rows(kernel, part)
            and all(kernel.refusal(call) is None for call in forms.values())
        ]
        kernels.append(able[int(rng.integers(len(able)))])
    node = rows_node(chain(parts, kernels, 1, turns))
    others = [
        None
        if OPS[c.node.op].alias
        else next(
            k for k in OPS[c.node.op].kernels if k.family in families and k.refusal(c) is None
        )
        for c in calls
    ]
    nodes = (*graph.nodes[:first], node, *graph.nodes[end:])
    return graph.with_(nodes=nodes), Selection((*others[:first], KERNEL, *others[end:]))
