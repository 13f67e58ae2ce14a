"""mcu_conv2d_s16_dsp: what the 16x8 convolution for cores with SIMD reads, and when it applies.

Its constants are a stream of int32 words. For each two output channels A and B:

    2 words      bias_A, bias_B
    1 per pair   of taps of a row of the window: bytes w_A, w_B of the first tap, then of the second
    2 words      multiplier_A, multiplier_B, see `round_once`

A row with an odd number of taps ends with one whose partner has weight 0. Where channels are odd,
the last two are a pair once more.
"""

from __future__ import annotations

import numpy as np

from mcugen.ir import Call, DType
from mcugen.ops import overlap
from mcugen.ops.base import Array, Const, Cost, Family, Fields, Kernel
from mcugen.ops.kernels import round_once
from mcugen.ops.kernels.conv2d_rules import geometry, one_group_without_dilation
from mcugen.ops.window import convolution

CHANNELS = 2  # of the output, that share a pass
POSITIONS = 4  # of the output, that share a step


# ---- rules


def rows_have_two_taps(call: Call) -> str | None:
    """A row of the window must have 2 taps or more: columns times input channels."""
    _, _, width, in_ch = call.input(1).shape
    return None if width * in_ch >= 2 else f"{width * in_ch} taps"


def output_channels_are_two(call: Call) -> str | None:
    """There must be 2 output channels or more."""
    out_ch = call.output.shape[3]
    return None if out_ch >= CHANNELS else f"{out_ch} output channels"


# ---- params


def params(call: Call) -> Fields:
    """Fields of mcu_conv2d_s16_dsp_params."""
    sizes = {name: size for name, size in geometry(call).items() if name != "input_zero_point"}
    if _is_pointwise(call):  # one row
        batch, height, width = call.output.shape[:3]
        columns = batch * height * width
        sizes |= {"batch": 1, "in_h": 1, "out_h": 1, "in_w": columns, "out_w": columns}
    return {**sizes, "is_relu": int(round_once.is_relu(call)), "stream": stream(call)}


def _is_pointwise(call: Call) -> bool:
    """Whether the windows are the pixels of the input."""
    axes = convolution(call)
    return all((a.kernel, a.stride, a.before, a.after) == (1, 1, 0, 0) for a in axes)


def stream(call: Call) -> Const:
    """The stream."""
    weights = call.input(1).values()
    channels = np.arange(len(weights))
    channels = np.insert(channels, -1, channels[-2]) if len(channels) % CHANNELS else channels
    bias = call.optional(2)
    added = np.zeros(len(weights), np.int64) if bias is None else bias.values().reshape(-1)
    words = _words(call)[channels].reshape(len(channels) // CHANNELS, CHANNELS, -1, 2)
    parts = [
        added[channels].reshape(-1, CHANNELS).astype(np.int32),
        words.transpose(0, 2, 3, 1).reshape(len(words), -1).view(np.int32),
        round_once.words(call)[channels].reshape(-1, CHANNELS),
    ]
    return Const(np.concatenate(parts, axis=1).reshape(-1), "int32_t")


def _words(call: Call) -> Array:
    """[out_ch][pairs][2]: the weights of each pair of taps."""
    weights = call.input(1).values()
    out_ch, kernel_h, _, _ = weights.shape
    rows = weights.reshape(out_ch, kernel_h, -1)
    even = np.pad(rows, ((0, 0), (0, 0), (0, rows.shape[2] % 2)))
    return even.reshape(out_ch, -1, 2)


def _steps(call: Call) -> int:
    """Pairs of taps of a window."""
    _, kernel_h, kernel_w, in_ch = call.input(1).shape
    return kernel_h * -(-kernel_w * in_ch // 2)


def scratch(call: Call) -> int:
    """The windows of four positions."""
    return 4 * POSITIONS * _steps(call)


def cost(call: Call) -> Cost:
    """17 cycles for 16 products, about 50 for each two channels of four positions, the windows."""
    out_ch, steps = call.output.shape[3], _steps(call)
    passes = -(-(call.output.elements // out_ch) // POSITIONS)
    pairs = -(-out_ch // CHANNELS)
    core = 17 * steps + 50 + 4 * ((steps - 2) // 16)
    return Cost(passes * (pairs * core + 12 * steps + 300), 4 * pairs * (steps + 4))


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
    overlap=overlap.windows(convolution, overlap.all_channels, POSITIONS),
    cost=cost,
)
