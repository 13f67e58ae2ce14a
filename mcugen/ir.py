"""The intermediate representation: a typed graph of tensors and nodes, NHWC, never mutated.

A pass takes a `Graph` and returns a new one. Tensor ids are stable: an imported tensor keeps the
index that it has in the file, so that results can be compared tensor by tensor with a reference
interpreter.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np

from mcugen.errors import OptionError, Problem
from mcugen.int4 import packed_bytes

TensorId = int


def printable(name: str) -> str:
    """A name from a file as messages show it: one line, not endless.

    Converters list all that a tensor was fused from, separated by semicolons, the result first.
    """
    first = "".join(c if c.isprintable() else "?" for c in name.split(";")[0])
    return first if len(first) <= 60 else f"{first[:57]}..."


class DType(enum.Enum):
    """Element types; the value is the numpy name, but for int4, of which numpy has none."""

    FLOAT32 = "float32"
    FLOAT16 = "float16"
    INT4 = "int4"  # of weights only; as int8 in numpy, two in a byte in files and in flash
    INT8 = "int8"
    UINT8 = "uint8"
    INT16 = "int16"
    INT32 = "int32"
    INT64 = "int64"
    BOOL = "bool"
    OTHER = "void"  # a type that mcugen has no arithmetic for; verify refuses it

    @property
    def numpy(self) -> np.dtype[Any]:
        """The numpy dtype."""
        return np.dtype("int8" if self is DType.INT4 else self.value)

    @property
    def bytes(self) -> int:
        """Bytes per element."""
        return self.numpy.itemsize

    @property
    def is_float(self) -> bool:
        """True for floating-point types."""
        return self in (DType.FLOAT32, DType.FLOAT16)


@dataclass(frozen=True, slots=True)
class Quant:
    """Affine quantization, real = scale * (q - zero_point), one entry or one per channel of `axis`.

    Scales are float64 here; the reference keeps them as float32, so values that come from a file
    are exactly representable in float32.
    """

    scale: tuple[float, ...]
    zero_point: tuple[int, ...]
    axis: int | None = None

    @property
    def is_per_channel(self) -> bool:
        """True where every channel along `axis` has its own scale."""
        return len(self.scale) > 1


@dataclass(frozen=True, slots=True, eq=False)
class Tensor:
    """A value in the graph. `data` is set for constants, is read-only, and has shape `shape`.

    A variable outlives an inference: operators that list it as their state read and write it. Its
    first value is `initial`, or `reset_value` throughout.
    """

    name: str
    shape: tuple[int, ...]
    dtype: DType
    quant: Quant | None = None
    data: np.ndarray[Any, Any] | None = None
    kept: tuple[int, ...] | None = None
    variable: bool = False
    initial: np.ndarray[Any, Any] | None = None

    def __post_init__(self) -> None:
        if self.data is not None:
            assert self.data.shape == self.shape, (self.name, self.data.shape, self.shape)
            self.data.setflags(write=False)

    @property
    def is_const(self) -> bool:
        """True when the value is known at generation time."""
        return self.data is not None

    @property
    def elements(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    @property
    def bytes(self) -> int:
        """Size in memory, in bytes."""
        if self.dtype is DType.INT4:
            return packed_bytes(self.elements)
        return self.elements * self.dtype.bytes

    @property
    def scale(self) -> float:
        """The per-tensor scale."""
        assert self.quant is not None and len(self.quant.scale) == 1, self.name
        return self.quant.scale[0]

    @property
    def zero_point(self) -> int:
        """The per-tensor zero point."""
        assert self.quant is not None and len(self.quant.zero_point) == 1, self.name
        return self.quant.zero_point[0]

    def label(self, tensor_id: TensorId) -> str:
        """How messages name this tensor."""
        return f'tensor#{tensor_id} "{printable(self.name)}"'

    @property
    def reset_value(self) -> int:
        """What every element of a variable is before the first inference, as in the references."""
        is_int8 = self.dtype is DType.INT8 and self.quant is not None
        return self.zero_point if is_int8 else 0

    def left_of(self, original: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """The part of the file's tensor that this one holds."""
        return original if self.kept is None else original[..., list(self.kept)]

    def values(self) -> np.ndarray[Any, Any]:
        """The constant's data; only for tensors that are constant."""
        assert self.data is not None, self.name
        return self.data


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """One operation. `op` is a key of `mcugen.ops.OPS`, `attrs` that operator's attribute class.

    An optional input that is absent is None. `index` is the operator's position in the file.
    """

    op: str
    name: str
    inputs: tuple[TensorId | None, ...]
    outputs: tuple[TensorId, ...]
    attrs: Any = None
    index: int = -1

    @property
    def where(self) -> str:
        """How messages name this node."""
        return f'op#{self.index} {self.op} "{printable(self.name)}"'


