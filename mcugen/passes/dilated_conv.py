"""Make a dilated convolution of SPACE_TO_BATCH_ND, a convolution and BATCH_TO_SPACE_ND.

Converters write it so for kernels that know no dilation: the pixels that a dilated window sees lie
side by side in one image of the batch. Exact where nothing but padding with the zero point is left
of the detour, and that padding is what SAME or VALID would add.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from mcugen.ir import Call, Graph, Node, TensorId
from mcugen.ops.conv2d import Conv2DAttrs
from mcugen.ops.depthwise_conv2d import DepthwiseConv2DAttrs
from mcugen.ops.space_to_batch_nd import blocks
from mcugen.ops.window import Padding, axis
from mcugen.passes.edit import producers, readers, without_unused_tensors

CONVS = ("conv2d", "depthwise_conv2d")


def dilated_conv(graph: Graph) -> Graph:
    """Replace the three nodes by one."""
    makers, reads = producers(graph), readers(graph)
    merged: dict[TensorId, Node] = {}  # by the tensor that the last of the three writes
    gone: set[TensorId] = set()  # what only the others write
    for call in graph.calls():
        if call.node.op != "batch_to_space_nd":
            continue
        conv = _maker(makers, call.node, CONVS)
        dealt = None if conv is None else _maker(makers, conv, ("space_to_batch_nd",))
        if conv is None or dealt is None:
            continue
        padding = _padding(graph.call(dealt), graph.call(conv), call)
        if padding is not None and reads[dealt.outputs[0]] == reads[conv.outputs[0]] == 1:
            attrs = replace(conv.attrs, padding=padding, dilation=blocks(call).block)
            inputs = (dealt.inputs[0], *conv.inputs[1:])
            output = call.node.outputs[0]
            merged[output] = replace(conv, inputs=inputs, outputs=(output,), attrs=attrs)
            gone.update((*dealt.outputs, *conv.outputs))
    nodes = tuple(
        merged.get(node.outputs[0], node) for node in graph.nodes if node.outputs[0] not in gone
    )
    return without_unused_tensors(graph.with_(nodes=nodes))


def _maker(makers: Mapping[TensorId, Node], node: Node, ops: Collection[str]) -> Node | None:
    """The node that computes the first input, if it is one of some operators."""
    source = node.inputs[0]
    maker = None if source is None else makers.get(source)
    return maker if maker is not None and maker.op in ops else None


def _padding(before: Call, conv: Call, after: Call) -> Padding | None:
    """The padding of a dilated convolution that does the same; None if there is none."""
    attrs: Conv2DAttrs | DepthwiseConv2DAttrs = conv.attrs
    plain = attrs.stride == attrs.dilation == (1, 1) and attrs.padding is Padding.VALID
    shapes = (before.input().shape, after.output.shape)
    if not plain or any(len(shape) != 4 for shape in shapes):
        return None
    into, out = blocks(before), blocks(after)
    if into.block != out.block or out.rows[0] or out.cols[0]:
        return None
    pads = (into.rows[0], into.cols[0])
    for padding in (Padding.VALID, Padding.SAME):
        axes = [
            axis(shapes[0][1 + i], conv.input(1).shape[1 + i], 1, into.block[i], padding)
            for i in (0, 1)
        ]
        sizes = tuple(a.out for a in axes)
        if sizes == shapes[1][1:3] and all(a.before == p for a, p in zip(axes, pads, strict=True)):
            return padding
    return None
