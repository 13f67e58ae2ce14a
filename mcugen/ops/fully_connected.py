"""FULLY_CONNECTED: a dense layer, weights [out][in]; the input is flattened to [batch][in]."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any

import numpy as np

from mcugen.fixed import quantize_multipliers
from mcugen.ir import Call, DType
from mcugen.ops import float32, rules, sums
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
    Scheme,
    Shape,
    activation_range,
    apply_activation,
    folded_bias,
)
from mcugen.ops.kernels import (
    fully_connected_packed_s8_ref,
    fully_connected_s8_dsp,
    fully_connected_s8_mve,
    fully_connected_s16_dsp,
    fully_connected_s16_mve,
)

# ---- attributes and decode


class WeightsFormat(enum.Enum):
    """How the weights lie in the file; values are TFLite's codes."""

    DEFAULT = 0
    SHUFFLED4X16INT8 = 1


@dataclass(frozen=True, slots=True)
class FullyConnectedAttrs:
    """`keep_num_dims`: the output has the input's leading dimensions, not one for the batch."""

    activation: Activation
    keep_num_dims: bool
    weights_format: WeightsFormat


def decode(options: Any) -> FullyConnectedAttrs:
    """Read FullyConnectedOptions."""
    return FullyConnectedAttrs(
        activation=Activation(options.FusedActivationFunction()),
        keep_num_dims=bool(options.KeepNumDims()),
        weights_format=WeightsFormat(options.WeightsFormat()),
    )


def encode(call: Call) -> Options:
    """Write FullyConnectedOptions."""
    attrs: FullyConnectedAttrs = call.attrs
    return {
        "fusedActivationFunction": attrs.activation.value,
        "keepNumDims": attrs.keep_num_dims,
        "weightsFormat": attrs.weights_format.value,
    }


# ---- infer


