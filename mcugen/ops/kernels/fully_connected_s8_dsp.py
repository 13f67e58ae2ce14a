"""mcu_fully_connected_s8_dsp: what the dense layer for cores with SIMD reads, and when it applies.

Its constants are a stream of `channel_pairs`, eight outputs together. The taps are the inputs; if
they are no multiple of four, the odd ones are the first, and zeros fill up their four.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mcugen.ir import Call, DType
from mcugen.ops import overlap
from mcugen.ops.base import Cost, Family, Fields, Kernel
from mcugen.ops.kernels import channel_pairs
from mcugen.ops.kernels.requant import (
    clamp_is_saturation,
    exact_sums,
    multipliers_are_small,
    requant,
    sums_fit_24_bits,
)

OUTPUTS = 8  # of a pass

# ---- rules


def four_inputs(call: Call) -> str | None:
    """There must be 4 inputs or more."""
    depth = call.input(1).shape[1]
    return None if depth >= 4 else f"{depth} inputs"


def weights_pair_up(call: Call) -> str | None:
    """Weights must lie in [-127, 127], so that two fit a lane of 16 bits."""
    return channel_pairs.weights_pair_up(call.input(1).values())


def sums_fit(call: Call) -> str | None:
    """Every sum must stay below 2**23 in size, so that 256 times it fits a register."""
    return sums_fit_24_bits(call, call.input(1).values())


def multipliers_fit(call: Call) -> str | None:
    """Requantization multipliers must lie in [2**-23, 1/2)."""
    return multipliers_are_small(call, call.input(1).values())


# ---- params


def params(call: Call) -> Fields:
    """Fields of mcu_fully_connected_s8_dsp_params."""
    rows = call.input(1).values()
    out, depth = rows.shape
    sums = exact_sums(call, rows)
    odd = depth % 4
    weights = np.insert(sums.weights, [odd] * (-odd % 4), 0, axis=1)
    form = requant(call, sums)
    uniform = channel_pairs.is_uniform(form)
    packed = channel_pairs.stream(replace(sums, weights=weights), form, OUTPUTS, uniform)
    return {
        "batch": call.output.elements // out,
        "in": depth,
        "out": out,
        "clamped": form.form.value,
        "uniform": int(uniform),
        "stream": packed,
    }


def cost(call: Call) -> Cost:
    """39 cycles for 32 products, 80 to 140 for each eight outputs."""
    out, depth = call.input(1).shape
    weights, fours = call.input(1).quant, -(-depth // 4)
    finish = 78 if weights is not None and len(weights.scale) == 1 else 120
    finish += 0 if call.output.zero_point == -128 else 22
    passes = channel_pairs.groups_of(out, OUTPUTS) * (39 * fours + 4 * -(-fours // 8) + finish)
    row = passes + 150 + (90 if out % OUTPUTS else 0)
    return Cost(call.output.elements // out * row)


KERNEL = Kernel(
    name="mcu_fully_connected_s8_dsp",
    family=Family.DSP,
    dtype=DType.INT8,
    params=params,
    params_type="mcu_fully_connected_s8_dsp_params",
    header="mcu_fully_connected_s8_dsp.h",
    applies=(four_inputs, weights_pair_up, sums_fit, clamp_is_saturation, multipliers_fit),
    overlap=lambda call: overlap.dense_passes(call, OUTPUTS),
    cost=cost,
)
