"""Patches: the first layers strip by strip of columns, where rows alone take too much RAM.

A strip is a slice of the input's columns, the same layers on it with padding at the image's borders
only, and some columns of the result; strips are concatenated. Neighbours compute the columns that
both see, their halo, twice. What comes out is an ordinary graph: its strips then run by rows
(`mcugen.stream`), in rings as narrow as they are. Constants are those of the whole layers, so that
flash holds them once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from mcugen.ir import Call, DType, Graph, Io, Node, Tensor, TensorId
from mcugen.ops import OPS, pool2d
from mcugen.ops.base import Activation, Family, Kernel
from mcugen.ops.concatenation import ConcatenationAttrs
from mcugen.ops.rows import Chain, Span, chain, rounds, seen
from mcugen.ops.window import Axis, Explicit, Padding, axis, convolution, same_rows
from mcugen.select import Cycles, Variant, variants
from mcugen.stream import Streamed, Streams, part_of
from mcugen.target import Cpu

STRIPS = (2, 3, 4, 6, 8)
TRIED = (2, 4)  # of them; each takes seconds
MOST_ENDS = 2  # numbers of layers that are tried
SLACK = 1.3  # by how much the guess may be too high
MOST_LAYERS = 24  # that run in strips
_COLUMNS = 2  # the axis


@dataclass(frozen=True, slots=True)
class Patches:
    """The first `layers` nodes of a graph in `strips`.

    `bytes` is about what they take, and no less than `least`; `macs` is what they compute beyond
    the `whole_macs` of the graph.
    """

    graph: Graph
    layers: int
    strips: int
    bytes: int
    least: int
    macs: int
    whole_macs: int

    @property
    def text(self) -> str:
        """What notes say of it."""
        more = self.macs / max(self.whole_macs, 1)
        return (
            f"the first {self.layers} layers run in {self.strips} strips of columns, which takes "
            f"{self.macs:,} MACs ({more:.0%}) more"
        )


def worth_trying(graph: Graph, ram: int) -> list[Patches]:
    """A few patches that may take fewer bytes of RAM than this, those with few MACs first.

    Of the numbers of layers whose strips seem smallest, with few strips and with many. What they
    take is a guess from above: layers of a strip need not all have rings.
    """
    found = [made for made in patches(graph) if made.least < ram and made.bytes < SLACK * ram]
    ends = dict.fromkeys(made.layers for made in sorted(found, key=lambda made: made.bytes))
    best = tuple(ends)[:MOST_ENDS]
    tried = (made for made in found if made.layers in best and made.strips in TRIED)
    return sorted(tried, key=lambda made: made.macs)


def patches(graph: Graph) -> Iterator[Patches]:
    """All ways to run the first layers in strips."""
    total = sum(OPS[call.node.op].macs(call) for call in graph.calls())
    inputs = sum(graph.tensors[i].bytes for i in graph.inputs if graph.io is Io.ARENA)
    for end in _ends(graph):
        calls = [graph.call(node) for node in graph.nodes[:end]]
        for strips in STRIPS:
            if strips <= calls[-1].output.shape[_COLUMNS]:
                changed, widest = _cut(graph, calls, strips)
                made = [changed.call(node) for node in changed.nodes]
                macs = sum(OPS[call.node.op].macs(call) for call in made)
                least = inputs + calls[-1].output.bytes
                taken = least + _rings(widest)
                yield Patches(changed, end, strips, taken, least, macs - total, total)


# ---- which layers


def columns(call: Call) -> dict[int, Axis]:
    """The windows through which the columns of the output see those of the inputs."""
    if call.node.op in ("conv2d", "depthwise_conv2d"):
        return {0: convolution(call)[1]}
    if call.node.op in ("max_pool2d", "average_pool2d"):
        return {0: pool2d.geometry(call)[1]}
    if OPS[call.node.op].rows is not same_rows or len(call.output.shape) != 4:
        return {}
    alike = (t.shape[-2:-1] in ((), (1,)) for t in call.inputs if t is not None and t.is_const)
    width = call.output.shape[_COLUMNS]
    found = {p: axis(width, 1, 1, 1, Padding.VALID) for p in same_rows(call)}
    return found if all(alike) else {}


def _ends(graph: Graph) -> Iterator[int]:
    """How many of the first layers can run in strips: one tensor leads out of them."""
    inner: set[TensorId] = set()
    for end, node in enumerate(graph.nodes[:MOST_LAYERS], 1):
        call = graph.call(node)
        seen_through = columns(call)
        sources = {i for p, i in enumerate(node.inputs) if p in seen_through}
        read = {i for i in node.inputs if i is not None and not graph.tensors[i].is_const}
        if part_of(call) is None or sources != read or not read <= {*inner, *graph.inputs}:
            return
        later = {i for other in graph.nodes[end:] for i in other.inputs} | {*graph.outputs}
        if end > 1 and not later & {*inner, *graph.inputs}:
            yield end
        inner.add(node.outputs[0])


# ---- strips


def _cut(graph: Graph, calls: Sequence[Call], strips: int) -> tuple[Graph, list[Call]]:
    """The graph with its first layers in strips, and the calls of the widest strip."""
    last = calls[-1]
    width = last.output.shape[_COLUMNS]
    cutter = _Cutter(graph)
    spans = [Span(width * k // strips, width * (k + 1) // strips) for k in range(strips)]
    starts, results = [], []
    for span in spans:
        starts.append(len(cutter.nodes))
        results.append(cutter.strip(calls, span))
    starts.append(len(cutter.nodes))
    joining = ConcatenationAttrs(_COLUMNS, Activation.NONE)
    join = Node(
        "concatenation", last.node.name, tuple(results), last.node.outputs, joining, last.node.index
    )
    nodes = (*cutter.nodes, join, *graph.nodes[len(calls) :])
    changed = graph.with_(nodes=nodes, tensors=cutter.tensors)
    every = [
        [changed.call(node) for node in cutter.nodes[start:end]] for start, end in pairwise(starts)
    ]
    return changed, max(every, key=lambda strip: sum(call.output.bytes for call in strip))


class _Cutter:
    """Collects the nodes and the tensors of strips."""

    def __init__(self, graph: Graph) -> None:
        self.tensors = dict(graph.tensors)
        self.nodes: list[Node] = []
        self._next = max(self.tensors) + (1 << 20)  # no number that the file may have

    def strip(self, calls: Sequence[Call], span: Span) -> TensorId:
        """The layers that give some columns of the last one's output."""
        spans = _spans(calls, span)
        made: dict[tuple[TensorId, Span], TensorId] = {}
        for call in calls:
            node, wanted = call.node, spans[call.node.outputs[0]]
            inputs, attrs = list(node.inputs), node.attrs
            for position, window in columns(call).items():
                source = node.inputs[position]
                assert source is not None
                inside, pads = seen(window, wanted)
                inputs[position] = self._columns(made, source, spans.get(source), inside, node)
                if hasattr(attrs, "padding"):
                    rows = OPS[node.op].rows(call)[position]
                    attrs = replace(attrs, padding=Explicit((rows.before, rows.after), pads))
            output = self._tensor(_narrow(call.output, wanted))
            made[node.outputs[0], wanted] = output
            self.nodes.append(replace(node, inputs=tuple(inputs), outputs=(output,), attrs=attrs))
        return output

    def _columns(
        self,
        made: dict[tuple[TensorId, Span], TensorId],
        source: TensorId,
        there: Span | None,
        wanted: Span,
        node: Node,
    ) -> TensorId:
        """Columns of a tensor, sliced where no layer gives just these."""
        tensor = self.tensors[source]
        if (source, wanted) not in made:
            whole = there is None
            there = Span(0, tensor.shape[_COLUMNS]) if there is None else there
            if whole and there == wanted:
                return source
            begin = self._integers(0, 0, wanted.start - there.start, 0)
            size = self._integers(-1, -1, wanted.end - wanted.start, -1)
            result = self._tensor(_narrow(tensor, wanted))
            origin = source if whole else made[source, there]
            inputs = origin, begin, size
            self.nodes.append(Node("slice", node.name, inputs, (result,), None, node.index))
            made[source, wanted] = result
        return made[source, wanted]

    def _integers(self, *values: int) -> TensorId:
        data = np.array(values, np.int32)
        return self._tensor(Tensor("", data.shape, DType.INT32, None, data))

    def _tensor(self, tensor: Tensor) -> TensorId:
        self._next += 1
        self.tensors[self._next] = tensor
        return self._next


