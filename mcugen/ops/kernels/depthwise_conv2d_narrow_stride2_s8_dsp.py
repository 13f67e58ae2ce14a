"""mcu_depthwise_conv2d_narrow_stride2_s8_dsp: 3x3 depthwise, narrow images, stride 2."""

from __future__ import annotations

from mcugen.ir import Call, DType
from mcugen.ops.base import Cost, Family, Kernel
from mcugen.ops.kernels import narrow
from mcugen.ops.kernels.depthwise_conv2d_planes_s8_dsp import kernel_is_3x3
from mcugen.ops.window import convolution

# By columns of the output: cycles of a row of the kernel.
KERNEL_ROW = {3: 11, 4: 15, 6: 21, 7: 26}


# ---- rules


def image_is_narrow(call: Call) -> str | None:
    """The stride must be 2, with 6, 8, 12 or 14 columns, padded by 1 to the right only."""
    _, cols = convolution(call)
    stride = call.attrs.stride
    fits = stride == (2, 2) and cols.size == 2 * cols.out and cols.out in KERNEL_ROW
    if fits and (cols.before, cols.after) == (0, 1):
        return None
    return (
        f"strides {list(stride)}, {cols.size} columns to {cols.out}, "
        f"padding {cols.before} and {cols.after}"
    )


# ---- cost


def cost(call: Call) -> Cost:
    """As `narrow.cost`."""
    return narrow.cost(call, KERNEL_ROW[call.output.shape[2]])


KERNEL = Kernel(
    name="mcu_depthwise_conv2d_narrow_stride2_s8_dsp",
    family=Family.DSP,
    dtype=DType.INT8,
    params=narrow.params,
    params_type="mcu_depthwise_conv2d_narrow_s8_dsp_params",
    header="mcu_depthwise_conv2d_narrow_s8_dsp.h",
    applies=(kernel_is_3x3, image_is_narrow, *narrow.RULES),
    scratch=narrow.scratch,
    overlap=narrow.overlap,
    cost=cost,
)
