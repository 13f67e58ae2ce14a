"""TRANSPOSE_CONV: each input pixel adds its multiple of the weights to a window of the output.

The inputs are the output's shape, weights [out_ch][kernel_h][kernel_w][in_ch], the data and maybe a
bias. The padding is that of a convolution from the output to the input.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mcugen.ir import Call, DType
from mcugen.ops import float32, movers, rules, sums
from mcugen.ops.base import (
    Activation,
    Array,
    Arrays,
    Const,
    Cost,
    Family,
    Fields,
    Kernel,
    Matmul,
    Op,
    Options,
    Rule,
    Scheme,
    Shape,
    activation_range,
    apply_activation,
)
from mcugen.ops.window import Axis, Padding, axis

# ---- attributes and decode


@dataclass(frozen=True, slots=True)
class TransposeConvAttrs:
    """Strides are (rows, columns)."""

    padding: Padding
    stride: tuple[int, int]
    activation: Activation


def decode(options: Any) -> TransposeConvAttrs:
    """Read TransposeConvOptions."""
    return TransposeConvAttrs(
        padding=Padding(options.Padding()),
        stride=(options.StrideH(), options.StrideW()),
        activation=Activation(options.FusedActivationFunction()),
    )


def encode(call: Call) -> Options:
    """Write TransposeConvOptions."""
    attrs: TransposeConvAttrs = call.attrs
    return {
        "padding": attrs.padding.value,
        "strideH": attrs.stride[0],
        "strideW": attrs.stride[1],
        "fusedActivationFunction": attrs.activation.value,
    }


def as_conv(call: Call) -> Call:
    """The call with its inputs in a convolution's order: data, weights, bias."""
    return replace(call, inputs=(call.input(2), call.input(1), call.optional(3)))


# ---- infer


def infer(call: Call) -> tuple[Shape, ...]:
    """The shape that the first input asks for."""
    return (tuple(movers.integers(call, 0)),)


def geometry(call: Call) -> tuple[Axis, Axis]:
    """The window that slides over the rows and the columns of the output."""
    _, out_h, out_w, _ = infer(call)[0]
    _, kernel_h, kernel_w, _ = call.input(1).shape
    attrs: TransposeConvAttrs = call.attrs
    return (
        axis(out_h, kernel_h, attrs.stride[0], 1, attrs.padding),
        axis(out_w, kernel_w, attrs.stride[1], 1, attrs.padding),
    )


def macs(call: Call) -> int:
    """Multiply-accumulates, those that fall outside of the output counted too."""
    return call.input(2).elements * (call.input(1).elements // call.input(1).shape[3])


# ---- rules

shape_known = movers.constant(0, "output shape")


def shape_fits(call: Call) -> str | None:
    """The output shape must be [N, H, W, C], with the data's N and a C for each row of weights."""
    shape = movers.integers(call, 0)
    n, out_ch = call.input(2).shape[0], call.input(1).shape[0]
    if len(shape) == 4 and min(shape) >= 1 and (shape[0], shape[3]) == (n, out_ch):
        return None
    return f"output shape {shape}, batch of {n}, {out_ch} output channels"


def depths_agree(call: Call) -> str | None:
    """The weights must be as deep as the input."""
    depth, channels = call.input(1).shape[3], call.input(2).shape[3]
    return None if depth == channels else f"{channels} channels, weights of depth {depth}"


def _of_conv(rule: Rule) -> Rule:
    @functools.wraps(rule)
    def seen_as_conv(call: Call) -> str | None:
        return rule(as_conv(call))

    return seen_as_conv


RULES = (
    _of_conv(rules.input_is_4d),
    _of_conv(rules.weights_are_4d_constant),
    shape_known,
    shape_fits,
    depths_agree,
    rules.strides_are_positive,
    rules.activation_is_a_clamp,
    _of_conv(rules.types_are_conv),
    _of_conv(rules.activations_are_quantized),
    rules.clamp_fits_int32,
    _of_conv(rules.weights_are_symmetric),
    _of_conv(rules.bias_matches_channels),
    _of_conv(rules.accumulator_fits_int32),
    _of_conv(rules.multiplier_is_defined),
)


# ---- semantics


def accumulate(call: Call, x: Array, weights: Array) -> Array:
    """The sums before the bias: in float64, exact for integers, or one by one in float32."""
    rows, cols = geometry(call)
    n, in_h, in_w, _ = x.shape
    last_h, last_w = (in_h - 1) * rows.stride, (in_w - 1) * cols.stride
    height = max(last_h + rows.kernel, rows.before + rows.size)
    width = max(last_w + cols.kernel, cols.before + cols.size)
    canvas = np.zeros((n, height, width, weights.shape[0]), x.dtype)
    # From the last tap back: an output then meets its inputs in their order, as in the reference.
    for ky in reversed(range(rows.kernel)):
        for kx in reversed(range(cols.kernel)):
            ys = slice(ky, ky + last_h + 1, rows.stride)
            xs = slice(kx, kx + last_w + 1, cols.stride)
            if x.dtype == np.float64:
                canvas[:, ys, xs] += x @ weights[:, ky, kx].T.astype(np.float64)
                continue
            for channel in range(x.shape[3]):
                canvas[:, ys, xs] += x[..., channel, np.newaxis] * weights[:, ky, kx, channel]
    bottom, right = rows.before + rows.size, cols.before + cols.size
    acc: Array = canvas[:, rows.before : bottom, cols.before : right]
    return acc


def semantics(call: Call, inputs: Arrays) -> list[Array]:
    """Float32, or int8 or 16x8 as reference_integer_ops::TransposeConv.

    The first input is int32 always.
    """
    x, weights = inputs[2], inputs[1]
    bias = np.zeros(1, np.float32) if call.optional(3) is None else inputs[3].reshape(-1)
    activation = call.attrs.activation
    if call.output.dtype.is_float:
        return [apply_activation(activation, accumulate(call, x, weights) + bias)]
    centred = x.astype(np.float64) - call.input(2).zero_point
    return [finish(call, (accumulate(call, centred, weights) + bias).astype(np.int64))]


# ---- for the quantizer


def matmul_inputs(call: Call, x: Array) -> Array:
    """What each output meets, as one group of rows that are laid out as the weights are.

    A tap that falls between input pixels, or outside of them, meets a zero.
    """
    rows, cols = geometry(call)
    n, in_h, in_w, channels = x.shape
    last_h, last_w = (in_h - 1) * rows.stride, (in_w - 1) * cols.stride
    top, left = rows.kernel - 1, cols.kernel - 1  # of the first input pixel
    height = top + max(last_h + 1, rows.before + rows.size)
    width = left + max(last_w + 1, cols.before + cols.size)
    spread = np.zeros((n, height, width, channels), x.dtype)
    ys, xs = slice(top, top + last_h + 1, rows.stride), slice(left, left + last_w + 1, cols.stride)
    spread[:, ys, xs] = x
    taps = []
    for ky in range(rows.kernel):
        for kx in range(cols.kernel):
            y, x0 = top + rows.before - ky, left + cols.before - kx
            taps.append(spread[:, y : y + rows.size, x0 : x0 + cols.size])
    return np.stack(taps, axis=3).reshape(1, -1, len(taps) * channels)


def matmul_weights(call: Call, weights: Array) -> Array:
    """The weights as one group, a row for each output channel."""
    return weights.reshape(1, weights.shape[0], -1)


def matmul_restore(call: Call, matrix: Array) -> Array:
    """The weights as the file has them."""
    return matrix.reshape(call.input(1).shape)


def finish(call: Call, acc: Array) -> Array:
    """Outputs from sums [..., channel]: scaled, moved to the zero point, clamped."""
    conv = as_conv(call)
    return sums.finish(conv, acc, *sums.multipliers(conv))


# ---- C parameters and kernels


def layout(call: Call) -> Fields:
    """The fields that all params structs of this operator begin with."""
    batch, in_h, in_w, in_ch = as_conv(call).input(0).shape
    _, out_h, out_w, out_ch = call.output.shape
    rows, cols = geometry(call)
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
    }


