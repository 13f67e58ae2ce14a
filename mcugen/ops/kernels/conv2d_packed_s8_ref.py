"""mcu_conv2d_packed_s8_ref: what the convolution with packed weights for any core reads.

Weights lie as [out_ch / 4][taps][4], plus 128; taps are [kernel_h][kernel_w][in_ch].
"""

from __future__ import annotations

import numpy as np

from mcugen.fixed import INT32_MAX
from mcugen.ir import Call, DType
from mcugen.ops import overlap
from mcugen.ops.base import Array, Const, Cost, Family, Fields, Kernel, folded_bias
from mcugen.ops.kernels.conv2d_rules import one_group_without_dilation, rows
from mcugen.ops.kernels.finish import channels
from mcugen.ops.window import convolution

PIXELS = 2  # output pixels that share a pass
CHANNELS = 4  # output channels that do
STORED = 128  # added to weights


def _pitch(call: Call) -> int:
    """Taps, filled up to a multiple of four."""
    taps: int = rows(call).shape[1]
    return -(-taps // 4) * 4


# ---- rules


def sums_fit(call: Call) -> str | None:
    """Sums with weights plus 128 must fit 32 bits."""
    return sums_beyond(call, rows(call))


def sums_beyond(call: Call, weights: Array) -> str | None:
    """What is found where a sum with weights [channels][taps] plus 128 may not fit 32 bits.

    The short form may lower biases, but takes long to find: it is asked where they are too large.
    """

    def beyond(bias: Array) -> str | None:
        bound = int(np.abs(bias.astype(np.int64)).max(initial=0)) + 2 * 128 * 255 * weights.shape[1]
        return None if bound <= INT32_MAX else f"a sum may reach {bound}"

    return beyond(folded_bias(call, weights)) and beyond(channels(call, weights).bias)


# ---- params


def packed(weights: Array) -> Const:
    """Weights [channels][taps], channels filled up, as the kernel reads them."""
    taps = weights.shape[1]
    stored = np.pad(weights + STORED, ((0, 0), (0, -taps % 4)))
    fours = stored.reshape(-1, CHANNELS, stored.shape[1]).swapaxes(1, 2)
    return Const(fours.astype(np.uint8), "uint8_t")


def params(call: Call) -> Fields:
    """Fields of mcu_conv2d_packed_s8_params."""
    made = channels(call, rows(call), CHANNELS)
    batch, in_h, in_w, in_ch = call.input(0).shape
    _, out_h, out_w, out_ch = call.output.shape
    down, across = convolution(call)
    return {
        "batch": batch,
        "in_h": in_h,
        "in_w": in_w,
        "in_ch": in_ch,
        "out_h": out_h,
        "out_w": out_w,
        "out_ch": out_ch,
        "kernel_h": down.kernel,
        "kernel_w": across.kernel,
        "stride_h": down.stride,
        "stride_w": across.stride,
        "pad_top": down.before,
        "pad_left": across.before,
        "input_zero_point": call.input(0).zero_point,
        "finish": made.finish,
        "constants": made.constants,
        "weights": packed(made.weights),
        "bias": Const(made.bias.astype(np.int32), "int32_t"),
    }


def scratch(call: Call) -> int:
    """The windows of two pixels."""
    return PIXELS * _pitch(call)


def cost(call: Call) -> Cost:
    """19 cycles for 8 products, 35 for an output, the windows; as modelled on a Cortex-M4."""
    out_ch, taps = call.output.shape[3], rows(call).shape[1]
    pixels, groups = call.output.elements // out_ch, -(-out_ch // CHANNELS)
    pass_cycles = 19 * _pitch(call) + 150
    cycles = -(-pixels // PIXELS) * groups * pass_cycles + 30 * call.output.elements
    return Cost(cycles + pixels * (4 * taps + 60 * call.input(1).shape[1] + 110))


KERNEL = Kernel(
    name="mcu_conv2d_packed_s8_ref",
    family=Family.REF,
    dtype=DType.INT8,
    params=params,
    params_type="mcu_conv2d_packed_s8_params",
    header="mcu_conv2d_packed_s8_ref.h",
    applies=(one_group_without_dilation, sums_fit),
    scratch=scratch,
    overlap=overlap.windows(convolution, overlap.all_channels, PIXELS),
    cost=cost,
)
