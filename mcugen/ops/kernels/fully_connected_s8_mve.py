"""mcu_fully_connected_s8_mve: what the dense layer for cores with Helium reads.

Its constants are a stream of int32 words. For each eight outputs, filled up with zeros:

    4 words      of 16 weights of each output; again until all inputs are there
    24 words     biases, multipliers, shifts (negative) of the eight
"""

from __future__ import annotations

import numpy as np

from mcugen.ir import Call, DType
from mcugen.ops import overlap
from mcugen.ops.base import Const, Cost, Family, Fields, Kernel, activation_range
from mcugen.ops.kernels.requant import multipliers_are_small
from mcugen.ops.kernels.vectors import VECTOR, Channels, channels, words

OUTPUTS = 8  # that share a pass


# ---- rules


def multipliers_fit(call: Call) -> str | None:
    """Requantization multipliers must lie in [2**-23, 1/2)."""
    return multipliers_are_small(call, call.input(1).values())


# ---- params


def stream(form: Channels) -> Const:
    """The stream of constants."""
    out, depth = form.weights.shape
    weights = np.pad(form.weights, ((0, -out % OUTPUTS), (0, -depth % VECTOR)))
    steps = weights.reshape(-1, OUTPUTS, weights.shape[1] // VECTOR, VECTOR).swapaxes(1, 2)
    finish = [
        np.pad(values, (0, -out % OUTPUTS), constant_values=rest).reshape(-1, OUTPUTS)
        for values, rest in ((form.bias, 0), (form.multiplier, 0), (-form.shift, -1))
    ]
    parts = np.hstack([words(steps).reshape(len(steps), -1), *finish])
    return Const(parts.astype(np.int32).reshape(-1), "int32_t")


def params(call: Call) -> Fields:
    """Fields of mcu_fully_connected_s8_mve_params."""
    rows = call.input(1).values()
    out, depth = rows.shape
    low, high = activation_range(call.attrs.activation, call.output)
    return {
        "batch": call.output.elements // out,
        "in": depth,
        "out": out,
        "output_offset": call.output.zero_point,
        "act_min": low,
        "act_max": high,
        "stream": stream(channels(call, rows)),
    }


def cost(call: Call) -> Cost:
    """19 instructions for 128 products, about 85 for each eight outputs."""
    out, depth = call.input(1).shape
    groups, steps = -(-out // OUTPUTS), -(-depth // VECTOR)
    row = groups * (19 * steps + 85) + 20
    return Cost(call.output.elements // out * row, groups * (128 * steps + 96))


KERNEL = Kernel(
    name="mcu_fully_connected_s8_mve",
    family=Family.MVE,
    dtype=DType.INT8,
    params=params,
    params_type="mcu_fully_connected_s8_mve_params",
    header="mcu_fully_connected_s8_mve.h",
    applies=(multipliers_fit,),
    overlap=lambda call: overlap.dense_passes(call, OUTPUTS),
    cost=cost,
)
