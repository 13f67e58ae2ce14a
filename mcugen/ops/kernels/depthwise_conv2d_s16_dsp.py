"""mcu_depthwise_conv2d_s16_dsp: depthwise convolution of 16x8 with any window, what it reads.

For each two channels, the last two of an odd number overlapping the others:

    4 words      bias, bias, multiplier, multiplier
    a word       per tap: lanes (w, w)
"""

from __future__ import annotations

import numpy as np

from mcugen.ir import Call, DType
from mcugen.ops import overlap
from mcugen.ops.base import Array, Const, Cost, Family, Fields, Kernel, Overlaps, folded_bias
from mcugen.ops.kernels import round_once
from mcugen.ops.window import Axis, convolution

MOST_BYTES, MOST_TAPS = 65535, 2**15  # from tap to tap of a row, and in it: halves of a word
HEAD = 4  # words before the weights
TOGETHER = 3  # outputs


def _places(axis: Axis) -> Array:
    """Where the taps of each window lie."""
    origins = np.arange(axis.out)[:, np.newaxis] * axis.stride - axis.before
    places: Array = origins + np.arange(axis.kernel) * axis.dilation
    return places


def _taps(axis: Axis) -> Array:
    """How many taps of each window lie on the axis."""
    places = _places(axis)
    count: Array = ((places >= 0) & (places < axis.size)).sum(axis=1)
    return count


def _firsts(axis: Axis) -> Array:
    """The first element that each window sees."""
    places = _places(axis)
    first: Array = np.where(places >= 0, places, axis.size).min(axis=1)
    return first


def _inner(call: Call) -> tuple[int, int]:
    """The columns of the output whose windows have no column of padding."""
    _, cols = convolution(call)
    whole = np.flatnonzero(_taps(cols) == cols.kernel)
    return (int(whole[0]), int(whole[-1]) + 1) if len(whole) else (0, 0)


def _alone(call: Call) -> Array:
    """Which columns of the output are computed one by one."""
    inner, inner_end = _inner(call)
    alone = np.ones(call.output.shape[2], bool)
    alone[inner : inner + (inner_end - inner) // TOGETHER * TOGETHER] = False
    return alone


def _pairs(call: Call) -> Array:
    """The first channel of each two."""
    channels = call.output.shape[3]
    return np.minimum(np.arange(0, channels, 2), channels - 2)


# ---- rules


def channels_are_paired(call: Call) -> str | None:
    """There must be two channels or more, and the depth multiplier must be 1."""
    before, after = call.input(0).shape[3], call.output.shape[3]
    return None if 2 <= before == after else f"{before} channels to {after}"


def windows_see_the_input(call: Call) -> str | None:
    """No window may lie in the padding altogether."""
    seen = all(_taps(axis).all() for axis in convolution(call))
    return None if seen else f"{convolution(call)}"


def taps_and_step_fit_a_word(call: Call) -> str | None:
    """A row must have at most 32768 taps, with less than 65536 bytes from one to the next."""
    across = convolution(call)[1]
    step = 2 * call.input(0).shape[3] * across.dilation
    fits = across.kernel <= MOST_TAPS and step <= MOST_BYTES
    return None if fits else f"{across.kernel} taps, {step} bytes"


# ---- params


def _stream(call: Call) -> Array:
    channels = call.output.shape[3]
    taps = call.input(1).values().reshape(-1, channels).T.astype(np.int64)
    start = folded_bias(call, taps)
    even = _pairs(call)
    odd = even + 1
    words = round_once.words(call)
    head = np.column_stack([start[even], start[odd], words[even], words[odd]])
    lanes = (taps[even] & 0xFFFF) | (taps[odd] & 0xFFFF) << 16
    stream = np.concatenate([head, lanes], axis=1) & 0xFFFFFFFF
    packed: Array = stream.astype(np.uint32).view(np.int32).reshape(-1)
    return packed


def params(call: Call) -> Fields:
    """Fields of mcu_depthwise_conv2d_s16_dsp_params."""
    rows, cols = convolution(call)
    inner, inner_end = _inner(call)
    return {
        "batch": call.input(0).shape[0],
        "in_h": rows.size,
        "in_w": cols.size,
        "channels": call.input(0).shape[3],
        "out_h": rows.out,
        "out_w": cols.out,
        "kernel_h": rows.kernel,
        "kernel_w": cols.kernel,
        "stride_h": rows.stride,
        "stride_w": cols.stride,
        "dilation_h": rows.dilation,
        "dilation_w": cols.dilation,
        "pad_top": rows.before,
        "pad_left": cols.before,
        "inner": inner,
        "inner_end": inner_end,
        "relu": int(round_once.is_relu(call)),
        "stream": Const(_stream(call), "int32_t"),
    }


def cost(call: Call) -> Cost:
    """Windows one by one or by threes, of two channels each.

    Of an odd number of channels every second word is not aligned.
    """
    rows, cols = convolution(call)
    batch, _, _, channels = call.output.shape
    alone = _alone(call)
    threes = (cols.out - int(alone.sum())) // TOGETHER
    odd = channels % 2
    lines, across = int(_taps(rows).sum()), int(_taps(cols)[alone].sum())
    single, steps = int(alone.sum()), int(alone.sum()) + threes
    taps = lines * ((9 + odd / 2) * across + (15 + 1.5 * odd) * cols.kernel * threes)
    pair = taps + 10 * lines * steps + rows.out * (43 * single + 64 * threes)
    around = rows.out * steps * (218 + 108 * odd)
    pairs = len(_pairs(call))
    words = HEAD + rows.kernel * cols.kernel
    return Cost(int(batch * (pairs * pair + around)), flash=4 * words * pairs)


def overlaps(call: Call) -> Overlaps:
    """Row by row, three outputs or one, and two channels after the other of these."""
    rows, cols = convolution(call)
    batch, _, _, channels = call.output.shape
    inner = (np.arange(cols.out) - _inner(call)[0]) % TOGETHER == 0
    begins = np.flatnonzero(_alone(call) | inner)
    lasts = np.append(begins[1:], cols.out) - 1
    image, y, at, pair = np.ix_(
        np.arange(batch), np.arange(rows.out), np.arange(len(begins)), _pairs(call)
    )
    line, column = _firsts(rows)[y], _firsts(cols)[begins][at]
    reads = ((image * rows.size + line) * cols.size + column) * channels + pair
    ends = ((image * rows.out + y) * cols.out + lasts[at]) * channels + pair + 2
    return {0: overlap.forwards(2 * reads.reshape(-1), 2 * ends.reshape(-1))}


KERNEL = Kernel(
    name="mcu_depthwise_conv2d_s16_dsp",
    family=Family.DSP,
    dtype=DType.INT16,
    params=params,
    params_type="mcu_depthwise_conv2d_s16_dsp_params",
    header="mcu_depthwise_conv2d_s16_dsp.h",
    applies=(
        channels_are_paired,
        windows_see_the_input,
        taps_and_step_fit_a_word,
        round_once.sums_fit_a_word,
        round_once.multipliers_round_once,
        round_once.clamp_is_one_instruction,
    ),
    overlap=overlaps,
    cost=cost,
)
