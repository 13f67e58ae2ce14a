"""AVERAGE_POOL_2D: the mean of a sliding window; padding does not count."""

from __future__ import annotations

import numpy as np

from mcugen.ir import Call, DType
from mcugen.ops import float32, overlap, pool2d
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


def taps(call: Call, x: Array) -> Array:
    """The values of each window, 0 in the padding: [rows * columns of the window, *output]."""
    windows = patches(x, *pool2d.geometry(call), 0)
    n, out_h, out_w, _, _, channels = windows.shape
    return np.moveaxis(windows.reshape(n, out_h, out_w, -1, channels), 3, 0)


def counts(call: Call) -> Array:
    """How many input values lie in the window of each output: [1, out_h, out_w, 1]."""
    count: Array = taps(call, np.ones((1, *call.input().shape[1:3], 1), np.int32)).sum(axis=0)
    return count


def floating(call: Call, inputs: Arrays) -> list[Array]:
    """Float32 average pool, as reference_ops::AveragePool."""
    means = float32.add_up(taps(call, inputs[0])) / counts(call).astype(np.float32)
    return [apply_activation(call.attrs.activation, means)]


def quantized(call: Call, inputs: Arrays) -> list[Array]:
    """Int8 or int16 average pool, as reference_integer_ops::AveragePool.

    The raw values are averaged, zero point and all: (sum +- count / 2) / count with C's division,
    which rounds halves away from zero.
    """
    sums = taps(call, inputs[0].astype(np.int64)).sum(axis=0)
    count = counts(call)
    means = np.sign(sums) * ((np.abs(sums) + count // 2) // count)
    low, high = activation_range(call.attrs.activation, call.output)
    return [np.clip(means, low, high).astype(call.output.dtype.numpy)]


# ---- kernels

BLOCK = 8  # channels that the kernel for SIMD takes at a time
MOST = 256  # values whose sum fits 16 bits


def channels_are_eights(call: Call) -> str | None:
    """Channels must be a multiple of 8."""
    channels = call.output.shape[3]
    return None if channels % BLOCK == 0 else f"{channels} channels"


def sums_fit_16_bits(call: Call) -> str | None:
    """The window must have 256 values or fewer, whose sum fits 16 bits."""
    rows, cols = call.attrs.window
    return None if rows * cols <= MOST else f"window {rows}x{cols}"


def channels_by_eights(call: Call) -> overlap.Blocks:
    """The order in which it reads and writes."""
    first = np.arange(0, call.output.shape[3], BLOCK)
    return overlap.Blocks(first, first + BLOCK)


def _cost_dsp(call: Call) -> Cost:
    """12 cycles for eight values, 6 for a row, 14 for an output, 260 for a window.

    Rows of the input that a window takes whole are one row.
    """
    values, outputs = pool2d.values_read(call), call.output.elements
    height, width = call.attrs.window
    rows = outputs // BLOCK * (1 if width == call.input().shape[2] else height)
    windows = outputs // call.output.shape[3]
    return Cost(cycles=3 * values // 2 + 6 * rows + 14 * outputs + 260 * windows)


OP = Op(
    name="average_pool2d",
    tflite="AVERAGE_POOL_2D",
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
            name="mcu_average_pool2d_s8_ref",
            family=Family.REF,
            dtype=DType.INT8,
            params=pool2d.params_s,
            params_type="mcu_pool2d_s8_params",
            header="mcu_pool2d.h",
            overlap=overlap.windows(pool2d.geometry, overlap.channels_by_fours),
            cost=lambda call: Cost(cycles=5 * pool2d.values_read(call) + 40 * call.output.elements),
        ),
        Kernel(
            name="mcu_average_pool2d_s8_dsp",
            family=Family.DSP,
            dtype=DType.INT8,
            params=pool2d.params_s,
            params_type="mcu_pool2d_s8_params",
            header="mcu_pool2d.h",
            applies=(channels_are_eights, sums_fit_16_bits),
            overlap=overlap.windows(pool2d.geometry, channels_by_eights),
            cost=_cost_dsp,
        ),
        Kernel(
            name="mcu_average_pool2d_s16_ref",
            family=Family.REF,
            dtype=DType.INT16,
            params=pool2d.params_s,
            params_type="mcu_pool2d_s16_params",
            header="mcu_pool2d_s16.h",
            overlap=overlap.windows(pool2d.geometry, overlap.channels_by_fours),
            cost=lambda call: Cost(cycles=4 * pool2d.values_read(call) + 40 * call.output.elements),
        ),
        Kernel(
            name="mcu_average_pool2d_f32_ref",
            family=Family.REF,
            dtype=DType.FLOAT32,
            params=pool2d.params_f32,
            params_type="mcu_pool2d_f32_params",
            header="mcu_pool2d_f32.h",
            cost=lambda call: Cost(cycles=8 * pool2d.values_read(call) + 40 * call.output.elements),
        ),
    ),
)
