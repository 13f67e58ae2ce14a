"""What SUB and SQUARED_DIFFERENCE share: int8 operands brought to a common scale, subtracted."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mcugen.fixed import I64, multiply_by_quantized_multiplier
from mcugen.ir import Call, DType
from mcugen.ops import broadcast, overlap
from mcugen.ops.base import (
    Activation,
    Arrays,
    Cost,
    Family,
    Fields,
    Kernel,
    activation_range,
)

# (Q0.31 multiplier, shift) of both operands, and of what is made of their difference
Multipliers = tuple[tuple[int, int], tuple[int, int], tuple[int, int]]


def difference(call: Call, inputs: Arrays, multipliers: Multipliers, left_shift: int) -> I64:
    """First less second operand, in 2**-left_shift of twice the larger input scale."""
    x, y = (
        multiply_by_quantized_multiplier(
            (values.astype(np.int64) - call.input(i).zero_point) << left_shift, *multipliers[i]
        )
        for i, values in enumerate(inputs)
    )
    return x - y


def kernel(name: str, multipliers: Callable[[Call], Multipliers], cycles: int) -> Kernel:
    """A kernel with mcu_difference_s8_params; `cycles` for each element."""

    def params_s8(call: Call) -> Fields:
        """Fields of mcu_difference_s8_params."""
        (multiplier1, shift1), (multiplier2, shift2), (multiplier, shift) = multipliers(call)
        activation = getattr(call.attrs, "activation", Activation.NONE)
        low, high = activation_range(activation, call.output)
        return {
            **broadcast.loop_fields(call),
            "offset1": -call.input(0).zero_point,
            "offset2": -call.input(1).zero_point,
            "multiplier1": multiplier1,
            "multiplier2": multiplier2,
            "shift1": shift1,
            "shift2": shift2,
            "multiplier": multiplier,
            "shift": shift,
            "output_offset": call.output.zero_point,
            "act_min": low,
            "act_max": high,
        }

    return Kernel(
        name=name,
        family=Family.REF,
        dtype=DType.INT8,
        params=params_s8,
        params_type="mcu_difference_s8_params",
        header="mcu_difference.h",
        operands=(0, 1),
        overlap=overlap.elementwise,
        cost=lambda call: Cost(cycles=cycles * call.output.elements + 270),
    )
