"""UNIDIRECTIONAL_SEQUENCE_LSTM: its states are the hidden vector and the cell, int16 beside int8.

As TFLite Micro: four gates with weights and biases, no peepholes, projection or normalisation.
LiteRT's BUILTIN_REF multiplies cell and gates of int8 another way, and differs by 1 now and then;
of float32 it takes activations besides TANH, and reads stale memory with NONE.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mcugen.fixed import (
    multiply_by_quantized_multiplier,
    quantize_multiplier,
    requantize,
    round_half_away,
)
from mcugen.ir import Call, DType, Quant, Tensor
from mcugen.ops import float32, rules, sigmoid_s16
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
    Recurrent,
    Shape,
)

INPUT_WEIGHTS, HIDDEN_WEIGHTS, BIASES = (1, 2, 3, 4), (5, 6, 7, 8), (12, 13, 14, 15)
ABSENT = (9, 10, 11, 16, 17, 20, 21, 22, 23)  # peepholes, projection, layer normalisation
HIDDEN, CELL = 18, 19
GATES = 4  # input, forget, cell, output
GATE_SCALE = 2.0**-12  # what the nonlinear functions take: Q3.12
UNIT_SCALE = 2.0**-15  # what they give: Q0.15
MAX_BIAS = 2**30  # leaves as much again for the products

# ---- attributes and decode


@dataclass(frozen=True, slots=True)
class LstmAttrs:
    """`time_major`: the first axis is time, the second the batch, not the other way round.

    `cell_clip` and `projection_clip` are 0.0 for none.
    """

    nonlinearity: Activation
    cell_clip: float
    projection_clip: float
    time_major: bool


def decode(options: Any) -> LstmAttrs:
    """Read UnidirectionalSequenceLSTMOptions."""
    return LstmAttrs(
        nonlinearity=Activation(options.FusedActivationFunction()),
        cell_clip=options.CellClip(),
        projection_clip=options.ProjClip(),
        time_major=bool(options.TimeMajor()),
    )


def encode(call: Call) -> Options:
    """Write UnidirectionalSequenceLSTMOptions."""
    attrs: LstmAttrs = call.attrs
    return {
        "fusedActivationFunction": attrs.nonlinearity.value,
        "cellClip": attrs.cell_clip,
        "projClip": attrs.projection_clip,
        "timeMajor": attrs.time_major,
    }


# ---- infer


def infer(call: Call) -> tuple[Shape, ...]:
    """The input's shape with units in place of features."""
    return ((*call.input(0).shape[:2], call.input(INPUT_WEIGHTS[0]).shape[0]),)


def sizes(call: Call) -> tuple[int, int, int, int]:
    """(Batch, steps, features, units)."""
    first, second, features = call.input(0).shape
    batch, steps = (second, first) if call.attrs.time_major else (first, second)
    return batch, steps, features, call.input(INPUT_WEIGHTS[0]).shape[0]


def macs(call: Call) -> int:
    """Multiply-accumulates of all gates and steps."""
    batch, steps, features, units = sizes(call)
    return batch * steps * GATES * units * (features + units)


# ---- rules


def _tensors(call: Call, positions: tuple[int, ...]) -> list[Tensor]:
    return [call.input(position) for position in positions]


def has_plain_gates(call: Call) -> str | None:
    """It must have weights, biases and states, but no peephole, projection or normalisation."""
    if len(call.inputs) != 24:
        return f"{len(call.inputs)} inputs"
    for position, tensor in enumerate(call.inputs):
        if (tensor is None) != (position in ABSENT):
            return f"input {position} is {'absent' if tensor is None else 'given'}"
    constants = _tensors(call, (*INPUT_WEIGHTS, *HIDDEN_WEIGHTS, *BIASES))
    return None if all(t.is_const for t in constants) else "weights computed at run time"


