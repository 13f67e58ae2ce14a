"""An independent judge of where tensors lie: it runs a graph on bytes that know what they are.

Every byte that a layer writes is a new one; views and joins say which old bytes a tensor consists
of. Each layer must find the bytes of its operands at their addresses, and the caller those of the
outputs; of what the caller keeps nothing but the outputs may be written. It shares no code with the
planner, and knows nothing of lifetimes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mcugen.ir import Call, Graph, Io, TensorId
from mcugen.layout import Addresses, Layout
from mcugen.lifetimes import Lifetimes
from mcugen.ops import OPS
from mcugen.plan import MemoryPlan
from mcugen.plan_verify import PlanError
from mcugen.select import Selection
from mcugen.spaces import Kind, Space, port_names

Bytes = NDArray[np.int64]


def verify_contents(
    graph: Graph, selection: Selection, lives: Lifetimes, memory_plan: MemoryPlan
) -> None:
    """Raise PlanError if a layer or the caller would read other bytes than they should."""
    judge = _Judge(graph, lives, memory_plan)
    for source in (*graph.inputs, *graph.variables):
        judge.give(source)
    for step, (call, kernel) in enumerate(zip(graph.calls(), selection.kernels, strict=True)):
        if kernel is None:
            judge.rename(call)
            continue
        operands = [call.node.inputs[i] for i in kernel.operand_positions(call)]
        for tensor in operands:
            judge.read(tensor, call.node.where)
        if step in lives.scratch:
            judge.overwrite(lives.scratch[step])
            for tensor in operands:
                judge.read(tensor, f"{call.node.where}, beside its scratch")
        for result in call.node.outputs:
            judge.write(result)
        op = OPS[call.node.op]
        if op.in_state:
            judge.assign(call.node.inputs[op.state[0]], call.node.outputs[0])
    kept = graph.inputs if graph.io is Io.CALLER else ()
    for tensor in (*kept, *graph.outputs, *graph.variables):
        judge.read(tensor, "the caller")
    judge.look_at_ports()


class _Judge:
    """All memory, and the bytes that each tensor consists of."""

    def __init__(self, graph: Graph, lives: Lifetimes, memory_plan: MemoryPlan) -> None:
        self._graph, self._lives, self._plan = graph, lives, memory_plan
        self._layout = Layout(lives, memory_plan)
        self._addresses = Addresses(self._layout)
        self._memory: Bytes = np.full(self._addresses.bytes, -1, np.int64)
        self._contents: dict[TensorId, Bytes] = {}
        self._next = 0

    def _bytes(self, tensor: TensorId) -> slice:
        place, size = self._layout.place(tensor), self._graph.tensors[tensor].bytes
        found = self._addresses.of(place, size)
        if found is None:
            raise PlanError(f"tensor {tensor} lies outside of the {place.space.name}")
        return found

    def give(self, tensor: TensorId) -> None:
        """New bytes for a tensor, in its place."""
        size = self._graph.tensors[tensor].bytes
        self._contents[tensor] = np.arange(self._next, self._next + size)
        self._next += size
        self._memory[self._bytes(tensor)] = self._contents[tensor]

    def write(self, tensor: TensorId) -> None:
        """What a layer computes, in its place."""
        if self._layout.place(tensor).space.kind is Kind.INPUT:
            raise PlanError(f"tensor {tensor} would overwrite an input of the caller")
        self.give(tensor)

    def assign(self, state: TensorId | None, result: TensorId) -> None:
        """A variable holds what was written in its place."""
        assert state is not None
        self._contents[state] = self._contents[result]

    def overwrite(self, buffer: int) -> None:
        """What a kernel's scratch does."""
        start = self._plan.offsets[buffer]
        self._memory[start : start + self._lives.buffers[buffer].bytes] = -1

    def rename(self, call: Call) -> None:
        """The bytes of what a view shows, or of what is joined."""
        sources = [i for i in call.node.inputs if i in self._contents]
        if not OPS[call.node.op].alias or not sources:
            raise PlanError(f"{call.node.where}: nothing computes it")
        if call.node.op == "join":
            known = np.concatenate([self._contents[i] for i in sources if i is not None])
        else:
            (source, *_) = sources
            assert source is not None
            start = call.attrs.start if call.node.op == "view" else 0
            known = self._contents[source][start : start + call.output.bytes]
        self._contents[call.node.outputs[0]] = known

    def read(self, tensor: TensorId | None, who: str) -> None:
        """A tensor must be in its place."""
        if tensor is None or self._graph.tensors[tensor].is_const:
            return
        if not np.array_equal(self._memory[self._bytes(tensor)], self._contents[tensor]):
            raise PlanError(f"{who}: tensor {tensor} is not whole where it should be")

    def look_at_ports(self) -> None:
        """An output lies in the arena, or is all of what the caller gave for it."""
        spaces, outputs = self._layout.spaces, self._graph.outputs
        names = port_names(Kind.OUTPUT, len(outputs))
        for name, tensor in zip(names, outputs, strict=True):
            place, size = self._layout.place(tensor), self._graph.tensors[tensor].bytes
            whole = place.offset == 0 and spaces[place.space] == size
            allowed = place.space == Space(Kind.OUTPUT, name) and whole
            if not allowed and (self._graph.io is Io.CALLER or place.space.kind is Kind.STATE):
                raise PlanError(f"output {tensor} lies in the {place.space.name}")
