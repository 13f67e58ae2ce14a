"""ROWS: a chain of layers that runs a few rows at a time, each value computed once.

No file has this operator: `mcugen.stream` makes it of layers whose tensors are too large to be
whole in memory. What lies between the layers is kept in rings, of as many rows as are still read.
Rows that the next round reads again move to the ring's start first, so that every round finds them
at the same address.

    round 0      layer A, rows 0..2    layer B, row 0
    round 1      layer A, row 3        layer B, row 1       rows 1 and 2 of A were kept
    round 2      layer A, row 4        layer B, row 2
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from mcugen.ir import Call, Tensor, TensorId
from mcugen.ops.base import (
    ABSENT,
    Array,
    Arrays,
    Cost,
    Family,
    Kernel,
    Op,
    Overlap,
    Overlaps,
    Shape,
    no_attributes,
)
from mcugen.ops.window import Axis, Explicit, sides
from mcugen.plan import Buffer, plan

WORD = 4  # kernels may load int8 tensors and use scratch by words


# ---- a layer on some of its rows


class Span(NamedTuple):
    """Rows [start, end) of a tensor."""

    start: int
    end: int


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """A layer of the chain: its call on whole tensors, and the windows onto its operands' rows."""

    call: Call
    op: Op
    axes: Mapping[int, Axis]

    @property
    def output(self) -> TensorId:
        """The tensor that it writes."""
        return self.call.node.outputs[0]

    @property
    def height(self) -> int:
        """Rows of the output."""
        return self.call.output.shape[1]

    def operand(self, position: int) -> TensorId:
        """The tensor at a position that has one."""
        tensor = self.call.node.inputs[position]
        assert tensor is not None
        return tensor


def seen(axis: Axis, rows: Span) -> tuple[Span, tuple[int, int]]:
    """The input rows that some output rows see, and the rows of padding above and below them."""
    start = rows.start * axis.stride - axis.before
    end = (rows.end - 1) * axis.stride - axis.before + (axis.kernel - 1) * axis.dilation + 1
    inside = Span(min(max(start, 0), axis.size), max(min(end, axis.size), 0))
    return inside, (max(-start, 0), max(end - axis.size, 0))


def row_bytes(tensor: Tensor) -> int:
    """The bytes of one row."""
    return tensor.bytes // tensor.shape[1]


def on_rows(part: Part, rows: Span) -> Call:
    """The call that computes these rows of the output from the rows that they see."""
    call = part.call
    inputs, attrs = list(call.inputs), call.attrs
    for position, axis in part.axes.items():
        inside, pads = seen(axis, rows)
        inputs[position] = _cut(call.input(position), inside)
        if hasattr(attrs, "padding"):
            attrs = replace(attrs, padding=Explicit(pads, sides(attrs.padding)[1]))
    node = replace(call.node, attrs=attrs)
    return replace(call, node=node, inputs=tuple(inputs), outputs=(_cut(call.output, rows),))


def _cut(tensor: Tensor, rows: Span) -> Tensor:
    batch, _, *rest = tensor.shape
    return replace(tensor, shape=(batch, rows.end - rows.start, *rest))


# ---- the rounds


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """One kernel call: the rows that it reads of each operand with rows, and those that it writes.

    Steps of a part whose `call` is one object differ in nothing but the rows' place.
    """

    part: int
    call: Call
    reads: Mapping[int, Span]
    writes: Span


@dataclass(frozen=True, slots=True)
class Ring:
    """A ring in one round: rows [first, first + kept) are there before, from `shift` rows on."""

    first: int
    kept: int
    shift: int


@dataclass(frozen=True, slots=True, eq=False)
class Round:
    """What leads to the next rows; a ring for the output of each part but the last."""

    rings: Mapping[TensorId, Ring]
    steps: tuple[Step, ...]


