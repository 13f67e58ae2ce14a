"""The float32 kernels of operators with two operands, which share one params struct."""

from __future__ import annotations

from mcugen.ir import Call, DType
from mcugen.ops import broadcast, float32, overlap
from mcugen.ops.base import Activation, Cost, Family, Fields, Kernel


def params(call: Call) -> Fields:
    """Fields of mcu_binary_f32_params."""
    activation = getattr(call.attrs, "activation", Activation.NONE)
    return {**broadcast.loop_fields(call), **float32.clamp_fields(activation)}


def kernel(op: str) -> Kernel:
    """The kernel mcu_OP_f32_ref."""
    return Kernel(
        name=f"mcu_{op}_f32_ref",
        family=Family.REF,
        dtype=DType.FLOAT32,
        params=params,
        params_type="mcu_binary_f32_params",
        header="mcu_binary_f32.h",
        operands=(0, 1),
        overlap=overlap.elementwise,
        cost=lambda call: Cost(cycles=12 * call.output.elements + 100),
    )