def types_fit(call: Call) -> str | None:
    """All types must be float32; or int8, but int32 for biases and int16 for the cell."""
    given = [tensor for tensor in (*call.inputs, call.output) if tensor is not None]
    if all(tensor.dtype is DType.FLOAT32 for tensor in given):
        return None
    int8 = _tensors(call, (0, *INPUT_WEIGHTS, *HIDDEN_WEIGHTS, HIDDEN))
    wrong = [t for t in (*int8, call.output) if t.dtype is not DType.INT8]
    wrong += [t for t in _tensors(call, BIASES) if t.dtype is not DType.INT32]
    wrong += [t for t in _tensors(call, (CELL,)) if t.dtype is not DType.INT16]
    return f'"{wrong[0].name}" of type {wrong[0].dtype.value}' if wrong else None


def shapes_fit(call: Call) -> str | None:
    """The shapes must be [batch][time][in], [units][in], [units][units] and [units]."""
    shapes = [None if tensor is None else tensor.shape for tensor in call.inputs]
    found = f"inputs of shape {', '.join(map(str, shapes))}"
    if len(call.input(0).shape) != 3 or len(call.input(INPUT_WEIGHTS[0]).shape) != 2:
        return found
    batch, _, features, units = sizes(call)
    good = all(t.shape == (units, features) for t in _tensors(call, INPUT_WEIGHTS))
    good = good and all(t.shape == (units, units) for t in _tensors(call, HIDDEN_WEIGHTS))
    good = good and all(t.shape == (units,) for t in _tensors(call, BIASES))
    good = good and all(t.elements == batch * units for t in _tensors(call, (HIDDEN, CELL)))
    return None if good else found


def quantization_fits(call: Call) -> str | None:
    """In int8 each needs one scale, the cell a power of two; weights and cell zero point 0."""
    if call.output.dtype.is_float:
        return None
    symmetric = _tensors(call, (*INPUT_WEIGHTS, *HIDDEN_WEIGHTS, CELL))
    for tensor in (*symmetric, *_tensors(call, (0, HIDDEN)), call.output):
        if tensor.quant is None or tensor.quant.is_per_channel:
            return f'"{tensor.name}" without one scale'
    for tensor in symmetric:
        if tensor.zero_point != 0:
            return f'"{tensor.name}" with zero point {tensor.zero_point}'
    power = cell_power(call)
    if 2.0**power != call.input(CELL).scale or not -27 <= power <= -1:
        return f"a cell of scale {call.input(CELL).scale:g}"
    return None


def output_is_hidden(call: Call) -> str | None:
    """An int8 output must have scale and zero point of the hidden state."""
    hidden, output = call.input(HIDDEN).quant, call.output.quant
    return None if hidden == output else "an output with another quantization"


def nonlinearity_fits(call: Call) -> str | None:
    """The activation must be TANH, of float32 any but NONE; without a clip of the projection."""
    attrs: LstmAttrs = call.attrs
    allowed = [Activation.TANH]
    if call.output.dtype.is_float:
        allowed = [activation for activation in Activation if activation is not Activation.NONE]
    if attrs.nonlinearity not in allowed:
        return f"activation {attrs.nonlinearity.name}"
    return f"a clip of {attrs.projection_clip:g}" if attrs.projection_clip else None


def sums_fit_int32(call: Call) -> str | None:
    """|weights| * 256 + |bias| must stay below 2**31, moved left by the multiplier of its gate.

    The reference overflows an int32 beyond that, which C leaves undefined.
    """
    if call.output.dtype.is_float:
        return None
    most = 0.0
    for positions, source in ((INPUT_WEIGHTS, 0), (HIDDEN_WEIGHTS, HIDDEN)):
        for weights, bias in zip(_tensors(call, positions), _tensors(call, BIASES), strict=True):
            sums = np.abs(weights.values().astype(np.int64)).sum(axis=1) * 256
            bound = int((sums + np.abs(bias.values().astype(np.int64))).max())
            ratio = call.input(source).scale * weights.scale / GATE_SCALE
            most = max(most, rules.moved_left(bound, ratio))
    return None if most <= rules.INT32_MAX else f"a sum may reach {most:g}"


def hidden_scale_is_sane(call: Call) -> str | None:
    """The scale of an int8 hidden state must be above 2**-30."""
    if call.output.dtype.is_float:
        return None
    scale = call.input(HIDDEN).scale
    return None if scale > UNIT_SCALE**2 else f"scale {scale:g}"


RULES = (
    has_plain_gates,
    types_fit,
    shapes_fit,
    quantization_fits,
    output_is_hidden,
    nonlinearity_fits,
    sums_fit_int32,
    hidden_scale_is_sane,
)


