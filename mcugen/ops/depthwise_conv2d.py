"""DEPTHWISE_CONV_2D: each channel convolved by itself, weights [1][kernel_h][kernel_w][out_ch]."""

from __future__ import annotations

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
    Options,
    Scheme,
    Shape,
    activation_range,
    apply_activation,
    folded_bias,
)
from mcugen.ops.kernels import (
    depthwise_conv2d_3x3_s8_dsp,
    depthwise_conv2d_3x3_s16_dsp,
    depthwise_conv2d_narrow_s8_dsp,
    depthwise_conv2d_packed_s8_ref,
    depthwise_conv2d_planes_s8_dsp,
    depthwise_conv2d_s8_dsp,
    depthwise_conv2d_s8_mve,
    depthwise_conv2d_s16_dsp,
    depthwise_conv2d_s16_mve,
    depthwise_conv2d_stride2_s8_dsp,
)
from mcugen.ops.sums import multipliers
from mcugen.ops.window import (
    convolution,
    convolution_rows,
    decode_convolution,
    encode_convolution,
    patches,
)

# ---- encode


def encode(call: Call) -> Options:
    """Write DepthwiseConv2DOptions; their multiplier is what the shapes tell."""
    multiplier = call.input(1).shape[3] // call.input(0).shape[3]
    return {**encode_convolution(call), "depthMultiplier": multiplier}


# ---- infer


def infer(call: Call) -> tuple[Shape, ...]:
    """Output shape [N, out_h, out_w, out_ch]."""
    rows, cols = convolution(call)
    return ((call.input(0).shape[0], rows.out, cols.out, call.input(1).shape[3]),)


def macs(call: Call) -> int:
    """Multiply-accumulates, border positions counted in full."""
    _, kernel_h, kernel_w, _ = call.input(1).shape
    return call.output.elements * kernel_h * kernel_w


# ---- rules


def channels_divide(call: Call) -> str | None:
    """Weights must have shape [1, kernel_h, kernel_w, a multiple of the input channels]."""
    in_ch, shape = call.input(0).shape[3], call.input(1).shape
    if shape[0] == 1 and in_ch and shape[3] and shape[3] % in_ch == 0:
        return None
    return f"{in_ch} input channels, weights of shape {list(shape)}"


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


def windows(call: Call, x: Array, weights: Array) -> Array:
    """What each tap of each output channel reads, 0 in the padding: [n, y, x, i, j, channel]."""
    rows, cols = convolution(call)
    taps, multiplier = patches(x, rows, cols, 0), weights.shape[3] // x.shape[3]
    return taps if multiplier == 1 else np.repeat(taps, multiplier, axis=5)


def floating(call: Call, inputs: Arrays) -> list[Array]:
    """Float32 depthwise convolution, as reference_ops::DepthwiseConv, which adds the bias last."""
    products = windows(call, inputs[0], inputs[1]) * inputs[1][0]
    n, y, x, _, _, channels = products.shape
    acc = float32.add_up(np.moveaxis(products.reshape(n, y, x, -1, channels), 3, 0))
    bias = np.float32(0) if call.optional(2) is None else inputs[2].reshape(-1)
    return [apply_activation(call.attrs.activation, acc + bias)]


def quantized(call: Call, inputs: Arrays) -> list[Array]:
    """Int8 or 16x8 depthwise convolution, as reference_integer_ops::DepthwiseConvPerChannel.

    Sums are taken in float64, which is exact: |sum| < 2**53.
    """
    centred = inputs[0].astype(np.float64) - call.input(0).zero_point
    weights = inputs[1][0].astype(np.float64)
    acc = np.einsum("nyxijc,ijc->nyxc", windows(call, centred, inputs[1]), weights)
    if call.optional(2) is not None:
        acc = acc + inputs[2].reshape(-1)
    return [finish(call, acc)]


def finish(call: Call, acc: Array) -> Array:
    """Outputs from sums [..., channel]: scaled, moved to the zero point, clamped."""
    return sums.finish(call, acc, *multipliers(call))


# ---- for the quantizer


def matmul_inputs(call: Call, x: Array) -> Array:
    """The windows of each input channel."""
    rows, cols = convolution(call)
    windows = patches(x, rows, cols, 0.0)
    return np.moveaxis(windows, 5, 0).reshape(x.shape[3], -1, rows.kernel * cols.kernel)


def matmul_weights(call: Call, weights: Array) -> Array:
    """The weights of each input channel, a row for each of its outputs."""
    channels = call.input(0).shape[3]
    taps = weights.shape[1] * weights.shape[2]
    matrix: Array = weights.reshape(taps, channels, -1).transpose(1, 2, 0)
    return matrix


def matmul_restore(call: Call, matrix: Array) -> Array:
    """The weights as the file has them."""
    weights: Array = matrix.transpose(2, 0, 1).reshape(call.input(1).shape)
    return weights


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
    """Fields of mcu_depthwise_conv2d_s8_params."""
    multiplier, shift = multipliers(call)
    low, high = activation_range(call.attrs.activation, call.output)
    weights = call.input(1).values()[0]
    out_ch = weights.shape[-1]
    return {
        **layout(call),
        "input_zero_point": call.input(0).zero_point,
        "output_offset": call.output.zero_point,
        "act_min": low,
        "act_max": high,
        "weights": Const(weights, "int8_t"),
        "bias": Const(folded_bias(call, weights.reshape(-1, out_ch).T), "int32_t"),
        "multiplier": Const(multiplier, "int32_t"),
        "shift": Const(shift.astype(np.int8), "int8_t"),
    }


