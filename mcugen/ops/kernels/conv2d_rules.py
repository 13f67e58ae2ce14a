"""What the convolutions with packed weights have in common: their limits and their geometry."""

from __future__ import annotations

from mcugen.ir import Call
from mcugen.ops.base import Array, Fields
from mcugen.ops.kernels import channel_pairs
from mcugen.ops.kernels.requant import multipliers_are_small, sums_fit_24_bits
from mcugen.ops.window import convolution


def rows(call: Call) -> Array:
    """The weights [out_ch][taps]."""
    weights = call.input(1).values()
    return weights.reshape(weights.shape[0], -1)


def geometry(call: Call) -> Fields:
    """Sizes, strides and padding, as the params structs name them."""
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
    }


def geometry_3x3(call: Call) -> Fields:
    """The geometry of a kernel that knows its window and its stride."""
    known = ("kernel_h", "kernel_w", "stride_h", "stride_w")
    return {name: value for name, value in geometry(call).items() if name not in known}


# ---- rules


def one_group_without_dilation(call: Call) -> str | None:
    """The convolution must have one group and no dilation."""
    depth, in_ch, dilation = call.input(1).shape[3], call.input(0).shape[3], call.attrs.dilation
    if depth == in_ch and dilation == (1, 1):
        return None
    return f"{in_ch // depth} groups, dilation {list(dilation)}"


def window_is_3x3(call: Call) -> str | None:
    """The window must be 3x3 with stride 1."""
    window, stride = call.input(1).shape[1:3], call.attrs.stride
    if window == (3, 3) and stride == (1, 1):
        return None
    return f"window {list(window)}, stride {list(stride)}"


def weights_pair_up(call: Call) -> str | None:
    """Weights must lie in [-127, 127], so that two fit a lane of 16 bits."""
    return channel_pairs.weights_pair_up(rows(call))


def sums_fit(call: Call) -> str | None:
    """Every sum must stay below 2**23 in size, so that 256 times it fits a register."""
    return sums_fit_24_bits(call, rows(call))


def multipliers_fit(call: Call) -> str | None:
    """Requantization multipliers must lie in [2**-23, 1/2)."""
    return multipliers_are_small(call, rows(call))
