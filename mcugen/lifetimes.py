"""When each tensor is needed: a graph and its kernels as plain intervals for the planner.

Step i is the i-th node. The caller writes the inputs before step 0 and reads the outputs after the
last step. Tensors that an alias operator ties together share one buffer. Where a kernel may write
its output over an input that nobody reads afterwards, the two buffers have a share.

Variables lie outside of the arena, in the state, and so do inputs and outputs that the caller keeps
in memory of its own. There is nothing to plan for them, and nothing may lie over them.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass, replace

from mcugen.ir import Call, Graph, Io, TensorId
from mcugen.ops import OPS
from mcugen.ops.base import Kernel, Overlap
from mcugen.ops.view import ViewAttrs
from mcugen.plan import Buffer, Share
from mcugen.select import Selection
from mcugen.spaces import STATE, Kind, Place, Space, port_names

WORD = 4  # kernels may load int8 tensors and use scratch by words


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """The arena's buffers, and which one holds each tensor and each step's scratch.

    A tensor begins `inside` bytes behind its buffer's start: 0 unless it is a stretch of another.
    `outside` are the places of the tensors that are not in the arena, `spaces` the bytes of what
    they lie in, in the order in which a caller hands it over.
    """

    buffers: tuple[Buffer, ...]
    shares: tuple[Share, ...]
    tensors: Mapping[TensorId, int]
    scratch: Mapping[int, int]
    inside: Mapping[TensorId, int]
    outside: Mapping[TensorId, Place]
    spaces: Mapping[Space, int]


def lifetimes(graph: Graph, selection: Selection) -> Lifetimes:
    """Intervals of all tensors that live in the arena, constants excepted."""
    places = places_of(graph)
    roots = {tensor: root for tensor, (root, _) in places.items()}
    inside = {tensor: offset for tensor, (_, offset) in places.items()}
    extents = extents_of(graph, places)
    homes, spaces = _homes(graph, roots, extents)
    buffers: list[Buffer] = []
    index: dict[TensorId, int] = {}
    for root, (first, last) in _spans(graph, roots).items():
        if root not in homes:
            index[root] = len(buffers)
            buffers.append(Buffer(extents[root].bytes, first, last, extents[root].align))
    tensors = {tensor: index[root] for tensor, root in roots.items() if root in index}
    outside = {t: homes[root] + inside[t] for t, root in roots.items() if root in homes}
    scratch: dict[int, int] = {}
    shares: list[Share] = []
    for step, (kernel, call) in enumerate(zip(selection.kernels, graph.calls(), strict=True)):
        if kernel is not None and kernel.scratch is not None and kernel.scratch(call) > 0:
            scratch[step] = len(buffers)
            buffers.append(Buffer(kernel.scratch(call), step, step, WORD))
        if kernel is not None and kernel.overlap is not None:
            output = tensors.get(call.node.outputs[0])
            if output is not None and buffers[output].first == step:
                dying = {i for i, b in enumerate(buffers) if b.last == step} - {output}
                shares += _shares(kernel, call, tensors, inside, dying)
    return Lifetimes(tuple(buffers), tuple(shares), tensors, scratch, inside, outside, dict(spaces))


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


# ---- whose memory a tensor uses


def roots_of(graph: Graph) -> dict[TensorId, TensorId]:
    """For each tensor in memory the one whose memory it uses, perhaps itself."""
    return {tensor: root for tensor, (root, _) in places_of(graph).items()}


def places_of(graph: Graph) -> dict[TensorId, tuple[TensorId, int]]:
    """For each tensor in memory the one in whose memory it lies, and where, in bytes.

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


@dataclass(frozen=True, slots=True)
class Extent:
    """What a root takes, with all that lies in it."""

    bytes: int
    align: int


def extents_of(
    graph: Graph, places: Mapping[TensorId, tuple[TensorId, int]]
) -> dict[TensorId, Extent]:
    """The extents of all roots."""
    extents: dict[TensorId, Extent] = {}
    for tensor_id, (root, offset) in places.items():
        tensor = graph.tensors[tensor_id]
        known = extents.get(root, Extent(0, WORD))
        end = max(known.bytes, offset + tensor.bytes)
        extents[root] = Extent(end, max(known.align, tensor.dtype.bytes))
    return extents


def _homes(
    graph: Graph, roots: Mapping[TensorId, TensorId], extents: Mapping[TensorId, Extent]
) -> tuple[dict[TensorId, Place], dict[Space, int]]:
    """The places of the roots that lie outside of the arena, and the bytes of what they lie in.

    `ports` has seen to it that no output is in the state or, if the caller gives it memory of its
    own, has to share that.
    """
    homes: dict[TensorId, Place] = {}
    spaces: dict[Space, int] = {}
    for variable in graph.variables:
        extent = extents[variable]
        start = -(-spaces.get(STATE, 0) // extent.align) * extent.align
        homes[variable] = Place(STATE, start)
        spaces[STATE] = start + extent.bytes
    if graph.io is Io.CALLER:
        for kind, tensors in ((Kind.INPUT, graph.inputs), (Kind.OUTPUT, graph.outputs)):
            for name, tensor in zip(port_names(kind, len(tensors)), tensors, strict=True):
                space = Space(kind, name)
                homes[roots[tensor]] = Place(space, 0)
                spaces[space] = graph.tensors[tensor].bytes
    return homes, spaces


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
    for step, node in enumerate(graph.nodes):
        for operand in (*node.inputs, *node.outputs):
            use(operand, step)
    for result in graph.outputs:
        use(result, len(graph.nodes))
    return spans
