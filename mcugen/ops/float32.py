"""Float32 arithmetic in numpy, equal to the C kernels and their reference bit for bit.

Every sum starts at 0 and takes one rounded product after the other, in the order of the reference's
loops; what padding would add is nothing. So the semantics, TFLM and the kernels agree to the last
bit wherever no transcendental function is involved, on every core, as long as the compiler does not
contract a product and a sum to one rounding.
"""

from __future__ import annotations

import numpy as np

from mcugen.ops.base import Activation, Array, Fields, float_bounds


def clamp_fields(activation: Activation) -> Fields:
    """The fields act_min and act_max of a params struct."""
    low, high = float_bounds(activation)
    return {"act_min": low, "act_max": high}


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


# Cephes expf: a minimax polynomial for |r| <= ln(2) / 2, behind it r + 1.
_EXP = (1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 0.5)
_LOG2_E = np.float32(1.44269504)
_LN2_HIGH, _LN2_LOW = np.float32(0.693359375), np.float32(-2.12194440e-4)


def exp(x: Array) -> Array:
    """e^x to within 2e-7 relative, as mcu_expf(): 0 below -87, the value at 88 above that."""
    counts = x >= np.float32(-87)  # which NaN is not
    kept = np.minimum(np.where(counts, x, np.float32(0)), np.float32(88))
    n = np.trunc(kept * _LOG2_E + np.copysign(np.float32(0.5), kept))
    r = (kept - n * _LN2_HIGH) - n * _LN2_LOW
    p = np.full_like(r, _EXP[0])
    for coefficient in _EXP[1:]:
        p = p * r + np.float32(coefficient)
    power = ((n.astype(np.int32) + 127) << 23).view(np.float32)
    result: Array = np.where(counts, (p * r * r + r + np.float32(1)) * power, np.float32(0))
    return result