# ---- semantics


def cell_power(call: Call) -> int:
    """The power of two next to the cell's scale."""
    return round(math.log2(call.input(CELL).scale))


def cell_clip(call: Call) -> int:
    """The largest cell, 32767 for no clip; the reference lets the fraction fall."""
    clip = float(np.float32(call.attrs.cell_clip)) / call.input(CELL).scale
    return int(min(clip, 32767.0)) if call.attrs.cell_clip > 0 else 32767


def gate_scaling(call: Call) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """(Multiplier, shift) of the products with inputs and with the hidden state, for each gate."""
    x, h = call.input(0).scale, call.input(HIDDEN).scale
    return (
        [quantize_multiplier(x * t.scale / GATE_SCALE) for t in _tensors(call, INPUT_WEIGHTS)],
        [quantize_multiplier(h * t.scale / GATE_SCALE) for t in _tensors(call, HIDDEN_WEIGHTS)],
    )


def product_scaling(call: Call) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int]]:
    """(Multiplier, shift) of forget * cell, input * cell gate, and tanh * output gate."""
    return (
        quantize_multiplier(UNIT_SCALE),
        quantize_multiplier(UNIT_SCALE * UNIT_SCALE / call.input(CELL).scale),
        quantize_multiplier(UNIT_SCALE * UNIT_SCALE / call.input(HIDDEN).scale),
    )


def _saturated(x: Array) -> Array:
    return np.clip(x, -(2**15), 2**15 - 1)


def _gate(call: Call, gate: int, x: Array, hidden: Array) -> Array:
    """A gate before its nonlinearity, in Q3.12."""
    inputs, hiddens = gate_scaling(call)
    centred = x.astype(np.int64) - call.input(0).zero_point
    weights = call.input(INPUT_WEIGHTS[gate]).values().astype(np.int64)
    acc = centred @ weights.T + call.input(BIASES[gate]).values()
    fresh = _saturated(multiply_by_quantized_multiplier(acc, *inputs[gate]))
    past = hidden.astype(np.int64) - call.input(HIDDEN).zero_point
    acc = past @ call.input(HIDDEN_WEIGHTS[gate]).values().astype(np.int64).T
    return _saturated(fresh + _saturated(multiply_by_quantized_multiplier(acc, *hiddens[gate])))


def _step(call: Call, x: Array, hidden: Array, cell: Array) -> tuple[Array, Array]:
    """(Hidden state, cell) after one step."""
    gates = [_gate(call, gate, x, hidden) for gate in range(GATES)]
    keep, forget, candidate, emit = (
        (sigmoid_s16.tanh if i == 2 else sigmoid_s16.sigmoid)(gate).astype(np.int64)
        for i, gate in enumerate(gates)
    )
    forgotten, fresh, output = product_scaling(call)
    kept = _saturated(multiply_by_quantized_multiplier(forget * cell, *forgotten))
    added = _saturated(multiply_by_quantized_multiplier(keep * candidate, *fresh))
    clip = cell_clip(call)
    cell = _saturated(kept + added)
    if call.attrs.cell_clip > 0:
        cell = np.clip(cell, -clip, clip)
    seen = sigmoid_s16.tanh(cell, 12 + cell_power(call)).astype(np.int64)
    zero_point = call.input(HIDDEN).zero_point
    return requantize(seen * emit, *output, zero_point, -128, 127), cell.astype(np.int16)


def quantized(call: Call, inputs: Arrays) -> list[Array]:
    """Int8 with an int16 cell: output, hidden state, cell."""
    return _over_time(call, inputs, _step)


def _float_step(call: Call, x: Array, hidden: Array, cell: Array) -> tuple[Array, Array]:
    """(Hidden state, cell) after one step, as TFLite Micro: the bias between the two products."""
    gates = [
        float32.dot(x, call.input(INPUT_WEIGHTS[gate]).values())
        + call.input(BIASES[gate]).values()
        + float32.dot(hidden, call.input(HIDDEN_WEIGHTS[gate]).values())
        for gate in range(GATES)
    ]
    keep, forget, emit = (float32.logistic(gates[i]) for i in (0, 1, 3))
    added = keep * float32.activate(call.attrs.nonlinearity, gates[2])
    cell = np.clip(forget * cell + added, *map(np.float32, float_cell_range(call)))
    return float32.activate(call.attrs.nonlinearity, cell) * emit, cell


