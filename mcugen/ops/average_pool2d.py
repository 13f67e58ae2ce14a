"""AVERAGE_POOL_2D: the mean of a sliding window; padding does not count."""

from __future__ import annotations

import numpy as np

from mcugen.ir import Call, DType
from mcugen.ops import pool2d
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


def sums_and_counts(call: Call, x: Array) -> tuple[Array, Array]:
    """Per output: the sum of its window, and how many input values lie in it."""
    rows, cols = pool2d.geometry(call)
    sums = patches(x, rows, cols, 0).sum(axis=(3, 4))
    ones = np.ones((1, *x.shape[1:3], 1), x.dtype)
    return sums, patches(ones, rows, cols, 0).sum(axis=(3, 4))


def floating(call: Call, inputs: Arrays) -> list[Array]:
    """Float32 average pool."""
    sums, counts = sums_and_counts(call, inputs[0].astype(np.float64))
    return [apply_activation(call.attrs.activation, (sums / counts).astype(np.float32))]


def quantized(call: Call, inputs: Arrays) -> list[Array]:
    """Int8 average pool, as reference_integer_ops::AveragePool.

    The raw values are averaged, zero point and all: (sum +- count / 2) / count with C's division,
    which rounds halves away from zero.
    """
    sums, counts = sums_and_counts(call, inputs[0].astype(np.int64))
    means = np.sign(sums) * ((np.abs(sums) + counts // 2) // counts)
    low, high = activation_range(call.attrs.activation, call.output)
    return [np.clip(means, low, high).astype(np.int8)]


# ---- kernels

OP = Op(
    name="average_pool2d",
    tflite="AVERAGE_POOL_2D",
    scheme=Scheme(shares=True),
    decode=pool2d.decode,
    encode=pool2d.encode,
    infer=pool2d.infer,
    arity=(1, 1),
    rules=pool2d.RULES,
    floating=floating,
    quantized=quantized,
    kernels=(
        Kernel(
            name="mcu_average_pool2d_s8_ref",
            family=Family.REF,
            dtype=DType.INT8,
            params=pool2d.params_s8,
            params_type="mcu_pool2d_s8_params",
            header="mcu_pool2d.h",
            cost=lambda call: Cost(cycles=5 * pool2d.values_read(call) + 40 * call.output.elements),
        ),
    ),
)
