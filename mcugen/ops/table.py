"""What functions of one value share: in int8 they are one kernel and a table of all 256 results.

The table is what the operator's int8 semantics gives for every input, so it is exact by
construction.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mcugen.fixed import round_half_away
from mcugen.ir import Call, DType
from mcugen.ops import overlap
from mcugen.ops.base import (
    Array,
    Const,
    Cost,
    Family,
    Fields,
    Kernel,
    Rule,
    Semantics,
    Shape,
)

BYTES = np.arange(256, dtype=np.uint8)  # the order of the table


def infer(call: Call) -> tuple[Shape, ...]:
    """The input's shape."""
    return (call.input().shape,)


def kernel(
    semantics: Semantics, dtype: DType = DType.INT8, applies: tuple[Rule, ...] = ()
) -> Kernel:
    """The kernel for semantics from one byte to one that treat every element alike."""

    def params(call: Call) -> Fields:
        values = BYTES != 0 if dtype is DType.BOOL else BYTES.view(dtype.numpy)
        (results,) = semantics(call, [values])
        return {
            "elements": call.output.elements,
            "table": Const(results.view(np.int8), "int8_t"),
        }

    return Kernel(
        name="mcu_table_s8_ref",
        family=Family.REF,
        dtype=dtype,
        params=params,
        params_type="mcu_table_s8_params",
        header="mcu_table.h",
        applies=applies,
        overlap=overlap.elementwise,
        cost=lambda call: Cost(cycles=8 * call.output.elements + 20, flash=256),
    )


def from_float(call: Call, x: Array, function: Callable[[Array], Array]) -> list[Array]:
    """The int8 results of a float32 function, as LUTPopulate of BUILTIN_REF and TFLM's ELU table.

    The reference multiplies by the output scale's reciprocal, all in float32. LUTPopulate saturates
    results beyond the range, infinite ones too; ELU does not, and has a rule. NaN becomes 0.
    """
    steps = np.nan_to_num(steps_from_float(call, x, function)) + call.output.zero_point
    return [np.clip(steps, -128, 127).astype(np.int8)]


def steps_from_float(call: Call, x: Array, function: Callable[[Array], Array]) -> Array:
    """The results of a float32 function in steps of the output, rounded, from its zero point."""
    centred = (x.astype(np.int32) - call.input().zero_point).astype(np.float32)
    with np.errstate(all="ignore"):
        real = function(np.float32(call.input().scale) * centred).astype(np.float32)
        return round_half_away(real * (np.float32(1) / np.float32(call.output.scale)))


def beyond_int32(call: Call, steps: Array) -> str | None:
    """What a rule says of results, in steps of the output, that the reference cannot convert.

    It converts floats to int32, which C leaves undefined from 2**31 on, less the zero point.
    """
    most = float(np.max(np.abs(steps)))
    if most < 2.0**30:
        return None
    scales = f"input scale {call.input().scale:g}, output scale {call.output.scale:g}"
    return f"{scales}, a result of {most:g} steps"


def correctly_rounded(function: Callable[[Array], Array]) -> Callable[[Array], Array]:
    """A float32 function by way of float64: what a good C library gives, and numpy's may not."""
    return lambda x: function(x.astype(np.float64)).astype(np.float32)
