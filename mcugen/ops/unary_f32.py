"""The float32 kernels of functions of one value, which share one params struct."""

from __future__ import annotations

from collections.abc import Callable

from mcugen.ir import Call, DType
from mcugen.ops import overlap
from mcugen.ops.base import Cost, Family, Fields, Kernel


def kernel(op: str, cycles: int, alpha: Callable[[Call], float] = lambda call: 0.0) -> Kernel:
    """The kernel mcu_OP_f32_ref; `cycles` for each element."""

    def params(call: Call) -> Fields:
        """Fields of mcu_unary_f32_params."""
        return {"elements": call.output.elements, "alpha": float(alpha(call))}

    return Kernel(
        name=f"mcu_{op}_f32_ref",
        family=Family.REF,
        dtype=DType.FLOAT32,
        params=params,
        params_type="mcu_unary_f32_params",
        header="mcu_unary_f32.h",
        overlap=overlap.elementwise,
        cost=lambda call: Cost(cycles=cycles * call.output.elements + 50),
    )
