"""Sigmoid and tanh of int16 values, by interpolation in the table of the reference.

As reference_integer_ops::Logistic and Tanh: inputs in Q3.12, outputs in Q0.15. The table holds the
sigmoid of i / 24 in Q0.16 for i in [0, 255], rounded in ways of its own.
"""

from __future__ import annotations

import numpy as np

from mcugen.fixed import I64
from mcugen.ops.base import Array

# fmt: off
TABLE = np.array((
    32768, 33451, 34133, 34813, 35493, 36169, 36843, 37513, 38180, 38841, 39498, 40149, 40794,
    41432, 42064, 42688, 43304, 43912, 44511, 45102, 45683, 46255, 46817, 47369, 47911, 48443,
    48964, 49475, 49975, 50464, 50942, 51409, 51865, 52311, 52745, 53169, 53581, 53983, 54374,
    54755, 55125, 55485, 55834, 56174, 56503, 56823, 57133, 57433, 57724, 58007, 58280, 58544,
    58800, 59048, 59288, 59519, 59743, 59959, 60168, 60370, 60565, 60753, 60935, 61110, 61279,
    61441, 61599, 61750, 61896, 62036, 62172, 62302, 62428, 62549, 62666, 62778, 62886, 62990,
    63090, 63186, 63279, 63368, 63454, 63536, 63615, 63691, 63765, 63835, 63903, 63968, 64030,
    64090, 64148, 64204, 64257, 64308, 64357, 64405, 64450, 64494, 64536, 64576, 64614, 64652,
    64687, 64721, 64754, 64786, 64816, 64845, 64873, 64900, 64926, 64950, 64974, 64997, 65019,
    65039, 65060, 65079, 65097, 65115, 65132, 65149, 65164, 65179, 65194, 65208, 65221, 65234,
    65246, 65258, 65269, 65280, 65291, 65301, 65310, 65319, 65328, 65337, 65345, 65352, 65360,
    65367, 65374, 65381, 65387, 65393, 65399, 65404, 65410, 65415, 65420, 65425, 65429, 65433,
    65438, 65442, 65445, 65449, 65453, 65456, 65459, 65462, 65465, 65468, 65471, 65474, 65476,
    65479, 65481, 65483, 65485, 65488, 65489, 65491, 65493, 65495, 65497, 65498, 65500, 65501,
    65503, 65504, 65505, 65507, 65508, 65509, 65510, 65511, 65512, 65513, 65514, 65515, 65516,
    65517, 65517, 65518, 65519, 65520, 65520, 65521, 65522, 65522, 65523, 65523, 65524, 65524,
    65525, 65525, 65526, 65526, 65526, 65527, 65527, 65528, 65528, 65528, 65529, 65529, 65529,
    65529, 65530, 65530, 65530, 65530, 65531, 65531, 65531, 65531, 65531, 65532, 65532, 65532,
    65532, 65532, 65532, 65533, 65533, 65533, 65533, 65533, 65533, 65533, 65533, 65534, 65534,
    65534, 65534, 65534, 65534, 65534, 65534, 65534, 65534, 65535,
), np.int64)
# fmt: on


def _interpolated(magnitude: I64, bits: int, beyond: int) -> I64:
    """The table at a magnitude with so many bits behind the point, and the same bits in the result.

    The table ends at 255 steps; `beyond` is the value from there on.
    """
    step, fraction = magnitude >> bits, magnitude & ((1 << bits) - 1)
    low = np.minimum(step, len(TABLE) - 2)
    between: I64 = (TABLE[low] << bits) + fraction * (TABLE[low + 1] - TABLE[low])
    return np.where(step >= len(TABLE) - 1, beyond << bits, between)


def sigmoid(x: Array) -> Array:
    """The sigmoid of values in Q3.12, in Q0.15."""
    return sigmoid_of_steps(x.astype(np.int64) * 3)  # 2**12 / 24 = 2**9 / 3


def sigmoid_of_steps(scaled: Array) -> Array:
    """The sigmoid in Q0.15 of values in steps of the table, 1/24, with 9 bits behind the point."""
    y = _interpolated(np.abs(scaled), 9, 0x7FFF << 1)
    return (np.where(scaled >= 0, y + 2**9, 2**25 - y + 2**9 - 1) >> 10).astype(np.int16)


def tanh(x: Array, left_shift: int = 0) -> Array:
    """The tanh of values in Q3.12 when shifted, in Q0.15: 2 * sigmoid(2 * x) - 1."""
    scaled = x.astype(np.int64) * 3
    if left_shift >= 0:
        scaled = scaled << left_shift
    else:
        scaled = (scaled + (1 << (-left_shift - 1))) >> -left_shift
    return tanh_of_steps(scaled)


def tanh_of_steps(scaled: Array) -> Array:
    """The tanh in Q0.15 of values in steps of the table with 9 bits behind the point."""
    y = _interpolated(np.abs(scaled), 8, 0xFFFF)
    half = 2**23
    return (np.where(scaled >= 0, y - half + 2**7, half - y + 2**7 - 1) >> 8).astype(np.int16)
