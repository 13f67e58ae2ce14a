"""A random graph under construction: generators of operators add to it and read from it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from mcugen import verify
from mcugen.exporters.builder import quant
from mcugen.ir import DType, Graph, Node, Quant, Tensor, TensorId
from mcugen.ops import OPS
from mcugen.ops.base import Activation, Array, Family, Kernel, Shape

T = TypeVar("T")

CLAMPS = (Activation.NONE, Activation.RELU, Activation.RELU_N1_TO_1, Activation.RELU6)
EXTREME_ZERO_POINTS = (-128, -128, -127, -1, 0, 1, 126, 127, 127)
MAX_ELEMENTS = 4096  # of a tensor: kernels are compared, not timed
MAX_MACS = 400_000
_WEIGHTS = {DType.INT8: 10, DType.FLOAT32: 4, DType.INT16: 4}  # how often a type is drawn, else 1


def assigned(nodes: Iterable[Node]) -> set[TensorId]:
    """What variables are after assignments, which a file has no tensors for."""
    return {i for node in nodes if node.op == "assign_variable" for i in node.outputs}


class IllegalError(Exception):
    """What was drawn breaks a rule, or is not to be compared; it is drawn anew."""


@dataclass(slots=True, eq=False)
class Sketch:
    """Tensors and nodes so far. With `reuse`, operators read what others have computed.

    `reference` is the interpreter that the model will be compared with. `ranges` are the values
    that inputs may take where they are not those of their type. `wanted` is a kernel that must take
    what is added next.
    """

    rng: np.random.Generator
    reference: str
    reuse: bool
    exact: bool = True
    wanted: Kernel | None = None
    tensors: dict[TensorId, Tensor] = field(default_factory=dict)
    nodes: list[Node] = field(default_factory=list)
    inputs: list[TensorId] = field(default_factory=list)
    ranges: dict[TensorId, tuple[float, float]] = field(default_factory=dict)

    # ---- drawing

    def flip(self, probability: float = 0.5) -> bool:
        """True with a probability."""
        return bool(self.rng.random() < probability)

    def whole(self, low: int, high: int) -> int:
        """An integer in [low, high]."""
        return int(self.rng.integers(low, high, endpoint=True))

    def pick(self, choices: Sequence[T]) -> T:
        """One of several."""
        return choices[self.whole(0, len(choices) - 1)]

    def size(self, most: int = 9) -> int:
        """A size of an axis: small ones more often, multiples of 4, some beyond `most`.

        Kernels for some shapes only want certain ones up to 64.
        """
        special = self.wanted is not None and self.wanted.family is not Family.REF
        if self.flip(0.6 if special else 0.2):
            return self.pick((4, 8, 12, 16, 16, 32, 64) if special else (4, 8, 12, 16, 16))
        return self.whole(most, 3 * most) if self.flip(0.1) else self.whole(1, self.whole(2, most))

    def shape(self, rank: int) -> Shape:
        """A shape; the batch of an image is 1 as a rule."""
        sizes = [self.size() for _ in range(rank)]
        if rank >= 3 and self.flip(0.75):
            sizes[0] = 1
        while math.prod(sizes) > MAX_ELEMENTS:
            largest = int(np.argmax(sizes))
            sizes[largest] = max(1, sizes[largest] // 2)
        return tuple(sizes)

    def scale(self, around: float = 0.05, spread: float = 2.0) -> float:
        """A positive float32: near a value, seldom far from it, sometimes a power of two."""
        if self.flip(0.04):
            spread = 12.0
        exponent = math.log2(around) + spread * float(self.rng.standard_normal())
        if self.flip(0.1):
            exponent = round(exponent)
        return float(np.float32(2.0 ** min(max(exponent, -60.0), 60.0)))

    def quant(self, dtype: DType, around: float | None = None, spread: float = 2.0) -> Quant | None:
        """A quantization of an activation; None for types that have none."""
        if around is None:
            around = 0.05 / 256 if dtype is DType.INT16 else 0.05
        if dtype is DType.INT16:
            return quant(self.scale(around, spread), 0)
        if dtype not in (DType.INT8, DType.UINT8):
            return None
        zero_point = self.pick(EXTREME_ZERO_POINTS) if self.flip(0.3) else self.whole(-128, 127)
        return quant(self.scale(around, spread), zero_point + 128 * (dtype is DType.UINT8))

    def activation(self) -> Activation:
        """A fused activation."""
        return Activation.NONE if self.flip() else self.pick(CLAMPS)

    def dtype(self, op: str) -> DType:
        """A type that kernels of an operator take, or the one that is wanted."""
        if self.wanted is not None and self.wanted.dtype is not None and self.wanted.operands:
            return self.wanted.dtype
        taken = {kernel.dtype for kernel in OPS[op].kernels} or {None}
        types = [DType.INT8, DType.FLOAT32]
        if None not in taken:
            types = [dtype for dtype in DType if dtype in taken]
        elif not self.reuse:  # the references differ in what they move
            types += [DType.INT16, DType.INT32, DType.BOOL]
        if not self.exact:
            types = [dtype for dtype in types if not dtype.is_float] or types
        weights = np.array([_WEIGHTS.get(dtype, 1) for dtype in types], np.float64)
        return types[int(self.rng.choice(len(types), p=weights / weights.sum()))]

    def values(self, dtype: DType, shape: Shape) -> np.ndarray[Any, Any]:
        """The values of a constant: its type's whole range."""
        if dtype.is_float:
            return (2 * self.rng.standard_normal(shape)).astype(dtype.numpy)
        if dtype is DType.BOOL:
            return self.rng.integers(0, 2, shape).astype(np.bool_)
        limits = np.iinfo(dtype.numpy)
        return self.rng.integers(limits.min, limits.max, shape, dtype.numpy, True)

    def require(self, condition: bool) -> None:
        """Draw anew unless a condition holds."""
        if not condition:
            raise IllegalError

    # ---- tensors

    def source(
        self,
        dtype: DType,
        ranks: Sequence[int] = (1, 2, 3, 4, 4, 4, 5),
        fits: Callable[[Tensor], bool] = lambda tensor: True,
        shape: Callable[[int], Shape] | None = None,
    ) -> TensorId:
        """A tensor to read: one that is there, or a new input, whose shape `shape` may draw."""
        if self.reuse and self.flip(0.85):
            there = [
                i
                for i, tensor in self.tensors.items()
                if self._readable(i)
                and tensor.dtype is dtype
                and len(tensor.shape) in ranks
                and fits(tensor)
            ]
            unread = [i for i in there if not any(i in node.inputs for node in self.nodes)]
            if there:
                return self.pick(unread if unread and self.flip(0.7) else there)
        rank = self.pick(ranks)
        found = self.shape(rank) if shape is None else shape(rank)
        self.require(math.prod(found) <= MAX_ELEMENTS)
        return self.input(dtype, found, self.quant(dtype))

    def input(self, dtype: DType, shape: Shape, affine: Quant | None = None) -> TensorId:
        """A new input of the model."""
        tensor = self.keep(Tensor("", shape, dtype, affine))
        self.inputs.append(tensor)
        return tensor

    def operand(self, dtype: DType, shape: Shape, affine: Quant | None) -> TensorId:
        """A tensor of a type, shape and quantization: one that is there, a constant, an input."""
        wanted = (dtype, shape, affine)
        there = [
            i
            for i, t in self.tensors.items()
            if self._readable(i) and (t.dtype, t.shape, t.quant) == wanted
        ]
        if there and self.flip():
            return self.pick(there)
        if self.flip():
            return self.input(dtype, shape, affine)
        return self.const(self.values(dtype, shape), dtype, affine)

    def state(
        self, dtype: DType, shape: Shape, affine: Quant | None, initial: Array | None = None
    ) -> TensorId:
        """A new variable."""
        return self.keep(Tensor("", shape, dtype, affine, variable=True, initial=initial))

    def _readable(self, tensor_id: TensorId) -> bool:
        """Whether a tensor is computed or given; not a variable, before or after an assignment."""
        tensor = self.tensors[tensor_id]
        return not tensor.is_const and not tensor.variable and tensor_id not in assigned(self.nodes)

    def const(self, data: ArrayLike, dtype: DType, affine: Quant | None = None) -> TensorId:
        """A new constant."""
        values = np.asarray(data, dtype.numpy)
        return self.keep(Tensor("", values.shape, dtype, affine, values))

    def indices(self, data: ArrayLike) -> TensorId:
        """A new constant of int32: axes, shapes, paddings; int64 where LiteRT reads it."""
        wide = self.reference == "litert" and self.flip(0.2)
        return self.const(data, DType.INT64 if wide else DType.INT32)

    def keep(self, tensor: Tensor) -> TensorId:
        """Give a tensor an id and a name."""
        tensor_id = len(self.tensors)
        self.tensors[tensor_id] = replace(tensor, name=f"t{tensor_id}")
        return tensor_id

    # ---- nodes

    def add(
        self,
        op: str,
        inputs: Sequence[TensorId | None],
        attrs: object,
        dtype: DType,
        affine: Quant | None,
        outputs: int = 1,
    ) -> tuple[TensorId, ...]:
        """Add a node; its outputs have one type and quantization, and the shapes that it infers.

        Raises IllegalError unless the operator's rules hold and a kernel takes the call.
        """
        ids = tuple(self.keep(Tensor("", (), dtype, affine)) for _ in range(outputs))
        node = Node(op, f"n{len(self.nodes)}", tuple(inputs), ids, attrs, len(self.nodes))
        graph = Graph("fuzz", self.tensors, (node,), (), ids)
        shapes = verify.inferred(graph.call(node))
        if isinstance(shapes, str):
            raise IllegalError
        for i, shape in zip(ids, shapes, strict=True):
            self.tensors[i] = replace(self.tensors[i], shape=shape)
            self.require(1 <= self.tensors[i].elements <= MAX_ELEMENTS)
        call = graph.with_(tensors=self.tensors).call(node)
        self.require(not verify.call_problems(call))
        kernels = OPS[op].kernels
        if self.wanted is not None:
            kernels = (self.wanted,)
        self.require(not kernels or any(kernel.refusal(call) is None for kernel in kernels))
        self.require(OPS[op].macs(call) <= MAX_MACS)
        self.nodes.append(node)
        return ids

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Forget what was added if it turns out illegal."""
        tensors, nodes, inputs = dict(self.tensors), list(self.nodes), list(self.inputs)
        try:
            yield
        except IllegalError:
            self.tensors, self.nodes, self.inputs = tensors, nodes, inputs
            self.ranges = {i: limits for i, limits in self.ranges.items() if i in tensors}
            raise

    def graph(self) -> Graph:
        """The graph: outputs are what nobody reads, and now and then a tensor between."""
        read = {i for node in self.nodes for i in node.inputs}
        after = assigned(self.nodes)
        computed = [i for node in self.nodes for i in node.outputs if i not in after]
        outputs = [i for i in computed if i not in read or (self.reuse and self.flip(0.1))]
        outputs = outputs or computed[-1:]
        given = [i for i in self.inputs if i in read]
        used = {*given, *computed, *after, *(i for i in read if i is not None)}
        tensors = {i: tensor for i, tensor in self.tensors.items() if i in used}
        return Graph("fuzz", tensors, tuple(self.nodes), tuple(given), tuple(outputs))