@dataclass(frozen=True, slots=True)
class Unsupported:
    """Attributes of a node whose `op` is "unsupported": the operator's name in its file format."""

    operator: str


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """A node with its tensors resolved: what every function of an operator module receives."""

    node: Node
    inputs: tuple[Tensor | None, ...]
    outputs: tuple[Tensor, ...]

    @property
    def attrs(self) -> Any:
        """The node's attributes."""
        return self.node.attrs

    @property
    def output(self) -> Tensor:
        """The first output."""
        return self.outputs[0]

    def input(self, position: int = 0) -> Tensor:
        """An input that must be there."""
        tensor = self.inputs[position]
        assert tensor is not None, (self.node.where, position)
        return tensor

    def optional(self, position: int) -> Tensor | None:
        """An input that may be absent, at the end of the list or in its middle."""
        return self.inputs[position] if position < len(self.inputs) else None


class Io(enum.Enum):
    """Where inputs and outputs lie: in the arena, or in memory that the caller names each time."""

    ARENA = "arena"
    CALLER = "caller"

    @classmethod
    def _missing_(cls, value: object) -> Io:
        known = ", ".join(io.value for io in cls)
        raise OptionError(f"io: {value!r}; known: {known}")


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """Nodes in execution order, and the tensors that they read and write.

    A dimension of an input is -1 where the file leaves it open. `problems` are what the importer
    found and the graph cannot express; `verify` reports them with its own.
    """

    name: str
    tensors: Mapping[TensorId, Tensor]
    nodes: tuple[Node, ...]
    inputs: tuple[TensorId, ...]
    outputs: tuple[TensorId, ...]
    problems: tuple[Problem, ...] = ()
    io: Io = Io.ARENA

    def __post_init__(self) -> None:
        object.__setattr__(self, "tensors", MappingProxyType(dict(self.tensors)))

    def call(self, node: Node) -> Call:
        """Resolve one node."""
        return Call(
            node,
            tuple(None if i is None else self.tensors[i] for i in node.inputs),
            tuple(self.tensors[o] for o in node.outputs),
        )

    @property
    def is_floating(self) -> bool:
        """True if some node reads or writes floats."""
        used = (i for node in self.nodes for i in (*node.inputs, *node.outputs))
        return any(self.tensors[i].dtype.is_float for i in used if i is not None)

    def calls(self) -> Iterator[Call]:
        """All nodes, resolved, in execution order."""
        return (self.call(node) for node in self.nodes)

    @property
    def variables(self) -> tuple[TensorId, ...]:
        """The tensors that outlive an inference."""
        return tuple(i for i, tensor in self.tensors.items() if tensor.variable)

    def producer(self, tensor: TensorId) -> Node | None:
        """The node that writes a tensor; None for inputs and constants."""
        return next((node for node in self.nodes if tensor in node.outputs), None)

    def consumers(self, tensor: TensorId) -> tuple[Node, ...]:
        """The nodes that read a tensor."""
        return tuple(node for node in self.nodes if tensor in node.inputs)

    def with_(self, **changes: Any) -> Graph:
        """A copy with some fields replaced."""
        return replace(self, **changes)

    def with_tensor(self, tensor_id: TensorId, tensor: Tensor) -> Graph:
        """A copy with one tensor added or replaced."""
        return replace(self, tensors={**self.tensors, tensor_id: tensor})

    def fresh_id(self) -> TensorId:
        """An id that no tensor has."""
        return max(self.tensors, default=-1) + 1
