"""Careful access to a flatbuffer through the accessor classes of its schema.

The accessors believe what the file says. Here every vector is checked against the file before it is
walked, and the bytes that vectors claim are added up: a small file cannot claim a lot of work by
letting many vectors share the same bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

import numpy as np

# What the accessors, and numpy below them, raise on offsets and lengths that make no sense.
BROKEN = (struct.error, IndexError, TypeError, ValueError, OverflowError, MemoryError)

TABLE_BYTES = 16  # no useful table is smaller
SHARING = 2  # how often a byte may be read, on average


class Reader:
    """Reads the fields of accessor objects; raises ValueError where the file contradicts itself."""

    def __init__(self, data: bytes) -> None:
        self.size = len(data)
        self._budget = SHARING * len(data)

    def _charge(self, size: int) -> None:
        self._budget -= size
        if size > self.size or self._budget < 0:
            raise ValueError("vectors that are longer than the file")

    def tables(self, parent: Any, field: str) -> Iterator[Any]:
        """The tables of a vector."""
        count = getattr(parent, f"{field}Length")()
        self._charge(count * TABLE_BYTES)
        item = getattr(parent, field)
        return (item(position) for position in range(count))

    def numbers(self, parent: Any, field: str) -> tuple[Any, ...]:
        """The numbers of a vector; empty where it is absent."""
        array = self.array(parent, field)
        self._charge(array.nbytes)
        return tuple(array.tolist())

    def array(self, parent: Any, field: str) -> np.ndarray[Any, Any]:
        """A vector as a view of the file, which numpy checks for its bounds."""
        if getattr(parent, f"{field}IsNone")():
            return np.empty(0, np.uint8)
        view: np.ndarray[Any, Any] = getattr(parent, f"{field}AsNumpy")()
        return view

    def text(self, raw: bytes | None) -> str:
        """A string; bytes that are not UTF-8 are replaced."""
        self._charge(len(raw or b""))
        return (raw or b"").decode("utf-8", errors="replace")
