"""What the depthwise kernels that copy channels to planes share (mcu_planes.h)."""

from __future__ import annotations

from mcugen.ir import Call
from mcugen.ops.base import Array, Fields

COUNT = 4  # channels that are copied together


def weight_rows(call: Call) -> Array:
    """The weights of a depthwise convolution, [out_ch][taps]."""
    weights = call.input(1).values()
    rows: Array = weights.reshape(-1, weights.shape[3]).T
    return rows


def sizes(call: Call) -> Fields:
    """The fields that the params structs begin with."""
    batch, in_h, in_w, in_ch = call.input(0).shape
    _, out_h, out_w, out_ch = call.output.shape
    return {
        "batch": batch,
        "in_h": in_h,
        "in_w": in_w,
        "in_ch": in_ch,
        "out_h": out_h,
        "out_w": out_w,
        "out_ch": out_ch,
        "multiplier": out_ch // in_ch,
    }


def copying(call: Call) -> float:
    """Modelled cycles to copy an image to planes, by fours and one by one, and the output back."""
    _, in_h, in_w, in_ch = call.input(0).shape
    _, out_h, out_w, out_ch = call.output.shape
    fours, ones = divmod(out_ch, COUNT)
    back = fours * _four(out_h, out_w) + ones * _one(out_h, out_w)
    if in_ch != out_ch:
        return back + out_ch * _one(in_h, in_w) + 160 * fours + 250 * ones
    return back + fours * (_four(in_h, in_w) + 160) + ones * (_one(in_h, in_w) + 250)


def _four(height: int, width: int) -> float:
    """Four channels."""
    blocks, rest = divmod(width, 4)
    return height * (26.5 * blocks + (0, 12, 19, 29)[rest] + 19)


def _one(height: int, width: int) -> float:
    """One channel."""
    blocks, rest = divmod(width, 4)
    return height * (21 * blocks + 6.5 * rest + 19)
