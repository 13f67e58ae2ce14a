"""mcu_depthwise_conv2d_3x3_s16_dsp: depthwise 3x3 of 16x8 for cores with SIMD, what it reads.

The kernel computes a strip of outputs at a time, a row or a column, whichever takes less. Seven
words for each channel, with w[tap of the strip][line across it]:

    (w00, w01), (w10, w11), (w20, w21), (w02, w12), (w22, bytes of a step), multiplier, bias
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mcugen.ir import Call, DType
from mcugen.ops.base import Array, Const, Cost, Family, Fields, Kernel
from mcugen.ops.kernels import round_once
from mcugen.ops.window import Axis, convolution

MOST_BYTES = 65535  # of a step: a halfword of the stream


@dataclass(frozen=True, slots=True)
class Strips:
    """Strips of outputs; pitches are in elements."""

    along: Axis
    across: Axis
    step: int  # from position to position along a strip, of the input and of the output
    line_pitch: int  # from line to line of the input
    strip_pitch: int  # from strip to strip of the output
    are_columns: bool

    @property
    def behind(self) -> int:
        """Positions of padding that are seen behind the last one of the input."""
        return max(_last(self.along) - self.along.size, 0)

    @property
    def positions(self) -> int:
        """Positions of a line that are read."""
        return min(_last(self.along), self.along.size)

    @property
    def short(self) -> int:
        """Strips that see two lines."""
        seen = np.arange(self.across.out) * self.across.stride - self.across.before
        return int(((seen < 0) | (seen + 3 > self.across.size)).sum())


def _last(axis: Axis) -> int:
    """Where the last window ends."""
    return (axis.out - 1) * axis.stride + 3 - axis.before


def _strips(call: Call) -> tuple[Strips, ...]:
    """Rows, and columns if these have the same step in input and output."""
    rows, cols = convolution(call)
    channels = call.input(0).shape[3]
    wide, narrow = cols.size * channels, cols.out * channels
    by_row = Strips(cols, rows, channels, wide, narrow, False)
    by_column = Strips(rows, cols, wide, channels, channels, True)
    return (by_row, by_column) if cols.size == cols.out else (by_row,)


def fitting(call: Call) -> list[Strips]:
    """The strips that the kernel can compute."""
    return [
        strips
        for strips in _strips(call)
        if strips.along.stride == 1
        and strips.along.before <= 1
        and strips.behind <= 1
        and strips.across.before <= 1
        and _last(strips.across) <= strips.across.size + 1
        and strips.across.size >= 2
        and 2 * strips.step <= MOST_BYTES
    ]


# ---- rules


def window_is_3x3(call: Call) -> str | None:
    """The kernel must be 3x3 without dilation, and the depth multiplier 1."""
    weights, channels = call.input(1).shape, call.input(0).shape[3]
    if weights == (1, 3, 3, channels) and call.attrs.dilation == (1, 1):
        return None
    return f"weights of shape {list(weights)}, dilation {list(call.attrs.dilation)}"


def has_strips(call: Call) -> str | None:
    """There must be two rows or columns or more, whose stride, padding and size the kernel takes.

    Along them: stride 1, padding of at most 1, steps of less than 65536 bytes. Across: padding of
    at most 1. Columns: as long a row in the output as in the input.
    """
    return None if fitting(call) else f"{call.input(0).shape}, {convolution(call)}"


# ---- params


def stream(call: Call, strips: Strips) -> Array:
    """The words of each channel."""
    taps = call.input(1).values()[0].astype(np.int64).transpose(2, 1, 0)  # [channel][column][row]
    taps = taps.transpose(0, 2, 1) if strips.are_columns else taps
    channels = len(taps)
    bias = call.optional(2)
    start = np.zeros(channels, np.int64) if bias is None else bias.values().reshape(-1)
    third = taps[:, :, 2]
    step = np.full(channels, 2 * strips.step)
    words = np.column_stack(
        [
            _lanes(taps[:, :, 0], taps[:, :, 1]),
            _lanes(third[:, 0], third[:, 1]),
            _lanes(third[:, 2], step),
            round_once.words(call),
            start,
        ]
    )
    packed: Array = (words & 0xFFFFFFFF).astype(np.uint32).view(np.int32).reshape(-1)
    return packed


def _lanes(low: Array, high: Array) -> Array:
    words: Array = (low & 0xFFFF) | (high & 0xFFFF) << 16
    return words


def layout(call: Call, strips: Strips) -> Fields:
    """Fields of mcu_depthwise_conv2d_3x3_s16_dsp_params."""
    return {
        "batch": call.input(0).shape[0],
        "in_size": call.input(0).elements // call.input(0).shape[0],
        "out_size": call.output.elements // call.input(0).shape[0],
        "channels": call.input(0).shape[3],
        "lines": strips.across.size,
        "line_pitch": strips.line_pitch,
        "pad_lines": strips.across.before,
        "strips": strips.across.out,
        "strip_stride": strips.across.stride,
        "strip_pitch": strips.strip_pitch,
        "positions": strips.positions,
        "step": strips.step,
        "pad_before": strips.along.before,
        "pad_behind": strips.behind,
        "relu": int(round_once.is_relu(call)),
        "stream": Const(stream(call, strips), "int32_t"),
    }


def _cycles(call: Call, strips: Strips) -> int:
    """17 or 12 for each position, and a loop of three."""
    channel = strips.across.out * (39 + 18.33 * strips.along.out)
    less = strips.short * (5.33 * strips.along.out - 4)
    each = channel - less + 70 * strips.across.out / call.output.shape[3]
    return int(call.output.shape[0] * call.output.shape[3] * each)


def _best(call: Call) -> Strips:
    return min(fitting(call), key=lambda strips: _cycles(call, strips))


def params(call: Call) -> Fields:
    """The fields, for rows or for columns."""
    return layout(call, _best(call))


def cost(call: Call) -> Cost:
    """The strips."""
    return Cost(_cycles(call, _best(call)), flash=28 * call.output.shape[3])


KERNEL = Kernel(
    name="mcu_depthwise_conv2d_3x3_s16_dsp",
    family=Family.DSP,
    dtype=DType.INT16,
    params=params,
    params_type="mcu_depthwise_conv2d_3x3_s16_dsp_params",
    header="mcu_depthwise_conv2d_3x3_s16_dsp.h",
    applies=(
        window_is_3x3,
        has_strips,
        round_once.sums_fit_a_word,
        round_once.multipliers_round_once,
        round_once.clamp_is_one_instruction,
    ),
    cost=cost,
)
