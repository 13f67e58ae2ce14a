"""Addresses as C expressions: a base pointer for each space, and what lies behind it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mcugen.ir import DType, Graph, Tensor, TensorId
from mcugen.layout import Layout
from mcugen.spaces import ARENA, STATE, Kind, Place, Space, port_names

CTYPES = {
    DType.FLOAT32: "float",
    DType.INT8: "int8_t",
    DType.UINT8: "uint8_t",
    DType.INT16: "int16_t",
    DType.INT32: "int32_t",
    DType.INT64: "int64_t",
    DType.BOOL: "uint8_t",
}
BYTES = "int8_t"  # what the arena and the state are made of
BASES = {ARENA: "memory", STATE: "variables"}  # local names; those of ports are their arguments


@dataclass(frozen=True, slots=True)
class Pointers:
    """Where everything lies, as places and as C expressions."""

    graph: Graph
    layout: Layout

    def place(self, tensor_id: TensorId) -> Place:
        """That of a tensor."""
        return self.layout.place(tensor_id)

    def tensor(self, tensor_id: TensorId) -> str:
        """The address of a tensor's elements."""
        place = self.place(tensor_id)
        return self.at(place.space, str(place.offset), self.graph.tensors[tensor_id])

    def scratch(self, step: int) -> str:
        """The address of a step's scratch."""
        place = self.layout.scratch(step)
        return "NULL" if place is None else self.at(place.space, str(place.offset), None)

    def at(self, space: Space, offset: str, tensor: Tensor | None) -> str:
        """So many bytes behind a base, as a pointer to a tensor's elements; None for bytes."""
        const = "const " if space.kind is Kind.INPUT else ""
        ctype, base = self.ctype(space), self.base(space)
        if space in BASES or offset != "0":
            cast = "" if ctype == BYTES else f"({const}{BYTES} *)"
            base = f"{cast}{base} + {offset}"
        if ctype == BYTES and (tensor is None or tensor.dtype is DType.INT8):
            return base
        return f"({const}void *){base if base == space.name else f'({base})'}"

    def parameters(self, spaces: Iterable[Space]) -> str:
        """The base pointers of some spaces as parameters of a function."""
        used = set(spaces)
        return ", ".join(self.parameter(s) for s in self.layout.spaces if s in used)

    def arguments(self, spaces: Iterable[Space]) -> str:
        """The same in a call."""
        used = set(spaces)
        return ", ".join(self.base(s) for s in self.layout.spaces if s in used)

    def parameter(self, space: Space) -> str:
        """A base pointer with its type."""
        const = "const " if space.kind is Kind.INPUT else ""
        return f"{const}{self.ctype(space)} *{self.base(space)}"

    def base(self, space: Space) -> str:
        """The name of a base pointer."""
        return BASES.get(space, space.name)

    def ctype(self, space: Space) -> str:
        """The type that a base points to."""
        for kind, ids in ((Kind.INPUT, self.graph.inputs), (Kind.OUTPUT, self.graph.outputs)):
            if space.kind is kind:
                names = port_names(kind, len(ids))
                return CTYPES[self.graph.tensors[ids[names.index(space.name)]].dtype]
        return BYTES
