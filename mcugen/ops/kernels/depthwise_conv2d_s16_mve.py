"""mcu_depthwise_conv2d_s16_mve: what the 3x3 depthwise kernel of 16x8 for cores with Helium reads.

For each eight channels, where the last eight overlap those before if need be:

    weights      [9][8], int8
    constants    16 words: biases, multipliers, channels 0 2 4 6 1 3 5 7 of each
"""

from __future__ import annotations

import numpy as np

from mcugen.ir import Call, DType
from mcugen.ops import overlap
from mcugen.ops.base import Const, Cost, Family, Fields, Kernel, activation_range, folded_bias
from mcugen.ops.kernels import round_once
from mcugen.ops.kernels.depthwise_conv2d_s8_mve import (
    LANES,
    around,
    blocks,
    by_eights,
    constants,
    eight_channels,
    kernel_is_3x3,
    layout,
    scratch,
    weight_rows,
)
from mcugen.ops.window import convolution


def params(call: Call) -> Fields:
    """Fields of mcu_depthwise_conv2d_mve_params."""
    rows = weight_rows(call)
    weights = by_eights(rows).swapaxes(1, 2)
    return {
        **layout(call),
        "finish": activation_range(call.attrs.activation, call.output)[0],
        "weights": Const(weights.astype(np.int8).reshape(-1), "int8_t"),
        "constants": constants(folded_bias(call, rows), round_once.half_words(call)),
    }


def cost(call: Call) -> Cost:
    """65 instructions for eight outputs, and what is around them."""
    count = call.output.shape[3]
    groups, pixels = -(-count // LANES), call.output.elements // count
    return Cost(pixels * (65 * groups + around(call)), groups * 136)


KERNEL = Kernel(
    name="mcu_depthwise_conv2d_s16_mve",
    family=Family.MVE,
    dtype=DType.INT16,
    params=params,
    params_type="mcu_depthwise_conv2d_mve_params",
    header="mcu_depthwise_conv2d_mve.h",
    applies=(
        kernel_is_3x3,
        eight_channels,
        round_once.sums_fit_a_word,
        round_once.multipliers_round_doubled,
        round_once.clamp_is_one_instruction,
    ),
    scratch=scratch,
    overlap=overlap.windows(convolution, blocks),
    cost=cost,
)
