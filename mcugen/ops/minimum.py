"""MINIMUM and MAXIMUM: the smaller or the larger elements of two tensors, with broadcasting."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mcugen.ir import DType
from mcugen.ops import binary_f32, broadcast, overlap, rules
from mcugen.ops.base import Array, Cost, Family, Kernel, Op, Scheme, Semantics, no_attributes
from mcugen.ops.window import same_rows

# ---- semantics


def _semantics(choose: Callable[[Array, Array], Array]) -> Semantics:
    """Float32, or int8 as MaximumMinimumBroadcastSlow, which compares the integers themselves."""
    return lambda call, inputs: [choose(inputs[0], inputs[1])]


# ---- the operators


def kernel(name: str, dtype: DType = DType.INT8) -> Kernel:
    """The kernel `mcu_<name>_s8_ref` for one-byte elements."""
    return Kernel(
        name=f"mcu_{name}_s8_ref",
        family=Family.REF,
        dtype=dtype,
        params=broadcast.loop_fields,
        params_type="mcu_minimum_maximum_s8_params",
        header="mcu_minimum_maximum.h",
        operands=(0, 1),
        overlap=overlap.elementwise,
        cost=lambda call: Cost(cycles=11 * call.output.elements + 150),
    )


def _op(name: str, choose: Callable[[Array, Array], Array]) -> Op:
    semantics = _semantics(choose)
    return Op(
        name=name,
        tflite=name.upper(),
        scheme=Scheme(shares=True),
        decode=no_attributes,
        infer=broadcast.infer,
        rows=same_rows,
        rules=(*broadcast.RULES, rules.same_quantization_throughout),
        floating=semantics,
        quantized=semantics,
        arity=(2, 2),
        kernels=(kernel(name), binary_f32.kernel(name)),
    )


MINIMUM = _op("minimum", np.minimum)
MAXIMUM = _op("maximum", np.maximum)
