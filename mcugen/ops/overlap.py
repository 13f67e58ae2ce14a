"""How far the outputs of kernels may run over their inputs, from the order of reads and writes.

A kernel is seen as a sequence of steps. Each reads bytes of the input, then writes the next bytes
of the output. What matters of a step is the lowest byte that it reads and the end of what has been
written after it; `mcugen.ops.base.Overlap` is the definition.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from mcugen.ir import Call
from mcugen.ops.base import Array, Overlap, Overlaps
from mcugen.ops.window import Axis

Geometry = Callable[[Call], tuple[Axis, Axis]]

NOTHING = np.iinfo(np.int64).max  # the lowest byte that a step reads which reads none


class Blocks(NamedTuple):
    """The channels of an output position in the order in which a kernel computes them.

    For each block the lowest input channel that it reads and the end of its output channels.
    """

    reads: Array
    ends: Array


def forwards(reads: Array, ends: Array) -> Overlap:
    """The least distance: step i reads nothing below reads[i], then the output ends at ends[i]."""
    later = np.minimum.accumulate(reads[::-1])[::-1]
    return Overlap(max(0, int((ends[:-1] - later[1:]).max(initial=0))))


def elementwise(call: Call) -> Overlaps:
    """For kernels that read an element of each input, repeated as by broadcasting, and write one.

    Softmax is one of them: it reads a whole row before it writes, then once more as it writes.
    """
    shape = call.output.shape
    ends = call.output.dtype.bytes * np.arange(1, call.output.elements + 1)
    overlaps = {}
    for position, tensor in enumerate(call.inputs):
        if tensor is not None and not tensor.is_const:
            places = np.arange(tensor.elements).reshape(tensor.shape)
            reads = tensor.dtype.bytes * np.broadcast_to(places, shape).reshape(-1)
            overlaps[position] = forwards(reads, ends)
    return overlaps


def dense(call: Call) -> Overlaps:
    """For dense layers that read a whole row of input 0 before they write one of the output."""
    out, depth = call.input(1).shape
    rows = np.arange(call.output.elements // out)
    return {0: forwards(rows * depth, (rows + 1) * out)}


def dense_passes(call: Call, outputs: int) -> Overlaps:
    """For dense layers that read the whole row of input 0 for each `outputs` of the output."""
    out, depth = call.input(1).shape
    row, first = np.indices((call.output.elements // out, -(-out // outputs)))
    ends = row * out + np.minimum(outputs * (first + 1), out)
    size = call.output.dtype.bytes
    return {0: forwards(size * (row * depth).reshape(-1), size * ends.reshape(-1))}


# ---- sliding windows


def fours(count: int) -> Array:
    """The first channels of the blocks of kernels that take four at a time, then one by one."""
    whole = count // 4 * 4
    return np.concatenate([np.arange(0, whole, 4), np.arange(whole, count)])


def all_channels(call: Call) -> Blocks:
    """For kernels that read all that a position needs before they write any of it."""
    return Blocks(np.zeros(1, np.int64), np.array([call.output.shape[-1]]))


def channels_by_fours(call: Call) -> Blocks:
    """For kernels whose output channel reads the input channel of the same number."""
    count = call.output.shape[-1]
    reads = fours(count)
    return Blocks(reads, np.append(reads[1:], count))


def windows(
    geometry: Geometry,
    blocks: Callable[[Call], Blocks],
    pixels: int = 1,
    *,
    singles: bool = False,
) -> Callable[[Call], Overlaps]:
    """For kernels that slide a window over input 0, row by row, `pixels` positions in one step.

    With more than one pixel in a step, all channels of these pixels are one block. Pixels that are
    left in the end are a step together, or one by one as `singles`.
    """

    def overlap(call: Call) -> Overlaps:
        out_ch = call.output.shape[3]
        channels = blocks(call)
        corners = _corners(call, *geometry(call))
        reads = corners[:, np.newaxis] + channels.reads
        reads[corners == NOTHING] = NOTHING
        ends = (out_ch * np.arange(len(corners)))[:, np.newaxis] + channels.ends
        starts = np.arange(0, len(corners), pixels)
        if singles and len(corners) % pixels:
            starts = np.append(starts[:-1], np.arange(starts[-1], len(corners)))
        reads = np.minimum.reduceat(reads, starts, axis=0).reshape(-1)
        ends = np.maximum.reduceat(ends, starts, axis=0).reshape(-1)
        size = call.output.dtype.bytes
        return {0: forwards(np.where(reads == NOTHING, NOTHING, size * reads), size * ends)}

    return overlap


class Stretch(NamedTuple):
    """The first and the last output position, along an axis, of each block of positions."""

    first: Array
    last: Array


def blocks_of_positions(
    call: Call, geometry: Geometry, rows: Stretch, columns: Stretch
) -> Overlaps:
    """For kernels that compute all channels of a block of positions in a step.

    Blocks follow one another along the rows. One may begin in front of the end of the one before.
    """
    batch, in_h, in_w, in_ch = call.input(0).shape
    _, out_h, out_w, out_ch = call.output.shape
    down, across = geometry(call)
    y = np.maximum(rows.first * down.stride - down.before, 0)[:, np.newaxis]
    x = np.clip(columns.first * across.stride - across.before, 0, in_w - across.kernel)
    image = np.arange(batch)[:, np.newaxis, np.newaxis]
    reads = ((image * in_h + y) * in_w + x) * in_ch
    lasts = (image * out_h + rows.last[:, np.newaxis]) * out_w + columns.last
    ends = np.maximum.accumulate((lasts.reshape(-1) + 1) * out_ch)
    return {0: forwards(reads.reshape(-1), ends)}


def _corners(call: Call, rows: Axis, cols: Axis) -> Array:
    """For each output position the lowest input element in its window, channel 0."""
    batch, in_h, in_w, in_ch = call.input(0).shape
    y, x = _firsts(rows), _firsts(cols)
    image = np.where((y < 0)[:, np.newaxis] | (x < 0), NOTHING, (y[:, np.newaxis] * in_w + x))
    pixels = np.arange(batch)[:, np.newaxis] * (in_h * in_w) + image.reshape(-1)
    seen = np.tile(image.reshape(-1) != NOTHING, batch)
    return np.where(seen, in_ch * np.where(seen, pixels.reshape(-1), 0), NOTHING)


def _firsts(axis: Axis) -> Array:
    """The first element of each window that lies on the axis; -1 where all is padding."""
    taps = np.arange(axis.out)[:, np.newaxis] * axis.stride - axis.before
    taps = taps + np.arange(axis.kernel) * axis.dilation
    inside = (taps >= 0) & (taps < axis.size)
    return np.where(inside.any(axis=1), np.where(inside, taps, axis.size).min(axis=1), -1)
