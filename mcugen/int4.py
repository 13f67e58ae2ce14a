"""Integers of four bits as TFLite stores them: two in a byte, the first in its low half."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

LOW, HIGH = -8, 7


def packed_bytes(count: int) -> int:
    """Bytes that so many integers take."""
    return (count + 1) // 2


def pack(values: NDArray[Any]) -> NDArray[np.int8]:
    """Integers in [-8, 7], in memory order, as bytes; the last half may be empty."""
    flat = np.zeros(2 * packed_bytes(values.size), np.uint8)
    flat[: values.size] = values.reshape(-1).astype(np.int8).view(np.uint8) & 0xF
    return (flat[0::2] | (flat[1::2] << 4)).view(np.int8)


def unpack(raw: NDArray[Any], count: int) -> NDArray[np.int8]:
    """The first integers of packed bytes."""
    halves = np.stack([raw.view(np.uint8) << 4, raw.view(np.uint8) & 0xF0], axis=1)
    values: NDArray[np.int8] = halves.reshape(-1)[:count].view(np.int8) >> 4
    return values