def params_s4(call: Call) -> Fields:
    """Fields of mcu_depthwise_conv2d_s4_params."""
    multiplier, shift = multipliers(call)
    low, high = activation_range(call.attrs.activation, call.output)
    bias = call.optional(2)
    return {
        **layout(call),
        "input_offset": -call.input(0).zero_point,
        "output_offset": call.output.zero_point,
        "act_min": low,
        "act_max": high,
        "weights": sums.packed_weights(call),
        "bias": None if bias is None else Const(bias.values().astype(np.int32), "int32_t"),
        "multiplier": Const(multiplier, "int32_t"),
        "shift": Const(shift.astype(np.int8), "int8_t"),
    }


def params_s16(call: Call) -> Fields:
    """Fields of mcu_depthwise_conv2d_s16_params."""
    return {**layout(call), **sums.fields_s16(call, call.attrs.activation, *multipliers(call))}


def params_f32(call: Call) -> Fields:
    """Fields of mcu_depthwise_conv2d_f32_params."""
    bias = call.optional(2)
    return {
        **layout(call),
        **float32.clamp_fields(call.attrs.activation),
        "weights": Const(call.input(1).values()[0], "float"),
        "bias": None if bias is None else Const(bias.values(), "float"),
    }


def cost_s8_ref(call: Call) -> Cost:
    """As modelled on a Cortex-M4; only blocks of four channels with a multiplier of 1 are quick."""
    per_mac = 9 if call.input(0).shape[3] == call.input(1).shape[3] >= 4 else 25
    return Cost(cycles=per_mac * macs(call) + 85 * call.output.elements)


def blocks(call: Call) -> overlap.Blocks:
    """The order in which the reference kernels compute channels: by fours, or one by one."""
    in_ch, out_ch = call.input(0).shape[3], call.output.shape[3]
    return overlap.channels_by_fours(call) if in_ch == out_ch else one_by_one(call)


def one_by_one(call: Call) -> overlap.Blocks:
    """Channel by channel."""
    in_ch, out_ch = call.input(0).shape[3], call.output.shape[3]
    channels = np.arange(out_ch)
    return overlap.Blocks(channels // (out_ch // in_ch), channels + 1)


OP = Op(
    name="depthwise_conv2d",
    tflite="DEPTHWISE_CONV_2D",
    scheme=Scheme(weights_axis=3),
    matmul=Matmul(matmul_inputs, matmul_weights, matmul_restore, finish),
    decode=decode_convolution,
    encode=encode,
    infer=infer,
    rows=convolution_rows,
    arity=(2, 3),
    rules=RULES,
    floating=floating,
    quantized=quantized,
    macs=macs,
    kernels=(
        Kernel(
            name="mcu_depthwise_conv2d_s8_ref",
            family=Family.REF,
            dtype=DType.INT8,
            params=params_s8,
            params_type="mcu_depthwise_conv2d_s8_params",
            header="mcu_depthwise_conv2d.h",
            overlap=overlap.windows(convolution, blocks),
            cost=cost_s8_ref,
        ),
        Kernel(
            name="mcu_depthwise_conv2d_f32_ref",
            family=Family.REF,
            dtype=DType.FLOAT32,
            params=params_f32,
            params_type="mcu_depthwise_conv2d_f32_params",
            header="mcu_depthwise_conv2d_f32.h",
            overlap=overlap.windows(convolution, blocks),
            cost=lambda call: Cost(cycles=10 * macs(call) + 40 * call.output.elements),
        ),
        Kernel(
            name="mcu_depthwise_conv2d_s4_ref",
            family=Family.REF,
            dtype=DType.INT8,
            params=params_s4,
            params_type="mcu_depthwise_conv2d_s4_params",
            header="mcu_depthwise_conv2d_s4.h",
            overlap=overlap.windows(convolution, one_by_one),
            takes_int4=True,
            cost=lambda call: Cost(cycles=20 * macs(call) + 90 * call.output.elements),
        ),
        Kernel(
            name="mcu_depthwise_conv2d_s16_ref",
            family=Family.REF,
            dtype=DType.INT16,
            params=params_s16,
            params_type="mcu_depthwise_conv2d_s16_params",
            header="mcu_depthwise_conv2d_s16.h",
            overlap=overlap.windows(convolution, blocks),
            cost=lambda call: Cost(cycles=9 * macs(call) + 80 * call.output.elements),
        ),
        depthwise_conv2d_packed_s8_ref.KERNEL,
        depthwise_conv2d_3x3_s8_dsp.KERNEL,
        depthwise_conv2d_planes_s8_dsp.KERNEL,
        depthwise_conv2d_planes_s8_dsp.PITCHED,
        *depthwise_conv2d_narrow_s8_dsp.KERNELS,
        *depthwise_conv2d_stride2_s8_dsp.KERNELS,
        depthwise_conv2d_s8_dsp.KERNEL,
        depthwise_conv2d_s8_mve.KERNEL,
        depthwise_conv2d_s16_mve.KERNEL,
        *depthwise_conv2d_3x3_s16_dsp.KERNELS,
        depthwise_conv2d_s16_dsp.KERNEL,
    ),
)
