"""mcu_conv2d_s8_dsp: what the convolution for cores with SIMD reads, and when it applies.

Its constants are a stream of `channel_pairs`; the taps are [kernel_h][kernel_w][in_ch].
"""

from __future__ import annotations

from mcugen.ir import Call, DType
from mcugen.ops import overlap
from mcugen.ops.base import Array, Cost, Family, Fields, Kernel
from mcugen.ops.kernels import channel_pairs
from mcugen.ops.kernels.requant import (
    clamp_is_saturation,
    exact_sums,
    multipliers_are_small,
    requant,
    sums_fit_24_bits,
)
from mcugen.ops.window import convolution

PIXELS = 2  # output pixels that share a pass


def _rows(call: Call) -> Array:
    """The weights [out_ch][taps]."""
    weights = call.input(1).values()
    return weights.reshape(weights.shape[0], -1)


def _pixels(call: Call) -> int:
    return call.output.elements // call.output.shape[3]


# ---- rules


def one_group_without_dilation(call: Call) -> str | None:
    """The convolution must have one group and no dilation."""
    depth, in_ch, dilation = call.input(1).shape[3], call.input(0).shape[3], call.attrs.dilation
    if depth == in_ch and dilation == (1, 1):
        return None
    return f"{in_ch // depth} groups, dilation {list(dilation)}"


def weights_pair_up(call: Call) -> str | None:
    """Weights must lie in [-127, 127], so that two fit a lane of 16 bits."""
    return channel_pairs.weights_pair_up(_rows(call))


def sums_fit(call: Call) -> str | None:
    """Every sum must stay below 2**23 in size, so that 256 times it fits a register."""
    return sums_fit_24_bits(call, _rows(call))


def multipliers_fit(call: Call) -> str | None:
    """Requantization multipliers must lie in [2**-23, 1/2)."""
    return multipliers_are_small(call, _rows(call))


# ---- params


def params(call: Call) -> Fields:
    """Fields of mcu_conv2d_s8_dsp_params."""
    sums = exact_sums(call, _rows(call))
    form = requant(call, sums)
    batch, in_h, in_w, in_ch = call.input(0).shape
    _, out_h, out_w, out_ch = call.output.shape
    rows, cols = convolution(call)
    return {
        "batch": batch,
        "in_h": in_h,
        "in_w": in_w,
        "in_ch": in_ch,
        "out_h": out_h,
        "out_w": out_w,
        "out_ch": out_ch,
        "kernel_h": rows.kernel,
        "kernel_w": cols.kernel,
        "stride_h": rows.stride,
        "stride_w": cols.stride,
        "pad_top": rows.before,
        "pad_left": cols.before,
        "input_zero_point": call.input(0).zero_point,
        "clamped": form.form.value,
        "stream": channel_pairs.stream(sums, form),
    }


def _fours(call: Call) -> int:
    """Taps of a channel, in fours."""
    taps: int = _rows(call).shape[1]
    return -(-taps // 4)


def scratch(call: Call) -> int:
    """The windows of two pixels as int16, and one as int8 with room for a word behind it."""
    return (2 * PIXELS + 1) * 4 * _fours(call) + 4


def cost(call: Call) -> Cost:
    """15 cycles for 16 products, about 100 for each four channels of two pixels, the windows."""
    pixels, fours = _pixels(call), _fours(call)
    requantization = 97 if call.output.zero_point == -128 else 115
    groups = channel_pairs.groups_of(call.output.shape[3])
    core = -(-pixels // PIXELS) * groups * (30 * fours + requantization)
    window = 7 * fours + _window_overhead(call)
    return Cost(core + pixels * window, channel_pairs.stream_bytes(call.output.shape[3], 4 * fours))


def _window_overhead(call: Call) -> int:
    """Cycles that one window takes besides widening it."""
    _, kernel_h, kernel_w, in_ch = call.input(1).shape
    if in_ch % 4 != 0:
        return 24 * kernel_h + 170
    pointwise = kernel_h * kernel_w == 1 and call.attrs.stride == (1, 1)
    return 60 if pointwise else 10 * kernel_h + 120


KERNEL = Kernel(
    name="mcu_conv2d_s8_dsp",
    family=Family.DSP,
    dtype=DType.INT8,
    params=params,
    params_type="mcu_conv2d_s8_dsp_params",
    header="mcu_conv2d_s8_dsp.h",
    applies=(
        one_group_without_dilation,
        weights_pair_up,
        sums_fit,
        clamp_is_saturation,
        multipliers_fit,
    ),
    scratch=scratch,
    overlap=overlap.windows(convolution, overlap.all_channels, PIXELS),
    cost=cost,
)
