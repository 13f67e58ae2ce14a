"""Generators of operators that sum: convolutions, dense layers, pools, reductions, softmax."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from mcugen.exporters.builder import quant
from mcugen.ir import DType, Quant, TensorId
from mcugen.ops.arg_max import ArgMaxAttrs
from mcugen.ops.base import Activation, Shape
from mcugen.ops.batch_matmul import BatchMatmulAttrs
from mcugen.ops.fully_connected import FullyConnectedAttrs, WeightsFormat
from mcugen.ops.l2_normalization import L2NormAttrs
from mcugen.ops.mean import MeanAttrs
from mcugen.ops.pool2d import Pool2DAttrs
from mcugen.ops.softmax import SoftmaxAttrs
from mcugen.ops.transpose_conv import TransposeConvAttrs
from mcugen.ops.window import ConvolutionAttrs, Padding
from mcugen.testing.fuzz.elementwise import FRACTION, PROBABILITY, Grow, fixed
from mcugen.testing.fuzz.sketch import Sketch

LOGARITHM = quant(16 / 256, 127)
MAX_MULTIPLIER = 2.0**30
TFLITE_INT32, TFLITE_INT64 = 2, 4  # of TFLite's tensor types

# ---- weights and biases


def weights(s: Sketch, dtype: DType, shape: Shape, axis: int, *, int4: bool = False) -> TensorId:
    """Constant weights, with one scale or one for each channel of an axis.

    Of an int8 layer they may be `int4` now and then.
    """
    if dtype is DType.FLOAT32:
        return s.const(s.values(dtype, shape), dtype)
    around = s.scale(0.01)
    scales: list[float] | float = around
    if s.flip(0.7):
        scales = [s.scale(around, 1.0) for _ in range(shape[axis])]
    values = s.values(DType.INT8, shape)
    if s.flip(0.7):  # as TFLite's converter makes them
        values = np.maximum(values, -127)
    if s.flip(0.3):  # as trained weights are
        values = np.round(np.clip(s.rng.normal(0, 30, shape), -127, 127)).astype(np.int8)
    affine = quant(scales, 0, axis if np.ndim(scales) else None)
    if int4 and dtype is DType.INT8 and s.flip(0.2):
        return s.const(values >> 4, DType.INT4, affine)
    return s.const(values, DType.INT8, affine)


def bias(s: Sketch, x: TensorId, w: TensorId, channels: int, depth: int) -> TensorId | None:
    """A bias of about the size of the sum; LiteRT wants one."""
    if s.reference == "tflm" and s.flip(0.2):
        return None
    source, taps = s.tensors[x], s.tensors[w]
    if source.dtype is DType.FLOAT32:
        return s.const(s.values(DType.FLOAT32, (channels,)), DType.FLOAT32)
    assert taps.quant is not None
    most = int(2000 * math.sqrt(depth))
    dtype = DType.INT64 if source.dtype is DType.INT16 else DType.INT32
    values = s.rng.integers(-most, most, channels)
    scales = np.float32(source.scale) * np.array(taps.quant.scale, np.float32)
    s.require(bool(np.all(scales > 0)))
    return s.const(values, dtype, quant(scales.tolist(), 0, 0 if len(scales) > 1 else None))


def summed(s: Sketch, x: TensorId, w: TensorId, depth: int) -> Quant | None:
    """A quantization for sums of `depth` products."""
    source, taps = s.tensors[x], s.tensors[w]
    if source.dtype is DType.FLOAT32:
        return None
    assert taps.quant is not None
    gain = 60.0 * math.sqrt(depth) / (16 if taps.dtype is DType.INT4 else 1)
    affine = s.quant(source.dtype, source.scale * float(np.median(taps.quant.scale)) * gain)
    assert affine is not None
    # Beyond that the reference shifts by more than 31 bits, which C leaves undefined.
    s.require(source.scale * max(taps.quant.scale) < MAX_MULTIPLIER * affine.scale[0])
    return affine


# ---- windows


@dataclass(frozen=True, slots=True)
class Form:
    """What a kernel for certain shapes takes; a draw would seldom find it."""

    window: tuple[int, int]
    stride: tuple[int, int] | None  # None: any
    channels: int | None = None
    padding: Padding | None = None


FORMS = {
    **{f"mcu_conv2d_1x1_k{n}_s8_dsp": Form((1, 1), (1, 1), n) for n in (8, 16, 32, 64, 128)},
    **{f"mcu_conv2d_3x3_c{n}_s8_dsp": Form((3, 3), None, n) for n in (1, 2, 3, 4)},
    "mcu_conv2d_3x3_stride2_s8_dsp": Form((3, 3), (2, 2)),
    "mcu_conv2d_10x4_s8_dsp": Form((10, 4), (2, 2), 1),
    **{
        f"mcu_depthwise_conv2d_{kind}_c64_s8_dsp": Form((3, 3), (1, 1), 64, Padding.SAME)
        for kind in ("narrow", "twelve")
    },
    "mcu_depthwise_conv2d_narrow_stride2_s8_dsp": Form((3, 3), (2, 2)),
    **{
        f"mcu_depthwise_conv2d_stride2_c{n}_s8_dsp": Form((3, 3), (2, 2), n, Padding.SAME)
        for n in (16, 32)
    },
    "mcu_depthwise_conv2d_3x3_s16_dsp": Form((3, 3), (1, 1)),
    "mcu_depthwise_conv2d_3x3_columns_s16_dsp": Form((3, 3), (1, 1), None, Padding.SAME),
    "mcu_depthwise_conv2d_3x3_stride2_s16_dsp": Form((3, 3), (2, 2)),
}


def form(s: Sketch) -> Form | None:
    """The form of the kernel that is wanted, if it has one."""
    return None if s.wanted is None else FORMS.get(s.wanted.name)


def steps(s: Sketch) -> tuple[int, int]:
    """Strides."""
    if (certain := form(s)) is not None and certain.stride is not None:
        return certain.stride
    return (1, 1) if s.flip() else (s.whole(1, 3), s.whole(1, 3))


def dilations(s: Sketch, stride: tuple[int, int]) -> tuple[int, int]:
    """Dilations; with strides, too, neither reference objects."""
    return (1, 1) if form(s) is not None or s.flip(0.7) else (s.whole(1, 3), s.whole(1, 3))


def window(s: Sketch, most: int = 5) -> tuple[int, int]:
    """Rows and columns of a window."""
    if (certain := form(s)) is not None:
        return certain.window
    return s.pick(((1, 1), (3, 3), (3, 3), (s.whole(1, most), s.whole(1, most))))


def padding(s: Sketch) -> Padding:
    """SAME or VALID."""
    if (certain := form(s)) is not None and certain.padding is not None:
        return certain.padding
    return s.pick((Padding.SAME, Padding.VALID))


def image(s: Sketch, dtype: DType) -> TensorId:
    """An image to slide a window over, now and then behind a PAD, which a pass takes in."""
    certain = form(s)
    channels = None if certain is None else certain.channels
    if channels is not None:
        return s.source(
            dtype,
            ranks=(4,),
            fits=lambda tensor: tensor.shape[3] == channels,
            shape=lambda rank: (*s.shape(rank)[:3], channels),
        )
    x = s.source(dtype, ranks=(4,))
    if certain is not None or s.flip(0.75):
        return x
    wanted, s.wanted = s.wanted, None  # that is the kernel of the layer
    sides = [[0, 0], *([s.whole(0, 3), s.whole(0, 3)] for _ in range(2)), [0, 0]]
    try:
        return s.add("pad", [x, s.indices(sides)], None, dtype, s.tensors[x].quant)[0]
    finally:
        s.wanted = wanted


def conv2d(s: Sketch) -> None:
    """CONV_2D, in groups now and then."""
    dtype = s.dtype("conv2d")
    x = image(s, dtype)
    channels = s.tensors[x].shape[3]
    count = s.pick([n for n in range(1, channels + 1) if channels % n == 0])
    count = count if form(s) is None and s.flip(0.2) else 1
    shape = (s.size() * count, *window(s), channels // count)
    w = weights(s, dtype, shape, 0, int4=True)
    depth = math.prod(shape[1:])
    stride = steps(s)
    attrs = ConvolutionAttrs(padding(s), stride, dilations(s, stride), s.activation())
    inputs = [x, w, bias(s, x, w, shape[0], depth)]
    s.add("conv2d", inputs, attrs, dtype, summed(s, x, w, depth))


def depthwise_conv2d(s: Sketch) -> None:
    """DEPTHWISE_CONV_2D, with several outputs per channel now and then."""
    dtype = s.dtype("depthwise_conv2d")
    x = image(s, dtype)
    multiplier = 1 if s.flip(0.7) else s.whole(1, 4)
    shape = (1, *window(s), s.tensors[x].shape[3] * multiplier)
    w = weights(s, dtype, shape, 3, int4=True)
    depth = shape[1] * shape[2]
    stride = steps(s)
    attrs = ConvolutionAttrs(padding(s), stride, dilations(s, stride), s.activation())
    given = bias(s, x, w, shape[3], depth)
    inputs = [x, w] if given is None else [x, w, given]  # TFLite Micro crashes at a -1 here
    s.add("depthwise_conv2d", inputs, attrs, dtype, summed(s, x, w, depth))


def transpose_conv(s: Sketch) -> None:
    """TRANSPOSE_CONV to the size that a convolution would come from."""
    dtype = s.dtype("transpose_conv")
    x = s.source(dtype, ranks=(4,))
    n, height, width, channels = s.tensors[x].shape
    shape = (s.size(), *window(s), channels)
    w = weights(s, dtype, shape, 0)
    stride, pad = steps(s), padding(s)
    sides = []
    for size, step, kernel in zip((height, width), stride, shape[1:3], strict=True):
        span = kernel if pad is Padding.VALID else 1
        sides.append((size - 1) * step + span + (s.whole(0, step - 1) if s.flip(0.3) else 0))
    target = s.const((n, *sides, shape[0]), DType.INT32)
    depth = math.prod(shape[1:])
    given = bias(s, x, w, shape[0], depth) if s.flip() else None
    inputs = [target, w, x] if given is None else [target, w, x, given]
    attrs = TransposeConvAttrs(pad, stride, s.activation())
    s.add("transpose_conv", inputs, attrs, dtype, summed(s, x, w, depth))


def batch_matmul(s: Sketch) -> None:
    """BATCH_MATMUL with an operand that broadcasts now and then."""
    dtype = s.dtype("batch_matmul")
    x = s.source(dtype, ranks=(2, 3, 4))
    first, adj_x, adj_y = s.tensors[x], s.flip(0.3), s.flip(0.4)
    depth, width = first.shape[-2 if adj_x else -1], s.size()
    batch = tuple(n if s.flip(0.7) else 1 for n in first.shape[:-2])
    shape = (*batch, width, depth) if adj_y else (*batch, depth, width)
    affine = first.quant if first.quant is None else s.quant(dtype)
    y = s.operand(dtype, shape, affine)
    if first.quant is not None:
        gain = 60.0 * math.sqrt(depth)
        affine = s.quant(dtype, first.scale * s.tensors[y].scale * gain)
    s.add("batch_matmul", [x, y], BatchMatmulAttrs(adj_x, adj_y), dtype, affine)


def fully_connected(s: Sketch) -> None:
    """FULLY_CONNECTED of an input of any rank."""
    dtype = s.dtype("fully_connected")
    x = s.source(dtype, ranks=(2, 2, 3, 4))
    source = s.tensors[x]
    keep = s.flip(0.3)
    rows = source.shape[0] if not keep and s.flip() else source.elements // source.shape[-1]
    depth = source.elements // rows
    s.require(depth <= 600)
    w = weights(s, dtype, (s.size(), depth), 0, int4=True)
    taps = s.tensors[w]  # TFLite Micro wants one scale for those of int4
    s.require(taps.dtype is not DType.INT4 or not (taps.quant and taps.quant.is_per_channel))
    attrs = FullyConnectedAttrs(s.activation(), keep, WeightsFormat.DEFAULT)
    inputs = [x, w, bias(s, x, w, s.tensors[w].shape[0], depth)]
    s.add("fully_connected", inputs, attrs, dtype, summed(s, x, w, depth))


def pool(op: str) -> Grow:
    """A pool."""

    def grow(s: Sketch) -> None:
        dtype = s.dtype(op)
        x = s.source(dtype, ranks=(4,))
        attrs = Pool2DAttrs(padding(s), steps(s), window(s), s.activation())
        s.add(op, [x], attrs, dtype, s.tensors[x].quant)

    return grow


# ---- reductions


def reduction(op: str, *, shared: bool = False) -> Grow:
    """A reduction over any axes."""

    def grow(s: Sketch) -> None:
        dtype = s.dtype(op)
        x = s.source(dtype, ranks=(1, 2, 3, 4, 4))
        source, rank = s.tensors[x], len(s.tensors[x].shape)
        axes = s.rng.permutation(rank)[: s.whole(1, rank)]
        listed = np.where(s.rng.random(len(axes)) < 0.3, axes - rank, axes)
        affine = source.quant
        if affine is not None and not shared:
            count = math.prod(source.shape[axis] for axis in axes) if op == "sum" else 1
            affine = s.quant(dtype, source.scale * math.sqrt(count), 1.0)
        index = s.const(listed, DType.INT32)
        s.add(op, [x, index], MeanAttrs(s.flip()), dtype, affine)

    return grow


def softmax(s: Sketch) -> None:
    """SOFTMAX."""
    dtype = s.dtype("softmax")
    x = s.source(dtype, ranks=(1, 2, 2, 3, 4) if s.reference == "litert" else (2, 2, 3, 4))
    s.require(dtype is not DType.INT16 or s.reference == "tflm")  # LiteRT has another table
    attrs = SoftmaxAttrs(s.pick((1.0, 1.0, 0.5, 2.0, 0.1)))
    s.add("softmax", [x], attrs, dtype, fixed(dtype, PROBABILITY))


def log_softmax(s: Sketch) -> None:
    """LOG_SOFTMAX."""
    dtype = s.dtype("log_softmax")
    x = s.source(dtype, ranks=(2, 2, 3, 4))
    s.add("log_softmax", [x], None, dtype, None if dtype.is_float else LOGARITHM)


def l2_normalization(s: Sketch) -> None:
    """L2_NORMALIZATION."""
    dtype = s.dtype("l2_normalization")
    x = s.source(dtype, ranks=(2, 2, 3, 4))
    affine = None if dtype.is_float else FRACTION
    s.add("l2_normalization", [x], L2NormAttrs(Activation.NONE), dtype, affine)


def arg_extreme(op: str) -> Grow:
    """ARG_MAX or ARG_MIN."""

    def grow(s: Sketch) -> None:
        x = s.source(s.dtype(op), ranks=(1, 2, 3, 4))
        rank = len(s.tensors[x].shape)
        at = s.const(s.whole(-rank, rank - 1), DType.INT32)
        wide = s.reference == "litert" and s.flip(0.4)  # TFLite Micro gives int32 only
        attrs = ArgMaxAttrs(TFLITE_INT64 if wide else TFLITE_INT32)
        s.add(op, [x, at], attrs, DType.INT64 if wide else DType.INT32, None)

    return grow


GENERATORS: Mapping[str, Callable[[Sketch], None]] = {
    "conv2d": conv2d,
    "depthwise_conv2d": depthwise_conv2d,
    "fully_connected": fully_connected,
    "average_pool2d": pool("average_pool2d"),
    "max_pool2d": pool("max_pool2d"),
    "mean": reduction("mean"),
    "sum": reduction("sum"),
    "reduce_max": reduction("reduce_max", shared=True),
    "reduce_min": reduction("reduce_min", shared=True),
    "softmax": softmax,
    "log_softmax": log_softmax,
    "l2_normalization": l2_normalization,
    "arg_max": arg_extreme("arg_max"),
    "arg_min": arg_extreme("arg_min"),
    "batch_matmul": batch_matmul,
    "transpose_conv": transpose_conv,
}
