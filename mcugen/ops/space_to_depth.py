"""SPACE_TO_DEPTH and DEPTH_TO_SPACE: blocks of pixels become channels, and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mcugen.ir import Call
from mcugen.ops import movers, rules
from mcugen.ops.base import Array, Op, Options, Scheme, Shape

# ---- attributes and decode


@dataclass(frozen=True, slots=True)
class BlockAttrs:
    """`block` is the side of a block in pixels."""

    block: int


def decode(options: Any) -> BlockAttrs:
    """Read SpaceToDepthOptions or DepthToSpaceOptions."""
    return BlockAttrs(options.BlockSize())


def encode(call: Call) -> Options:
    """Write SpaceToDepthOptions or DepthToSpaceOptions."""
    return {"blockSize": call.attrs.block}


# ---- infer


def infer_depth(call: Call) -> tuple[Shape, ...]:
    """A block's pixels lie one after the other in its channels."""
    (n, h, w, c), b = call.input().shape, call.attrs.block
    return ((n, h // b, w // b, c * b * b),)


def infer_space(call: Call) -> tuple[Shape, ...]:
    """Each pixel becomes a block."""
    (n, h, w, c), b = call.input().shape, call.attrs.block
    return ((n, h * b, w * b, c // (b * b)),)


# ---- rules


def block_divides_image(call: Call) -> str | None:
    """The block must be 1 or more, and divide the input's height and width."""
    (_, h, w, _), b = call.input().shape, call.attrs.block
    if b >= 1 and h % b == w % b == 0:
        return None
    return f"block {b} of an input of {h} by {w} pixels"


def block_divides_depth(call: Call) -> str | None:
    """The block must be 1 or more, and its square divide the input's channels."""
    depth, b = call.input().shape[3], call.attrs.block
    return None if b >= 1 and depth % (b * b) == 0 else f"block {b} of {depth} channels"


# ---- semantics and kernels


def depth_view(call: Call, x: Array) -> Array:
    """[N][H / b][W / b][b][b][C] of [N][H / b][b][W / b][b][C]."""
    (n, h, w, c), b = x.shape, call.attrs.block
    dealt: Array = x.reshape(n, h // b, b, w // b, b, c).transpose(0, 1, 3, 2, 4, 5)
    return dealt


def space_view(call: Call, x: Array) -> Array:
    """[N][H][b][W][b][C / b / b] of [N][H][W][b][b][C / b / b]."""
    (n, h, w, c), b = x.shape, call.attrs.block
    dealt: Array = x.reshape(n, h, w, b, b, c // (b * b)).transpose(0, 1, 3, 2, 4, 5)
    return dealt


to_depth = movers.view_semantics(depth_view)
to_space = movers.view_semantics(space_view)

SPACE_TO_DEPTH = Op(
    name="space_to_depth",
    tflite="SPACE_TO_DEPTH",
    scheme=Scheme(shares=True),
    decode=decode,
    encode=encode,
    infer=infer_depth,
    rules=(*movers.RULES, rules.input_is_4d, block_divides_image),
    floating=to_depth,
    quantized=to_depth,
    kernels=(movers.view_kernel(depth_view),),
    arity=(1, 1),
)

DEPTH_TO_SPACE = Op(
    name="depth_to_space",
    tflite="DEPTH_TO_SPACE",
    scheme=Scheme(shares=True),
    decode=decode,
    encode=encode,
    infer=infer_space,
    rules=(*movers.RULES, rules.input_is_4d, block_divides_depth),
    floating=to_space,
    quantized=to_space,
    kernels=(movers.view_kernel(space_view),),
    arity=(1, 1),
)
