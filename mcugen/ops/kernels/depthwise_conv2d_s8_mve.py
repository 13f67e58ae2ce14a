"""mcu_depthwise_conv2d_s8_mve: what the 3x3 depthwise kernel for cores with Helium reads.

For each eight channels, where the last eight overlap those before if need be:

    weights      [9][8], int16
    constants    24 words: biases, multipliers, shifts (negative), channels 0 2 4 6 1 3 5 7 of each
"""

from __future__ import annotations

import numpy as np

from mcugen.ir import Call, DType
from mcugen.ops import overlap
from mcugen.ops.base import Array, Const, Cost, Family, Fields, Kernel
from mcugen.ops.kernels.requant import clamp_is_saturation, multipliers_are_small
from mcugen.ops.kernels.vectors import at_border, channels
from mcugen.ops.window import convolution

LANES = 8  # channels that share a vector
ORDER = (0, 2, 4, 6, 1, 3, 5, 7)


def weight_rows(call: Call) -> Array:
    """The weights [channels][9]."""
    weights = call.input(1).values()
    rows: Array = weights.reshape(-1, weights.shape[3]).T
    return rows


# ---- rules


def kernel_is_3x3(call: Call) -> str | None:
    """The kernel must be 3x3, without dilation and with depth multiplier 1."""
    shape, dilation, in_ch = call.input(1).shape, call.attrs.dilation, call.input(0).shape[3]
    if shape == (1, 3, 3, in_ch) and dilation == (1, 1):
        return None
    return f"weights of shape {list(shape)}, dilation {list(dilation)}"


def eight_channels(call: Call) -> str | None:
    """There must be 8 channels or more."""
    count = call.input(0).shape[3]
    return None if count >= LANES else f"{count} channels"


def products_fit(call: Call) -> str | None:
    """Weights must lie in [-127, 127], so that two products fit 16 bits."""
    return None if weight_rows(call).min(initial=0) > -128 else "a weight of -128"


def multipliers_fit(call: Call) -> str | None:
    """Requantization multipliers must lie in [2**-23, 1/2)."""
    return multipliers_are_small(call, weight_rows(call))


# ---- params


def layout(call: Call) -> Fields:
    """The fields that the params of int8 and of int16 begin with."""
    rows, cols = convolution(call)
    return {
        "batch": call.output.shape[0],
        "in_h": rows.size,
        "in_w": cols.size,
        "channels": call.output.shape[3],
        "out_h": rows.out,
        "out_w": cols.out,
        "stride_h": rows.stride,
        "stride_w": cols.stride,
        "pad_top": rows.before,
        "pad_left": cols.before,
        "input_zero_point": call.input(0).zero_point,
    }


def by_eights(values: Array) -> Array:
    """Values [channels] or [channels][9] of each eight channels."""
    count = len(values)
    eights = np.minimum(np.arange(0, count, LANES), count - LANES)[:, np.newaxis]
    grouped: Array = values[eights + np.arange(LANES)]
    return grouped


def constants(*values: Array) -> Const:
    """What the outputs of each eight channels need, even channels first."""
    parts = [by_eights(v)[:, ORDER] for v in values]
    return Const(np.hstack(parts).astype(np.int32).reshape(-1), "int32_t")


def params(call: Call) -> Fields:
    """Fields of mcu_depthwise_conv2d_mve_params."""
    form = channels(call, weight_rows(call))
    weights = by_eights(form.weights).swapaxes(1, 2)
    return {
        **layout(call),
        "finish": call.output.zero_point,
        "weights": Const(weights.astype(np.int16).reshape(-1), "int16_t"),
        "constants": constants(form.bias, form.multiplier, -form.shift),
    }


def blocks(call: Call) -> overlap.Blocks:
    """The order in which channels are computed."""
    eights = by_eights(np.arange(call.output.shape[3]))
    return overlap.Blocks(eights[:, 0], eights[:, -1] + 1)


def scratch(call: Call) -> int:
    """A pixel of padding."""
    source = call.input(0)
    return source.shape[3] * source.dtype.bytes


def around(call: Call) -> int:
    """Instructions for a pixel beside those of its eights, int8 or int16."""
    last = 78 if call.output.shape[3] % LANES else 0
    return 65 + last + int(at_border(convolution(call)) * 78)


def cost(call: Call) -> Cost:
    """77 instructions for eight outputs, and what is around them."""
    count = call.output.shape[3]
    groups, pixels = -(-count // LANES), call.output.elements // count
    return Cost(pixels * (77 * groups + around(call)), groups * 240)


KERNEL = Kernel(
    name="mcu_depthwise_conv2d_s8_mve",
    family=Family.MVE,
    dtype=DType.INT8,
    params=params,
    params_type="mcu_depthwise_conv2d_mve_params",
    header="mcu_depthwise_conv2d_mve.h",
    applies=(
        kernel_is_3x3,
        eight_channels,
        products_fit,
        clamp_is_saturation,
        multipliers_fit,
    ),
    scratch=scratch,
    overlap=overlap.windows(convolution, blocks),
    cost=cost,
)
