"""mcu_fully_connected_s8_dsp: what the dense layer for cores with SIMD reads, and when it applies.

Its constants are a stream of `channel_pairs`; the taps are the inputs.
"""

from __future__ import annotations

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

# ---- rules


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
    form = requant(call, sums)
    return {
        "batch": call.output.elements // out,
        "in": depth,
        "out": out,
        "clamped": form.form.value,
        "stream": channel_pairs.stream(sums, form),
    }


def scratch(call: Call) -> int:
    """The inputs as int16."""
    depth = call.input(1).shape[1]
    return 8 * -(-depth // 4)


def cost(call: Call) -> Cost:
    """19 cycles for 16 products, about 75 for each four outputs."""
    out, depth = call.input(1).shape
    fours = -(-depth // 4)
    requantization = 75 if call.output.zero_point == -128 else 87
    row = channel_pairs.groups_of(out) * (19 * fours + fours // 2 + requantization)
    row += 12 * fours + 60
    return Cost(call.output.elements // out * row, channel_pairs.stream_bytes(out, depth))


KERNEL = Kernel(
    name="mcu_fully_connected_s8_dsp",
    family=Family.DSP,
    dtype=DType.INT8,
    params=params,
    params_type="mcu_fully_connected_s8_dsp_params",
    header="mcu_fully_connected_s8_dsp.h",
    applies=(weights_pair_up, sums_fit, clamp_is_saturation, multipliers_fit),
    scratch=scratch,
    overlap=overlap.dense,
    cost=cost,
)
