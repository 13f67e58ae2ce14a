"""SPACE_TO_BATCH_ND and BATCH_TO_SPACE_ND: an image dealt out to a batch of smaller ones, and back.

Image i * block_w + j of the larger batch has each block_h-th row from row i on, and each block_w-th
column from column j on. TFLite Micro pads with zeros where it should use the zero point; int8
follows LiteRT, which is right.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mcugen.ir import Call
from mcugen.ops import movers
from mcugen.ops.base import (
    Array,
    Arrays,
    Cost,
    Family,
    Fields,
    Kernel,
    Op,
    Scheme,
    Shape,
    no_attributes,
)

# ---- infer


@dataclass(frozen=True, slots=True)
class Blocks:
    """Along rows and columns: the block, and what is padded or cropped. Width 1 if it is absent."""

    block: tuple[int, int]
    rows: tuple[int, int]
    cols: tuple[int, int]


def blocks(call: Call) -> Blocks:
    """The constants of a call, for two axes."""
    block, pairs = movers.integers(call, 1), movers.integers(call, 2)
    if len(block) == 1:
        return Blocks((block[0], 1), (pairs[0], pairs[1]), (0, 0))
    return Blocks((block[0], block[1]), (pairs[0], pairs[1]), (pairs[2], pairs[3]))


def image(shape: Shape) -> tuple[int, int, int, int]:
    """[N, H, W, C]; of [N, H, C] a width of 1 is understood."""
    return (shape[0], shape[1], shape[2] if len(shape) == 4 else 1, shape[-1])


def _like(shape: Shape, nhwc: Shape) -> Shape:
    return nhwc if len(shape) == 4 else (nhwc[0], nhwc[1], nhwc[3])


def infer_batch(call: Call) -> tuple[Shape, ...]:
    """A batch as many times as large as a block has pixels."""
    b, (n, h, w, c) = blocks(call), image(call.input().shape)
    height, width = (h + sum(b.rows)) // b.block[0], (w + sum(b.cols)) // b.block[1]
    return (_like(call.input().shape, (n * b.block[0] * b.block[1], height, width, c)),)


def infer_space(call: Call) -> tuple[Shape, ...]:
    """The image that was dealt out, cropped."""
    b, (n, h, w, c) = blocks(call), image(call.input().shape)
    height, width = h * b.block[0] - sum(b.rows), w * b.block[1] - sum(b.cols)
    return (_like(call.input().shape, (n // (b.block[0] * b.block[1]), height, width, c)),)


# ---- rules


def input_is_image(call: Call) -> str | None:
    """The input must have four dimensions [N, H, W, C], or three [N, H, C]."""
    shape = call.input().shape
    return None if len(shape) in (3, 4) else f"input of shape {list(shape)}"


block_known = movers.constant(1, "block")
paddings_known = movers.constant(2, "paddings")
crops_known = movers.constant(2, "crops")


def block_fits(call: Call) -> str | None:
    """The block must be 1 or more along each axis, with a pair of numbers of 0 or more for each."""
    block, pairs = movers.integers(call, 1), movers.integers(call, 2)
    axes = len(call.input().shape) - 2
    if len(block) == axes and len(pairs) == 2 * axes and min(block) >= 1 and min(pairs) >= 0:
        return None
    return f"block {block}, paddings or crops {pairs}, input of shape {list(call.input().shape)}"


def block_divides_padded_image(call: Call) -> str | None:
    """The block must divide the padded height and width."""
    b, (_, h, w, _) = blocks(call), image(call.input().shape)
    height, width = h + sum(b.rows), w + sum(b.cols)
    if height % b.block[0] == width % b.block[1] == 0:
        return None
    return f"blocks of {list(b.block)} in a padded image of {height} by {width}"


def block_divides_batch(call: Call) -> str | None:
    """The pixels of a block must divide the batch, and the crops leave something of the image."""
    b, shape = blocks(call), call.input().shape
    if shape[0] % (b.block[0] * b.block[1]) == 0 and min(infer_space(call)[0][1:-1]) >= 1:
        return None
    return f"blocks of {list(b.block)}, crops {[*b.rows, *b.cols]}, input of shape {list(shape)}"


# ---- semantics


def _to_batch(call: Call, x: Array, fill: float) -> list[Array]:
    b, (n, _, _, c) = blocks(call), image(x.shape)
    pads = ((0, 0), b.rows, b.cols, (0, 0))
    padded = np.pad(x.reshape(image(x.shape)), pads, constant_values=fill)
    _, h, w, _ = padded.shape
    dealt = padded.reshape(n, h // b.block[0], b.block[0], w // b.block[1], b.block[1], c)
    return [movers.contiguous(dealt.transpose(2, 4, 0, 1, 3, 5), call.output.shape)]


def to_batch_floating(call: Call, inputs: Arrays) -> list[Array]:
    """Pad with 0.0, deal out."""
    return _to_batch(call, inputs[0], 0.0)


def to_batch_quantized(call: Call, inputs: Arrays) -> list[Array]:
    """Pad with the zero point, deal out."""
    return _to_batch(call, inputs[0], fill_byte(call))


def fill_byte(call: Call) -> int:
    """The padding of a quantized tensor is its zero point, that of any other 0."""
    return 0 if call.output.quant is None else call.output.zero_point


def space_offsets(call: Call) -> Sequence[Array]:
    """Where the axes of BATCH_TO_SPACE_ND's output lie in the input, in elements."""
    b, (_, h, w, c) = blocks(call), image(call.input().shape)
    n, height, width, _ = image(call.output.shape)
    plane = h * w * c
    y, x = np.arange(height) + b.rows[0], np.arange(width) + b.cols[0]
    return (
        np.arange(n) * plane,
        y % b.block[0] * (b.block[1] * n * plane) + y // b.block[0] * (w * c),
        x % b.block[1] * (n * plane) + x // b.block[1] * c,
        np.arange(c),
    )


