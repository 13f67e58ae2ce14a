"""Let convolutions do the padding of a PAD in front of them.

Exact where the PAD adds rows and columns of what a convolution's own padding counts as: the zero
point, or 0. A pool does not count its padding at all, so that a PAD in front of it stays. What
comes out cannot be written to a model file (`window.Explicit`): this runs behind `PASSES`.
"""

from __future__ import annotations

from dataclasses import replace

from mcugen.ir import Call, Graph, Node
from mcugen.ops.pad import fill, paddings
from mcugen.ops.window import Axis, Explicit, convolution
from mcugen.passes.edit import producers, without_unused_tensors

CONVS = ("conv2d", "depthwise_conv2d")


def fuse_pad(graph: Graph) -> Graph:
    """Remove every PAD that all its readers can do themselves."""
    makers = producers(graph)
    fused: dict[int, Node] = {}  # convolutions by the identity of the old node
    dropped = set()
    for pad in graph.nodes:
        result = pad.outputs[0]
        readers = graph.consumers(result)
        if pad.op not in ("pad", "padv2") or result in graph.outputs or not readers:
            continue
        done = {id(reader): _with_padding(graph, pad, reader) for reader in readers}
        if all(done.values()):
            fused |= {key: node for key, node in done.items() if node is not None}
            dropped.add(id(makers[result]))
    nodes = (fused.get(id(node), node) for node in graph.nodes if id(node) not in dropped)
    return without_unused_tensors(graph.with_(nodes=tuple(nodes)))


def _with_padding(graph: Graph, pad: Node, conv: Node) -> Node | None:
    """The convolution on what the PAD reads; None where that is not the same."""
    if conv.op not in CONVS or conv.inputs.count(pad.outputs[0]) != 1:
        return None
    call = graph.call(pad)
    if len(call.output.shape) != 4 or fill(call) != _nothing(call):
        return None
    batch, rows, cols, channels = paddings(call)
    if batch != (0, 0) or channels != (0, 0):
        return None
    height, width = convolution(graph.call(conv))
    pads = Explicit(_sum(rows, height), _sum(cols, width))
    node = replace(
        conv,
        inputs=(pad.inputs[0], *conv.inputs[1:]),
        attrs=replace(conv.attrs, padding=pads),
    )
    return node if all(map(_touches_input, convolution(graph.call(node)))) else None


def _nothing(call: Call) -> float:
    """What a convolution pads with."""
    return 0.0 if call.output.dtype.is_float else call.output.zero_point


def _sum(pad: tuple[int, int], own: Axis) -> tuple[int, int]:
    return pad[0] + own.before, pad[1] + own.after


def _touches_input(axis: Axis) -> bool:
    """Whether every window has a tap that is not padding, as kernels want it."""
    return (
        axis.before <= (axis.kernel - 1) * axis.dilation
        and (axis.out - 1) * axis.stride - axis.before < axis.size
    )
