"""mcu_conv2d_winograd_s8_dsp: what the 3x3 convolution by Winograd's F(4x4, 3x3) reads.

Its constants are a stream of int32 words. For each four output channels:

    4 words      for each of 36 positions, for channels (0, 2), (1, 3), (4, 6), ...: lanes of the
                 transformed weights of the two channels, a word for each output channel
    16           576 * bias + e and up to three constants of each channel, see `times_576`

The positions are in the order of reading: row by row, and of a row columns 1, 2, 0, 3, 4, 5.

The weights take eight times the flash of int8 ones.
"""

from __future__ import annotations

import numpy as np

from mcugen.ir import Call, DType
from mcugen.ops import overlap
from mcugen.ops.base import Array, Const, Cost, Family, Fields, Kernel, Overlaps
from mcugen.ops.kernels.conv2d_rules import (
    geometry_3x3,
    multipliers_fit,
    one_group_without_dilation,
    rows,
    sums_fit,
    window_is_3x3,
)
from mcugen.ops.kernels.requant import Sums, clamp_is_saturation, exact_sums
from mcugen.ops.kernels.times_576 import FACTOR, Finish, finish
from mcugen.ops.window import convolution

TILE = 4  # output pixels, each way
WINDOW = 6  # input pixels that they see
POSITIONS = WINDOW * WINDOW
READ = [WINDOW * row + column for row in range(WINDOW) for column in (1, 2, 0, 3, 4, 5)]
TILES = 2  # that share a pass
CHANNELS = 4  # output channels that share a pass
UNROLLED = 16  # input channels
CONSTANTS = 4  # words of an output channel

G = np.array([[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 12]])


# ---- rules


def channels_fill_rounds(call: Call) -> str | None:
    """Input channels must be a multiple of 16, output channels of 4."""
    in_ch, out_ch = call.input(0).shape[3], call.output.shape[3]
    if in_ch % UNROLLED == out_ch % CHANNELS == 0:
        return None
    return f"{in_ch} input channels, {out_ch} output channels"


# ---- params


def transformed(weights: Array) -> Array:
    """G w G' of weights [out][3][3][in]: [out][36][in], below 2**15 in size."""
    positions: Array = np.einsum("ir,orck,jc->oijk", G, weights, G)
    return positions.reshape(len(weights), POSITIONS, -1)


