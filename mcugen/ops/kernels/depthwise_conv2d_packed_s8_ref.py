"""mcu_depthwise_conv2d_packed_s8_ref: what the depthwise kernel for cores without SIMD reads.

Weights lie as [channels / 4][taps][4], then [taps] of each channel that is left.
"""

from __future__ import annotations

import numpy as np

from mcugen.ir import Call, DType
from mcugen.ops import overlap
from mcugen.ops.base import Array, Const, Cost, Family, Fields, Kernel
from mcugen.ops.kernels import planes
from mcugen.ops.kernels.finish import channels
from mcugen.ops.window import convolution

CHANNELS = 4  # computed together

# ---- rules


def one_output_per_channel(call: Call) -> str | None:
    """The convolution must have depth multiplier 1 and no dilation."""
    in_ch, out_ch, dilation = call.input(0).shape[3], call.output.shape[3], call.attrs.dilation
    if in_ch == out_ch and dilation == (1, 1):
        return None
    return f"multiplier {out_ch // in_ch}, dilation {list(dilation)}"


# ---- params


def _packed(weights: Array) -> Const:
    """Weights [channels][taps] as the kernel reads them."""
    count = len(weights) // CHANNELS * CHANNELS
    fours = weights[:count].reshape(-1, CHANNELS, weights.shape[1]).swapaxes(1, 2)
    stream = np.concatenate([fours.reshape(-1), weights[count:].reshape(-1)])
    return Const(stream.astype(np.int8), "int8_t")


def params(call: Call) -> Fields:
    """Fields of mcu_depthwise_conv2d_packed_s8_params."""
    made = channels(call, planes.weight_rows(call))
    batch, in_h, in_w, in_ch = call.input(0).shape
    rows, cols = convolution(call)
    return {
        "batch": batch,
        "in_h": in_h,
        "in_w": in_w,
        "channels": in_ch,
        "out_h": rows.out,
        "out_w": cols.out,
        "kernel_h": rows.kernel,
        "kernel_w": cols.kernel,
        "stride_h": rows.stride,
        "stride_w": cols.stride,
        "pad_top": rows.before,
        "pad_left": cols.before,
        "input_zero_point": call.input(0).zero_point,
        "finish": made.finish,
        "constants": made.constants,
        "weights": _packed(made.weights),
        "bias": Const(made.bias.astype(np.int32), "int32_t"),
    }


def scratch(call: Call) -> int:
    """A window."""
    return call.input(1).elements


def cost(call: Call) -> Cost:
    """24 cycles for a tap of four channels, 10 for a row, 140 for the four; on a Cortex-M4."""
    _, kernel_h, kernel_w, count = call.input(1).shape
    pixels = call.output.elements // count
    fours, ones = divmod(count, CHANNELS)
    four = kernel_h * (24 * kernel_w + 10) + 140
    one = kernel_h * (9 * kernel_w + 10) + 90
    rows, cols = convolution(call)
    inside = max(rows.out - 2, 0) * max(cols.out - 2, 0) / (rows.out * cols.out)
    border = (1 - inside) * (kernel_h * (kernel_w * count / 2 + 50) + 60)
    return Cost(int(pixels * (fours * four + ones * one + 130 + border)))


KERNEL = Kernel(
    name="mcu_depthwise_conv2d_packed_s8_ref",
    family=Family.REF,
    dtype=DType.INT8,
    params=params,
    params_type="mcu_depthwise_conv2d_packed_s8_params",
    header="mcu_depthwise_conv2d_packed_s8_ref.h",
    applies=(one_output_per_channel,),
    scratch=scratch,
    overlap=overlap.windows(convolution, overlap.channels_by_fours),
    cost=cost,
)
