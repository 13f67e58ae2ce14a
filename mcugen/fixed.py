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
from numpy.typing import ArrayLike, DTypeLike, NDArray

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


def multiply_wide_by_quantized_multiplier(
    x: ArrayLike, multiplier: ArrayLike, shift: ArrayLike
) -> I64:
    """Scale int64 values below 2**47 by m * 2**(shift - 31), shift at most 7.

    As the reference's overload for int64: the multiplier becomes Q0.15, and the product is rounded
    once, halves up. A result beyond int32 wraps.
    """
    right = 15 - np.asarray(shift, np.int64)
    rounding = np.int64(1) << (right - 1)
    product = np.asarray(x, np.int64) * reduced_multiplier(multiplier)
    return wrap_int32((product + rounding) >> right)


def reduced_multiplier(multiplier: ArrayLike) -> I64:
    """Q0.31 multipliers rounded to Q0.15, at most 0x7FFF."""
    m = np.asarray(multiplier, np.int64)
    return np.where(m < 0x7FFF0000, (m + 2**15) >> 16, 0x7FFF)


def requantize(
    acc: ArrayLike,
    multiplier: ArrayLike,
    shift: ArrayLike,
    zero_point: int,
    low: int,
    high: int,
    dtype: DTypeLike = np.int8,
) -> NDArray[Any]:
    """Scale sums, add the zero point, clamp; multipliers broadcast along the last axis."""
    scaled = multiply_by_quantized_multiplier(acc, multiplier, shift) + zero_point
    return np.clip(scaled, low, high).astype(dtype)


# exp(-1/4), exp(-1/2), exp(-1), ... exp(-16) in Q0.31
_EXP = (1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242)


def exp_on_negative_values(x: ArrayLike, integer_bits: int) -> I64:
    """exp(x) in Q0.31 for x <= 0 in Q(integer_bits).(31 - integer_bits), integer_bits in [0, 5].

    x = -(remainder) + (a value in [-1/4, 0)): a Taylor series for the latter, and a factor for each
    bit of the remainder. As gemmlowp's exp_on_negative_values.
    """
    x = np.asarray(x, np.int64)
    quarter = 1 << (29 - integer_bits)
    fraction = (x & (quarter - 1)) - quarter
    result = _exp_between_minus_quarter_and_0(fraction << integer_bits)
    remainder = fraction - x
    for bit, factor in enumerate(_EXP[: integer_bits + 2]):
        scaled = saturating_rounding_doubling_high_mul(result, factor)
        result = np.where(remainder & (quarter << bit), scaled, result)
    return np.where(x == 0, INT32_MAX, result)


def _exp_between_minus_quarter_and_0(a: I64) -> I64:
    """exp(a) in Q0.31 for a in Q0.31, [-1/4, 0): Taylor series around -1/8."""
    mul = saturating_rounding_doubling_high_mul
    exp_minus_eighth, third = 1895147668, 715827883
    x = a + (1 << 28)
    x2 = mul(x, x)
    x3, x4 = mul(x2, x), mul(x2, x2)
    quartic = rounding_divide_by_pot(x4, 2)
    tail = rounding_divide_by_pot(mul(quartic + x3, third) + x2, 1)
    return exp_minus_eighth + mul(exp_minus_eighth, x + tail)


def one_over_one_plus_x(x: ArrayLike) -> I64:
    """1 / (1 + x) in Q0.31 for x in Q0.31, [0, 1)."""
    return np.minimum(2 * _two_over_one_plus_x(x), INT32_MAX)  # 2 / (1 + x), read as Q1.30


def _two_over_one_plus_x(x: ArrayLike) -> I64:
    """2 / (1 + x) in Q2.29 for x in Q0.31, [0, 1): three Newton steps, as in gemmlowp."""
    mul = saturating_rounding_doubling_high_mul
    half_denominator = (np.asarray(x, np.int64) >> 1) + (1 << 30)  # Q0.31
    y = 1515870810 + mul(half_denominator, -1010580540)  # 48/17 - 32/17 * (1 + x)/2, Q2.29
    for _ in range(3):
        y = y + 4 * mul(y, (1 << 29) - mul(half_denominator, y))
    return y


def logistic(x: ArrayLike, integer_bits: int) -> I64:
    """1 / (1 + exp(-x)) in Q0.31, as gemmlowp's logistic; integer_bits of x in [0, 5]."""
    x = np.asarray(x, np.int64)
    positive = one_over_one_plus_x(exp_on_negative_values(-np.abs(x), integer_bits))
    return np.where(x == 0, 1 << 30, np.where(x > 0, positive, INT32_MAX - positive))


