"""MIRROR_PAD: surrounds the input with its own reflection."""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from mcugen.ir import Call
from mcugen.ops import movers, pad
from mcugen.ops.base import Array, Op, Options, Scheme, Shape

# ---- attributes and decode


class Mode(enum.Enum):
    """Whether the border itself is repeated (SYMMETRIC); values are TFLite's codes."""

    REFLECT = 0
    SYMMETRIC = 1

    @property
    def numpy(self) -> Literal["reflect", "symmetric"]:
        """The mode's name in numpy."""
        return "symmetric" if self is Mode.SYMMETRIC else "reflect"


@dataclass(frozen=True, slots=True)
class MirrorPadAttrs:
    """How to reflect."""

    mode: Mode


def decode(options: Any) -> MirrorPadAttrs:
    """Read MirrorPadOptions."""
    return MirrorPadAttrs(Mode(options.Mode()))


def encode(call: Call) -> Options:
    """Write MirrorPadOptions."""
    return {"mode": call.attrs.mode.value}


# ---- infer


def infer(call: Call) -> tuple[Shape, ...]:
    """The padded shape."""
    return pad.infer(call)


# ---- rules


def reflection_is_short(call: Call) -> str | None:
    """Paddings may not exceed an axis, and in REFLECT mode must be smaller than it."""
    room = 0 if call.attrs.mode is Mode.SYMMETRIC else 1
    for size, pair in zip(call.input().shape, pad.paddings(call), strict=True):
        if max(pair) > size - room:
            return f"paddings {list(pair)} of an axis of {size}"
    return None


# ---- semantics and kernel


def offsets(call: Call) -> list[Array]:
    """Where each axis of the output lies in the input, in elements."""
    shape, mode = call.input().shape, call.attrs.mode
    pairs = enumerate(zip(shape, pad.paddings(call), strict=True))
    return [
        np.pad(np.arange(size), pair, mode=mode.numpy) * math.prod(shape[i + 1 :])
        for i, (size, pair) in pairs
    ]


semantics = movers.table_semantics(offsets)

OP = Op(
    name="mirror_pad",
    tflite="MIRROR_PAD",
    scheme=Scheme(shares=True),
    decode=decode,
    encode=encode,
    infer=infer,
    rules=(*movers.RULES, pad.paddings_are_known, pad.paddings_are_positive, reflection_is_short),
    floating=semantics,
    quantized=semantics,
    kernels=(movers.table_kernel(offsets),),
    arity=(2, 2),
)
