"""Make a dilated convolution of SPACE_TO_BATCH_ND, a convolution and BATCH_TO_SPACE_ND.

Converters write it so for kernels that know no dilation: the pixels that a dilated window sees lie
side by side in one image of the batch. Exact where nothing but padding with the zero point is left
of the detour, and that padding is what SAME or VALID would add. In a 1-D convolution the axis that
is missing comes and goes inside of the detour, by EXPAND_DIMS and RESHAPE.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from mcugen.ir import Graph, Node, Tensor, TensorId
from mcugen.ops.reshape import ReshapeAttrs
from mcugen.ops.space_to_batch_nd import blocks, image
from mcugen.ops.window import Padding, axis
from mcugen.passes.edit import producers, readers, without_unused_tensors

CONVS = ("conv2d", "depthwise_conv2d")
VIEWS = ("expand_dims", "reshape", "squeeze")


@dataclass(frozen=True, slots=True)
class _Detour:
    """The nodes of a detour in order; the views are None in a 2-D convolution."""

    before: Node
    expand: Node | None
    conv: Node
    drop: Node | None
    after: Node

    @property
    def nodes(self) -> tuple[Node, ...]:
        inner = (self.expand, self.conv, self.drop)
        return (self.before, *(node for node in inner if node is not None), self.after)


def dilated_conv(graph: Graph) -> Graph:
    """Replace each detour by its convolution."""
    makers, reads = producers(graph), readers(graph)
    tensors = dict(graph.tensors)
    replaced: dict[TensorId, list[Node]] = {}  # by what the node that goes away writes
    for node in graph.nodes:
        detour = _detour(makers, node)
        if detour is None or any(reads[n.outputs[0]] != 1 for n in detour.nodes[:-1]):
            continue
        padding = _padding(graph, detour)
        if padding is not None:
            replaced.update({n.outputs[0]: [] for n in detour.nodes})
            replaced[node.outputs[0]] = _direct(graph, detour, padding, tensors)
    nodes = tuple(n for node in graph.nodes for n in replaced.get(node.outputs[0], [node]))
    return without_unused_tensors(graph.with_(tensors=tensors, nodes=nodes))


def _detour(makers: Mapping[TensorId, Node], after: Node) -> _Detour | None:
    """The detour that ends with a node."""

    def maker(node: Node) -> Node | None:
        return None if node.inputs[0] is None else makers.get(node.inputs[0])

    conv = maker(after)
    if after.op != "batch_to_space_nd" or conv is None:
        return None
    drop = conv if conv.op in VIEWS else None
    conv = conv if drop is None else maker(drop)
    before = None if conv is None or conv.op not in CONVS else maker(conv)
    if conv is None or before is None:
        return None
    expand = before if before.op in VIEWS else None
    before = before if expand is None else maker(expand)
    if before is None or before.op != "space_to_batch_nd" or (expand is None) != (drop is None):
        return None
    return _Detour(before, expand, conv, drop, after)


def _pair(first: int, second: int, *, swap: bool) -> tuple[int, int]:
    return (second, first) if swap else (first, second)


def _has_one_row(graph: Graph, detour: _Detour) -> bool:
    """True if a 1-D convolution runs along the columns of images that are one row high."""
    return detour.expand is not None and graph.call(detour.conv).input().shape[1] == 1


def _padding(graph: Graph, detour: _Detour) -> Padding | None:
    """The padding of a dilated convolution that does the same; None if there is none."""
    before, conv, after = map(graph.call, (detour.before, detour.conv, detour.after))
    into, out = blocks(before), blocks(after)
    attrs, swap = conv.attrs, _has_one_row(graph, detour)
    plain = attrs.stride == attrs.dilation == (1, 1) and attrs.padding is Padding.VALID
    if not plain or into.block != out.block or out.rows[0] or out.cols[0]:
        return None
    if not _views_keep_the_order(graph, detour):
        return None
    sizes = _pair(*image(before.input().shape)[1:3], swap=swap)
    wanted = _pair(*image(after.output.shape)[1:3], swap=swap)
    block = _pair(*into.block, swap=swap)
    pads = _pair(into.rows[0], into.cols[0], swap=swap)
    for padding in (Padding.VALID, Padding.SAME):
        kernel = conv.input(1).shape[1:3]
        axes = [axis(*step, padding) for step in zip(sizes, kernel, (1, 1), block, strict=True)]
        if tuple(a.out for a in axes) == wanted and tuple(a.before for a in axes) == pads:
            return padding
    return None


def _views_keep_the_order(graph: Graph, detour: _Detour) -> bool:
    """True if a view inside only adds or drops an axis of size 1, next to the one that is there."""
    if detour.expand is None or detour.drop is None:
        return len(graph.call(detour.before).output.shape) == 4
    pairs = (
        (graph.call(detour.before).output.shape, graph.call(detour.conv).input().shape),
        (graph.call(detour.drop).output.shape, graph.call(detour.conv).output.shape),
    )
    return all(
        len(flat) == 3 and full in ((flat[0], 1, *flat[1:]), (*flat[:2], 1, flat[2]))
        for flat, full in pairs
    )


def _direct(
    graph: Graph, detour: _Detour, padding: Padding, tensors: dict[TensorId, Tensor]
) -> list[Node]:
    """The convolution, between views where it has one dimension; adds their tensors."""
    before, after = graph.call(detour.before), graph.call(detour.after)
    swap = _has_one_row(graph, detour)
    dilation = _pair(*blocks(before).block, swap=swap)
    attrs = replace(detour.conv.attrs, padding=padding, dilation=dilation)
    source, result = detour.before.inputs[0], detour.after.outputs[0]
    if detour.expand is None or detour.drop is None:
        inputs = (source, *detour.conv.inputs[1:])
        return [replace(detour.conv, inputs=inputs, outputs=(result,), attrs=attrs)]
    x, y = max(tensors) + 1, max(tensors) + 2  # not the file's: those hold pixels dealt out
    for tensor, flat in ((x, before.input()), (y, after.output)):
        n, h, w, c = image(flat.shape)
        shape = (n, *_pair(h, w, swap=swap), c)
        tensors[tensor] = replace(flat, name=f"{flat.name}/image", shape=shape)
    first, last = ReshapeAttrs(tensors[x].shape), ReshapeAttrs(after.output.shape)
    return [
        replace(detour.expand, op="reshape", inputs=(source,), outputs=(x,), attrs=first),
        replace(detour.conv, inputs=(x, *detour.conv.inputs[1:]), outputs=(y,), attrs=attrs),
        replace(detour.drop, op="reshape", inputs=(y,), outputs=(result,), attrs=last),
    ]
