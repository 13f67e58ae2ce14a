"""The geometry that convolutions and pools share: a window that slides over rows and columns."""

from __future__ import annotations

import enum
from dataclasses import dataclass

import numpy as np

from mcugen.ops.base import Array


class Padding(enum.Enum):
    """How the input is extended at its border; values are TFLite's codes."""

    SAME = 0
    VALID = 1


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


def axis(size: int, kernel: int, stride: int, dilation: int, padding: Padding) -> Axis:
    """Output size and padding along one axis.

    SAME with a stride pads asymmetrically, the odd element at the end (tflite/kernels/padding.h).
    """
    span = (kernel - 1) * dilation + 1
    if padding is Padding.VALID:
        return Axis(size, kernel, stride, dilation, (size - span) // stride + 1, 0, 0)
    out = -(-size // stride)
    total = max((out - 1) * stride + span - size, 0)
    return Axis(size, kernel, stride, dilation, out, total // 2, total - total // 2)


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