def rounds(parts: Sequence[Part], block: int) -> tuple[Round, ...]:
    """The rounds that compute `block` rows of the last part each, and no row of any part twice."""
    forms: dict[tuple[object, ...], Call] = {}

    def steps(before: Sequence[int], after: Sequence[int]) -> Iterator[Step]:
        for number, part in enumerate(parts):
            rows = Span(before[number], after[number])
            if rows.start < rows.end:
                views = {position: seen(axis, rows) for position, axis in part.axes.items()}
                form = (number, rows.end - rows.start, *(pads for _, pads in views.values()))
                if form not in forms:
                    forms[form] = on_rows(part, rows)
                reads = {position: inside for position, (inside, _) in views.items()}
                yield Step(number, forms[form], reads, rows)

    found, height = [], parts[-1].height
    done = [0] * len(parts)
    first = {part.output: 0 for part in parts[:-1]}
    for start in range(0, height, block):
        after = _needed(parts, min(height, start + block))
        lowest = _lowest(parts, done)
        rings = {
            part.output: Ring(
                lowest[part.output],
                rows - lowest[part.output],
                lowest[part.output] - first[part.output],
            )
            for part, rows in zip(parts[:-1], done, strict=False)
        }
        found.append(Round(rings, tuple(steps(done, after))))
        done, first = after, lowest
    return tuple(found)


def _needed(parts: Sequence[Part], rows: int) -> list[int]:
    """How many rows of each part so many rows of the last depend on."""
    need = {part.output: 0 for part in parts} | {parts[-1].output: rows}
    for part in reversed(parts):
        count = need[part.output]
        for position, axis in part.axes.items():
            operand = part.operand(position)
            if count > 0 and operand in need:
                need[operand] = max(need[operand], seen(axis, Span(count - 1, count))[0].end)
    return [need[part.output] for part in parts]


def _lowest(parts: Sequence[Part], done: Sequence[int]) -> dict[TensorId, int]:
    """For the output of each part but the last the first row that is still read, or comes next."""
    lowest = {part.output: rows for part, rows in zip(parts[:-1], done, strict=False)}
    for part, count in zip(parts, done, strict=True):
        for position, axis in part.axes.items():
            operand = part.operand(position)
            if operand in lowest and count < part.height:
                start = seen(axis, Span(count, count + 1))[0].start
                lowest[operand] = min(lowest[operand], start)
    return lowest


# ---- the chain


@dataclass(frozen=True, slots=True, eq=False)
class Chain:
    """The attributes: layers in order of execution, the last of which gives the output.

    `kernels` compute them. `rings` and `windows` are the offsets, in `bytes` of scratch, of each
    ring and of each kernel's own scratch (None where it has none).
    """

    parts: tuple[Part, ...]
    kernels: tuple[Kernel, ...]
    block: int
    rounds: tuple[Round, ...]
    rings: Mapping[TensorId, int]
    windows: tuple[int | None, ...]
    bytes: int

    @property
    def steps(self) -> Iterator[Step]:
        """The steps of all rounds."""
        return (step for turn in self.rounds for step in turn.steps)


def chain(
    parts: Sequence[Part], kernels: Sequence[Kernel], block: int, turns: tuple[Round, ...]
) -> Chain:
    """Give rings and scratch a place.

    A ring of which nothing is kept lives from the part that fills it to the last that reads it.
    """
    sizes = _ring_bytes(parts, turns)
    buffers = []
    for number, part in enumerate(parts[:-1]):
        keeps = any(turn.rings[part.output].kept > 0 for turn in turns)
        readers = [n for n, p in enumerate(parts) if part.output in p.call.node.inputs]
        life = (0, len(parts) - 1) if keeps else (number, max(readers))
        buffers.append(Buffer(sizes[part.output], *life, WORD))
    scratch = [0] * len(parts)
    for step in (step for turn in turns for step in turn.steps):
        kernel = kernels[step.part]
        if kernel.scratch is not None:
            scratch[step.part] = max(scratch[step.part], kernel.scratch(step.call))
    owners = [number for number, size in enumerate(scratch) if size > 0]
    buffers += [Buffer(scratch[number], number, number, WORD) for number in owners]
    placed = plan(buffers)
    windows = dict(zip(owners, placed.offsets[len(parts) - 1 :], strict=True))
    return Chain(
        tuple(parts),
        tuple(kernels),
        block,
        turns,
        dict(zip(sizes, placed.offsets, strict=False)),
        tuple(windows.get(number) for number in range(len(parts))),
        placed.arena_bytes,
    )


