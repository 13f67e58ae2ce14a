"""When each tensor is needed: a graph and its kernels as plain intervals for the planner.

Step i is the i-th node. The caller writes the inputs before step 0 and reads the outputs after the
last step; variables live throughout. Tensors that an alias operator ties together share one buffer.
Where a kernel may write its output over an input that nobody reads afterwards, the two buffers have
a share.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass, replace

from mcugen.ir import Call, Graph, TensorId
from mcugen.ops import OPS
from mcugen.ops.base import Kernel, Overlap
from mcugen.ops.view import ViewAttrs
from mcugen.plan import Buffer, Share
from mcugen.select import Selection

WORD = 4  # kernels may load int8 tensors and use scratch by words


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """The arena's buffers, and which one holds each tensor and each step's scratch.

    A tensor begins `inside` bytes behind its buffer's start: 0 unless it is a stretch of another.
    """

    buffers: tuple[Buffer, ...]
    shares: tuple[Share, ...]
    tensors: Mapping[TensorId, int]
    scratch: Mapping[int, int]
    inside: Mapping[TensorId, int]


def lifetimes(graph: Graph, selection: Selection) -> Lifetimes:
    """Intervals of all tensors that live in the arena, constants excepted."""
    places = places_of(graph)
    roots = {tensor: root for tensor, (root, _) in places.items()}
    inside = {tensor: offset for tensor, (_, offset) in places.items()}
    spans = _spans(graph, roots)
    buffers: list[Buffer] = []
    index: dict[TensorId, int] = {}
    for root, (first, last) in spans.items():
        members = [t for t, r in roots.items() if r == root]
        align = max(WORD, *(graph.tensors[t].dtype.bytes for t in members))
        index[root] = len(buffers)
        size = max(inside[t] + graph.tensors[t].bytes for t in members)
        buffers.append(Buffer(size, first, last, align))
    tensors = {tensor: index[root] for tensor, root in roots.items()}
    scratch: dict[int, int] = {}
    shares: list[Share] = []
    for step, (kernel, call) in enumerate(zip(selection.kernels, graph.calls(), strict=True)):
        if kernel is not None and kernel.scratch is not None and kernel.scratch(call) > 0:
            scratch[step] = len(buffers)
            buffers.append(Buffer(kernel.scratch(call), step, step, WORD))
        if kernel is not None and kernel.overlap is not None:
            output = tensors[call.node.outputs[0]]
            if buffers[output].first == step:
                dying = {i for i, b in enumerate(buffers) if b.last == step} - {output}
                shares += _shares(kernel, call, tensors, inside, dying)
    return Lifetimes(tuple(buffers), tuple(shares), tensors, scratch, inside)


def _shares(
    kernel: Kernel,
    call: Call,
    tensors: Mapping[TensorId, int],
    inside: Mapping[TensorId, int],
    dying: Container[int],
) -> list[Share]:
    """What a kernel allows for its inputs whose buffers die at its step.

    A buffer that is several inputs keeps the strictest distance; all of them must allow one.
    Distances of tensors become those of the buffers that they lie in.
    """
    assert kernel.overlap is not None
    overlaps = kernel.overlap(call)
    allowed: dict[int, list[Overlap | None]] = {}
    for position, tensor in enumerate(call.node.inputs):
        if tensor is not None and tensors.get(tensor) in dying:
            between = inside[call.node.outputs[0]] - inside[tensor]
            overlap = overlaps.get(position)
            if overlap is not None:
                overlap = replace(overlap, distance=overlap.distance + between)
            allowed.setdefault(tensors[tensor], []).append(overlap)
    output = tensors[call.node.outputs[0]]
    shares = []
    for buffer, found in allowed.items():
        known = [overlap for overlap in found if overlap is not None]
        strictest = max(known, key=lambda o: (o.distance, o.exact), default=None)
        if strictest is not None and all(o == strictest or (o and not o.exact) for o in found):
            shares.append(Share(output, buffer, strictest.distance, strictest.exact))
    return shares


def roots_of(graph: Graph) -> dict[TensorId, TensorId]:
    """For each tensor in the arena the one whose memory it uses, perhaps itself."""
    return {tensor: root for tensor, (root, _) in places_of(graph).items()}


def places_of(graph: Graph) -> dict[TensorId, tuple[TensorId, int]]:
    """For each tensor in the arena the one in whose memory it lies, and where, in bytes.

    An alias lies in its source, the output of some operators in their state, what is joined in what
    it becomes; it takes its aliases along.
    """
    known = [*graph.inputs, *graph.variables]
    within: dict[TensorId, tuple[TensorId, int]] = {}
    for node in graph.nodes:
        known += node.outputs
        if node.op == "join":
            offset = 0
            for source in node.inputs:
                assert source is not None
                within[source] = node.outputs[0], offset
                offset += graph.tensors[source].bytes
            continue
        op = OPS[node.op]
        place = 0 if op.alias else op.state[0] if op.in_state else None
        origin = None if place is None else node.inputs[place]
        if origin in known:
            start = node.attrs.start if isinstance(node.attrs, ViewAttrs) else 0
            within[node.outputs[0]] = origin, start
    places = {}
    for tensor in known:
        root, offset = tensor, 0
        while root in within:
            root, further = within[root]
            offset += further
        places[tensor] = root, offset
    return places


def _spans(graph: Graph, roots: Mapping[TensorId, TensorId]) -> dict[TensorId, tuple[int, int]]:
    """First and last step of each root."""
    spans: dict[TensorId, tuple[int, int]] = {}

    def use(tensor: TensorId | None, step: int) -> None:
        if tensor is not None and tensor in roots:
            root = roots[tensor]
            first, last = spans.get(root, (step, step))
            spans[root] = min(first, step), max(last, step)

    for source in graph.inputs:
        use(source, -1)
    for variable in graph.variables:
        use(variable, -1)
        use(variable, len(graph.nodes))
    for step, node in enumerate(graph.nodes):
        for operand in (*node.inputs, *node.outputs):
            use(operand, step)
    for result in graph.outputs:
        use(result, len(graph.nodes))
    return spans
