"""mcu_conv2d_3x3_stride2_s8_dsp: what the 3x3 convolution with stride 2 reads, when it applies.

Its constants are those of `conv2d_3x3_stack_s8_dsp`, with the columns in the order 0, 2, 1.
"""

from __future__ import annotations

from mcugen.ir import Call, DType
from mcugen.ops.base import Cost, Family, Fields, Kernel
from mcugen.ops.kernels.conv2d_3x3_s8_dsp import (
    CHANNELS,
    first_columns,
    overlaps,
    padding_is_narrow,
)
from mcugen.ops.kernels.conv2d_3x3_stack_s8_dsp import (
    DEPTH,
    channels_fill_passes,
    scratch,
    stream,
)
from mcugen.ops.kernels.conv2d_rules import (
    geometry_3x3,
    multipliers_fit,
    one_group_without_dilation,
    rows,
    sums_fit,
    weights_pair_up,
)
from mcugen.ops.kernels.requant import clamp_is_saturation, exact_sums
from mcugen.ops.kernels.times_256 import finish

PIXELS = 4  # output pixels of a row that share a pass
COLUMNS = 9  # of the input, that they see
ORDER = (0, 2, 1)


# ---- rules


def window_is_3x3_stride_2(call: Call) -> str | None:
    """The window must be 3x3 with stride 2."""
    window, stride = call.input(1).shape[1:3], call.attrs.stride
    if window == (3, 3) and stride == (2, 2):
        return None
    return f"window {list(window)}, stride {list(stride)}"


def rows_hold_a_pass(call: Call) -> str | None:
    """Rows must be 9 pixels long or longer, those of the output 4."""
    width, out_w = call.input(0).shape[2], call.output.shape[2]
    return None if width >= COLUMNS and out_w >= PIXELS else f"rows of {width} and {out_w}"


# ---- params


def params(call: Call) -> Fields:
    """Fields of mcu_conv2d_3x3_stride2_s8_dsp_params."""
    sums = exact_sums(call, rows(call))
    form = finish(call, sums)
    return {**geometry_3x3(call), "fixed": int(form.fixed), "stream": stream(sums, form, ORDER)}


def cost(call: Call) -> Cost:
    """42 cycles for 48 products; for each two channels of four pixels about 70; the windows."""
    batch, out_h, _, out_ch = call.output.shape
    in_ch = call.input(0).shape[3]
    likely_fixed = call.output.zero_point == -128
    passes = in_ch // DEPTH
    pairs = out_ch // CHANNELS
    core = pairs * (passes * 1008 + (passes - 1) * 36 + (74 if likely_fixed else 104))
    steps = batch * out_h * len(first_columns(call))
    flash = out_ch * (9 * in_ch + (12 if likely_fixed else 16))
    return Cost(steps * (core + passes * 830 + 60), flash)


KERNEL = Kernel(
    name="mcu_conv2d_3x3_stride2_s8_dsp",
    family=Family.DSP,
    dtype=DType.INT8,
    params=params,
    params_type="mcu_conv2d_3x3_stride2_s8_dsp_params",
    header="mcu_conv2d_3x3_stride2_s8_dsp.h",
    applies=(
        window_is_3x3_stride_2,
        one_group_without_dilation,
        channels_fill_passes,
        rows_hold_a_pass,
        padding_is_narrow,
        weights_pair_up,
        sums_fit,
        clamp_is_saturation,
        multipliers_fit,
    ),
    scratch=scratch,
    overlap=overlaps,
    cost=cost,
)
