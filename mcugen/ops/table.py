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
    """The int8 results of a float32 function, as LUTPopulate and the table of TFLM's ELU.

    The reference multiplies by the output scale's reciprocal, all in float32. Results beyond 2**31
    steps saturate; the reference converts them to int32, which C leaves undefined. NaN becomes 0.
    """
    centred = (x.astype(np.int32) - call.input().zero_point).astype(np.float32)
    with np.errstate(all="ignore"):
        real = function(np.float32(call.input().scale) * centred).astype(np.float32)
        steps = round_half_away(real * (np.float32(1) / np.float32(call.output.scale)))
    return [np.clip(np.nan_to_num(steps) + call.output.zero_point, -128, 127).astype(np.int8)]


def correctly_rounded(function: Callable[[Array], Array]) -> Callable[[Array], Array]:
    """A float32 function by way of float64: what a good C library gives, and numpy's may not."""
    return lambda x: function(x.astype(np.float64)).astype(np.float32)
