"""mcu_depthwise_conv2d_3x3_.._s16_dsp: depthwise 3x3 of 16x8 for cores with SIMD, what they read.

They compute a strip of outputs at a time. Strips are rows, so that the output may run over the
input, or columns, where these are longer. Seven words for each channel, with w[tap of the
strip][line across it]:

    (w00, w01), (w10, w11), (w20, w21), (w02, w12), (w22, bytes of a step), multiplier, bias
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mcugen.ir import Call, DType
from mcugen.ops import overlap
from mcugen.ops.base import Array, Const, Cost, Family, Fields, Kernel, Overlaps, Rule, folded_bias
from mcugen.ops.kernels import round_once
from mcugen.ops.window import Axis, convolution

MOST_BYTES = 65535  # of a step: a halfword of the stream
WORDS = 7
# By stride, cycles: of an output; how much less of one that sees two lines; around a strip.
COSTS = {1: (18.33, 5.33, 39.0), 2: (23.25, 6.5, 39.0)}


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


Of = Callable[[Call], Strips]


def _last(axis: Axis) -> int:
    """Where the last window ends."""
    return (axis.out - 1) * axis.stride + 3 - axis.before


def by_rows(call: Call) -> Strips:
    """Strips that are rows."""
    rows, cols = convolution(call)
    channels = call.input(0).shape[3]
    return Strips(cols, rows, channels, cols.size * channels, cols.out * channels, False)


def by_columns(call: Call) -> Strips:
    """Strips that are columns; their step is that of the input."""
    rows, cols = convolution(call)
    channels = call.input(0).shape[3]
    return Strips(rows, cols, cols.size * channels, channels, channels, True)


# ---- rules


def window_is_3x3(call: Call) -> str | None:
    """The kernel must be 3x3 without dilation, and the depth multiplier 1."""
    weights, channels = call.input(1).shape, call.input(0).shape[3]
    if weights == (1, 3, 3, channels) and call.attrs.dilation == (1, 1):
        return None
    return f"weights of shape {list(weights)}, dilation {list(call.attrs.dilation)}"


def strips_fit(of: Of, stride: int) -> Rule:
    """The rule of a kernel."""

    def fit(call: Call) -> str | None:
        strips = of(call)
        pads = (strips.along.before, strips.behind, strips.across.before)
        below = _last(strips.across) - strips.across.size
        legal = strips.along.stride == stride and 2 * strips.step <= MOST_BYTES
        if legal and strips.across.size >= 2 and max(*pads, below) <= 1:
            return None
        return f"{list(call.input(0).shape)}, {convolution(call)}"

    name = "rows" if of is by_rows else "columns"
    fit.__doc__ = (
        f"There must be two {name} or more, with stride {stride} and steps of less than 65536 "
        "bytes along them, and padding of at most 1 on all sides."
    )
    return fit


def columns_are_longer(call: Call) -> str | None:
    """Columns must be longer than rows, which must be as long in the output as in the input."""
    _, out_h, out_w, _ = call.output.shape
    in_w = call.input(0).shape[2]
    return None if in_w == out_w < out_h else f"{in_w} columns to {out_h}x{out_w}"


# ---- params


def stream(call: Call, strips: Strips) -> Array:
    """The words of each channel."""
    taps = call.input(1).values()[0].astype(np.int64).transpose(2, 1, 0)  # [channel][column][row]
    taps = taps.transpose(0, 2, 1) if strips.are_columns else taps
    channels = len(taps)
    third = taps[:, :, 2]
    step = np.full(channels, 2 * strips.step)
    words = np.column_stack(
        [
            _lanes(taps[:, :, 0], taps[:, :, 1]),
            _lanes(third[:, 0], third[:, 1]),
            _lanes(third[:, 2], step),
            round_once.words(call),
            folded_bias(call, taps.reshape(channels, -1)),
        ]
    )
    packed: Array = (words & 0xFFFFFFFF).astype(np.uint32).view(np.int32).reshape(-1)
    return packed


def _lanes(low: Array, high: Array) -> Array:
    words: Array = (low & 0xFFFF) | (high & 0xFFFF) << 16
    return words


def params(call: Call, strips: Strips) -> Fields:
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
    """The loops, which take less for two lines; what is around them; a call for each strip."""
    position, less, around = COSTS[strips.along.stride]
    batch, _, _, channels = call.output.shape
    channel = strips.across.out * (position * strips.along.out + around)
    channel -= strips.short * (less * strips.along.out - 4)
    return int(batch * (channels * channel + 75 * strips.across.out))


def rows_overlap(call: Call) -> Overlaps:
    """Row by row, channel by channel, output by output."""
    found = by_rows(call)
    batch, _, _, channels = call.output.shape
    along, across = found.along, found.across
    image, strip, channel, i = np.ix_(*map(np.arange, (batch, across.out, channels, along.out)))
    line = np.maximum(strip * across.stride - across.before, 0)
    position = np.maximum(i * along.stride - along.before, 0)
    in_size, out_size = (t.elements // batch for t in (call.input(0), call.output))
    reads = image * in_size + line * found.line_pitch + position * found.step + channel
    ends = image * out_size + strip * found.strip_pitch + i * found.step + channel + 1
    return {0: overlap.forwards(2 * reads.reshape(-1), 2 * ends.reshape(-1))}


def _kernel(name: str, of: Of, stride: int, *rules: Rule) -> Kernel:
    return Kernel(
        name=name,
        family=Family.DSP,
        dtype=DType.INT16,
        params=lambda call: params(call, of(call)),
        params_type="mcu_depthwise_conv2d_3x3_s16_dsp_params",
        header="mcu_depthwise_conv2d_3x3_s16_dsp.h",
        applies=(
            window_is_3x3,
            strips_fit(of, stride),
            *rules,
            round_once.sums_fit_a_word,
            round_once.multipliers_round_once,
            round_once.clamp_is_one_instruction,
        ),
        overlap=rows_overlap if of is by_rows else None,
        cost=lambda call: Cost(_cycles(call, of(call)), flash=4 * WORDS * call.output.shape[3]),
    )


ROWS = _kernel("mcu_depthwise_conv2d_3x3_s16_dsp", by_rows, 1)
STRIDE2 = _kernel("mcu_depthwise_conv2d_3x3_stride2_s16_dsp", by_rows, 2)
COLUMNS = _kernel("mcu_depthwise_conv2d_3x3_columns_s16_dsp", by_columns, 1, columns_are_longer)
KERNELS = (ROWS, STRIDE2, COLUMNS)
