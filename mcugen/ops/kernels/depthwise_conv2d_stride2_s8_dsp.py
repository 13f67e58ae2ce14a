"""mcu_depthwise_conv2d_stride2_c.._s8_dsp: 3x3 depthwise, stride 2, straight from the image.

A kernel for each number of channels, which is an immediate in its instructions. The constants are
those of the kernel on planes, with the image's pitch.
"""

from __future__ import annotations

from mcugen.ir import Call, DType
from mcugen.ops.base import Cost, Family, Fields, Kernel
from mcugen.ops.kernels.depthwise_conv2d_planes_s8_dsp import (
    kernel_is_3x3,
    shift_is_exact,
    stream,
)
from mcugen.ops.kernels.requant import clamp_is_saturation
from mcugen.ops.window import convolution

CHANNELS = (16, 32)
MOST_BYTES = 65535  # of a row: a halfword of the stream


# ---- rules


def image_is_halved(call: Call) -> str | None:
    """The stride must be 2, with padding by 1 to the right and below only."""
    pads = [(axis.before, axis.after) for axis in convolution(call)]
    if call.attrs.stride == (2, 2) and pads == [(0, 1), (0, 1)]:
        return None
    return f"strides {list(call.attrs.stride)}, padding {pads}"


def strips_are_whole(call: Call) -> str | None:
    """There must be 4 rows or more, an even number, and 8 columns or more, a multiple of 4."""
    rows, cols = (axis.size for axis in convolution(call))
    if rows >= 4 and rows % 2 == 0 and cols >= 8 and cols % 4 == 0:
        return None
    return f"{rows}x{cols}"


def row_fits_a_halfword(call: Call) -> str | None:
    """A row of the input must have less than 65536 bytes."""
    _, _, cols, channels = call.input(0).shape
    return None if cols * channels <= MOST_BYTES else f"{cols} columns of {channels} channels"


# ---- params


def params(call: Call) -> Fields:
    """Fields of mcu_depthwise_conv2d_stride2_s8_dsp_params."""
    batch, in_h, in_w, channels = call.input(0).shape
    return {
        "batch": batch,
        "in_h": in_h,
        "in_w": in_w,
        "input_zero_point": call.input(0).zero_point,
        "stream": stream(call, in_w * channels),
    }


def cost(call: Call) -> Cost:
    """Strips of two columns, the last one in a loop that is not unrolled."""
    batch, out_h, out_w, channels = call.output.shape
    inner = (out_w // 2 - 1) * (41 * out_h + 33)
    cycles = batch * channels * (inner + 44 * out_h + 60)
    return Cost(cycles + 100, flash=28 * channels)


def _kernel(count: int) -> Kernel:
    def channels_are(call: Call) -> str | None:
        in_ch, out_ch = call.input(0).shape[3], call.output.shape[3]
        return None if in_ch == out_ch == count else f"{in_ch} channels to {out_ch}"

    channels_are.__doc__ = f"There must be {count} channels, and the depth multiplier must be 1."
    return Kernel(
        name=f"mcu_depthwise_conv2d_stride2_c{count}_s8_dsp",
        family=Family.DSP,
        dtype=DType.INT8,
        params=params,
        params_type="mcu_depthwise_conv2d_stride2_s8_dsp_params",
        header="mcu_depthwise_conv2d_stride2_s8_dsp.h",
        applies=(
            kernel_is_3x3,
            channels_are,
            image_is_halved,
            strips_are_whole,
            row_fits_a_halfword,
            clamp_is_saturation,
            shift_is_exact,
        ),
        scratch=lambda call: 4 * count + 4,
        cost=cost,
    )


KERNELS = tuple(_kernel(count) for count in CHANNELS)
