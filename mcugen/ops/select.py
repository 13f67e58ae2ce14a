"""SELECT and SELECT_V2: elements of one tensor where a condition holds, else of another one.

SELECT_V2 broadcasts all three. SELECT, which TFLite Micro lacks, does not: its condition may be
a vector over the first axis instead of a value for each element, and no more.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mcugen.ir import Call, DType
from mcugen.ops import broadcast, rules
from mcugen.ops.base import (
    Array,
    Arrays,
    Cost,
    Family,
    Fields,
    Kernel,
    Op,
    Scheme,
    Shape,
    no_attributes,
)

# ---- infer


def by_broadcasting(call: Call) -> tuple[Shape, ...]:
    """The shapes of SELECT_V2's operands."""
    return broadcast.shapes(call)


def by_first_axis(call: Call) -> tuple[Shape, ...]:
    """The shapes of SELECT's operands: a vector as condition gets axes of 1 behind its own."""
    condition, *choices = broadcast.shapes(call)
    if len(condition) == 1:
        condition += (1,) * (len(choices[0]) - 1)
    return (condition, *choices)


# ---- rules


def types_are_selected(call: Call) -> str | None:
    """The condition must be bool, both choices and the output all int8 or all float32."""
    condition, *others = (call.input(0), call.input(1), call.input(2), call.output)
    found = {tensor.dtype for tensor in others}
    if condition.dtype is DType.BOOL and found in ({DType.INT8}, {DType.FLOAT32}):
        return None
    return ", ".join(tensor.dtype.value for tensor in (condition, *others))


def choices_share_quantization(call: Call) -> str | None:
    """Both choices and the output must share scale and zero point."""
    return rules.different_quantization((call.input(1), call.input(2), call.output))


def shapes_are_equal(call: Call) -> str | None:
    """Both choices must have the same shape, and the condition that, or that of the first axis."""
    condition, first, second = broadcast.shapes(call)
    if first == second and condition in (first, first[:1]):
        return None
    return broadcast.listed((condition, first, second))


# ---- C parameters and kernels


def _kernel(shapes: Callable[[Call], tuple[Shape, ...]], dtype: DType, name: str) -> Kernel:
    def choices_have_a_type(call: Call) -> str | None:
        return None if call.output.dtype is dtype else call.output.dtype.value

    choices_have_a_type.__doc__ = f"Both choices must be {dtype.value}."

    def params(call: Call) -> Fields:
        """Fields of mcu_select_params."""
        loops = broadcast.merge(*shapes(call))
        return {
            "counts": loops.counts,
            "condition_steps": loops.steps[0],
            "true_steps": loops.steps[1],
            "false_steps": loops.steps[2],
        }

    return Kernel(
        name=f"mcu_select_{name}_ref",
        family=Family.REF,
        dtype=DType.BOOL,
        params=params,
        params_type="mcu_select_params",
        header="mcu_select.h",
        operands=(0, 1, 2),
        applies=(choices_have_a_type,),
        cost=lambda call: Cost(cycles=14 * call.output.elements + 150),
    )


# ---- the operators


def _op(
    name: str,
    shapes: Callable[[Call], tuple[Shape, ...]],
    shape_rules: tuple[Callable[[Call], str | None], ...],
) -> Op:
    def choose(call: Call, inputs: Arrays) -> list[Array]:
        """Choose element by element."""
        return [np.where(inputs[0].reshape(shapes(call)[0]), inputs[1], inputs[2])]

    return Op(
        name=name,
        tflite=name.upper(),
        scheme=Scheme(shares=True),
        decode=no_attributes,
        infer=lambda call: (np.broadcast_shapes(*shapes(call)),),
        rules=(
            types_are_selected,
            rules.quantized_per_tensor,
            choices_share_quantization,
            *shape_rules,
        ),
        floating=choose,
        quantized=choose,
        arity=(3, 3),
        kernels=(_kernel(shapes, DType.INT8, "s8"), _kernel(shapes, DType.FLOAT32, "f32")),
    )


SELECT = _op("select", by_first_axis, (shapes_are_equal,))
SELECT_V2 = _op("select_v2", by_broadcasting, (broadcast.shapes_broadcast, broadcast.loops_fit))
