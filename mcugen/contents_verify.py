"""An independent judge of where tensors lie: it runs a graph on bytes that know what they are.

Every byte that a layer writes is a new one; views and joins say which old bytes a tensor consists
of. Each layer must find the bytes of its operands at their addresses, and the caller those of the
outputs. It shares no code with the planner, and knows nothing of lifetimes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mcugen.ir import Call, Graph, TensorId
from mcugen.lifetimes import Lifetimes
from mcugen.ops import OPS
from mcugen.plan import MemoryPlan
from mcugen.plan_verify import PlanError
from mcugen.select import Selection

Bytes = NDArray[np.int64]


def verify_contents(
    graph: Graph, selection: Selection, lives: Lifetimes, memory_plan: MemoryPlan
) -> None:
    """Raise PlanError if a layer or the caller would read other bytes than they should."""
    judge = _Judge(graph, lives, memory_plan)
    for source in (*graph.inputs, *graph.variables):
        judge.write(source)
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
    for tensor in (*graph.outputs, *graph.variables):
        judge.read(tensor, "the caller")


class _Judge:
    """The arena, and the bytes that each tensor consists of."""

    def __init__(self, graph: Graph, lives: Lifetimes, memory_plan: MemoryPlan) -> None:
        self._graph, self._lives, self._plan = graph, lives, memory_plan
        self._memory: Bytes = np.full(memory_plan.arena_bytes, -1, np.int64)
        self._contents: dict[TensorId, Bytes] = {}
        self._next = 0

    def _place(self, tensor: TensorId) -> slice:
        start = self._plan.offsets[self._lives.tensors[tensor]] + self._lives.inside[tensor]
        return slice(start, start + self._graph.tensors[tensor].bytes)

    def write(self, tensor: TensorId) -> None:
        """New bytes for a tensor, in its place; where it has none of its own, nothing."""
        size = self._graph.tensors[tensor].bytes
        self._contents[tensor] = np.arange(self._next, self._next + size)
        self._next += size
        place = self._place(tensor)
        if place.stop > len(self._memory):
            raise PlanError(f"tensor {tensor} lies outside of the arena")
        self._memory[place] = self._contents[tensor]

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
        if not np.array_equal(self._memory[self._place(tensor)], self._contents[tensor]):
            raise PlanError(f"{who}: tensor {tensor} is not whole where it should be")
