"""Inputs that take few values, such as pixels or features that were stored as bytes.

Where all of them lie on one grid that contains zero, the integers can stand for exactly these
values, and the input costs no accuracy at all.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mcugen.ir import Quant
from mcugen.quantizer.ranges import Grid

TOLERANCE = 0.02  # steps that float32 arithmetic on the way to the model may have moved a value


def exact_quant(levels: NDArray[np.float64] | None, grid: Grid) -> Quant | None:
    """Scale and zero point that hold every level exactly, None if there are none.

    The scale is the finest that does, so that the range is no wider than it must be.
    """
    if levels is None or len(levels) < 2:
        return None
    step = float(np.diff(levels).min())
    steps = np.rint(levels / step)
    step = float(levels @ steps / (steps @ steps))
    if np.abs(levels - steps * step).max() > TOLERANCE * step:
        return None
    low, high = int(steps[0]), int(steps[-1])
    finer = grid.high // max(-low, high) if grid.symmetric else grid.steps // (high - low)
    if finer == 0:
        return None
    zero_point = 0 if grid.symmetric else grid.low - low * finer
    return Quant((float(np.float32(step / finer)),), (zero_point,))
