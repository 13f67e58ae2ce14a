"""Generators of operators with a state: variables, SVDF and LSTM."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mcugen.exporters.builder import quant
from mcugen.ir import DType, TensorId
from mcugen.ops.base import Activation
from mcugen.ops.svdf import SvdfAttrs
from mcugen.ops.unidirectional_sequence_lstm import LstmAttrs
from mcugen.testing.fuzz.elementwise import Grow
from mcugen.testing.fuzz.sketch import Sketch


def svdf(s: Sketch) -> None:
    """SVDF; TFLite Micro wants a bias, and ignores the activation of int8."""
    dtype = s.dtype("svdf")
    s.require(dtype.is_float or s.reference == "tflm")  # LiteRT rounds int8 another way
    x = s.source(dtype, ranks=(2,))
    data = s.tensors[x]
    batch, size = data.shape
    rank, units, memory = s.whole(1, 3), s.size(), s.size()
    filters = rank * units
    s.require(filters * (size + memory) <= 4000)
    if dtype.is_float:
        shapes = ((filters, size), (filters, memory), (units,))
        weights = [s.const(s.values(dtype, shape), dtype) for shape in shapes]
        bias = weights[2] if s.reference == "tflm" or s.flip() else None
        state = s.state(dtype, (batch, filters * memory), None)
        attrs = SvdfAttrs(rank, s.pick(tuple(Activation)))
        s.add("svdf", [x, *weights[:2], bias, state], attrs, dtype, None)
        return
    state_scale, feature_scale, time_scale = s.scale(0.1), s.scale(0.01), s.scale(2.0**-14)
    features = s.values(DType.INT8, (filters, size))
    time = s.rng.integers(-9000, 9000, (filters, memory))
    biases = s.rng.integers(-(10**6), 10**6, units)
    out = s.quant(DType.INT8, state_scale * time_scale * 2e5 * np.sqrt(rank * memory))
    assert out is not None
    inputs = [
        x,
        s.const(features, DType.INT8, quant(feature_scale)),
        s.const(time, DType.INT16, quant(time_scale)),
        s.const(biases, DType.INT32, quant(float(np.float32(state_scale * time_scale)))),
        s.state(DType.INT16, (batch, filters * memory), quant(state_scale)),
    ]
    clamp = out.zero_point[0] == -128 and s.flip()
    attrs = SvdfAttrs(rank, Activation.RELU if clamp else Activation.NONE)
    s.add("svdf", inputs, attrs, DType.INT8, out)


def lstm(s: Sketch) -> None:
    """UNIDIRECTIONAL_SEQUENCE_LSTM over a few steps; TFLite Micro knows no activation but TANH."""
    dtype = s.dtype("unidirectional_sequence_lstm")
    s.require(dtype.is_float or s.reference == "tflm")  # LiteRT multiplies int8 another way
    x = s.source(dtype, ranks=(3,))
    data = s.tensors[x]
    time_major, units = s.flip(0.3), s.size()
    steps, batch = data.shape[:2] if time_major else (data.shape[1], data.shape[0])
    features = data.shape[2]
    s.require(steps <= 12 and units * (units + features) <= 4000)
    hidden_quant = s.quant(dtype, 1 / 128, 0.5)

    def constants(around: float, *shape: int) -> list[TensorId]:
        """Those of the four gates."""
        if dtype.is_float:
            arrays = (around * s.rng.standard_normal(shape) for _ in range(4))
            return [s.const(array, dtype) for array in arrays]
        arrays = (np.clip(s.values(DType.INT8, shape), -127, 127) for _ in range(4))
        return [s.const(array, DType.INT8, quant(s.scale(around, 0.5))) for array in arrays]

    def bias(w: TensorId) -> TensorId:
        values = s.rng.integers(-3000, 3000, units)
        return s.const(values, DType.INT32, quant(data.scale * s.tensors[w].scale))

    nonlinearity = Activation.TANH
    if dtype.is_float:
        fresh, past = constants(s.scale(0.3), units, features), constants(0.3, units, units)
        biases = constants(1.0, units)
        cell = s.state(dtype, (batch, units), None)
        if s.reference == "litert" and s.flip():
            nonlinearity = s.pick([a for a in Activation if a is not Activation.NONE])
    else:
        around = 0.02 / max(1.0, 10 * data.scale * np.sqrt(features))
        fresh, past = constants(around, units, features), constants(0.01, units, units)
        biases = [bias(w) for w in fresh]
        cell = s.state(DType.INT16, (batch, units), quant(2.0 ** -s.whole(9, 15)))
    hidden = s.state(dtype, (batch, units), hidden_quant)
    inputs = [x, *fresh, *past, *[None] * 3, *biases, None, None, hidden, cell, *[None] * 4]
    attrs = LstmAttrs(nonlinearity, s.pick((0.0, 0.0, 0.7, 10.0)), 0.0, time_major)
    s.add("unidirectional_sequence_lstm", inputs, attrs, dtype, hidden_quant)


def variable(op: str) -> Grow:
    """READ_VARIABLE or ASSIGN_VARIABLE, with the other one, which TFLM wants as well.

    LiteRT refuses to read a variable before it has a value.
    """

    def grow(s: Sketch) -> None:
        x = s.source(s.dtype(op))
        dtype, shape, affine = s.tensors[x].dtype, s.tensors[x].shape, s.tensors[x].quant
        first = s.values(dtype, shape) if s.flip(0.4) else None
        variable = s.state(dtype, shape, affine, first)
        orders = [("assign", "read"), ("read", "assign"), ("read", "assign", "read")]
        wanted = s.wanted
        for step in s.pick(orders[: 1 if s.reference == "litert" and first is None else 3]):
            name = f"{step}_variable"
            s.wanted = wanted if name == op else None
            if step == "read":
                (old,) = s.add(name, [variable], None, dtype, affine)
                if s.flip(0.4) and dtype in (DType.INT8, DType.FLOAT32):
                    s.wanted = None
                    (x,) = s.add("maximum", [x, old], None, dtype, affine)
            else:
                s.add(name, [variable, x], None, dtype, affine)
        s.wanted = wanted

    return grow


GENERATORS: Mapping[str, Grow] = {
    "read_variable": variable("read_variable"),
    "assign_variable": variable("assign_variable"),
    "svdf": svdf,
    "unidirectional_sequence_lstm": lstm,
}