def tanh(x: ArrayLike, integer_bits: int) -> I64:
    """The hyperbolic tangent in Q0.31, as gemmlowp's tanh; integer_bits of x in [0, 4]."""
    x = np.asarray(x, np.int64)
    exp = exp_on_negative_values(-np.abs(x), integer_bits + 1)  # of -2|x|
    magnitude = saturating_shift_left(_two_over_one_plus_x(exp) - (1 << 29), 2)
    signed: I64 = np.sign(x) * magnitude
    return signed


def saturating_shift_left(x: ArrayLike, exponent: I64 | int) -> I64:
    """x * 2**exponent, clamped to int32."""
    clamped: I64 = np.clip(np.asarray(x, np.int64) << exponent, INT32_MIN, INT32_MAX)
    return clamped


def inverse_sqrt(x: ArrayLike) -> tuple[I64, I64]:
    """1 / sqrt(x) of integers in [0, 2**31) as (Q0.31 multiplier, shift); 0 is taken as 1.

    As GetInvSqrtQuantizedMultiplierExp of the reference, with the shift to the left: five Newton
    steps from 1 for x in [1/2, 2), which is x / 4**k.
    """
    mul = saturating_rounding_doubling_high_mul
    x = np.maximum(np.asarray(x, np.int64), 1)
    x, right_shift = np.where(x >= 2**29, x >> 2, x), np.where(x >= 2**29, 12, 11)
    pairs = (29 - np.frexp(x.astype(np.float64))[1]) // 2  # of leading zeros above 2**29
    normal = x << (2 * pairs)  # [2**27, 2**29), Q3.28 when halved
    half = rounding_divide_by_pot(normal >> 1, 1)
    y = np.full_like(x, 1 << 28)
    for _ in range(5):
        cube = saturating_shift_left(mul(mul(y, y), y), 6)
        y = saturating_shift_left(mul((1 << 28) + (1 << 27), y) - mul(half, cube), 3)
    y = mul(y, 1518500250)  # sqrt(1/2)
    right_shift = right_shift - pairs
    multiplier = np.where(x == 1, INT32_MAX, y << np.maximum(-right_shift, 0))
    return multiplier, np.where(x == 1, 0, -np.maximum(right_shift, 0))


def log(x: ArrayLike, integer_bits: int) -> I64:
    """The natural logarithm in Q5.26 of x >= 1 in Q(integer_bits).(31 - integer_bits).

    As log_x_for_x_greater_than_or_equal_to_1 of the reference: x = r * 2**k, where r is within a
    factor of 2**(1/4) of 2**(-1/4), and a quotient of polynomials for log(r) + log(2) / 4.
    """
    mul = saturating_rounding_doubling_high_mul
    x = np.asarray(x, np.int64)
    quarter, sqrt_half, fourth_root_half = 1 << 23, 1518500250, 1805811301  # Q6.25, Q0.31, Q0.31

    # Two candidates of r, a power of 2 apart from x and from sqrt(1/2) * x; the smaller one is it.
    a_zeros = _leading_zeros(x)
    b_zeros = _leading_zeros(mul(x, sqrt_half)) - 1
    r_a = saturating_shift_left(mul(x << (a_zeros - 1), sqrt_half), 1)
    r_b = saturating_shift_left(x, b_zeros)
    r = np.minimum(r_a, r_b)  # Q0.31
    power = np.maximum(
        ((integer_bits - a_zeros) << 25) + quarter, ((integer_bits - b_zeros) << 25) - quarter
    )

    p = (r + fourth_root_half + 1) >> 1
    q = 2 * (r - fourth_root_half)
    square = mul(q, q)
    numerator = mul(q, r) + mul(mul(q, square), 117049297)
    denominator = mul(p, 1057819769 + q + mul(127690142, square)) + mul(638450708, q)
    quotient = mul(rounding_divide_by_pot(numerator, 6), one_over_one_plus_x(denominator))
    return saturating_shift_left(mul(power, 1488522236) + quotient, 1)  # log(2) in Q0.31


def _leading_zeros(x: I64) -> I64:
    """Leading zero bits of positive int32 values."""
    return 32 - np.frexp(x.astype(np.float64))[1].astype(np.int64)