def _ring_bytes(parts: Sequence[Part], turns: Sequence[Round]) -> dict[TensorId, int]:
    """The most that each ring holds in any round."""
    most = {part.output: 0 for part in parts[:-1]}
    for turn in turns:
        for tensor, ring in turn.rings.items():
            most[tensor] = max(most[tensor], ring.kept)
        for step in turn.steps:
            tensor = parts[step.part].output
            if tensor in most:
                most[tensor] = max(most[tensor], step.writes.end - turn.rings[tensor].first)
    sizes = {part.output: row_bytes(part.call.output) for part in parts[:-1]}
    return {tensor: rows * sizes[tensor] for tensor, rows in most.items()}


# ---- the operator


def infer(call: Call) -> tuple[Shape, ...]:
    """The last layer's output."""
    return (call.attrs.parts[-1].call.output.shape,)


def macs(call: Call) -> int:
    """Those of all layers."""
    return sum(part.op.macs(part.call) for part in call.attrs.parts)


def semantics(call: Call, inputs: Arrays) -> list[Array]:
    """The layers one after the other: cutting them into rows must change nothing."""
    values = dict(zip(call.node.inputs, inputs, strict=True))
    for part in call.attrs.parts:
        operands = [
            ABSENT if tensor is None else tensor.values() if tensor.is_const else values[i]
            for i, tensor in zip(part.call.node.inputs, part.call.inputs, strict=True)
        ]
        (values[part.output],) = part.op.run(part.call, operands)
    return [values[call.node.outputs[0]]]


def cost(call: Call) -> Cost:
    """The kernels on their rows, and moving what is kept."""
    attrs: Chain = call.attrs
    cycles = sum(attrs.kernels[step.part].cost(step.call).cycles for step in attrs.steps)
    return Cost(cycles + moving(attrs))


def moving(attrs: Chain) -> int:
    """The cycles that moving takes."""
    sizes = {part.output: row_bytes(part.call.output) for part in attrs.parts}
    moves = [r.kept * sizes[i] for t in attrs.rounds for i, r in t.rings.items() if r.shift]
    return sum(40 + size // 2 for size in moves if size > 0)


def overlap(call: Call) -> Overlaps:
    """How far the output may run over an input, from what each step reads and has written."""
    attrs: Chain = call.attrs
    last = len(attrs.parts) - 1
    size = row_bytes(call.output)
    distances = dict.fromkeys((i for i in call.node.inputs if i is not None), 0)
    written = 0
    for step in attrs.steps:
        part = attrs.parts[step.part]
        allowed = _allowed(attrs.kernels[last], step.call) if step.part == last else {}
        end = step.writes.end * size if step.part == last else written
        for position, tensor in enumerate(part.call.node.inputs):
            if tensor not in distances:
                continue
            rows = step.reads.get(position)
            start = 0 if rows is None else rows.start * row_bytes(part.call.input(position))
            ahead = written + allowed[position] if position in allowed else end
            distances[tensor] = max(distances[tensor], ahead - start)
        written = end
    return {
        position: Overlap(distances[tensor])
        for position, tensor in enumerate(call.node.inputs)
        if tensor is not None
    }


def _allowed(kernel: Kernel, call: Call) -> dict[int, int]:
    """How far in front of its inputs the last part's kernel may begin to write."""
    overlaps = {} if kernel.overlap is None else kernel.overlap(call)
    return {position: o.distance for position, o in overlaps.items() if not o.exact}


def scratch(call: Call) -> int:
    """The rings, and the kernels' own scratch."""
    size: int = call.attrs.bytes
    return size


KERNEL = Kernel(
    name="rows",
    family=Family.REF,
    dtype=None,
    params=lambda call: {},
    params_type="",
    header="",
    operands=None,
    scratch=scratch,
    overlap=overlap,
    cost=cost,
)

OP = Op(
    name="rows",
    tflite="ROWS",
    decode=no_attributes,
    infer=infer,
    floating=semantics,
    quantized=semantics,
    macs=macs,
    kernels=(KERNEL,),
)