# ---- C parameters and kernels


def params(call: Call) -> Fields:
    """Fields of mcu_space_to_batch_params."""
    b, (n, h, w, c) = blocks(call), image(call.input().shape)
    _, out_h, out_w, _ = image(call.output.shape)
    return {
        "batch": n,
        "in_h": h,
        "in_w": w,
        "out_h": out_h,
        "out_w": out_w,
        "block_h": b.block[0],
        "block_w": b.block[1],
        "pad_top": b.rows[0],
        "pad_left": b.cols[0],
        "pixel": c * call.input().dtype.bytes,
        "fill": fill_byte(call),
    }


def fill_is_a_byte(call: Call) -> str | None:
    """The padding must be int8, or zero."""
    dtype, fill = call.input().dtype, fill_byte(call)
    return None if dtype.bytes == 1 or fill == 0 else f"padding with {fill} of {dtype.value}"


SPACE_TO_BATCH_ND = Op(
    name="space_to_batch_nd",
    tflite="SPACE_TO_BATCH_ND",
    scheme=Scheme(shares=True),
    decode=no_attributes,
    infer=infer_batch,
    rules=(
        *movers.RULES,
        input_is_image,
        block_known,
        paddings_known,
        block_fits,
        block_divides_padded_image,
    ),
    floating=to_batch_floating,
    quantized=to_batch_quantized,
    arity=(3, 3),
    kernels=(
        Kernel(
            name="mcu_space_to_batch_ref",
            family=Family.REF,
            dtype=None,
            params=params,
            params_type="mcu_space_to_batch_params",
            header="mcu_space_to_batch.h",
            applies=(fill_is_a_byte,),
            cost=lambda call: Cost(cycles=100 + 4 * call.output.bytes),
        ),
    ),
)

to_space = movers.table_semantics(space_offsets)

BATCH_TO_SPACE_ND = Op(
    name="batch_to_space_nd",
    tflite="BATCH_TO_SPACE_ND",
    scheme=Scheme(shares=True),
    decode=no_attributes,
    infer=infer_space,
    rules=(
        *movers.RULES,
        input_is_image,
        block_known,
        crops_known,
        block_fits,
        block_divides_batch,
    ),
    floating=to_space,
    quantized=to_space,
    kernels=(movers.table_kernel(space_offsets),),
    arity=(3, 3),
)
