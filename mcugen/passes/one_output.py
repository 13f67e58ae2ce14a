"""Give every output of SPLIT, SPLIT_V and UNPACK a node of its own: a strided slice.

Each part then lives as long as it is needed, and one that nobody reads is not copied at all.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mcugen.ir import Call, DType, Graph, Node, Tensor, TensorId
from mcugen.ops import split
from mcugen.ops.strided_slice import StridedSliceAttrs
from mcugen.passes.edit import readers, without_unused_tensors


def one_output(graph: Graph) -> Graph:
    """Replace the operators with several outputs."""
    reads = readers(graph)
    tensors = dict(graph.tensors)
    nodes: list[Node] = []
    for call in graph.calls():
        if call.node.op in ("split", "split_v", "unpack"):
            nodes.extend(node for node in _slices(call, tensors) if reads[node.outputs[0]])
        else:
            nodes.append(call.node)
    return without_unused_tensors(graph.with_(tensors=tensors, nodes=tuple(nodes)))


def _slices(call: Call, tensors: dict[TensorId, Tensor]) -> Iterator[Node]:
    """A slice for each output; adds their indices to `tensors`."""
    shape, axis = call.input(split.data(call)).shape, split.axis(call)
    others = ((1 << len(shape)) - 1) ^ (1 << axis)
    attrs = StridedSliceAttrs(
        begin_mask=others,
        end_mask=others,
        ellipsis_mask=0,
        new_axis_mask=0,
        shrink_axis_mask=1 << axis if call.node.op == "unpack" else 0,
        offset=False,
    )
    begin = 0
    for output, tensor, size in zip(
        call.node.outputs, call.outputs, split.sizes(call), strict=True
    ):
        bounds = []
        for role, at in (("begin", begin), ("end", begin + size), ("strides", 1)):
            values = np.ones(len(shape), np.int32)
            values[axis] = at
            bounds.append(max(tensors) + 1)
            name = f"{tensor.name}/{role}"
            tensors[bounds[-1]] = Tensor(name, values.shape, DType.INT32, None, values)
        source = call.node.inputs[split.data(call)]
        inputs = (source, *bounds)
        yield Node("strided_slice", tensor.name, inputs, (output,), attrs, call.node.index)
        begin += size
