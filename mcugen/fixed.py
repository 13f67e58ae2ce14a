"""Fixed-point arithmetic in numpy, bit for bit the twin of `runtime_c/include/mcu_fixed.h`.

Nothing else in mcugen rounds. The rules are those of the TensorFlow Lite for Microcontrollers
reference kernels: a real multiplier becomes a Q0.31 mantissa and a power of two, and a product is
rounded twice (first to the high 32 bits, half up; then by the shift, half away from zero).
Source: tensorflow/lite/kernels/internal/common.h and quantization_util.cc; gemmlowp/fixedpoint.h.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]

INT32_MIN = -(2**31)
INT32_MAX = 2**31 - 1
MAX_SHIFT = 30  # beyond it the reference shifts by 32 bits, which C leaves undefined


def round_half_away(x: ArrayLike) -> NDArray[np.float64]:
    """Round to the nearest integer, halves away from zero, as C's round() does."""
    x = np.asarray(x, np.float64)
    magnitude = np.abs(x)
    floor = np.floor(magnitude)
    rounded: NDArray[np.float64] = np.copysign(floor + (magnitude - floor >= 0.5), x)
    return rounded


def quantize_multiplier(real: float) -> tuple[int, int]:
    """Split a positive real multiplier into (Q0.31 mantissa, shift): real ~ m * 2**(shift - 31).

    Multipliers below 2**-32 become (0, 0), as in the reference; those of 2**30 and above saturate.
    """
    if real == 0.0:
        return 0, 0
    mantissa, shift = math.frexp(real)
    q = int(round_half_away(mantissa * 2.0**31))
    if q == 2**31:
        q, shift = q // 2, shift + 1
    if shift < -31:
        return 0, 0
    if shift > MAX_SHIFT:
        return INT32_MAX, MAX_SHIFT
    return q, shift


def quantize_multipliers(reals: ArrayLike) -> tuple[I32, I32]:
    """`quantize_multiplier` for each element: (mantissas, shifts)."""
    pairs = [quantize_multiplier(float(real)) for real in np.ravel(np.asarray(reals, np.float64))]
    return np.array([m for m, _ in pairs], np.int32), np.array([s for _, s in pairs], np.int32)


def wrap_int32(x: ArrayLike) -> I64:
    """Reduce modulo 2**32 to the int32 range (the value a 32-bit register would hold)."""
    return ((np.asarray(x, np.int64) + 2**31) & 0xFFFFFFFF) - 2**31


def saturating_rounding_doubling_high_mul(a: ArrayLike, b: ArrayLike) -> I64:
    """(a * b * 2) / 2**32 rounded, halves up, of int32 values; INT32_MIN squared saturates."""
    a, b = np.asarray(a, np.int64), np.asarray(b, np.int64)
    result = (a * b + 2**30) >> 31
    return np.where((a == INT32_MIN) & (b == INT32_MIN), INT32_MAX, result)


def rounding_divide_by_pot(x: ArrayLike, exponent: ArrayLike) -> I64:
    """x / 2**exponent, rounded to the nearest, halves away from zero; exponent in [0, 31]."""
    x, exponent = np.asarray(x, np.int64), np.asarray(exponent, np.int64)
    mask = (np.int64(1) << exponent) - 1
    threshold = (mask >> 1) + (x < 0)
    quotient: I64 = (x >> exponent) + ((x & mask) > threshold)
    return quotient


def multiply_by_quantized_multiplier(x: ArrayLike, multiplier: ArrayLike, shift: ArrayLike) -> I64:
    """Scale int32 values by m * 2**(shift - 31), double rounding; a left shift wraps as in C."""
    shift = np.asarray(shift, np.int64)
    left, right = np.maximum(shift, 0), np.maximum(-shift, 0)
    shifted = wrap_int32(np.asarray(x, np.int64) << left)
    return rounding_divide_by_pot(saturating_rounding_doubling_high_mul(shifted, multiplier), right)


def requantize(
    acc: ArrayLike,
    multiplier: ArrayLike,
    shift: ArrayLike,
    zero_point: int,
    low: int,
    high: int,
    dtype: type[np.signedinteger[Any]] = np.int8,
) -> NDArray[Any]:
    """Scale sums, add the zero point, clamp; multipliers broadcast along the last axis."""
    scaled = multiply_by_quantized_multiplier(acc, multiplier, shift) + zero_point
    return np.clip(scaled, low, high).astype(dtype)
