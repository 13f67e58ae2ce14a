"""The geometry that convolutions and pools share: a window that slides over rows and columns."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any

import numpy as np

from mcugen.ir import Call
from mcugen.ops.base import Activation, Array, Options


class Padding(enum.Enum):
    """How the input is extended at its border; values are TFLite's codes."""

    SAME = 0
    VALID = 1


Pads = tuple[int, int]  # elements before and behind one axis


@dataclass(frozen=True, slots=True)
class Explicit:
    """Padding in elements: what is left of a PAD in front of the window, or of an image cut up.

    Model files cannot say it; it comes after the passes.
    """

    rows: Pads
    cols: Padding | Pads


def sides(padding: Padding | Explicit) -> tuple[Padding | Pads, Padding | Pads]:
    """The padding of rows and of columns, as `axis` takes it."""
    if isinstance(padding, Padding):
        return padding, padding
    return padding.rows, padding.cols


def encoded(padding: Padding | Explicit) -> int:
    """TFLite's code."""
    assert isinstance(padding, Padding), "a graph with explicit padding cannot be written"
    return padding.value


@dataclass(frozen=True, slots=True)
class Axis:
    """One spatial axis of a sliding window: sizes in elements, `before` and `after` are padding."""

    size: int
    kernel: int
    stride: int
    dilation: int
    out: int
    before: int
    after: int


def axis(size: int, kernel: int, stride: int, dilation: int, padding: Padding | Pads) -> Axis:
    """Output size and padding along one axis.

    SAME with a stride pads asymmetrically, the odd element at the end (tflite/kernels/padding.h).
    """
    span = (kernel - 1) * dilation + 1
    if padding is Padding.VALID:
        padding = (0, 0)
    if not isinstance(padding, Padding):
        out = (size + sum(padding) - span) // stride + 1
        return Axis(size, kernel, stride, dilation, out, *padding)
    out = -(-size // stride)
    total = max((out - 1) * stride + span - size, 0)
    return Axis(size, kernel, stride, dilation, out, total // 2, total - total // 2)


def convolution(call: Call) -> tuple[Axis, Axis]:
    """The sliding window of a convolution, depthwise or not, along rows and columns."""
    _, in_h, in_w, _ = call.input(0).shape
    _, kernel_h, kernel_w, _ = call.input(1).shape
    (stride_h, stride_w), (dilation_h, dilation_w) = call.attrs.stride, call.attrs.dilation
    rows, cols = sides(call.attrs.padding)
    return (
        axis(in_h, kernel_h, stride_h, dilation_h, rows),
        axis(in_w, kernel_w, stride_w, dilation_w, cols),
    )


def same_rows(call: Call) -> dict[int, Axis]:
    """Each row of the output from the same row of the operands, or from what is alike in all rows.

    For operators that treat every element, or every row, alike; nothing where that is not so.
    """
    shape = call.output.shape
    if len(shape) != 4:
        return {}
    found = {}
    for position, tensor in enumerate(call.inputs):
        if tensor is None:
            continue
        if tensor.shape == shape and not tensor.is_const:
            found[position] = axis(shape[1], 1, 1, 1, Padding.VALID)
        elif len(tensor.shape) >= 3 and tensor.shape[-3] != 1:
            return {}
    return found


def convolution_rows(call: Call) -> dict[int, Axis]:
    """The rows that a convolution sees."""
    return {0: convolution(call)[0]}


@dataclass(frozen=True, slots=True)
class ConvolutionAttrs:
    """Attributes of a convolution, depthwise or not; strides and dilations are (rows, columns)."""

    padding: Padding | Explicit
    stride: tuple[int, int]
    dilation: tuple[int, int]
    activation: Activation


def decode_convolution(options: Any) -> ConvolutionAttrs:
    """Read Conv2DOptions or DepthwiseConv2DOptions."""
    return ConvolutionAttrs(
        padding=Padding(options.Padding()),
        stride=(options.StrideH(), options.StrideW()),
        dilation=(options.DilationHFactor(), options.DilationWFactor()),
        activation=Activation(options.FusedActivationFunction()),
    )


def encode_convolution(call: Call) -> Options:
    """Write Conv2DOptions, or the part of DepthwiseConv2DOptions that is the same."""
    attrs: ConvolutionAttrs = call.attrs
    return {
        "padding": encoded(attrs.padding),
        "strideH": attrs.stride[0],
        "strideW": attrs.stride[1],
        "dilationHFactor": attrs.dilation[0],
        "dilationWFactor": attrs.dilation[1],
        "fusedActivationFunction": attrs.activation.value,
    }


def patches(x: Array, rows: Axis, cols: Axis, fill: float) -> Array:
    """All windows of a padded NHWC array: [N, out_h, out_w, kernel_h, kernel_w, C]."""
    pads = ((0, 0), (rows.before, rows.after), (cols.before, cols.after), (0, 0))
    padded = np.pad(x, pads, constant_values=fill)
    span_h = (rows.kernel - 1) * rows.dilation + 1
    span_w = (cols.kernel - 1) * cols.dilation + 1
    view = np.lib.stride_tricks.sliding_window_view(padded, (span_h, span_w), axis=(1, 2))
    view = view[:, :: rows.stride, :: cols.stride, :, :: rows.dilation, :: cols.dilation]
    windows: Array = view.transpose(0, 1, 2, 4, 5, 3)[:, : rows.out, : cols.out]
    return windows
