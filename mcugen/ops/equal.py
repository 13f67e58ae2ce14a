"""EQUAL, NOT_EQUAL, LESS, LESS_EQUAL, GREATER, GREATER_EQUAL: two tensors compared, to booleans."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mcugen.fixed import multiply_by_quantized_multiplier, quantize_multiplier
from mcugen.ir import Call, DType
from mcugen.ops import broadcast, overlap, rules
from mcugen.ops.base import Array, Arrays, Cost, Family, Fields, Kernel, Op, no_attributes

LEFT_SHIFT = 8  # fraction bits of an int8 operand's real value

Relation = Callable[[Array, Array], Array]

# Bits of the kernel's mask: what holds if the first operand is less, equal, greater, or one is NaN.
_LESS, _EQUAL, _GREATER, _UNORDERED = 1, 2, 4, 8

# ---- rules


def types_are_compared(call: Call) -> str | None:
    """The inputs must be both float32, int8, int32 or int64, the output bool."""
    first, second, output = call.input(0).dtype, call.input(1).dtype, call.output.dtype
    numbers = (DType.FLOAT32, DType.INT8, DType.INT32, DType.INT64)
    if first is second and first in numbers and output is DType.BOOL:
        return None
    return f"{first.value}, {second.value}, {output.value}"


def scales_are_below_one(call: Call) -> str | None:
    """The scales of int8 inputs must be below 1."""
    scales = [call.input(i).scale for i in (0, 1) if call.input(i).dtype is DType.INT8]
    return None if all(scale < 1 for scale in scales) else "scales {:g} and {:g}".format(*scales)


# ---- semantics


def real(call: Call, inputs: Arrays) -> list[Array]:
    """The operands in common units.

    Int8 values are multiplied by their scales in fixed point, with 8 fraction bits: the reference
    takes two reals for equal that differ by less than about 1/256, even if they have one scale.
    """
    if call.input(0).dtype is not DType.INT8:
        return list(inputs)
    return [
        multiply_by_quantized_multiplier(
            (values.astype(np.int64) - call.input(i).zero_point) << LEFT_SHIFT,
            *quantize_multiplier(call.input(i).scale),
        )
        for i, values in enumerate(inputs)
    ]


# ---- C parameters and kernels


def _kernel(holds: int) -> Kernel:
    def params_s8(call: Call) -> Fields:
        """Fields of mcu_compare_s8_params."""
        (multiplier1, shift1), (multiplier2, shift2) = (
            quantize_multiplier(call.input(i).scale) for i in (0, 1)
        )
        return {
            **broadcast.loop_fields(call),
            "offset1": -call.input(0).zero_point,
            "offset2": -call.input(1).zero_point,
            "multiplier1": multiplier1,
            "multiplier2": multiplier2,
            "shift1": shift1,
            "shift2": shift2,
            "holds": holds,
        }

    return Kernel(
        name="mcu_compare_s8_ref",
        family=Family.REF,
        dtype=DType.INT8,
        params=params_s8,
        params_type="mcu_compare_s8_params",
        header="mcu_compare.h",
        operands=(0, 1),
        overlap=overlap.elementwise,
        cost=lambda call: Cost(cycles=65 * call.output.elements + 250),
    )


def _kernel_f32(holds: int) -> Kernel:
    return Kernel(
        name="mcu_compare_f32_ref",
        family=Family.REF,
        dtype=DType.FLOAT32,
        params=lambda call: {**broadcast.loop_fields(call), "holds": holds},
        params_type="mcu_compare_f32_params",
        header="mcu_compare_f32.h",
        operands=(0, 1),
        cost=lambda call: Cost(cycles=25 * call.output.elements + 250),
    )


# ---- the operators


def _op(name: str, relation: Relation, holds: int) -> Op:
    def compare(call: Call, inputs: Arrays) -> list[Array]:
        """Compare numbers, as reference_ops::Broadcast4DSlow*WithScaling where they are int8."""
        return [relation(*real(call, inputs))]

    return Op(
        name=name,
        tflite=name.upper(),
        decode=no_attributes,
        infer=broadcast.infer,
        rules=(
            types_are_compared,
            rules.quantized_per_tensor,
            scales_are_below_one,
            broadcast.shapes_broadcast,
            broadcast.loops_fit,
        ),
        floating=compare,
        quantized=compare,
        arity=(2, 2),
        kernels=(_kernel(holds), _kernel_f32(holds)),
    )


EQUAL = _op("equal", np.equal, _EQUAL)
NOT_EQUAL = _op("not_equal", np.not_equal, _LESS | _GREATER | _UNORDERED)
LESS = _op("less", np.less, _LESS)
LESS_EQUAL = _op("less_equal", np.less_equal, _LESS | _EQUAL)
GREATER = _op("greater", np.greater, _GREATER)
GREATER_EQUAL = _op("greater_equal", np.greater_equal, _GREATER | _EQUAL)
