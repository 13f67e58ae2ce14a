"""REDUCE_MAX and REDUCE_MIN over some axes; the second input lists them."""

from __future__ import annotations

import numpy as np

from mcugen.ir import Call, DType
from mcugen.ops import mean, rules
from mcugen.ops.base import Array, Arrays, Cost, Family, Fields, Kernel, Op, Scheme, Semantics

# ---- rules

RULES = (
    mean.axes_are_constant,
    mean.axes_form_two_groups,
    rules.same_type_in_out,
    rules.activations_are_quantized,
    rules.same_quantization_in_out,
)


# ---- semantics


def extreme(reducer: np.ufunc) -> Semantics:
    """Semantics of REDUCE_MAX and REDUCE_MIN in any type."""

    def semantics(call: Call, inputs: Arrays) -> list[Array]:
        found = reducer.reduce(inputs[0], axis=mean.axes(call))
        return [np.asarray(found).reshape(call.output.shape)]

    return semantics


# ---- C parameters and kernels


def params(call: Call) -> Fields:
    """Fields of mcu_reduce_max_s8_params."""
    return {**mean.size_fields(call), "flip": -1 if call.node.op == "reduce_min" else 0}


def params_f32(call: Call) -> Fields:
    """Fields of mcu_reduce_max_f32_params."""
    return {**mean.size_fields(call), "sign": -1.0 if call.node.op == "reduce_min" else 1.0}


def _cost(call: Call) -> Cost:
    return Cost(cycles=6 * call.input(0).elements + 30 * call.output.elements)


KERNELS = (
    Kernel(
        name="mcu_reduce_max_s8_ref",
        family=Family.REF,
        dtype=DType.INT8,
        params=params,
        params_type="mcu_reduce_max_s8_params",
        header="mcu_reduce.h",
        cost=_cost,
    ),
    Kernel(
        name="mcu_reduce_max_f32_ref",
        family=Family.REF,
        dtype=DType.FLOAT32,
        params=params_f32,
        params_type="mcu_reduce_max_f32_params",
        header="mcu_reduce_f32.h",
        cost=_cost,
    ),
)

REDUCE_MAX = Op(
    name="reduce_max",
    tflite="REDUCE_MAX",
    scheme=Scheme(shares=True),
    decode=mean.decode,
    encode=mean.encode,
    infer=mean.infer,
    arity=(2, 2),
    rules=RULES,
    floating=extreme(np.maximum),
    quantized=extreme(np.maximum),
    kernels=KERNELS,
)

REDUCE_MIN = Op(
    name="reduce_min",
    tflite="REDUCE_MIN",
    scheme=Scheme(shares=True),
    decode=mean.decode,
    encode=mean.encode,
    infer=mean.infer,
    arity=(2, 2),
    rules=RULES,
    floating=extreme(np.minimum),
    quantized=extreme(np.minimum),
    kernels=KERNELS,
)
