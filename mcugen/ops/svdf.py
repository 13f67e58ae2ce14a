"""SVDF: a dense layer of low rank over time; its state holds the features of the last inferences.

The inputs are the data [batch][in], feature weights [filters][in], time weights [filters][memory],
maybe a bias [units], and the state [batch][filters * memory]; `rank` filters make a unit. TFLite
Micro reads the bias of a file that has none, and ignores the activation of int8.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mcugen.fixed import multiply_by_quantized_multiplier, quantize_multiplier, requantize
from mcugen.ir import Call, DType
from mcugen.ops import float32, rules
from mcugen.ops.base import (
    Activation,
    Array,
    Arrays,
    Const,
    Cost,
    Family,
    Fields,
    Kernel,
    Op,
    Options,
    Shape,
)

STATE = 4  # the position of the state

# ---- attributes and decode


@dataclass(frozen=True, slots=True)
class SvdfAttrs:
    """`rank` filters are added up to a unit."""

    rank: int
    activation: Activation


def decode(options: Any) -> SvdfAttrs:
    """Read SVDFOptions."""
    return SvdfAttrs(options.Rank(), Activation(options.FusedActivationFunction()))


def encode(call: Call) -> Options:
    """Write SVDFOptions."""
    attrs: SvdfAttrs = call.attrs
    return {"rank": attrs.rank, "fusedActivationFunction": attrs.activation.value}


# ---- infer


def infer(call: Call) -> tuple[Shape, ...]:
    """[batch][units]."""
    return ((call.input(0).shape[0], call.input(1).shape[0] // call.attrs.rank),)


def macs(call: Call) -> int:
    """Multiply-accumulates over features and over time."""
    return call.input(0).shape[0] * (call.input(1).elements + call.input(2).elements)


# ---- rules


def has_a_state(call: Call) -> str | None:
    """There must be five inputs, with the state; only the bias may be absent."""
    return None if call.optional(STATE) is not None else "no state"


def weights_are_constant(call: Call) -> str | None:
    """Both weights and a bias must be constant."""
    for position in (1, 2, 3):
        tensor = call.optional(position)
        if tensor is None and position < 3:
            return f"no input {position}"
        if tensor is not None and not tensor.is_const:
            return f"input {position} computed at run time"
    return None


def types_fit(call: Call) -> str | None:
    """All types must be float32; or int8, but time weights and state int16 and a bias int32."""
    found = [None if tensor is None else tensor.dtype for tensor in (*call.inputs, call.output)]
    floats = [DType.FLOAT32] * 6
    integers = [DType.INT8, DType.INT8, DType.INT16, DType.INT32, DType.INT16, DType.INT8]
    for allowed in (floats, integers):
        if found == allowed or found == [*allowed[:3], None, *allowed[4:]]:
            return None
    return ", ".join("none" if dtype is None else dtype.value for dtype in found)


def shapes_fit(call: Call) -> str | None:
    """The shapes must be [batch][in], [units * rank][in], [units * rank][memory] and [units]."""
    shapes = [None if tensor is None else tensor.shape for tensor in call.inputs]
    found = f"rank {call.attrs.rank}, inputs of shape {', '.join(map(str, shapes))}"
    data, features, time, state = (call.input(i).shape for i in (0, 1, 2, STATE))
    if not len(data) == len(features) == len(time) == 2 or call.attrs.rank < 1:
        return found
    filters, memory = time
    bias = (filters // call.attrs.rank,)
    good = features == (filters, data[1]) and filters % call.attrs.rank == 0
    good = good and state == (data[0], filters * memory) and shapes[3] in (None, bias)
    return None if good else found


def quantization_fits(call: Call) -> str | None:
    """Int8 and int16 tensors must have one scale, and zero point 0 but for input and output."""
    if call.input(0).dtype.is_float:
        return None
    for tensor in (*(call.input(i) for i in (0, 1, 2, STATE)), call.output):
        if tensor.quant is None or tensor.quant.is_per_channel:
            return f'"{tensor.name}" without one scale'
    zero_points = [call.input(i).zero_point for i in (1, 2, STATE)]
    return f"zero points {zero_points} of weights and state" if any(zero_points) else None


def activation_clamps_nothing(call: Call) -> str | None:
    """The activation of int8 must be NONE, or RELU with an output of zero point -128."""
    activation, output = call.attrs.activation, call.output
    if output.dtype.is_float or activation is Activation.NONE:
        return None
    if activation is Activation.RELU and output.zero_point == -128:
        return None
    return f"activation {activation.name}"


def sums_fit_int32(call: Call) -> str | None:
    """The sums over features and over time must stay below 2**31, moved left by their multiplier.

    The reference overflows an int32 beyond that, which C leaves undefined.
    """
    if call.input(0).dtype.is_float:
        return None
    features, time = (np.abs(call.input(i).values().astype(np.int64)) for i in (1, 2))
    bias = 0 if call.optional(3) is None else np.abs(call.input(3).values().astype(np.int64))
    units = (time.sum(axis=1) * 2**15).reshape(-1, call.attrs.rank).sum(axis=1) + bias
    sums = int(features.sum(axis=1).max()) * 255, int(units.max())
    most = max(map(rules.moved_left, sums, _ratios(call)))
    return None if most <= rules.INT32_MAX else f"a sum may reach {most:g}"


RULES = (
    has_a_state,
    weights_are_constant,
    types_fit,
    shapes_fit,
    quantization_fits,
    activation_clamps_nothing,
    sums_fit_int32,
)


# ---- semantics


def _remembered(call: Call, state: Array, features: Array) -> Array:
    """The state [batch][filters][memory] with its oldest features dropped and the newest added."""
    filters, memory = call.input(2).shape
    old = state.reshape(len(features), filters, memory)
    return np.concatenate([old[..., 1:], features[..., None].astype(state.dtype)], axis=2)


def floating(call: Call, inputs: Arrays) -> list[Array]:
    """Float32, as EvalFloatSvdfReference: output, new state."""
    state = _remembered(call, inputs[STATE], float32.dot(inputs[0], inputs[1]))
    recalled = float32.add_up(np.moveaxis(state * inputs[2], 2, 0))
    units = np.zeros(call.output.shape, np.float32)
    if call.optional(3) is not None:
        units += inputs[3]
    for filters in np.moveaxis(recalled.reshape(*units.shape, call.attrs.rank), 2, 0):
        units += filters
    return [float32.activate(call.attrs.activation, units), state.reshape(inputs[STATE].shape)]


def quantized(call: Call, inputs: Arrays) -> list[Array]:
    """Int8 with an int16 state, as EvalIntegerSvdfReference: output, new state."""
    centred = inputs[0].astype(np.int64) - call.input(0).zero_point
    multipliers = scaling(call)
    scaled = multiply_by_quantized_multiplier(
        centred @ inputs[1].T.astype(np.int64), *multipliers[0]
    )
    state = _remembered(call, inputs[STATE], np.clip(scaled, -(2**15), 2**15 - 1))
    products = state.astype(np.int64) * inputs[2]
    units = products.sum(axis=2).reshape(*call.output.shape, call.attrs.rank).sum(axis=2)
    biased = units if call.optional(3) is None else units + inputs[3]
    output = requantize(biased, *multipliers[1], call.output.zero_point, -128, 127)
    return [output, state.reshape(inputs[STATE].shape)]


def scaling(call: Call) -> tuple[tuple[int, int], tuple[int, int]]:
    """(Multiplier, shift) of features and of outputs."""
    features, output = _ratios(call)
    return quantize_multiplier(features), quantize_multiplier(output)


def _ratios(call: Call) -> tuple[float, float]:
    """The real multipliers of features and of outputs; the reference multiplies in float32."""
    data, features, time, state = (np.float32(call.input(i).scale) for i in (0, 1, 2, STATE))
    with np.errstate(over="ignore"):
        return float(data * features / state), float(state * time / np.float32(call.output.scale))


# ---- C parameters and kernels


def params_s8(call: Call) -> Fields:
    """Fields of mcu_svdf_s8_params."""
    filters, memory = call.input(2).shape
    (feature_multiplier, feature_shift), (multiplier, shift) = scaling(call)
    bias = call.optional(3)
    return {
        "batch": call.input(0).shape[0],
        "in_size": call.input(0).shape[1],
        "units": filters // call.attrs.rank,
        "rank": call.attrs.rank,
        "memory": memory,
        "input_offset": -call.input(0).zero_point,
        "feature_multiplier": feature_multiplier,
        "feature_shift": feature_shift,
        "multiplier": multiplier,
        "shift": shift,
        "output_offset": call.output.zero_point,
        "features": Const(call.input(1).values(), "int8_t"),
        "time": Const(call.input(2).values(), "int16_t"),
        "bias": None if bias is None else Const(bias.values().astype(np.int32), "int32_t"),
    }


def params_f32(call: Call) -> Fields:
    """Fields of mcu_svdf_f32_params."""
    filters, memory = call.input(2).shape
    bias = call.optional(3)
    return {
        "batch": call.input(0).shape[0],
        "in_size": call.input(0).shape[1],
        "units": filters // call.attrs.rank,
        "rank": call.attrs.rank,
        "memory": memory,
        **float32.activation_fields(call.attrs.activation),
        "features": Const(call.input(1).values(), "float"),
        "time": Const(call.input(2).values(), "float"),
        "bias": None if bias is None else Const(bias.values(), "float"),
    }


OP = Op(
    name="svdf",
    tflite="SVDF",
    decode=decode,
    encode=encode,
    infer=infer,
    rules=RULES,
    floating=floating,
    quantized=quantized,
    macs=macs,
    arity=(3, 5),
    state=(STATE,),
    hybrid=(1, 2),
    kernels=(
        Kernel(
            name="mcu_svdf_s8_ref",
            family=Family.REF,
            dtype=DType.INT8,
            params=params_s8,
            params_type="mcu_svdf_s8_params",
            header="mcu_svdf.h",
            operands=(0, STATE),
            cost=lambda call: Cost(cycles=6 * macs(call) + 60 * call.input(2).shape[0]),
        ),
        Kernel(
            name="mcu_svdf_f32_ref",
            family=Family.REF,
            dtype=DType.FLOAT32,
            params=params_f32,
            params_type="mcu_svdf_f32_params",
            header="mcu_svdf_f32.h",
            operands=(0, STATE),
            cost=lambda call: Cost(cycles=10 * macs(call) + 110 * call.input(2).shape[0]),
        ),
    ),
)
