"""Float32 arithmetic in numpy, equal to the C kernels and their reference bit for bit.

Every sum starts at 0 and takes one rounded product after the other, in the order of the reference's
loops; what padding would add is nothing. So the semantics, TFLM and the kernels agree to the last
bit wherever no transcendental function is involved, on every core, as long as the compiler does not
contract a product and a sum to one rounding.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mcugen.ops.base import Activation, Array, Fields, apply_activation, float_bounds


def clamp_fields(activation: Activation) -> Fields:
    """The fields act_min and act_max of a params struct."""
    low, high = float_bounds(activation)
    return {"act_min": low, "act_max": high}


_FUNCTIONS = {Activation.TANH: 1, Activation.SIGN_BIT: 2}  # numbers of mcu_activation_f32.h


def activation_fields(activation: Activation) -> Fields:
    """The fields of a params struct whose kernel calls mcu_activatef(); any activation will do."""
    clamped = Activation.NONE if activation in _FUNCTIONS else activation
    return {"activation": _FUNCTIONS.get(activation, 0), **clamp_fields(clamped)}


def activate(activation: Activation, x: Array) -> Array:
    """What mcu_activatef() computes."""
    if activation is Activation.TANH:
        return tanh(x)
    if activation is Activation.SIGN_BIT:
        return np.signbit(x).astype(np.float32)
    return apply_activation(activation, x)


def dot(rows: Array, weights: Array) -> Array:
    """[n, k] times [out, k] to [n, out]."""
    total = np.zeros((len(rows), len(weights)), np.float32)
    product = np.empty_like(total)
    columns = np.ascontiguousarray(rows.T, np.float32)
    for values, taps in zip(columns, weights.T.astype(np.float32), strict=True):
        np.multiply(values[:, np.newaxis], taps, out=product)
        total += product
    return total


def add_up(terms: Array) -> Array:
    """The sum over the first axis."""
    total = np.zeros(terms.shape[1:], np.float32)
    for term in terms:
        total += term
    return total


def add_up_rows(x: Array) -> Array:
    """The sums over the last axis, which stays with size 1."""
    return add_up(np.moveaxis(x, -1, 0))[..., np.newaxis]


# ---- the functions of mcu_float.h and mcu_math_f32.h

# Cephes expf: a minimax polynomial for |r| <= ln(2) / 2, behind it r + 1.
_EXP = (1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 0.5)
_LOG2_E = np.float32(1.44269504)
_LN2_HIGH, _LN2_LOW = np.float32(0.693359375), np.float32(-2.12194440e-4)


def _split_exp(x: Array) -> tuple[Array, Array, Array]:
    """(Power of 2, tail, whether x is -87 or more): e^x = power * (1 + tail)."""
    counts = x >= np.float32(-87)  # which NaN is not
    kept = np.minimum(np.where(counts, x, np.float32(0)), np.float32(88))
    n = np.trunc(kept * _LOG2_E + np.copysign(np.float32(0.5), kept))
    r = (kept - n * _LN2_HIGH) - n * _LN2_LOW
    p = _polynomial(_EXP, r)
    power = ((n.astype(np.int32) + 127) << 23).view(np.float32)
    return power, p * r * r + r, counts


def exp(x: Array) -> Array:
    """e^x to within 2e-7 relative, as mcu_expf(): 0 below -87, the value at 88 above that."""
    power, tail, counts = _split_exp(x)
    result: Array = np.where(counts, (tail + np.float32(1)) * power, np.float32(0))
    return result


def expm1(x: Array) -> Array:
    """e^x - 1, as mcu_expm1f(): -1 below -87."""
    power, tail, counts = _split_exp(x)
    result: Array = np.where(counts, tail * power + (power - np.float32(1)), np.float32(-1))
    return result


def logistic(x: Array) -> Array:
    """1 / (1 + e^-x), as mcu_logisticf()."""
    result: Array = np.float32(1) / (np.float32(1) + exp(-x))
    return result


_TANH = (
    -5.70498872745e-3,
    2.06390887954e-2,
    -5.37397155531e-2,
    1.33314422036e-1,
    -3.33332819422e-1,
)


def tanh(x: Array) -> Array:
    """tanh(x), as mcu_tanhf()."""
    size = np.abs(x)
    small = _polynomial(_TANH, x * x) * (x * x) * x + x
    large = np.float32(1) - np.float32(2) / (exp(size + size) + np.float32(1))
    result: Array = np.where(size < np.float32(0.625), small, np.where(x < 0, -large, large))
    return result


_SMALLEST = np.finfo(np.float32).smallest_normal


def sqrt(x: Array) -> Array:
    """sqrt(x), as mcu_sqrtf(): 0 for numbers below the normal ones, NaN for negative ones."""
    normal = (x >= _SMALLEST) & np.isfinite(x)
    kept = np.where(normal, x, np.float32(1))
    root = ((kept.view(np.uint32) >> 1) + np.uint32(0x1FBD1DF5)).view(np.float32)
    for _ in range(3):
        root = np.float32(0.5) * (root + kept / root)
    special = np.where(x >= _SMALLEST, x, np.where(x >= 0, np.float32(0), np.float32(np.nan)))
    result: Array = np.where(normal, root, special)
    return result


_SQRT_HALF = np.float32(0.707106781)
_LOG = (
    *(7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1),
    *(-1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1),
)


def log(x: Array) -> Array:
    """The natural logarithm, as mcu_logf(): -infinity below the normal numbers, NaN below 0."""
    normal = x >= _SMALLEST
    bits = np.where(normal, x, np.float32(1)).view(np.uint32)
    e = ((bits >> 23).astype(np.int32) - 126).astype(np.float32)
    m = ((bits & np.uint32(0x7FFFFF)) | np.uint32(0x3F000000)).view(np.float32)
    low = m < _SQRT_HALF
    e, m = np.where(low, e - np.float32(1), e), np.where(low, m + m, m) - np.float32(1)
    z = m * m
    tail = _polynomial(_LOG, m) * m * z + e * _LN2_LOW - np.float32(0.5) * z
    special = np.where(x >= 0, np.float32(-np.inf), np.float32(np.nan))
    result: Array = np.where(normal, (m + tail) + e * _LN2_HIGH, special)
    return result


_ERFC = (1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592)


def erfc(x: Array) -> Array:
    """1 - erf(x), as mcu_erfcf()."""
    size = np.abs(x)
    t = np.float32(1) / (np.float32(1) + np.float32(0.3275911) * size)
    upper = _polynomial(_ERFC, t) * t * exp(-(size * size))
    result: Array = np.where(x < 0, np.float32(2) - upper, upper)
    return result


def _polynomial(coefficients: Sequence[float], x: Array) -> Array:
    result = np.full_like(x, coefficients[0])
    for coefficient in coefficients[1:]:
        result = result * x + np.float32(coefficient)
    return result
