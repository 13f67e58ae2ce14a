"""What the depthwise kernels that copy channels to planes share (mcu_planes.h)."""

from __future__ import annotations

from mcugen.ir import Call
from mcugen.ops.base import Array, Fields
from mcugen.ops.window import convolution

COUNT = 4  # channels that are copied together
WORD = 4  # columns


def weight_rows(call: Call) -> Array:
    """The weights of a depthwise convolution, [out_ch][taps]."""
    weights = call.input(1).values()
    rows: Array = weights.reshape(-1, weights.shape[3]).T
    return rows


def layout(call: Call, words: int, pitch: int, plane_bytes: int) -> Fields:
    """The fields that params structs share.

    A row of a plane has so many words that are read; `pitch` are the bytes from row to row.
    """
    rows, cols = convolution(call)
    _, out_h, out_w, out_ch = call.output.shape
    left = cols.before % WORD
    blocks = -(-(left + cols.size) // WORD)
    above = rows.before * pitch // WORD + cols.before // WORD
    batch, _, _, in_ch = call.input(0).shape
    filling = (  # as in mcu_planes_layout.h
        plane_bytes,
        in_ch,
        above,
        left + cols.size - WORD,
        left,
        words - blocks,
        (WORD * blocks - cols.size) * in_ch,
        rows.size,
        _each_byte(call.input(0).zero_point),
        plane_bytes // WORD - above - rows.size * pitch // WORD,
        pitch - words * WORD,
    )
    return {
        "batch": batch,
        "in_bytes": call.input(0).bytes // batch,
        "out_bytes": call.output.bytes // batch,
        "out_ch": out_ch,
        "multiplier": out_ch // in_ch,
        "filling": filling,
        "results": (pitch, out_h, out_w, out_ch),
    }


def _each_byte(value: int) -> int:
    """A word, signed, that holds a value in each of its bytes."""
    return int.from_bytes(bytes([value & 0xFF]) * WORD, "little", signed=True)


def copying(call: Call, words: int, pitch: int, plane_bytes: int) -> float:
    """Modelled cycles to copy an image to planes, by fours and one by one, and the results back."""
    _, in_h, in_w, in_ch = call.input(0).shape
    _, out_h, out_w, out_ch = call.output.shape
    fours, ones = divmod(out_ch, COUNT)
    left = convolution(call)[1].before % WORD
    back = fours * (_scatter_four(out_h, out_w) + 60) + ones * (_one(out_h, out_w) + 60)
    by_one = _one(in_h, in_w) + plane_bytes / 3 + 100
    if in_ch != out_ch or left + in_w < WORD:
        return back + out_ch * by_one
    padding = 7 * (plane_bytes // WORD - in_h * pitch // WORD)
    row = _gather_row(left, in_w, words) + (9 if pitch > words * WORD else 0)
    return back + fours * (in_h * row + padding + 90) + ones * by_one


def _gather_row(left: int, width: int, words: int) -> float:
    """A row of four channels with its padding."""
    blocks, rest = divmod(left + width, WORD)
    right = words - blocks - (rest > 0)
    before = (0, 5, 10, 10)[left]
    behind = (0, 18, 28, 30)[rest] + (10 if right else 0) + (7 * right if right > 1 else 0)
    return before + 25.5 * blocks + behind + 13


def _scatter_four(height: int, width: int) -> float:
    """Results of four channels."""
    blocks, rest = divmod(width, WORD)
    return height * (28 * blocks + (0, 20, 24, 36)[rest] + 17)


def _one(height: int, width: int) -> float:
    """One channel, to a plane or back."""
    blocks, rest = divmod(width, WORD)
    return height * (21 * blocks + 6.5 * rest + 19)
