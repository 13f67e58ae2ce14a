"""mcu_depthwise_conv2d_s8_dsp: depthwise convolution with any kernel and stride, what it reads.

For each output channel, weights and bias times 256:

    2 words      per row and four taps: lanes (w0, w2), lanes (w1, w3); zeros behind the last tap
    4 words      bias, multiplier, offset, shift
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mcugen.ir import Call, DType
from mcugen.ops.base import Array, Const, Cost, Family, Fields, Kernel, Overlap, Overlaps
from mcugen.ops.kernels import planes
from mcugen.ops.kernels.requant import (
    clamp_is_saturation,
    exact_sums,
    multipliers_are_small,
    requant,
    sums_fit_24_bits,
)
from mcugen.ops.window import convolution


def _fours(call: Call) -> int:
    """Steps of four taps in a row of the kernel."""
    return -(-call.input(1).shape[2] // 4)


@dataclass(frozen=True, slots=True)
class Plane:
    """One channel in scratch: the input with its padding, and room for pairs of windows."""

    pitch: int
    bytes: int


def plane(call: Call) -> Plane:
    """The plane of a convolution."""
    rows, cols = convolution(call)
    pairs = -(-cols.out // 2)
    width = max(cols.before + cols.size, (2 * pairs - 1) * cols.stride + 4 * _fours(call))
    pitch = -(-width // 4) * 4
    height = max(rows.before + rows.size, (rows.out - 1) * rows.stride + rows.kernel)
    return Plane(pitch, -(-height * pitch // 16) * 16)


# ---- rules


def no_dilation(call: Call) -> str | None:
    """The convolution must have no dilation."""
    dilation = call.attrs.dilation
    return None if dilation == (1, 1) else f"dilation {list(dilation)}"


def sums_fit(call: Call) -> str | None:
    """Every sum must stay below 2**23 in size, so that 256 times it fits a register."""
    return sums_fit_24_bits(call, planes.weight_rows(call))


def multipliers_fit(call: Call) -> str | None:
    """Requantization multipliers must lie in [2**-23, 1/2)."""
    return multipliers_are_small(call, planes.weight_rows(call))


# ---- params


def params(call: Call) -> Fields:
    """Fields of mcu_depthwise_conv2d_s8_dsp_params."""
    rows, cols = convolution(call)
    sums = exact_sums(call, planes.weight_rows(call))
    form = requant(call, sums)
    taps = sums.weights.reshape(-1, rows.kernel, cols.kernel)
    taps = np.pad(taps, ((0, 0), (0, 0), (0, -cols.kernel % 4)))
    fours = 256 * taps.reshape(len(taps), -1, 2, 2) & 0xFFFF  # [channel][four][lane][word]
    words: Array = fours[:, :, 0] | fours[:, :, 1] << 16
    finish = np.stack([256 * sums.bias, form.multiplier, form.offset, form.shift], axis=1)
    stream = np.concatenate([words.reshape(len(taps), -1), finish], axis=1) & 0xFFFFFFFF
    shape = plane(call)
    return {
        "kernel_h": rows.kernel,
        "kernel_fours": _fours(call),
        "stride_h": rows.stride,
        "stride_w": cols.stride,
        "clamped": form.form.value,
        **planes.layout(call, shape.pitch // planes.WORD, shape.pitch, shape.bytes),
        "stream": Const(stream.astype(np.uint32).view(np.int32), "int32_t"),
    }


def scratch(call: Call) -> int:
    """Four planes, or one for each of fewer channels."""
    return min(planes.COUNT, call.output.shape[3]) * plane(call).bytes


def cost(call: Call) -> Cost:
    """The windows, two at a time, and the copying."""
    rows, cols = convolution(call)
    batch, _, _, out_ch = call.output.shape
    general = 0 if call.output.zero_point == -128 else 6
    row = 16 * _fours(call) + 4
    pair = row * rows.kernel + 38 + general
    channel = rows.out * (-(-cols.out // 2) * pair + 60) + 60
    shape = plane(call)
    copying = planes.copying(call, shape.pitch // planes.WORD, shape.pitch, shape.bytes)
    words = 2 * _fours(call) * rows.kernel + 4
    return Cost(int(batch * (out_ch * channel + copying)), flash=4 * words * out_ch)


def overlap(call: Call) -> Overlaps:
    """In place: results of a channel go where its planes were read from."""
    before, after = call.input(0).shape, call.output.shape
    fits = before[3] == after[3] and after[1] * after[2] <= before[1] * before[2]
    return {0: Overlap(0, exact=True)} if fits else {}


KERNEL = Kernel(
    name="mcu_depthwise_conv2d_s8_dsp",
    family=Family.DSP,
    dtype=DType.INT8,
    params=params,
    params_type="mcu_depthwise_conv2d_s8_dsp_params",
    header="mcu_depthwise_conv2d_s8_dsp.h",
    applies=(no_dilation, sums_fit, clamp_is_saturation, multipliers_fit),
    scratch=scratch,
    overlap=overlap,
    cost=cost,
)
