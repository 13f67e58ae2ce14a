"""CONV_2D: 2-D convolution, NHWC, weights [out_ch][kernel_h][kernel_w][in_ch / groups]."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mcugen.ir import Call, DType
from mcugen.ops import float32, overlap, rules, sums
from mcugen.ops.base import (
    Array,
    Arrays,
    Const,
    Cost,
    Family,
    Fields,
    Kernel,
    Matmul,
    Op,
    Scheme,
    Shape,
    activation_range,
    apply_activation,
)
from mcugen.ops.kernels import (
    conv2d_1x1_s8_dsp,
    conv2d_1x1_stack_s8_dsp,
    conv2d_3x3_few_s8_dsp,
    conv2d_3x3_s8_dsp,
    conv2d_3x3_stack_s8_dsp,
    conv2d_10x4_s8_dsp,
    conv2d_packed_s8_ref,
    conv2d_s8_dsp,
    conv2d_s8_mve,
    conv2d_s16_dsp,
    conv2d_s16_mve,
    conv2d_winograd_s8_dsp,
)
from mcugen.ops.sums import multipliers
from mcugen.ops.window import (
    convolution,
    convolution_rows,
    decode_convolution,
    encode_convolution,
    patches,
)

# ---- infer


def infer(call: Call) -> tuple[Shape, ...]:
    """Output shape [N, out_h, out_w, out_ch]."""
    rows, cols = convolution(call)
    return ((call.input(0).shape[0], rows.out, cols.out, call.input(1).shape[0]),)


def groups(call: Call) -> int:
    """Number of channel groups: input channels over weight depth."""
    return call.input(0).shape[3] // call.input(1).shape[3]


def macs(call: Call) -> int:
    """Multiply-accumulates, border positions counted in full."""
    _, kernel_h, kernel_w, depth = call.input(1).shape
    return call.output.elements * kernel_h * kernel_w * depth


# ---- rules


def channels_divide(call: Call) -> str | None:
    """Input channels must be a multiple of the weights' depth, output channels of the groups."""
    in_ch, (out_ch, _, _, depth) = call.input(0).shape[3], call.input(1).shape
    if depth and in_ch and in_ch % depth == 0 and out_ch % (in_ch // depth) == 0:
        return None
    return f"{in_ch} input channels, {out_ch} output channels, weights of depth {depth}"


RULES = (
    rules.input_is_4d,
    rules.weights_are_4d_constant,
    rules.strides_are_positive,
    channels_divide,
    rules.window_fits,
    rules.activation_is_a_clamp,
    rules.types_are_conv,
    rules.activations_are_quantized,
    rules.clamp_fits_int32,
    rules.weights_are_symmetric,
    rules.bias_matches_channels,
    rules.accumulator_fits_int32,
    rules.multiplier_is_defined,
)


# ---- semantics


def dot_exact(rows: Array, weights: Array) -> Array:
    """[n, k] times [out, k] of integers, in float64, which is exact: |sum| < 2**53."""
    product: Array = rows.astype(np.float64) @ weights.T.astype(np.float64)
    return product


def accumulate(call: Call, x: Array, weights: Array, dot: Callable[[Array, Array], Array]) -> Array:
    """The sums before the bias, padding counting as 0."""
    rows, cols = convolution(call)
    windows = patches(x, rows, cols, 0)
    n, out_h, out_w = windows.shape[:3]
    count = groups(call)
    depth, per_group = weights.shape[3], weights.shape[0] // count
    parts = [
        dot(
            windows[..., g * depth : (g + 1) * depth].reshape(n * out_h * out_w, -1),
            weights[g * per_group : (g + 1) * per_group].reshape(per_group, -1),
        )
        for g in range(count)
    ]
    return np.concatenate(parts, axis=1).reshape(n, out_h, out_w, -1)


def floating(call: Call, inputs: Arrays) -> list[Array]:
    """Float32 convolution, as reference_ops::Conv, which adds the bias last."""
    acc = accumulate(call, inputs[0], inputs[1], float32.dot)
    bias = np.float32(0) if call.optional(2) is None else inputs[2].reshape(-1)
    return [apply_activation(call.attrs.activation, acc + bias)]


def quantized(call: Call, inputs: Arrays) -> list[Array]:
    """Int8 or 16x8 convolution, as reference_integer_ops::ConvPerChannel."""
    centred = inputs[0].astype(np.int32) - call.input(0).zero_point
    acc = accumulate(call, centred, inputs[1], dot_exact)
    if call.optional(2) is not None:
        acc = acc + inputs[2].reshape(-1)
    return [finish(call, acc)]


def finish(call: Call, acc: Array) -> Array:
    """Outputs from sums [..., channel]: scaled, moved to the zero point, clamped."""
    return sums.finish(call, acc, *multipliers(call))


# ---- for the quantizer


def matmul_inputs(call: Call, x: Array) -> Array:
    """The windows of each group, flattened as the weights are."""
    rows, cols = convolution(call)
    windows = patches(x, rows, cols, 0.0)
    split = windows.reshape(*windows.shape[:5], groups(call), -1)
    k = call.input(1).elements // call.input(1).shape[0]
    return np.moveaxis(split, 5, 0).reshape(groups(call), -1, k)


def matmul_weights(call: Call, weights: Array) -> Array:
    """The weights of each group, a row for each output channel."""
    return weights.reshape(groups(call), weights.shape[0] // groups(call), -1)


def matmul_restore(call: Call, matrix: Array) -> Array:
    """The weights as the file has them."""
    return matrix.reshape(call.input(1).shape)


# ---- C parameters and kernels


def layout(call: Call) -> Fields:
    """The fields that all params structs of this operator begin with."""
    batch, in_h, in_w, in_ch = call.input(0).shape
    _, out_h, out_w, out_ch = call.output.shape
    rows, cols = convolution(call)
    return {
        "batch": batch,
        "in_h": in_h,
        "in_w": in_w,
        "in_ch": in_ch,
        "out_h": out_h,
        "out_w": out_w,
        "out_ch": out_ch,
        "groups": groups(call),
        "kernel_h": rows.kernel,
        "kernel_w": cols.kernel,
        "stride_h": rows.stride,
        "stride_w": cols.stride,
        "dilation_h": rows.dilation,
        "dilation_w": cols.dilation,
        "pad_top": rows.before,
        "pad_left": cols.before,
    }


def params_s8(call: Call) -> Fields:
    """Fields of mcu_conv2d_s8_params."""
    multiplier, shift = multipliers(call)
    low, high = activation_range(call.attrs.activation, call.output)
    bias = call.optional(2)
    return {
        **layout(call),
        "input_offset": -call.input(0).zero_point,
        "output_offset": call.output.zero_point,
        "act_min": low,
        "act_max": high,
        "weights": Const(call.input(1).values(), "int8_t"),
        "bias": None if bias is None else Const(bias.values().astype(np.int32), "int32_t"),
        "multiplier": Const(multiplier, "int32_t"),
        "shift": Const(shift.astype(np.int8), "int8_t"),
    }


def params_s4(call: Call) -> Fields:
    """Fields of mcu_conv2d_s4_params."""
    return {**params_s8(call), "weights": sums.packed_weights(call)}


def params_s16(call: Call) -> Fields:
    """Fields of mcu_conv2d_s16_params."""
    return {**layout(call), **sums.fields_s16(call, call.attrs.activation, *multipliers(call))}


def params_f32(call: Call) -> Fields:
    """Fields of mcu_conv2d_f32_params."""
    bias = call.optional(2)
    return {
        **layout(call),
        **float32.clamp_fields(call.attrs.activation),
        "weights": Const(call.input(1).values(), "float"),
        "bias": None if bias is None else Const(bias.values(), "float"),
    }


def blocks(call: Call) -> overlap.Blocks:
    """The order in which the reference kernels compute channels: group by group, by fours."""
    per_group, count = call.output.shape[3] // groups(call), groups(call)
    starts = overlap.fours(per_group)
    ends = np.append(starts[1:], per_group)
    firsts = np.repeat(np.arange(count), len(starts))
    return overlap.Blocks(
        firsts * call.input(1).shape[3], firsts * per_group + np.tile(ends, count)
    )


def cost_ref(call: Call) -> Cost:
    """Products in blocks of four channels, and for each output its rows of taps and its scaling."""
    rows = call.input(1).shape[1]
    return Cost(cycles=4 * macs(call) + (20 * rows + 75) * call.output.elements)


def cost_s16_ref(call: Call) -> Cost:
    """The same with sums of 64 bits."""
    rows = call.input(1).shape[1]
    return Cost(cycles=4 * macs(call) + (26 * rows + 133) * call.output.elements)


def one_by_one(call: Call) -> overlap.Blocks:
    """The order of a kernel that computes channel by channel."""
    channels = np.arange(call.output.shape[3])
    per_group = call.output.shape[3] // groups(call)
    return overlap.Blocks(channels // per_group * call.input(1).shape[3], channels + 1)


OP = Op(
    name="conv2d",
    tflite="CONV_2D",
    decode=decode_convolution,
    encode=encode_convolution,
    infer=infer,
    rows=convolution_rows,
    rules=RULES,
    floating=floating,
    quantized=quantized,
    macs=macs,
    scheme=Scheme(weights_axis=0),
    matmul=Matmul(matmul_inputs, matmul_weights, matmul_restore, finish),
    kernels=(
        Kernel(
            name="mcu_conv2d_s8_ref",
            family=Family.REF,
            dtype=DType.INT8,
            params=params_s8,
            params_type="mcu_conv2d_s8_params",
            header="mcu_conv2d.h",
            overlap=overlap.windows(convolution, blocks),
            cost=cost_ref,
        ),
        Kernel(
            name="mcu_conv2d_s4_ref",
            family=Family.REF,
            dtype=DType.INT8,
            params=params_s4,
            params_type="mcu_conv2d_s4_params",
            header="mcu_conv2d_s4.h",
            overlap=overlap.windows(convolution, one_by_one),
            takes_int4=True,
            cost=lambda call: Cost(cycles=9 * macs(call) + 60 * call.output.elements),
        ),
        Kernel(
            name="mcu_conv2d_s16_ref",
            family=Family.REF,
            dtype=DType.INT16,
            params=params_s16,
            params_type="mcu_conv2d_s16_params",
            header="mcu_conv2d_s16.h",
            overlap=overlap.windows(convolution, blocks),
            cost=cost_s16_ref,
        ),
        conv2d_packed_s8_ref.KERNEL,
        conv2d_s8_dsp.KERNEL,
        *conv2d_1x1_s8_dsp.KERNELS,
        *conv2d_1x1_stack_s8_dsp.KERNELS,
        conv2d_3x3_s8_dsp.KERNEL,
        *conv2d_3x3_stack_s8_dsp.KERNELS,
        *conv2d_3x3_few_s8_dsp.KERNELS,
        conv2d_10x4_s8_dsp.KERNEL,
        conv2d_winograd_s8_dsp.KERNEL,
        conv2d_s8_mve.KERNEL,
        conv2d_s16_mve.KERNEL,
        *conv2d_s16_dsp.KERNELS,
        Kernel(
            name="mcu_conv2d_f32_ref",
            family=Family.REF,
            dtype=DType.FLOAT32,
            params=params_f32,
            params_type="mcu_conv2d_f32_params",
            header="mcu_conv2d_f32.h",
            overlap=overlap.windows(convolution, blocks),
            cost=lambda call: Cost(cycles=6 * macs(call) + 40 * call.output.elements),
        ),
    ),
)