def floating(call: Call, inputs: Arrays) -> list[Array]:
    """Float32: output, hidden state, cell."""
    return _over_time(call, inputs, _float_step)


def float_cell_range(call: Call) -> tuple[float, float]:
    """The least and the greatest cell of float32."""
    largest = float(np.finfo(np.float32).max)
    clip = call.attrs.cell_clip if call.attrs.cell_clip > 0 else largest
    return -clip, clip


Step = Callable[[Call, Array, Array, Array], tuple[Array, Array]]


def _over_time(call: Call, inputs: Arrays, advance: Step) -> list[Array]:
    """All steps: output, hidden state, cell."""
    batch, steps, _, units = sizes(call)
    x = inputs[0] if call.attrs.time_major else inputs[0].transpose(1, 0, 2)
    hidden = inputs[HIDDEN].reshape(batch, units)
    cell = inputs[CELL].reshape(batch, units)
    outputs = []
    for step in range(steps):
        hidden, cell = advance(call, x[step], hidden, cell)
        outputs.append(hidden)
    output = np.stack(outputs, axis=0 if call.attrs.time_major else 1)
    return [output, hidden.reshape(inputs[HIDDEN].shape), cell.reshape(inputs[CELL].shape)]


# ---- for the quantizer


def cells(call: Call, inputs: Arrays) -> Array:
    """The cell of float32 after each step, [batch][time][units]."""
    seen = []

    def watched(call: Call, x: Array, hidden: Array, cell: Array) -> tuple[Array, Array]:
        hidden, cell = _float_step(call, x, hidden, cell)
        seen.append(cell)
        return hidden, cell

    _over_time(call, inputs, watched)
    return np.stack(seen, axis=1)


def integers(call: Call, x: Quant, y: Quant, peak: float) -> Mapping[int, Tensor]:
    """Weights with one scale each, biases with that of their products, and both states."""
    found: dict[int, Tensor] = {}
    for gate in range(GATES):
        bias = call.input(BIASES[gate])
        least = float(np.abs(bias.values()).max()) / (x.scale[0] * MAX_BIAS)
        weights = _symmetric(call.input(INPUT_WEIGHTS[gate]), least)
        found[INPUT_WEIGHTS[gate]] = weights
        found[HIDDEN_WEIGHTS[gate]] = _symmetric(call.input(HIDDEN_WEIGHTS[gate]))
        scale = float(np.float32(x.scale[0]) * np.float32(weights.scale))
        data = round_half_away(bias.values() / scale).astype(np.int32)
        found[BIASES[gate]] = replace(
            bias, dtype=DType.INT32, quant=Quant((scale,), (0,)), data=data
        )
    found[HIDDEN] = replace(call.input(HIDDEN), dtype=DType.INT8, quant=y)
    power = max(math.ceil(math.log2(max(peak, 2.0**-12) / (2**15 - 1))), -27)
    found[CELL] = replace(call.input(CELL), dtype=DType.INT16, quant=Quant((2.0**power,), (0,)))
    return found


def intermediates(call: Call) -> list[Tensor]:
    """Empty ones: LiteRT takes the hidden vector's scale from the last, and ignores the gates'."""
    if call.output.dtype.is_float:
        return []
    gates = [
        Tensor(f"{call.node.name}/gate{gate}", (0,), DType.INT16, Quant((GATE_SCALE,), (0,)))
        for gate in range(GATES)
    ]
    hidden = Tensor(f"{call.node.name}/hidden", (0,), DType.INT8, call.input(HIDDEN).quant)
    return [*gates, hidden]


def _symmetric(weights: Tensor, least: float = 0.0) -> Tensor:
    """In int8 with one scale, of at least some size."""
    values = weights.values()
    peak = float(np.abs(values).max())
    scale = float(np.float32(max(peak / 127 if peak > 0 else 1.0, least)))
    data = np.clip(round_half_away(values / scale), -127, 127).astype(np.int8)
    return replace(weights, dtype=DType.INT8, quant=Quant((scale,), (0,)), data=data)


