"""What AVERAGE_POOL_2D and MAX_POOL_2D share: everything but the arithmetic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mcugen.ir import Call, DType
from mcugen.ops import float32, rules
from mcugen.ops.base import Activation, Fields, Options, Shape, activation_range
from mcugen.ops.window import Axis, Explicit, Padding, axis, encoded, sides

SCALE_TOLERANCE = (
    1e-6  # what the reference allows (PoolingPrepare, micro/kernels/pooling_common.cc)
)
MAX_WINDOW, MAX_WINDOW_16 = 2**24, 2**15  # values whose int8 or int16 sum surely fits an int32


@dataclass(frozen=True, slots=True)
class Pool2DAttrs:
    """Window and strides are (rows, columns)."""

    padding: Padding | Explicit
    stride: tuple[int, int]
    window: tuple[int, int]
    activation: Activation


def decode(options: Any) -> Pool2DAttrs:
    """Read Pool2DOptions."""
    return Pool2DAttrs(
        padding=Padding(options.Padding()),
        stride=(options.StrideH(), options.StrideW()),
        window=(options.FilterHeight(), options.FilterWidth()),
        activation=Activation(options.FusedActivationFunction()),
    )


def encode(call: Call) -> Options:
    """Write Pool2DOptions."""
    attrs: Pool2DAttrs = call.attrs
    return {
        "padding": encoded(attrs.padding),
        "strideH": attrs.stride[0],
        "strideW": attrs.stride[1],
        "filterHeight": attrs.window[0],
        "filterWidth": attrs.window[1],
        "fusedActivationFunction": attrs.activation.value,
    }


def geometry(call: Call) -> tuple[Axis, Axis]:
    """The sliding window along rows and columns."""
    _, in_h, in_w, _ = call.input(0).shape
    attrs: Pool2DAttrs = call.attrs
    rows, cols = sides(attrs.padding)
    return (
        axis(in_h, attrs.window[0], attrs.stride[0], 1, rows),
        axis(in_w, attrs.window[1], attrs.stride[1], 1, cols),
    )


def rows(call: Call) -> dict[int, Axis]:
    """The rows that a pool sees."""
    return {0: geometry(call)[0]}


def infer(call: Call) -> tuple[Shape, ...]:
    """Output shape [N, out_h, out_w, channels]."""
    rows, cols = geometry(call)
    batch, _, _, channels = call.input(0).shape
    return ((batch, rows.out, cols.out, channels),)


def window_is_sensible(call: Call) -> str | None:
    """The window must be 1 or more in rows and columns; in all at most 2**24, of int16 2**15."""
    rows, cols = call.attrs.window
    most = MAX_WINDOW_16 if call.input(0).dtype is DType.INT16 else MAX_WINDOW
    if min(rows, cols) >= 1 and rows * cols <= most:
        return None
    return f"window {rows}x{cols}"


def quantization_is_kept(call: Call) -> str | None:
    """Input and output must share the zero point and, to within 1e-6, the scale."""
    source, target = call.input(0), call.output
    if source.dtype.is_float or (
        abs(source.scale - target.scale) <= SCALE_TOLERANCE
        and source.zero_point == target.zero_point
    ):
        return None
    return (
        f"input scale {source.scale:g} zero point {source.zero_point}, "
        f"output scale {target.scale:g} zero point {target.zero_point}"
    )


RULES = (
    rules.input_is_4d,
    rules.strides_are_positive,
    window_is_sensible,
    rules.window_fits,
    rules.activation_is_a_clamp,
    rules.same_type_in_out_16,
    rules.activations_are_quantized,
    rules.clamp_fits_int32,
    quantization_is_kept,
)


def layout(call: Call) -> Fields:
    """The fields that all params structs of pools begin with."""
    batch, in_h, in_w, channels = call.input(0).shape
    rows, cols = geometry(call)
    return {
        "batch": batch,
        "in_h": in_h,
        "in_w": in_w,
        "channels": channels,
        "out_h": rows.out,
        "out_w": cols.out,
        "window_h": rows.kernel,
        "window_w": cols.kernel,
        "stride_h": rows.stride,
        "stride_w": cols.stride,
        "pad_top": rows.before,
        "pad_left": cols.before,
    }


def params_s(call: Call) -> Fields:
    """Fields of mcu_pool2d_s8_params and mcu_pool2d_s16_params."""
    low, high = activation_range(call.attrs.activation, call.output)
    return {**layout(call), "act_min": low, "act_max": high}


def params_f32(call: Call) -> Fields:
    """Fields of mcu_pool2d_f32_params."""
    return {**layout(call), **float32.clamp_fields(call.attrs.activation)}


def values_read(call: Call) -> int:
    """Input values that all windows read, border positions counted in full."""
    rows, cols = call.attrs.window
    return int(call.output.elements * rows * cols)
