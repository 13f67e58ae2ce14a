"""The detour over a batch becomes a dilated convolution, where that is exact."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from mcugen import interpret, passes, reference
from mcugen.importers import tflite
from mcugen.ir import Graph
from mcugen.ops.window import Padding
from mcugen.testing.builder import ModelBuilder, quant
from mcugen.testing.check import assert_equal, random_inputs

Q = quant(0.1, -7)


@dataclass(frozen=True)
class Detour:
    """`pads` and `crops` are (before, after) of rows and columns; the kernel has 3 by 3 taps."""

    size: tuple[int, int] = (9, 8)
    block: tuple[int, int] = (2, 2)
    pads: tuple[tuple[int, int], tuple[int, int]] = ((2, 3), (2, 2))
    crops: tuple[tuple[int, int], tuple[int, int]] = ((0, 1), (0, 0))
    stride: int = 1
    padding: Padding = Padding.VALID
    depthwise: bool = False
    batch: int = 1
    returned: bool = False

    def model(self) -> bytes:
        b = ModelBuilder()
        large = self.batch * self.block[0] * self.block[1]
        steps = zip(self.size, self.block, self.pads, self.crops, strict=True)
        small, inner, out = [], [], []
        for size, block, pad, crop in steps:
            small.append((size + sum(pad)) // block)
            taken = small[-1] - 2 if self.padding is Padding.VALID else small[-1]
            inner.append(-(-taken // self.stride))
            out.append(inner[-1] * block - sum(crop))
        depth = 3 if self.depthwise else 4
        x = b.tensor((self.batch, *self.size, 3), "int8", Q)
        dealt = b.tensor((large, *small, 3), "int8", Q)
        between = b.tensor((large, *inner, depth), "int8", Q)
        y = b.tensor((self.batch, *out, depth), "int8", Q)
        shape = (1, 3, 3, 3) if self.depthwise else (4, 3, 3, 3)
        values = np.random.default_rng(5).integers(-127, 127, shape)
        weights = b.tensor(shape, "int8", quant(0.001), values)
        bias = b.tensor((depth,), "int32", quant(0.0001), range(depth))
        block = b.tensor((2,), "int32", data=self.block)
        pads = b.tensor((2, 2), "int32", data=self.pads)
        crops = b.tensor((2, 2), "int32", data=self.crops)
        b.op("SPACE_TO_BATCH_ND", [x, block, pads], [dealt])
        options = {"padding": self.padding.value, "strideH": self.stride, "strideW": self.stride}
        if self.depthwise:
            b.op(
                "DEPTHWISE_CONV_2D",
                [dealt, weights, bias],
                [between],
                {**options, "depthMultiplier": 1},
            )
        else:
            b.op("CONV_2D", [dealt, weights, bias], [between], options)
        b.op("BATCH_TO_SPACE_ND", [between, block, crops], [y])
        return b.build([x], [y, between] if self.returned else [y])


MERGED = {
    "same": (Detour(), Padding.SAME),
    "depthwise": (Detour(depthwise=True), Padding.SAME),
    "batch": (Detour(batch=2), Padding.SAME),
    "valid": (Detour(pads=((0, 1), (0, 0)), crops=((0, 1), (0, 0))), Padding.VALID),
    "odd-block": (
        Detour((10, 12), (3, 4), ((3, 5), (4, 4)), ((0, 2), (0, 0))),
        Padding.SAME,
    ),
}
KEPT = {
    "strided": Detour((9, 8), pads=((0, 5), (0, 6)), crops=((0, 0), (0, 0)), stride=2),
    "padded-twice": Detour(padding=Padding.SAME),
    "cropped-before": Detour(crops=((1, 0), (0, 0))),
    "other-padding": Detour(pads=((1, 4), (2, 2))),
    "half-same": Detour(pads=((0, 1), (2, 2))),
    "returned": Detour(returned=True),
}


def compiled(detour: Detour | Line) -> Graph:
    """The model after all passes; its outputs are still LiteRT's."""
    model = detour.model()
    graph = passes.run(tflite.loads(model, "detour"))
    inputs = random_inputs(graph)
    expected = reference.litert(model).outputs(inputs)
    for ours, theirs in zip(interpret.outputs(graph, inputs), expected, strict=True):
        assert_equal(ours, theirs, "detour")
    return graph


