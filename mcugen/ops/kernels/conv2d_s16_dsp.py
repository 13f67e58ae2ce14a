"""mcu_conv2d_..._s16_dsp: what 16x8 convolutions for cores with SIMD read, and when they apply.

One serves windows of any size, another those of up to 32 words, which it has on the stack. Their
constants are a stream of int32 words. For each two output channels A and B:

    2 words      bias_A, bias_B
    1 per pair   of taps of a row of the window: bytes w_A, w_B of the first tap, then of the second
    2 words      multiplier_A, multiplier_B, see `round_once`

A row with an odd number of taps ends with one whose partner has weight 0. Where channels are odd,
the last two are a pair once more. On the stack words are even in number, one more having weights 0,
and the last two words come first.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mcugen.ir import Call, DType
from mcugen.ops import overlap
from mcugen.ops.base import Array, Const, Cost, Family, Fields, Kernel, folded_bias
from mcugen.ops.kernels import round_once
from mcugen.ops.kernels.conv2d_rules import geometry, one_group_without_dilation
from mcugen.ops.window import convolution

CHANNELS = 2  # of the output, that share a pass
POSITIONS = 4  # of the output, that share a step
MOST_WORDS = 32  # of a window on the stack


# ---- rules


def rows_have_two_taps(call: Call) -> str | None:
    """A row of the window must have 2 taps or more: columns times input channels."""
    _, _, width, in_ch = call.input(1).shape
    return None if width * in_ch >= 2 else f"{width * in_ch} taps"


def output_channels_are_two(call: Call) -> str | None:
    """There must be 2 output channels or more."""
    out_ch = call.output.shape[3]
    return None if out_ch >= CHANNELS else f"{out_ch} output channels"


def window_is_small(call: Call) -> str | None:
    """The window must have 32 words or fewer: rows times half of their taps, rounded up."""
    words = _words(call)
    return None if words <= MOST_WORDS else f"{words} words"


# ---- params


def params(call: Call) -> Fields:
    """Fields of mcu_conv2d_s16_dsp_params."""
    return _fields(call, _weights(call))


def stack_params(call: Call) -> Fields:
    """The same for windows on the stack."""
    weights = _weights(call)
    even = np.pad(weights, ((0, 0), (0, weights.shape[1] % 2), (0, 0)))
    return _fields(call, np.roll(even, 2, axis=1))


def _fields(call: Call, weights: Array) -> Fields:
    sizes = {name: size for name, size in geometry(call).items() if name != "input_zero_point"}
    if _is_pointwise(call):  # one row
        batch, height, width = call.output.shape[:3]
        columns = batch * height * width
        sizes |= {"batch": 1, "in_h": 1, "out_h": 1, "in_w": columns, "out_w": columns}
    is_relu = int(round_once.is_relu(call))
    return {**sizes, "is_relu": is_relu, "stream": _stream(call, weights)}


def _is_pointwise(call: Call) -> bool:
    """Whether the windows are the pixels of the input."""
    axes = convolution(call)
    return all((a.kernel, a.stride, a.before, a.after) == (1, 1, 0, 0) for a in axes)


def _weights(call: Call) -> Array:
    """[out_ch][words][2]: the weights of each pair of taps."""
    weights = call.input(1).values()
    out_ch, kernel_h, _, _ = weights.shape
    rows = weights.reshape(out_ch, kernel_h, -1)
    even = np.pad(rows, ((0, 0), (0, 0), (0, rows.shape[2] % 2)))
    return even.reshape(out_ch, -1, 2)


def _stream(call: Call, weights: Array) -> Const:
    channels = np.arange(len(weights))
    channels = np.insert(channels, -1, channels[-2]) if len(channels) % CHANNELS else channels
    added = folded_bias(call, call.input(1).values().reshape(len(weights), -1))
    words = weights[channels].reshape(len(channels) // CHANNELS, CHANNELS, -1, 2)
    parts = [
        added[channels].reshape(-1, CHANNELS),
        words.transpose(0, 2, 3, 1).reshape(len(words), -1).view(np.int32),
        round_once.words(call)[channels].reshape(-1, CHANNELS),
    ]
    return Const(np.concatenate(parts, axis=1).reshape(-1), "int32_t")


def _words(call: Call) -> int:
    """Pairs of taps of a window."""
    _, kernel_h, kernel_w, in_ch = call.input(1).shape
    return kernel_h * -(-kernel_w * in_ch // 2)


def scratch(call: Call) -> int:
    """The windows of four positions."""
    return 4 * POSITIONS * _words(call)


def cost(call: Call) -> Cost:
    """17 cycles for 16 products, 46 for each two channels of four positions, the windows."""
    words = _words(call)
    return _cost(call, words, 17 * words + 46 + 4 * ((words - 2) // 16))


def stack_cost(call: Call) -> Cost:
    """33 cycles for 32 products, 46 for each two channels of four positions, the windows."""
    words = _words(call) + _words(call) % 2
    return _cost(call, words, 33 * words // 2 + 46)


def _cost(call: Call, words: int, each: int) -> Cost:
    """Of words in the stream, and cycles for two channels of four positions."""
    _, kernel_h, kernel_w, in_ch = call.input(1).shape
    positions = call.output.elements // call.output.shape[3]
    pairs = -(-call.output.shape[3] // CHANNELS)
    length = kernel_w * in_ch
    odd = length // 2 % 2 + length % 2
    fill = 30 + kernel_h * (16 + 20 * (length // 4) + 10 * odd)
    row = 10 if length == 4 else 20 + 12 * (length // 8) + 4 * (length // 4 % 2) + 3 * odd
    gather = 170 + words + kernel_h * row
    alone = pairs * (29 * (words // 4) + 11 * (words % 4) + 34)
    inside = _inside(call)
    blocks, left = divmod(positions, POSITIONS)
    around = 60 + 45 * (call.output.shape[3] % CHANNELS)
    cycles = blocks * (pairs * each + around) + left * (alone + gather) + 200
    cycles += inside * (fill + 75) + (blocks - inside) * (4 * gather + 30)
    return Cost(cycles, 4 * pairs * (words + 4))


def _inside(call: Call) -> int:
    """How many blocks of four positions have windows in one row of the image, and inside of it."""
    first = np.arange(0, call.output.elements // call.output.shape[3] - 3, POSITIONS)
    if _is_pointwise(call):
        return len(first)
    down, across = convolution(call)
    row, column = np.divmod(first, across.out)
    y = row % down.out * down.stride - down.before
    x = column * across.stride - across.before
    end = x + (POSITIONS - 1) * across.stride + across.kernel
    rows = (y >= 0) & (y + down.kernel <= down.size)
    return int((rows & (column + POSITIONS <= across.out) & (x >= 0) & (end <= across.size)).sum())


KERNEL = Kernel(
    name="mcu_conv2d_s16_dsp",
    family=Family.DSP,
    dtype=DType.INT16,
    params=params,
    params_type="mcu_conv2d_s16_dsp_params",
    header="mcu_conv2d_s16_dsp.h",
    applies=(
        one_group_without_dilation,
        rows_have_two_taps,
        output_channels_are_two,
        round_once.sums_fit_a_word,
        round_once.multipliers_round_once,
        round_once.clamp_is_one_instruction,
    ),
    scratch=scratch,
    overlap=overlap.windows(convolution, overlap.all_channels, POSITIONS, singles=True),
    cost=cost,
)
STACKED = replace(
    KERNEL,
    name="mcu_conv2d_stack_s16_dsp",
    params=stack_params,
    applies=(window_is_small, *KERNEL.applies),
    scratch=None,
    cost=stack_cost,
)
KERNELS = (KERNEL, STACKED)