def _spans(calls: Sequence[Call], span: Span) -> dict[TensorId, Span]:
    """The columns of each layer's output that some columns of the last one depend on."""
    spans = {calls[-1].node.outputs[0]: span}
    inner = {call.node.outputs[0] for call in calls}
    for call in reversed(calls):
        for position, window in columns(call).items():
            source = call.node.inputs[position]
            if source is not None and source in inner:
                inside, _ = seen(window, spans[call.node.outputs[0]])
                known = spans.get(source, inside)
                spans[source] = Span(min(inside.start, known.start), max(inside.end, known.end))
    return spans


def _narrow(tensor: Tensor, span: Span) -> Tensor:
    shape = (*tensor.shape[:_COLUMNS], span.end - span.start, tensor.shape[-1])
    return replace(tensor, shape=shape)


def _rings(calls: Sequence[Call]) -> int:
    """The bytes of a strip's rings, row by row, with kernels that need no scratch."""
    parts = [part for part in map(part_of, calls) if part is not None]
    kernels = [
        next(k for k in part.op.kernels if k.family is Family.REF and k.takes(part.call))
        for part in parts
    ]
    return chain(parts, kernels, 1, rounds(parts, 1)).bytes


# ---- what they take


def within(patches: Patches, ram: int, cpu: Cpu, cycles: Cycles) -> Streamed:
    """The least cycles in so many bytes, or as near to it as it gets; a layer's strips are alike.

    Packed weights are in flash once only if all strips of a layer have the same kernel.
    """
    calls = tuple(patches.graph.calls())
    known: dict[tuple[object, ...], tuple[Variant, ...]] = {}

    def options(call: Call) -> tuple[Variant, ...]:
        padding = getattr(call.attrs, "padding", None)
        form = _weights(call), call.input().shape, call.output.shape, padding
        if _weights(call) is None or form not in known:
            known[form] = variants(call, cpu, cycles)
        return known[form]

    found = [options(call) for call in calls]
    made = Streams(patches.graph, found).within(ram)
    one = _most_used(made)
    alike = [
        tuple(v for v in choices if one.get(_weights(call), v.kernel) is v.kernel) or choices
        for call, choices in zip(calls, found, strict=True)
    ]
    if alike == found:
        return made
    again = Streams(patches.graph, alike).within(ram)
    return again if again.arena <= max(ram, made.arena) else made


def _most_used(made: Streamed) -> dict[object, Kernel]:
    """For the weights that several kernels read the kernel that does so most often."""
    uses: dict[object, list[Kernel]] = {}
    for call, kernel in zip(made.graph.calls(), made.selection.kernels, strict=True):
        if isinstance(call.attrs, Chain):
            for part, its in zip(call.attrs.parts, call.attrs.kernels, strict=True):
                uses.setdefault(_weights(part.call), []).append(its)
        elif kernel is not None:
            uses.setdefault(_weights(call), []).append(kernel)
    uses.pop(None, None)
    several = {key: kernels for key, kernels in uses.items() if len({k.name for k in kernels}) > 1}
    return {key: max(kernels, key=kernels.count) for key, kernels in several.items()}


def _weights(call: Call) -> object:
    """What the strips of a layer with weights have in common; None for other layers."""
    return (call.node.index, *call.node.inputs[1:]) if OPS[call.node.op].matmul else None
