"""Generators of operators that move elements, join and cut tensors, or give them another shape."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from mcugen.ir import DType, TensorId
from mcugen.ops.base import Activation, Shape
from mcugen.ops.concatenation import ConcatenationAttrs
from mcugen.ops.gather import GatherAttrs
from mcugen.ops.mirror_pad import MirrorPadAttrs, Mode
from mcugen.ops.pack import PackAttrs
from mcugen.ops.reshape import ReshapeAttrs
from mcugen.ops.resize_bilinear import ResizeAttrs
from mcugen.ops.space_to_depth import BlockAttrs
from mcugen.ops.split import SplitAttrs, UnpackAttrs
from mcugen.ops.squeeze import SqueezeAttrs
from mcugen.ops.strided_slice import StridedSliceAttrs
from mcugen.testing.fuzz.elementwise import Grow
from mcugen.testing.fuzz.sketch import Sketch


def moved(s: Sketch, op: str, x: TensorId, more: Sequence[TensorId], attrs: object = None) -> None:
    """Add an operator whose output has the type and quantization of its first input."""
    tensor = s.tensors[x]
    s.add(op, [x, *more], attrs, tensor.dtype, tensor.quant)


def axis(s: Sketch, rank: int) -> int:
    """An axis, from the end as well."""
    return s.whole(-rank, rank - 1)


# ---- shapes


def reshape(s: Sketch) -> None:
    """RESHAPE to the same elements in other axes, one of them -1 now and then."""
    x = s.source(s.dtype("reshape"))
    left, shape = s.tensors[x].elements, []
    for _ in range(s.whole(0, 3)):
        shape.append(s.pick([n for n in range(1, left + 1) if left % n == 0]))
        left //= shape[-1]
    shape.append(left)
    full = tuple(int(n) for n in s.rng.permutation(shape))
    if s.flip(0.3):
        moved(s, "reshape", x, [], ReshapeAttrs(full))
        return
    asked = [-1 if s.flip(0.5) and i == 0 else n for i, n in enumerate(full)]
    moved(s, "reshape", x, [s.const(asked, DType.INT32)], ReshapeAttrs(full))


def expand_dims(s: Sketch) -> None:
    """EXPAND_DIMS."""
    x = s.source(s.dtype("expand_dims"), ranks=(1, 2, 3, 4))
    moved(s, "expand_dims", x, [s.const(axis(s, len(s.tensors[x].shape) + 1), DType.INT32)])


def squeeze(s: Sketch) -> None:
    """SQUEEZE of some or all axes of size 1."""

    def shape(rank: int) -> Shape:
        return tuple(1 if s.flip() else n for n in s.shape(rank))

    x = s.source(s.dtype("squeeze"), ranks=(2, 3, 4), fits=lambda t: 1 in t.shape, shape=shape)
    sizes = s.tensors[x].shape
    ones = [i for i, n in enumerate(sizes) if n == 1]
    some = [i - len(sizes) if s.flip(0.3) else i for i in ones if s.flip()]
    moved(s, "squeeze", x, [], SqueezeAttrs(tuple(some)))


def transpose(s: Sketch) -> None:
    """TRANSPOSE."""
    x = s.source(s.dtype("transpose"), ranks=(2, 3, 4, 4, 5))
    moved(s, "transpose", x, [s.const(s.rng.permutation(len(s.tensors[x].shape)), DType.INT32)])


# ---- joining and cutting


def concatenation(s: Sketch) -> None:
    """CONCATENATION of two to four tensors, one of them twice now and then."""
    x = s.source(s.dtype("concatenation"), ranks=(1, 2, 3, 4, 4))
    first, at = s.tensors[x], axis(s, len(s.tensors[x].shape))
    inputs = [x]
    for _ in range(s.whole(1, 3)):
        shape = list(first.shape)
        shape[at] = shape[at] if s.flip() else s.size()
        inputs.append(x if s.flip(0.1) else s.operand(first.dtype, tuple(shape), first.quant))
    inputs = [inputs[i] for i in s.rng.permutation(len(inputs))]
    attrs = ConcatenationAttrs(at, Activation.NONE)
    moved(s, "concatenation", inputs[0], inputs[1:], attrs)


def pack(s: Sketch) -> None:
    """PACK of one to three tensors."""
    x = s.source(s.dtype("pack"), ranks=(1, 2, 3))
    first = s.tensors[x]
    more = [s.operand(first.dtype, first.shape, first.quant) for _ in range(s.whole(0, 2))]
    moved(s, "pack", x, more, PackAttrs(axis(s, len(first.shape) + 1), 1 + len(more)))


def split(s: Sketch) -> None:
    """SPLIT into equal parts."""
    x = s.source(s.dtype("slice"), ranks=(1, 2, 3, 4))
    tensor = s.tensors[x]
    at = axis(s, len(tensor.shape))
    count = s.pick([n for n in range(1, 7) if tensor.shape[at] % n == 0])
    inputs = [s.const(at, DType.INT32), x]
    s.add("split", inputs, SplitAttrs(count), tensor.dtype, tensor.quant, count)


def split_v(s: Sketch) -> None:
    """SPLIT_V into parts of given sizes, one of them -1 now and then."""
    x = s.source(s.dtype("slice"), ranks=(1, 2, 3, 4))
    tensor = s.tensors[x]
    at = axis(s, len(tensor.shape))
    sizes: list[int] = []
    left = tensor.shape[at]
    while left > 1 and len(sizes) < 4 and s.flip(0.7):
        sizes.append(s.whole(1, left - 1))
        left -= sizes[-1]
    sizes.append(left)
    if s.flip(0.3):
        sizes[s.whole(0, len(sizes) - 1)] = -1
    inputs = [x, s.const(sizes, DType.INT32), s.const(at, DType.INT32)]
    attrs = SplitAttrs(len(sizes))
    s.add("split_v", inputs, attrs, tensor.dtype, tensor.quant, len(sizes))


def unpack(s: Sketch) -> None:
    """UNPACK."""
    x = s.source(s.dtype("slice"), ranks=(2, 3, 4))
    tensor = s.tensors[x]
    at = axis(s, len(tensor.shape))
    count = tensor.shape[at]
    s.require(count <= 8)
    s.add("unpack", [x], UnpackAttrs(count, at), tensor.dtype, tensor.quant, count)


def slice_(s: Sketch) -> None:
    """SLICE of a box."""
    x = s.source(s.dtype("slice"))
    begins = [s.whole(0, n - 1) for n in s.tensors[x].shape]
    rooms = [n - b for n, b in zip(s.tensors[x].shape, begins, strict=True)]
    sizes = [-1 if s.flip(0.2) else s.whole(1, room) for room in rooms]
    moved(s, "slice", x, [s.const(begins, DType.INT32), s.const(sizes, DType.INT32)])


def strided_slice(s: Sketch) -> None:
    """STRIDED_SLICE with masks and negative strides."""
    x = s.source(s.dtype("strided_slice"), ranks=(1, 2, 3, 4))
    shape = s.tensors[x].shape
    begins, ends, strides = [], [], []
    for n in shape:
        low, high = sorted((s.whole(0, n), s.whole(0, n)))
        stride = s.whole(1, 3) * (-1 if s.flip(0.2) else 1)
        begin, end = (low, high) if stride > 0 else (high, low)
        begins.append(begin - n if s.flip(0.2) and begin < n else begin)
        ends.append(end - n if s.flip(0.2) and 0 < end < n else end)
        strides.append(stride)
    masks = [s.whole(0, (1 << len(shape)) - 1) if s.flip(0.4) else 0 for _ in range(3)]
    shrink = masks[2] if s.flip(0.5) else 0
    attrs = StridedSliceAttrs(masks[0] & ~shrink, masks[1] & ~shrink, 0, 0, shrink, False)
    strides = [1 if shrink & 1 << i else stride for i, stride in enumerate(strides)]
    begins = [min(b, n - 1) for b, n in zip(begins, shape, strict=True)]
    # A new axis or an ellipsis for one of the axes, or before it; TFLite Micro knows neither.
    if s.reference == "litert" and s.flip(0.3):
        at, before = s.whole(0, len(shape) - 1), s.whole(0, 1)
        if s.flip():
            attrs = replace(attrs, ellipsis_mask=1 << at)
        else:
            attrs = replace(attrs, new_axis_mask=1 << at)
        if before:
            low = (1 << at) - 1
            begin_mask, end_mask, shrink_axis_mask = (
                mask & low | (mask & ~low) << 1
                for mask in (attrs.begin_mask, attrs.end_mask, attrs.shrink_axis_mask)
            )
            attrs = replace(
                attrs,
                begin_mask=begin_mask,
                end_mask=end_mask,
                shrink_axis_mask=shrink_axis_mask,
            )
            for listed in (begins, ends, strides):
                listed.insert(at, 1)
    moved(s, "strided_slice", x, [s.const(v, DType.INT32) for v in (begins, ends, strides)], attrs)


def gather(s: Sketch) -> None:
    """GATHER by indices that are constant or come at run time."""
    x = s.source(s.dtype("gather"), ranks=(1, 2, 3, 4))
    shape = s.tensors[x].shape
    at = axis(s, len(shape))
    place = at % len(shape)
    batch = s.whole(0, place) if s.flip(0.3) else 0
    ids = (*shape[:batch], *s.shape(s.whole(1 if batch == 0 else 0, 2)))
    s.require(math.prod(ids) * math.prod(shape[place + 1 :]) <= 4000)
    most = shape[place] - 1
    if s.flip():
        index = s.const(s.rng.integers(0, most, ids, endpoint=True), DType.INT32)
    else:
        index = s.input(DType.INT32, ids)
        s.ranges[index] = (0, most)
    moved(s, "gather", x, [index], GatherAttrs(at, batch))


# ---- borders and blocks


def paddings(s: Sketch, shape: Shape, most: int = 3) -> list[list[int]]:
    """Elements before and after each axis, none along most of them."""
    return [[s.whole(0, most), s.whole(0, most)] if s.flip() else [0, 0] for _ in shape]


def pad(s: Sketch) -> None:
    """PAD with zeros."""
    x = s.source(s.dtype("pad"), ranks=(1, 2, 3, 4, 4))
    moved(s, "pad", x, [s.indices(paddings(s, s.tensors[x].shape))])


def padv2(s: Sketch) -> None:
    """PADV2 with a constant."""
    dtype = s.dtype("padv2")
    x = s.source(dtype, ranks=(1, 2, 3, 4, 4))
    value = s.const(s.values(dtype, ()), dtype, s.tensors[x].quant)
    moved(s, "padv2", x, [s.indices(paddings(s, s.tensors[x].shape)), value])


def mirror_pad(s: Sketch) -> None:
    """MIRROR_PAD."""
    x = s.source(s.dtype("mirror_pad"), ranks=(1, 2, 3, 4))
    mode = s.pick(tuple(Mode))
    room = 0 if mode is Mode.SYMMETRIC else 1
    pairs = [
        [s.whole(0, min(3, n - room)), s.whole(0, min(3, n - room))] for n in s.tensors[x].shape
    ]
    moved(s, "mirror_pad", x, [s.const(pairs, DType.INT32)], MirrorPadAttrs(mode))


def blocks(op: str) -> Grow:
    """SPACE_TO_DEPTH or DEPTH_TO_SPACE."""

    def grow(s: Sketch) -> None:
        b = s.whole(1, 3)
        deep = op == "depth_to_space"

        def shape(rank: int) -> Shape:
            n, h, w, c = (s.whole(1, 4) for _ in range(4))
            return (n, h, w, c * b * b) if deep else (n, h * b, w * b, c)

        x = s.source(s.dtype(op), ranks=(4,), fits=lambda t: s.flip(0.5), shape=shape)
        moved(s, op, x, [], BlockAttrs(b))

    return grow


def resize(op: str) -> Grow:
    """RESIZE_NEAREST_NEIGHBOR or RESIZE_BILINEAR, to larger and to smaller images."""

    def grow(s: Sketch) -> None:
        x = s.source(s.dtype(op), ranks=(4,))
        size = s.const((s.size(), s.size()), DType.INT32)
        align, half = s.pick(((False, False), (True, False), (False, True)))
        moved(s, op, x, [size], ResizeAttrs(align, half))

    return grow


def tile(s: Sketch) -> None:
    """TILE."""
    x = s.source(s.dtype("tile"), ranks=(1, 2, 3, 4))
    multiples = [s.whole(1, 3) if s.flip(0.4) else 1 for _ in s.tensors[x].shape]
    moved(s, "tile", x, [s.const(multiples, DType.INT32)])


def reverse_v2(s: Sketch) -> None:
    """REVERSE_V2 along an axis, from the start or from the end."""
    x = s.source(s.dtype("reverse_v2"), ranks=(1, 2, 3, 4))
    rank = len(s.tensors[x].shape)
    axis = s.whole(0, rank - 1) - (0 if s.reference == "litert" or s.flip() else rank)
    moved(s, "reverse_v2", x, [s.const([axis], DType.INT32)])


def broadcast_to(s: Sketch) -> None:
    """BROADCAST_TO, with axes in front now and then."""

    def ones(rank: int) -> Shape:
        return tuple(1 if s.flip() else n for n in s.shape(rank))

    x = s.source(s.dtype("broadcast_to"), ranks=(1, 2, 3, 4), shape=ones)
    sizes = [s.size() if n == 1 and s.flip(0.7) else n for n in s.tensors[x].shape]
    front = [s.whole(1, 3)] if len(sizes) < 4 and s.flip(0.3) else []
    moved(s, "broadcast_to", x, [s.const([*front, *sizes], DType.INT32)])


def space_to_batch_nd(s: Sketch) -> None:
    """SPACE_TO_BATCH_ND; TFLite Micro pads int8 with zeros where it should use the zero point."""
    x = s.source(s.dtype("space_to_batch_nd"), ranks=(3, 4, 4))
    shape = s.tensors[x].shape
    block = [s.whole(1, 3) for _ in shape[1:-1]]
    before = [0 if s.reference == "tflm" else s.whole(0, 2) for _ in block]
    after = [-(n + p) % b for n, p, b in zip(shape[1:], before, block, strict=False)]
    s.require(s.reference == "litert" or not any(after))
    pairs = np.array([before, after]).T
    moved(s, "space_to_batch_nd", x, [s.const(v, DType.INT32) for v in (block, pairs)])


def batch_to_space_nd(s: Sketch) -> None:
    """BATCH_TO_SPACE_ND with crops."""
    block = [s.whole(1, 3), s.whole(1, 3)]

    def shape(rank: int) -> Shape:
        used = block[: rank - 2]
        return (math.prod(used) * s.whole(1, 2), *(s.whole(1, 4) for _ in range(rank - 1)))

    dtype = s.dtype("batch_to_space_nd")
    x = s.source(dtype, ranks=(3, 4, 4), fits=lambda t: s.flip(0.3), shape=shape)
    used = block[: len(s.tensors[x].shape) - 2]
    crops = [[s.whole(0, 1), s.whole(0, 1)] if s.flip(0.4) else [0, 0] for _ in used]
    moved(s, "batch_to_space_nd", x, [s.const(v, DType.INT32) for v in (used, crops)])


GENERATORS: Mapping[str, Grow] = {
    "reshape": reshape,
    "expand_dims": expand_dims,
    "squeeze": squeeze,
    "transpose": transpose,
    "concatenation": concatenation,
    "pack": pack,
    "split": split,
    "split_v": split_v,
    "unpack": unpack,
    "slice": slice_,
    "strided_slice": strided_slice,
    "gather": gather,
    "pad": pad,
    "padv2": padv2,
    "mirror_pad": mirror_pad,
    "space_to_depth": blocks("space_to_depth"),
    "depth_to_space": blocks("depth_to_space"),
    "resize_nearest_neighbor": resize("resize_nearest_neighbor"),
    "resize_bilinear": resize("resize_bilinear"),
    "reverse_v2": reverse_v2,
    "tile": tile,
    "broadcast_to": broadcast_to,
    "space_to_batch_nd": space_to_batch_nd,
    "batch_to_space_nd": batch_to_space_nd,
}
