"""ARG_MAX and ARG_MIN: where along an axis the first of the largest or smallest elements is."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from mcugen.ir import Call, DType
from mcugen.ops import rules
from mcugen.ops.base import Array, Arrays, Cost, Family, Fields, Kernel, Op, Options, Shape

# ---- attributes and decode


@dataclass(frozen=True, slots=True)
class ArgMaxAttrs:
    """`output_type` is a code of TFLite's; the output tensor has that type."""

    output_type: int


def decode(options: Any) -> ArgMaxAttrs:
    """Read ArgMaxOptions or ArgMinOptions."""
    return ArgMaxAttrs(options.OutputType())


def encode(call: Call) -> Options:
    """Write ArgMaxOptions or ArgMinOptions."""
    return {"outputType": call.attrs.output_type}


# ---- infer


def axis(call: Call) -> int:
    """The axis, not negative."""
    return int(call.input(1).values().reshape(-1)[0]) % len(call.input().shape)


def infer(call: Call) -> tuple[Shape, ...]:
    """The input's shape without the axis."""
    shape, position = call.input().shape, axis(call)
    return (shape[:position] + shape[position + 1 :],)


# ---- rules


def types_are_indexed(call: Call) -> str | None:
    """The input must be int8 or float32, the output int32 or int64."""
    source, target = call.input().dtype, call.output.dtype
    if source in (DType.INT8, DType.FLOAT32) and target in (DType.INT32, DType.INT64):
        return None
    return f"input {source.value}, output {target.value}"


def axis_is_known(call: Call) -> str | None:
    """The axis must be a constant of one int32 or int64, and be one of the input's."""
    tensor, rank = call.input(1), len(call.input().shape)
    if not tensor.is_const:
        return "an axis computed at run time"
    if tensor.dtype not in (DType.INT32, DType.INT64) or tensor.elements != 1:
        return f"{tensor.dtype.value} axis of shape {list(tensor.shape)}"
    value = int(tensor.values().reshape(-1)[0])
    return None if -rank <= value < rank else f"axis {value} of {rank}"


# ---- the operators


def _op(name: str, function: Callable[..., Array], flip: int) -> Op:
    def semantics(call: Call, inputs: Arrays) -> list[Array]:
        """The first index, as reference_ops::ArgMinMax; scales do not matter."""
        found = np.asarray(function(inputs[0], axis=axis(call)))
        return [found.astype(call.output.dtype.numpy)]

    def params(call: Call) -> Fields:
        """Fields of mcu_arg_max_params."""
        shape, position = call.input().shape, axis(call)
        return {
            "outer": math.prod(shape[:position]),
            "count": shape[position],
            "inner": math.prod(shape[position + 1 :]),
            "flip": flip,
            "wide": int(call.output.dtype is DType.INT64),
        }

    def kernel(name: str, dtype: DType) -> Kernel:
        return Kernel(
            name=f"mcu_arg_max_{name}_ref",
            family=Family.REF,
            dtype=dtype,
            params=params,
            params_type="mcu_arg_max_params",
            header="mcu_arg_max.h",
            cost=lambda call: Cost(cycles=12 * call.input().elements + 100),
        )

    return Op(
        name=name,
        tflite=name.upper(),
        decode=decode,
        encode=encode,
        infer=infer,
        rules=(types_are_indexed, rules.quantized_per_tensor, axis_is_known),
        floating=semantics,
        quantized=semantics,
        arity=(2, 2),
        kernels=(kernel("s8", DType.INT8), kernel("f32", DType.FLOAT32)),
    )


ARG_MAX = _op("arg_max", np.argmax, 0)
ARG_MIN = _op("arg_min", np.argmin, -1)