def stream(sums: Sums, form: Finish) -> Const:
    """The stream of constants."""
    in_ch = sums.weights.shape[1] // 9
    lanes = transformed(sums.weights.reshape(-1, 3, 3, in_ch))[:, READ] & 0xFFFF
    # [block][out][position][four channels][lane][two]: channels k, k + 2 and k + 1, k + 3
    lanes = lanes.reshape(-1, CHANNELS, POSITIONS, in_ch // 4, 2, 2)
    words = (lanes[..., 0, :] | lanes[..., 1, :] << 16).transpose(0, 2, 3, 4, 1)
    bias = sums.bias - 128 * sums.weights.sum(axis=1)  # inputs are taken 128 too large
    constants = np.zeros((len(bias), CONSTANTS), np.int64)
    constants[:, 0] = FACTOR * bias + form.extra
    constants[:, 1 : 1 + form.constants.shape[1]] = form.constants
    parts = [words.reshape(len(words), -1), constants.reshape(len(words), -1)]
    joined = np.concatenate(parts, axis=1)
    return Const(joined.astype(np.uint32).view(np.int32).reshape(-1), "int32_t")


def params(call: Call) -> Fields:
    """Fields of mcu_conv2d_winograd_s8_dsp_params."""
    sums = exact_sums(call, rows(call))
    form = finish(call, sums)
    return {**geometry_3x3(call), "form": int(form.form), "stream": stream(sums, form)}


def scratch(call: Call) -> int:
    """The transformed inputs of two tiles, two columns; products, or the inputs of one as bytes."""
    in_ch = call.input(0).shape[3]
    columns = 4 * WINDOW * (WINDOW - TILE) * in_ch // 2
    return (
        4 * TILES * POSITIONS * in_ch // 2 + columns + POSITIONS * max(4 * TILES * CHANNELS, in_ch)
    )


def _tiles(call: Call) -> tuple[Array, Array]:
    """The first row and the first column of each tile."""
    _, out_h, out_w, _ = call.output.shape
    y, x = np.meshgrid(np.arange(0, out_h, TILE), np.arange(0, out_w, TILE), indexing="ij")
    return y.reshape(-1), x.reshape(-1)


def overlaps(call: Call) -> Overlaps:
    """Two tiles in a step, which read all that they need before they write."""
    batch, in_h, in_w, in_ch = call.input(0).shape
    _, out_h, out_w, out_ch = call.output.shape
    down, across = convolution(call)
    y, x = _tiles(call)
    steps = np.arange(0, len(y), TILES)
    reads = (np.maximum(y - down.before, 0) * in_w + np.maximum(x - across.before, 0)) * in_ch
    last_y, last_x = np.minimum(y + TILE, out_h) - 1, np.minimum(x + TILE, out_w)
    ends = (last_y * out_w + last_x) * out_ch
    image = np.arange(batch)[:, None]
    reads = image * (in_h * in_w * in_ch) + np.minimum.reduceat(reads, steps)
    ends = image * (out_h * out_w * out_ch) + np.maximum.reduceat(ends, steps)
    return {0: overlap.forwards(reads.reshape(-1), np.maximum.accumulate(ends.reshape(-1)))}


def cost(call: Call) -> Cost:
    """For each tile and input channel 176 cycles, or 31 more, then blocks of output channels."""
    batch, out_h, out_w, out_ch = call.output.shape
    in_ch = call.input(0).shape[3]
    y, x = _tiles(call)
    steps = np.arange(0, len(y), TILES)
    passes, blocks = len(steps), out_ch // CHANNELS
    fresh = int((x == 0).sum()) + len(y) % TILES
    clipped = int(np.maximum.reduceat((y + TILE > out_h) | (x + TILE > out_w), steps).sum())
    likely_fixed = call.output.zero_point == -128
    rounds = 12 if in_ch == UNROLLED else 13 + 5 * (in_ch // UNROLLED)
    products = POSITIONS * (8 * in_ch + rounds)
    outputs = TILES * CHANNELS * (275 if likely_fixed else 312)
    cycles = passes * (176 * TILES * in_ch + 300 + blocks * (products + outputs + 80))
    cycles += 31 * in_ch * fresh + _outside(call) * (24 * in_ch + 150) + clipped * blocks * 420
    constants = blocks * CHANNELS * (2 * POSITIONS * in_ch + 4 * CONSTANTS)
    return Cost(batch * cycles, constants)


def _outside(call: Call) -> int:
    """How many tiles see inputs outside of the image."""
    _, in_h, in_w, _ = call.input(0).shape
    down, across = convolution(call)
    y, x = (first - axis.before for first, axis in zip(_tiles(call), (down, across), strict=True))
    inside = (y >= 0) & (x >= 0) & (y + WINDOW <= in_h) & (x + WINDOW <= in_w)
    return len(y) - int(inside.sum())


KERNEL = Kernel(
    name="mcu_conv2d_winograd_s8_dsp",
    family=Family.DSP,
    dtype=DType.INT8,
    params=params,
    params_type="mcu_conv2d_winograd_s8_dsp_params",
    header="mcu_conv2d_winograd_s8_dsp.h",
    applies=(
        window_is_3x3,
        one_group_without_dilation,
        channels_fill_rounds,
        sums_fit,
        clamp_is_saturation,
        multipliers_fit,
    ),
    scratch=scratch,
    overlap=overlaps,
    cost=cost,
)