# ---- C parameters and kernels


def params_s8(call: Call) -> Fields:
    """Fields of mcu_lstm_s8_params."""
    batch, steps, features, units = sizes(call)
    inputs, hiddens = gate_scaling(call)
    forgotten, fresh, output = product_scaling(call)

    def stacked(positions: tuple[int, ...]) -> Array:
        return np.stack([tensor.values() for tensor in _tensors(call, positions)])

    return {
        "batch": batch,
        "steps": steps,
        "features": features,
        "units": units,
        "batch_stride": 1 if call.attrs.time_major else steps,
        "step_stride": batch if call.attrs.time_major else 1,
        "input_offset": -call.input(0).zero_point,
        "hidden_offset": -call.input(HIDDEN).zero_point,
        "input_multiplier": tuple(multiplier for multiplier, _ in inputs),
        "input_shift": tuple(shift for _, shift in inputs),
        "hidden_multiplier": tuple(multiplier for multiplier, _ in hiddens),
        "hidden_shift": tuple(shift for _, shift in hiddens),
        "forget_multiplier": forgotten[0],
        "forget_shift": forgotten[1],
        "cell_multiplier": fresh[0],
        "cell_shift": fresh[1],
        "output_multiplier": output[0],
        "output_shift": output[1],
        "cell_min": -cell_clip(call) if call.attrs.cell_clip > 0 else -(2**15),
        "cell_max": cell_clip(call),
        "tanh_shift": 12 + cell_power(call),
        "input_weights": Const(stacked(INPUT_WEIGHTS), "int8_t"),
        "hidden_weights": Const(stacked(HIDDEN_WEIGHTS), "int8_t"),
        "bias": Const(stacked(BIASES).astype(np.int32), "int32_t"),
        "sigmoid": Const(sigmoid_s16.TABLE.astype(np.uint16), "uint16_t"),
    }


def params_f32(call: Call) -> Fields:
    """Fields of mcu_lstm_f32_params."""
    batch, steps, features, units = sizes(call)
    cell_min, cell_max = float_cell_range(call)

    def by_unit(positions: tuple[int, ...]) -> Const:
        return Const(np.stack([t.values() for t in _tensors(call, positions)], axis=1), "float")

    return {
        "batch": batch,
        "steps": steps,
        "features": features,
        "units": units,
        "batch_stride": 1 if call.attrs.time_major else steps,
        "step_stride": batch if call.attrs.time_major else 1,
        **float32.activation_fields(call.attrs.nonlinearity),
        "cell_min": cell_min,
        "cell_max": cell_max,
        "input_weights": by_unit(INPUT_WEIGHTS),
        "hidden_weights": by_unit(HIDDEN_WEIGHTS),
        "bias": by_unit(BIASES),
    }


OP = Op(
    name="unidirectional_sequence_lstm",
    tflite="UNIDIRECTIONAL_SEQUENCE_LSTM",
    decode=decode,
    encode=encode,
    infer=infer,
    rules=RULES,
    floating=floating,
    quantized=quantized,
    macs=macs,
    arity=(1, 24),
    state=(HIDDEN, CELL),
    recurrent=Recurrent(CELL, cells, integers),
    intermediates=intermediates,
    hybrid=(*INPUT_WEIGHTS, *HIDDEN_WEIGHTS),
    kernels=(
        Kernel(
            name="mcu_lstm_s8_ref",
            family=Family.REF,
            dtype=DType.INT8,
            params=params_s8,
            params_type="mcu_lstm_s8_params",
            header="mcu_lstm.h",
            operands=(0, HIDDEN, CELL),
            cost=lambda call: Cost(cycles=6 * macs(call) + 300 * call.output.elements),
        ),
        Kernel(
            name="mcu_lstm_f32_ref",
            family=Family.REF,
            dtype=DType.FLOAT32,
            params=params_f32,
            params_type="mcu_lstm_f32_params",
            header="mcu_lstm_f32.h",
            operands=(0, HIDDEN, CELL),
            cost=lambda call: Cost(cycles=6 * macs(call) + 400 * call.output.elements),
        ),
    ),
)
