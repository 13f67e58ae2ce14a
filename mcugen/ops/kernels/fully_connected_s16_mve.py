"""mcu_fully_connected_s16_mve: what the dense layer of 16x8 for cores with Helium reads.

Its constants are a stream of int32 words. For each eight outputs, filled up with zeros:

    8 words      biases
    2 words      of 8 weights of each output; again until all inputs are there
    8 words      multipliers, outputs 0 2 4 6 1 3 5 7
"""

from __future__ import annotations

from functools import partial

import numpy as np

from mcugen.ir import Call, DType
from mcugen.ops import overlap
from mcugen.ops.base import (
    Array,
    Const,
    Cost,
    Family,
    Fields,
    Kernel,
    activation_range,
    folded_bias,
)
from mcugen.ops.kernels import round_once
from mcugen.ops.kernels.vectors import words

OUTPUTS = 8  # that share a pass
VECTOR = 8  # int16 lanes
ORDER = (0, 2, 4, 6, 1, 3, 5, 7)


def stream(weights: Array, bias: Array, multiplier: Array) -> Const:
    """The stream of constants; weights [out][in]."""
    out, depth = weights.shape
    padded = np.pad(weights, ((0, -out % OUTPUTS), (0, -depth % VECTOR)))
    steps = padded.reshape(-1, OUTPUTS, padded.shape[1] // VECTOR, VECTOR).swapaxes(1, 2)
    biases, multipliers = (
        np.pad(values, (0, -out % OUTPUTS)).reshape(-1, OUTPUTS) for values in (bias, multiplier)
    )
    parts = [biases, words(steps).reshape(len(steps), -1), multipliers[:, ORDER]]
    return Const(np.hstack(parts).astype(np.int32).reshape(-1), "int32_t")


def params(call: Call) -> Fields:
    """Fields of mcu_fully_connected_s16_mve_params."""
    rows = call.input(1).values()
    out, depth = rows.shape
    return {
        "batch": call.output.elements // out,
        "in": depth,
        "out": out,
        "act_min": activation_range(call.attrs.activation, call.output)[0],
        "stream": stream(rows, folded_bias(call, rows), round_once.half_words(call)),
    }


def cost(call: Call) -> Cost:
    """19 instructions for 64 products, 21 for each eight outputs."""
    out, depth = call.input(1).shape
    groups, steps = -(-out // OUTPUTS), -(-depth // VECTOR)
    row = groups * (19 * steps + 21) + 25
    return Cost(call.output.elements // out * row + 33, groups * 64 * (steps + 1))


KERNEL = Kernel(
    name="mcu_fully_connected_s16_mve",
    family=Family.MVE,
    dtype=DType.INT16,
    params=params,
    params_type="mcu_fully_connected_s16_mve_params",
    header="mcu_fully_connected_s16_mve.h",
    applies=(
        round_once.sums_fit_a_word,
        round_once.multipliers_round_doubled,
        round_once.clamp_is_one_instruction,
    ),
    overlap=partial(overlap.dense_passes, outputs=OUTPUTS),
    cost=cost,
)