def infer(call: Call) -> tuple[Shape, ...]:
    """Output shape [batch, out], or [..., out] with keep_num_dims."""
    source, (out, depth) = call.input(0), call.input(1).shape
    if call.attrs.keep_num_dims:
        return ((*source.shape[:-1], out),)
    return ((source.elements // depth, out),)


def macs(call: Call) -> int:
    """Multiply-accumulates."""
    return call.output.elements * call.input(1).shape[1]


# ---- rules


def weights_are_2d_constant(call: Call) -> str | None:
    """The weights must be a constant of two dimensions, neither of them 0."""
    weights = call.optional(1)
    if weights is None:
        return "no weights"
    if not weights.is_const:
        return f'weights "{weights.name}" computed at run time'
    if len(weights.shape) == 2 and weights.elements:
        return None
    return f"weights of shape {list(weights.shape)}"


def input_divides_into_rows(call: Call) -> str | None:
    """The input must be a whole number of rows as long as those of the weights.

    With keep_num_dims its last dimension must be such a row.
    """
    source, depth = call.input(0), call.input(1).shape[1]
    if call.attrs.keep_num_dims:
        fits = source.shape[-1:] == (depth,)
    else:
        fits = source.elements % depth == 0
    return None if fits else f"input of shape {list(source.shape)}, weights for {depth} values"


def weights_are_not_shuffled(call: Call) -> str | None:
    """The weights must be stored row by row (weights format DEFAULT)."""
    weights_format = call.attrs.weights_format
    if weights_format is WeightsFormat.DEFAULT:
        return None
    return f"weights format {weights_format.name}"


RULES = (
    weights_are_2d_constant,
    weights_are_not_shuffled,
    input_divides_into_rows,
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


def floating(call: Call, inputs: Arrays) -> list[Array]:
    """Float32 dense layer, as reference_ops::FullyConnected, which adds the bias last."""
    acc = float32.dot(inputs[0].reshape(-1, inputs[1].shape[1]), inputs[1])
    bias = np.float32(0) if call.optional(2) is None else inputs[2].reshape(-1)
    return [apply_activation(call.attrs.activation, (acc + bias).reshape(call.output.shape))]


def quantized(call: Call, inputs: Arrays) -> list[Array]:
    """Int8 or 16x8 dense layer, as reference_integer_ops::FullyConnected of TFLM.

    Desktop TFLite differs by design: it rounds double(sum) * scale.
    """
    weights = inputs[1].astype(np.float64)  # in which sums are exact: |sum| < 2**53
    centred = inputs[0].astype(np.float64) - call.input(0).zero_point
    acc = centred.reshape(-1, weights.shape[1]) @ weights.T
    if call.optional(2) is not None:
        acc = acc + inputs[2].reshape(-1)
    return [finish(call, acc.reshape(call.output.shape))]


def finish(call: Call, acc: Array) -> Array:
    """Outputs from sums [..., channel]: scaled, moved to the zero point, clamped."""
    return sums.finish(call, acc, *multipliers(call))


def multipliers(call: Call) -> tuple[Array, Array]:
    """(Q0.31 multipliers, shifts), one for all outputs or one each.

    The reference multiplies the scales in double in either case (CalculateOpDataFullyConnected);
    older versions did so in float32 where the weights have one scale.
    """
    weights = call.input(1)
    assert weights.quant is not None
    real = call.input(0).scale * np.array(weights.quant.scale) / call.output.scale
    multiplier, shift = quantize_multipliers(real)
    return multiplier, shift


# ---- for the quantizer


def matmul_inputs(call: Call, x: Array) -> Array:
    """The rows of the input, as one group."""
    return x.reshape(1, -1, call.input(1).shape[1])


def matmul_weights(call: Call, weights: Array) -> Array:
    """The weights as one group."""
    return weights[np.newaxis]


def matmul_restore(call: Call, matrix: Array) -> Array:
    """The weights as the file has them."""
    weights: Array = matrix[0]
    return weights


# ---- C parameters and kernels


def params_s8(call: Call) -> Fields:
    """Fields of mcu_fully_connected_s8_params."""
    weights = call.input(1).values()
    out, depth = weights.shape
    multiplier, shift = multipliers(call)
    low, high = activation_range(call.attrs.activation, call.output)
    return {
        "batch": call.output.elements // out,
        "in": depth,
        "out": out,
        "output_offset": call.output.zero_point,
        "act_min": low,
        "act_max": high,
        "per_channel": int(len(multiplier) > 1),
        "weights": Const(weights, "int8_t"),
        "bias": Const(folded_bias(call, weights), "int32_t"),
        "multiplier": Const(multiplier, "int32_t"),
        "shift": Const(shift.astype(np.int8), "int8_t"),
    }


def params_s4(call: Call) -> Fields:
    """Fields of mcu_fully_connected_s4_params."""
    return {**params_s8(call), "weights": sums.packed_weights(call)}


def params_s16(call: Call) -> Fields:
    """Fields of mcu_fully_connected_s16_params."""
    out, depth = call.input(1).shape
    return {
        "batch": call.output.elements // out,
        "in": depth,
        "out": out,
        **sums.fields_s16(call, call.attrs.activation, *sums.multipliers(call)),
    }


def params_f32(call: Call) -> Fields:
    """Fields of mcu_fully_connected_f32_params."""
    weights, bias = call.input(1).values(), call.optional(2)
    out, depth = weights.shape
    return {
        "batch": call.output.elements // out,
        "in": depth,
        "out": out,
        **float32.clamp_fields(call.attrs.activation),
        "weights": Const(weights, "float"),
        "bias": None if bias is None else Const(bias.values(), "float"),
    }


OP = Op(
    name="fully_connected",
    tflite="FULLY_CONNECTED",
    scheme=Scheme(weights_axis=0),
    matmul=Matmul(matmul_inputs, matmul_weights, matmul_restore, finish),
    decode=decode,
    encode=encode,
    infer=infer,
    arity=(2, 3),
    rules=RULES,
    floating=floating,
    quantized=quantized,
    macs=macs,
    kernels=(
        Kernel(
            name="mcu_fully_connected_s8_ref",
            family=Family.REF,
            dtype=DType.INT8,
            params=params_s8,
            params_type="mcu_fully_connected_s8_params",
            header="mcu_fully_connected.h",
            cost=lambda call: Cost(cycles=17 * macs(call) // 4 + 70 * call.output.elements),
        ),
        Kernel(
            name="mcu_fully_connected_f32_ref",
            family=Family.REF,
            dtype=DType.FLOAT32,
            params=params_f32,
            params_type="mcu_fully_connected_f32_params",
            header="mcu_fully_connected_f32.h",
            cost=lambda call: Cost(cycles=6 * macs(call) + 30 * call.output.elements),
        ),
        Kernel(
            name="mcu_fully_connected_s4_ref",
            family=Family.REF,
            dtype=DType.INT8,
            params=params_s4,
            params_type="mcu_fully_connected_s4_params",
            header="mcu_fully_connected_s4.h",
            takes_int4=True,
            cost=lambda call: Cost(cycles=8 * macs(call) + 70 * call.output.elements),
        ),
        Kernel(
            name="mcu_fully_connected_s16_ref",
            family=Family.REF,
            dtype=DType.INT16,
            params=params_s16,
            params_type="mcu_fully_connected_s16_params",
            header="mcu_fully_connected_s16.h",
            cost=lambda call: Cost(cycles=5 * macs(call) + 90 * call.output.elements),
        ),
        fully_connected_packed_s8_ref.KERNEL,
        *fully_connected_s8_dsp.KERNELS,
        fully_connected_s8_mve.KERNEL,
        fully_connected_s16_mve.KERNEL,
        fully_connected_s16_dsp.KERNEL,
    ),
)
