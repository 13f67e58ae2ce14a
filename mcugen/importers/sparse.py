"""Sparse constants of a file as dense arrays, as FormatConverter::SparseToDense of TFLite.

The values are in the order of a walk through nested levels, one for each axis and then one for each
axis of the blocks into which some axes are cut. A dense level visits all of its positions; one in
CSR form those that it lists, from `segments[n]` on for the n-th visit of the level above.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from mcugen.importers.reader import Reader

Array = np.ndarray[Any, Any]

INDICES = {
    schema.SparseIndexVector.Int32Vector: schema.Int32Vector,
    schema.SparseIndexVector.Uint16Vector: schema.Uint16Vector,
    schema.SparseIndexVector.Uint8Vector: schema.Uint8Vector,
}


def dense(reader: Reader, sparsity: Any, shape: tuple[int, ...], values: Array) -> Array:
    """The dense array of stored values; ValueError if the description contradicts itself."""
    rank, elements = len(shape), math.prod(shape)
    order = reader.numbers(sparsity, "TraversalOrder")
    blocks = reader.numbers(sparsity, "BlockMap")
    levels = list(reader.tables(sparsity, "DimMetadata"))
    if sorted(order) != list(range(rank + len(blocks))) or len(levels) != len(order):
        raise ValueError("a traversal order that is no permutation of the levels")
    if not set(blocks) <= set(range(rank)) or len(set(blocks)) != len(blocks):
        raise ValueError("blocks of axes that are not there")

    # Each visit of a level leads to a value or a segment of its own, at least a byte of the file: a
    # small file cannot claim many.
    most = min(elements, reader.size)
    positions: list[Array] = []  # at each level so far, one for each visit of the last
    visit = np.zeros(1, np.int64)
    sizes = {}
    for axis, level in zip(order, levels, strict=True):
        if level.Format() == schema.DimensionType.DENSE:
            size = level.DenseSize()
            if size < 1 or visit.size * size > most:
                raise ValueError("a level that is larger than the tensor or the file")
            parents = np.repeat(np.arange(visit.size), size)
            here = np.tile(np.arange(size), visit.size)
            visit = visit[parents] * size + here
            sizes[axis] = size
        elif axis >= rank:
            raise ValueError("blocks that are not dense")
        else:
            segments = _indices(reader, level, "ArraySegments")
            starts, ends = segments[visit], segments[visit + 1]
            if np.any(starts < 0) or np.any(ends < starts) or np.sum(ends - starts) > most:
                raise ValueError("segments that do not follow each other")
            parents = np.repeat(np.arange(visit.size), ends - starts)
            first = np.cumsum(ends - starts) - (ends - starts)
            visit = starts[parents] + np.arange(parents.size) - first[parents]
            here = _indices(reader, level, "ArrayIndices")[visit]
        positions = [*(position[parents] for position in positions), here]
    by_axis = dict(zip(order, positions, strict=True))
    for block, axis in enumerate(blocks):
        by_axis[axis] = by_axis[axis] * sizes[rank + block] + by_axis[rank + block]

    if values.size != visit.size:
        raise ValueError(f"{values.size} values for {visit.size} places")
    result = np.zeros(shape, values.dtype)
    places = tuple(by_axis[axis] for axis in range(rank))
    if any(np.any(place < 0) for place in places):
        raise ValueError("a negative index")
    result[places] = values
    return result


def _indices(reader: Reader, level: Any, field: str) -> Array:
    """One of the index vectors of a level in CSR form."""
    table = getattr(level, field)()
    kind = INDICES.get(getattr(level, f"{field}Type")())
    if table is None or kind is None:
        raise ValueError(f"no {field}")
    vector = kind()
    vector.Init(table.Bytes, table.Pos)
    return np.asarray(reader.numbers(vector, "Values"), np.int64)
