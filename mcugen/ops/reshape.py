"""RESHAPE: another shape for the same bytes; it costs nothing at run time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from mcugen.ir import Call
from mcugen.ops import rules
from mcugen.ops.base import Array, Arrays, Op, Options, Scheme, Shape

# ---- attributes and decode


@dataclass(frozen=True, slots=True)
class ReshapeAttrs:
    """The shape where the node has no second input; one element may be -1. None if absent."""

    shape: Shape | None


def decode(options: Any) -> ReshapeAttrs:
    """Read ReshapeOptions, which are optional."""
    if options is None or options.NewShapeIsNone():
        return ReshapeAttrs(None)
    return ReshapeAttrs(tuple(int(n) for n in options.NewShapeAsNumpy()))


def encode(call: Call) -> Options:
    """Write ReshapeOptions."""
    return {"newShape": list(call.output.shape)}


# ---- infer


def target(call: Call) -> Shape | None:
    """The shape that is asked for, with its -1; None where it is not known.

    The second input comes before the attributes. Old converters wrote [0] for a scalar.
    """
    tensor = call.optional(1)
    if tensor is None:
        shape: Shape | None = call.attrs.shape
        return () if shape == (0,) and call.input().elements == 1 else shape
    return None if tensor.data is None else tuple(int(n) for n in tensor.data.reshape(-1))


def resolve(shape: Shape, elements: int) -> Shape | None:
    """Replace a -1, so that the shape has so many elements; None if that cannot be."""
    known = math.prod(n for n in shape if n != -1)
    if shape.count(-1) == 1 and known > 0 and elements % known == 0:
        shape = tuple(elements // known if n == -1 else n for n in shape)
    legal = min(shape, default=0) >= 0 and math.prod(shape) == elements
    return shape if legal else None


def infer(call: Call) -> tuple[Shape, ...]:
    """The shape that is asked for."""
    asked = target(call)
    assert asked is not None, call.node.where
    shape = resolve(asked, call.input().elements)
    assert shape is not None, call.node.where
    return (shape,)


# ---- rules


def shape_is_known(call: Call) -> str | None:
    """The shape must be a constant input or an attribute."""
    if target(call) is not None:
        return None
    return "no shape" if call.optional(1) is None else "a shape computed at run time"


def elements_are_kept(call: Call) -> str | None:
    """The shape must have as many elements as the input, and at most one -1."""
    asked = target(call)
    if asked is None or resolve(asked, call.input().elements) is not None:
        return None
    return f"input of shape {list(call.input().shape)}, shape {list(asked)}"


RULES = (
    rules.same_type,
    rules.same_quantization_in_out,
    shape_is_known,
    elements_are_kept,
)


# ---- semantics


def reshape(call: Call, inputs: Arrays) -> list[Array]:
    """The same elements in the inferred shape."""
    return [inputs[0].reshape(infer(call)[0])]


OP = Op(
    name="reshape",
    tflite="RESHAPE",
    scheme=Scheme(shares=True),
    decode=decode,
    encode=encode,
    infer=infer,
    rules=RULES,
    floating=reshape,
    quantized=reshape,
    alias=True,
    arity=(1, 2),
)
