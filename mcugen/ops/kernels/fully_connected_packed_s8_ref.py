"""mcu_fully_connected_packed_s8_ref: what the dense layer with packed weights for any core reads.

Weights lie as [out / 4][in][4], plus 128, as those of mcu_conv2d_packed_s8_ref.
"""

from __future__ import annotations

from mcugen.ir import Call, DType
from mcugen.ops import overlap
from mcugen.ops.base import Const, Cost, Family, Fields, Kernel
from mcugen.ops.kernels.conv2d_packed_s8_ref import CHANNELS, packed, sums_beyond
from mcugen.ops.kernels.finish import channels

# ---- rules


def inputs_by_fours(call: Call) -> str | None:
    """The number of inputs must be a multiple of 4."""
    depth = call.input(1).shape[1]
    return None if depth % 4 == 0 else f"{depth} inputs"


def sums_fit(call: Call) -> str | None:
    """Sums with weights plus 128 must fit 32 bits."""
    return sums_beyond(call, call.input(1).values())


# ---- params


def params(call: Call) -> Fields:
    """Fields of mcu_fully_connected_packed_s8_params."""
    out, depth = call.input(1).shape
    made = channels(call, call.input(1).values(), CHANNELS)
    return {
        "batch": call.output.elements // out,
        "in": depth,
        "out": out,
        "finish": made.finish,
        "constants": made.constants,
        "weights": packed(made.weights),
        "bias": Const(made.bias.astype("int32"), "int32_t"),
    }


def cost(call: Call) -> Cost:
    """14 cycles for an input of four outputs, 190 for these outputs; on a Cortex-M4."""
    out, depth = call.input(1).shape
    row = -(-out // CHANNELS) * (14 * depth + depth // 2 + 190) + 2 * depth + 60
    return Cost(call.output.elements // out * row)


KERNEL = Kernel(
    name="mcu_fully_connected_packed_s8_ref",
    family=Family.REF,
    dtype=DType.INT8,
    params=params,
    params_type="mcu_fully_connected_packed_s8_params",
    header="mcu_fully_connected_packed_s8_ref.h",
    applies=(inputs_by_fours, sums_fit),
    overlap=lambda call: overlap.dense_passes(call, CHANNELS),
    cost=cost,
)