@pytest.mark.parametrize("name", MERGED)
def test_detour_is_dropped(name: str) -> None:
    detour, padding = MERGED[name]
    (node,) = compiled(detour).nodes
    assert node.attrs.padding is padding
    assert node.attrs.dilation == detour.block


@pytest.mark.parametrize("name", KEPT)
def test_what_a_dilated_convolution_cannot_do_is_kept(name: str) -> None:
    assert len(compiled(KEPT[name]).nodes) == 3


def test_unequal_blocks_are_kept() -> None:
    graph = tflite.loads(replace(Detour(), batch=2).model(), "detour")
    last = graph.nodes[-1]
    other = graph.tensors[last.inputs[1] or 0]
    changed = graph.with_tensor(graph.fresh_id(), replace(other, data=np.array([4, 1], np.int32)))
    inputs = (last.inputs[0], graph.fresh_id(), last.inputs[2])
    nodes = (*graph.nodes[:-1], replace(last, inputs=inputs))
    assert len(passes.dilated_conv(changed.with_(nodes=nodes)).nodes) == 3


# ---- in one dimension


@dataclass(frozen=True)
class Line:
    """As Keras writes a dilated Conv1D; `rows`: the axis that is added comes second, else third."""

    size: int = 9
    block: int = 2
    pads: tuple[int, int] = (2, 3)
    crops: tuple[int, int] = (0, 1)
    rows: bool = True
    batch: int = 1
    depth: int = 4

    def model(self) -> bytes:
        b = ModelBuilder()
        n, small = self.batch * self.block, (self.size + sum(self.pads)) // self.block
        inner, out = small - 2, (small - 2) * self.block - sum(self.crops)

        def full(count: int, width: int, channels: int) -> tuple[int, ...]:
            return (count, 1, width, channels) if self.rows else (count, width, 1, channels)

        x = b.tensor((self.batch, self.size, 3), "int8", Q)
        dealt = b.tensor((n, small, 3), "int8", Q)
        wide = b.tensor(full(n, small, 3), "int8", Q)
        between = b.tensor(full(n, inner, 4), "int8", Q)
        shape = (n * 4 // self.depth, inner, self.depth)
        flat = b.tensor(shape, "int8", Q)
        y = b.tensor((shape[0] // self.block, out, self.depth), "int8", Q)
        kernel = (4, 1, 3, 3) if self.rows else (4, 3, 1, 3)
        values = np.random.default_rng(5).integers(-127, 127, kernel)
        weights = b.tensor(kernel, "int8", quant(0.001), values)
        bias = b.tensor((4,), "int32", quant(0.0001), range(4))
        block = b.tensor((1,), "int32", data=[self.block])
        pads = b.tensor((1, 2), "int32", data=[self.pads])
        crops = b.tensor((1, 2), "int32", data=[self.crops])
        axis = b.tensor((), "int32", data=1 if self.rows else 2)
        target = b.tensor((3,), "int32", data=shape)
        b.op("SPACE_TO_BATCH_ND", [x, block, pads], [dealt])
        b.op("EXPAND_DIMS", [dealt, axis], [wide])
        options = {"padding": Padding.VALID.value, "strideH": 1, "strideW": 1}
        b.op("CONV_2D", [wide, weights, bias], [between], options)
        b.op("RESHAPE", [between, target], [flat])
        b.op("BATCH_TO_SPACE_ND", [flat, block, crops], [y])
        return b.build([x], [y])


@pytest.mark.parametrize("rows", [True, False])
@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("padding", Padding)
def test_detour_in_one_dimension_is_dropped(rows: bool, batch: int, padding: Padding) -> None:
    pads = (2, 3) if padding is Padding.SAME else (0, 1)
    graph = compiled(Line(rows=rows, batch=batch, pads=pads))
    assert [node.op for node in graph.nodes] == ["reshape", "conv2d", "reshape"]
    assert graph.nodes[1].attrs.dilation == ((1, 2) if rows else (2, 1))
    assert graph.nodes[1].attrs.padding is padding


@pytest.mark.parametrize("line", [Line(crops=(1, 0)), Line(pads=(1, 4)), Line(depth=2)])
def test_other_detours_in_one_dimension_are_kept(line: Line) -> None:
    assert len(compiled(line).nodes) == 5