def params_f32(call: Call) -> Fields:
    """Fields of mcu_transpose_conv_f32_params."""
    conv = as_conv(call)
    bias = conv.optional(2)
    return {
        **layout(call),
        **float32.clamp_fields(call.attrs.activation),
        "weights": Const(conv.input(1).values(), "float"),
        "bias": None if bias is None else Const(bias.values(), "float"),
    }


def params_s8(call: Call) -> Fields:
    """Fields of mcu_transpose_conv_s8_params."""
    conv = as_conv(call)
    multiplier, shift = sums.multipliers(conv)
    low, high = activation_range(call.attrs.activation, call.output)
    bias = conv.optional(2)
    return {
        **layout(call),
        "input_offset": -conv.input(0).zero_point,
        "output_offset": call.output.zero_point,
        "act_min": low,
        "act_max": high,
        "weights": Const(conv.input(1).values(), "int8_t"),
        "bias": None if bias is None else Const(bias.values().astype(np.int32), "int32_t"),
        "multiplier": Const(multiplier, "int32_t"),
        "shift": Const(shift.astype(np.int8), "int8_t"),
    }


def params_s16(call: Call) -> Fields:
    """Fields of mcu_transpose_conv_s16_params."""
    conv = as_conv(call)
    own = sums.fields_s16(conv, call.attrs.activation, *sums.multipliers(conv))
    return {**layout(call), **own}


OP = Op(
    name="transpose_conv",
    tflite="TRANSPOSE_CONV",
    decode=decode,
    encode=encode,
    infer=infer,
    rules=RULES,
    floating=semantics,
    quantized=semantics,
    macs=macs,
    scheme=Scheme(weights_axis=0, data=2, bias=3),
    matmul=Matmul(matmul_inputs, matmul_weights, matmul_restore, finish),
    arity=(3, 4),
    kernels=(
        Kernel(
            name="mcu_transpose_conv_s8_ref",
            family=Family.REF,
            dtype=DType.INT8,
            params=params_s8,
            params_type="mcu_transpose_conv_s8_params",
            header="mcu_transpose_conv.h",
            operands=(2,),
            cost=lambda call: Cost(cycles=7 * macs(call) + 60 * call.output.elements),
        ),
        Kernel(
            name="mcu_transpose_conv_s16_ref",
            family=Family.REF,
            dtype=DType.INT16,
            params=params_s16,
            params_type="mcu_transpose_conv_s16_params",
            header="mcu_transpose_conv_s16.h",
            operands=(2,),
            cost=lambda call: Cost(cycles=8 * macs(call) + 80 * call.output.elements),
        ),
        Kernel(
            name="mcu_transpose_conv_f32_ref",
            family=Family.REF,
            dtype=DType.FLOAT32,
            params=params_f32,
            params_type="mcu_transpose_conv_f32_params",
            header="mcu_transpose_conv_f32.h",
            operands=(2,),
            cost=lambda call: Cost(cycles=10 * macs(call) + 60 * call.output.elements),
        ),
    ),
)
