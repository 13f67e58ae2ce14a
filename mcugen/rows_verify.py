"""An independent judge of chains that run by rows: it replays every call and marks every byte.

Each byte of memory knows which byte of which tensor it holds. A call must find the rows that the
whole layer's windows see, under the places that its own windows look at, and each written row must
be there when it is read. What overwrites a row too early shows when that row is missed.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from mcugen.ir import Call, Graph, Tensor, TensorId
from mcugen.layout import Addresses, Layout
from mcugen.lifetimes import Lifetimes
from mcugen.ops.base import Overlap
from mcugen.ops.rows import Chain, Part, Round, Step
from mcugen.ops.window import Axis
from mcugen.plan import MemoryPlan
from mcugen.plan_verify import PlanError

_NOTHING = -1

Places = Mapping[TensorId, int]


def verify_chains(graph: Graph, lives: Lifetimes, memory_plan: MemoryPlan) -> None:
    """Judge all chains of a graph in their places."""
    layout = Layout(lives, memory_plan)
    addresses = Addresses(layout)
    for step, call in enumerate(graph.calls()):
        if isinstance(call.attrs, Chain):
            own = [i for i in (*call.node.inputs, *call.node.outputs) if i is not None]
            spans = {i: addresses.of(layout.place(i), graph.tensors[i].bytes) for i in own}
            places = {i: span.start for i, span in spans.items() if span is not None}
            scratch = layout.scratch(step)
            verify_chain(call, places, 0 if scratch is None else scratch.offset, addresses.bytes)


def verify_chain(call: Call, places: Places, scratch: int, memory_bytes: int) -> None:
    """Raise PlanError if a chain would read what is not there, or write where it must not.

    `places` are the addresses of the tensors that the chain reads and writes as a whole, `scratch`
    that of its rings and windows.
    """
    _Replay(call, places, scratch, memory_bytes).run()


class _Replay:
    """The memory while a chain runs."""

    def __init__(self, call: Call, places: Places, scratch: int, memory_bytes: int) -> None:
        self.where = call.node.where
        self.chain: Chain = call.attrs
        own = {*(i for i in call.node.inputs if i is not None), *call.node.outputs}
        if not own <= places.keys():
            self._fail(f"tensors {own - places.keys()} lie outside of their memory")
        self.places = {tensor: places[tensor] for tensor in own}
        self.scratch = scratch
        self.owner: NDArray[np.int64] = np.full(memory_bytes, _NOTHING, np.int64)
        self.byte: NDArray[np.int64] = np.zeros(memory_bytes, np.int64)
        self.result, self.output = call.node.outputs[0], call.output
        for tensor_id, tensor in zip(call.node.inputs, call.inputs, strict=True):
            assert tensor_id is not None and tensor is not None
            self._mark(places[tensor_id], tensor_id, np.arange(tensor.bytes))

    def run(self) -> None:
        """All rounds, then a look at the output."""
        for step in {id(step.call): step for step in self.chain.steps}.values():
            refusal = self.chain.kernels[step.part].refusal(step.call)
            if refusal is not None:
                self._fail(f"{self.chain.kernels[step.part].name} cannot: {refusal}")
        for turn in self.chain.rounds:
            self._move(turn)
            for step in turn.steps:
                self._call(step, turn)
        self._expect(self.places[self.result], self.result, np.arange(self.output.bytes), "the end")

    def _fail(self, what: str) -> None:
        raise PlanError(f"{self.where}: {what}")

    def _mark(self, offset: int, owner: int, content: NDArray[np.int64]) -> None:
        if offset < 0 or offset + len(content) > len(self.owner):
            self._fail(f"bytes at {offset}, outside of the {len(self.owner)} bytes")
        memory = slice(offset, offset + len(content))
        self.owner[memory], self.byte[memory] = owner, content

    def _expect(self, offset: int, owner: int, content: NDArray[np.int64], when: str) -> None:
        memory = slice(offset, offset + len(content))
        if not np.all(self.owner[memory] == owner) or not np.array_equal(
            self.byte[memory], content
        ):
            self._fail(f"tensor {owner} is not whole at {offset} in {when}")

    def _move(self, turn: Round) -> None:
        """Move what the rings keep to their starts."""
        for part in self.chain.parts[:-1]:
            ring, size = turn.rings[part.output], _row(part.call.output)
            start = self.scratch + self.chain.rings[part.output]
            source = slice(start + ring.shift * size, start + (ring.shift + ring.kept) * size)
            owner, content = self.owner[source].copy(), self.byte[source].copy()
            target = slice(start, start + ring.kept * size)
            self.owner[target], self.byte[target] = owner, content

    def _address(self, tensor_id: TensorId, tensor: Tensor, row: int, turn: Round) -> int:
        if tensor_id in self.places:
            return self.places[tensor_id] + row * _row(tensor)
        ring = turn.rings[tensor_id]
        return self.scratch + self.chain.rings[tensor_id] + (row - ring.first) * _row(tensor)

    def _call(self, step: Step, turn: Round) -> None:
        part, kernel = self.chain.parts[step.part], self.chain.kernels[step.part]
        tensor, size = part.call.output, _row(part.call.output)
        start = self._address(part.output, tensor, step.writes.start, turn)
        end = start + (step.writes.end - step.writes.start) * size
        inside = self.scratch <= start and end <= self.scratch + self.chain.bytes
        if part.output not in self.places and not inside:
            self._fail(f"rows {step.writes} of tensor {part.output} have no room in its ring")
        window = self._window(step)
        for position in kernel.operand_positions(part.call):
            operand = part.call.node.inputs[position]
            source = part.call.inputs[position]
            if source is None or operand is None or source.is_const:
                continue
            first, rows = self._rows_read(part, step, position)
            place = self._address(operand, source, first, turn)
            content = np.arange(first * _row(source), (first + rows) * _row(source))
            self._expect(place, operand, content, f"the call for rows {step.writes}")
            if start < place + len(content) and place < end:
                allowed = {} if kernel.overlap is None else kernel.overlap(step.call)
                overlap = allowed.get(position)
                ahead = place - start
                if overlap is None or not _permits(overlap, ahead):
                    self._fail(f"{kernel.name} would overwrite its input at {place}")
            if window.start < place + len(content) and place < window.stop:
                self._fail(f"the scratch of {kernel.name} lies over its input")
        if window.start < end and start < window.stop:
            self._fail(f"the scratch of {kernel.name} lies over its output")
        self._mark(window.start, _NOTHING, np.zeros(window.stop - window.start, np.int64))
        content = np.arange(step.writes.start * size, step.writes.end * size)
        self._mark(start, part.output, content)

    def _window(self, step: Step) -> slice:
        """The kernel's scratch, which must be inside of the chain's."""
        kernel, offset = self.chain.kernels[step.part], self.chain.windows[step.part]
        size = 0 if kernel.scratch is None else kernel.scratch(step.call)
        if size > 0 and (offset is None or offset + size > self.chain.bytes):
            self._fail(f"the scratch of {kernel.name} has no room")
        start = self.scratch + (offset or 0)
        return slice(start, start + size)

    def _rows_read(self, part: Part, step: Step, position: int) -> tuple[int, int]:
        """(First row, rows) of an operand; the whole layer and the call on rows must agree."""
        source = part.call.input(position)
        whole, cut = part.op.rows(part.call), part.op.rows(step.call)
        if position not in whole:
            return 0, source.bytes // _row(source)
        first = step.reads[position].start
        for row in range(step.writes.start, step.writes.end):
            wanted = _taps(whole[position], row)
            found = _taps(cut[position], row - step.writes.start)
            if wanted != [None if tap is None else tap + first for tap in found]:
                self._fail(f"row {row} of tensor {part.output} would see other rows: {found}")
        return first, cut[position].size


def _permits(overlap: Overlap, ahead: int) -> bool:
    return ahead == overlap.distance if overlap.exact else ahead >= overlap.distance


def _row(tensor: Tensor) -> int:
    return tensor.bytes // tensor.shape[1] if len(tensor.shape) == 4 else tensor.bytes


def _taps(axis: Axis, row: int) -> list[int | None]:
    """The input row of each tap of a window; None where it is padding."""
    taps = (row * axis.stride - axis.before + tap * axis.dilation for tap in range(axis.kernel))
    return [tap if 0 <= tap < axis.size else None for tap in taps]
