"""MAX_POOL_2D: the largest value of a sliding window; padding does not count."""

from __future__ import annotations

import numpy as np

from mcugen.ir import Call, DType
from mcugen.ops import overlap, pool2d
from mcugen.ops.base import (
    Array,
    Arrays,
    Cost,
    Family,
    Kernel,
    Op,
    Scheme,
    activation_range,
    apply_activation,
)
from mcugen.ops.window import patches

# ---- semantics


def largest(call: Call, x: Array, lowest: float) -> Array:
    """The maximum of each window; `lowest` pads."""
    rows, cols = pool2d.geometry(call)
    maxima: Array = patches(x, rows, cols, lowest).max(axis=(3, 4))
    return maxima


def floating(call: Call, inputs: Arrays) -> list[Array]:
    """Float32 maximum pool."""
    return [apply_activation(call.attrs.activation, largest(call, inputs[0], -np.inf))]


def quantized(call: Call, inputs: Arrays) -> list[Array]:
    """Int8 or int16 maximum pool, as reference_integer_ops::MaxPool."""
    low, high = activation_range(call.attrs.activation, call.output)
    dtype = call.output.dtype.numpy
    lowest = int(np.iinfo(dtype).min)
    return [np.clip(largest(call, inputs[0], lowest), low, high).astype(dtype)]


# ---- kernels

OP = Op(
    name="max_pool2d",
    tflite="MAX_POOL_2D",
    scheme=Scheme(shares=True),
    decode=pool2d.decode,
    encode=pool2d.encode,
    infer=pool2d.infer,
    rows=pool2d.rows,
    arity=(1, 1),
    rules=pool2d.RULES,
    floating=floating,
    quantized=quantized,
    kernels=(
        Kernel(
            name="mcu_max_pool2d_s8_ref",
            family=Family.REF,
            dtype=DType.INT8,
            params=pool2d.params_s,
            params_type="mcu_pool2d_s8_params",
            header="mcu_pool2d.h",
            overlap=overlap.windows(pool2d.geometry, overlap.channels_by_fours),
            cost=lambda call: Cost(cycles=6 * pool2d.values_read(call) + 25 * call.output.elements),
        ),
        Kernel(
            name="mcu_max_pool2d_s16_ref",
            family=Family.REF,
            dtype=DType.INT16,
            params=pool2d.params_s,
            params_type="mcu_pool2d_s16_params",
            header="mcu_pool2d_s16.h",
            overlap=overlap.windows(pool2d.geometry, overlap.channels_by_fours),
            cost=lambda call: Cost(cycles=6 * pool2d.values_read(call) + 25 * call.output.elements),
        ),
        Kernel(
            name="mcu_max_pool2d_f32_ref",
            family=Family.REF,
            dtype=DType.FLOAT32,
            params=pool2d.params_f32,
            params_type="mcu_pool2d_f32_params",
            header="mcu_pool2d_f32.h",
            cost=lambda call: Cost(cycles=8 * pool2d.values_read(call) + 40 * call.output.elements),
        ),
    ),
)
