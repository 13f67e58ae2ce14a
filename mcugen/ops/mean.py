"""MEAN: the average over some axes; the second input lists them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from mcugen.fixed import quantize_multiplier, requantize
from mcugen.ir import Call, DType
from mcugen.ops import float32, overlap, rules
from mcugen.ops.base import (
    Array,
    Arrays,
    Cost,
    Family,
    Fields,
    Kernel,
    Op,
    Options,
    Overlaps,
    Shape,
)

# Int8 or int16 values whose sum, less their zero points, surely fits an int32.
MAX_COUNT, MAX_COUNT_16 = 2**23 - 1, 2**16 - 1

# ---- attributes and decode


@dataclass(frozen=True, slots=True)
class MeanAttrs:
    """`keep_dims`: reduced axes stay, with size 1."""

    keep_dims: bool


def decode(options: Any) -> MeanAttrs:
    """Read ReducerOptions."""
    return MeanAttrs(keep_dims=bool(options.KeepDims()))


def encode(call: Call) -> Options:
    """Write ReducerOptions."""
    return {"keepDims": call.attrs.keep_dims}


# ---- infer


def axes(call: Call) -> tuple[int, ...]:
    """The axes to reduce, ascending, each once, none negative."""
    rank = len(call.input(0).shape)
    return tuple(sorted({int(axis) % rank for axis in call.input(1).values().reshape(-1)}))


def infer(call: Call) -> tuple[Shape, ...]:
    """The input shape without the reduced axes, or with 1 in their place."""
    shape, reduced = call.input(0).shape, axes(call)
    if call.attrs.keep_dims:
        return (tuple(1 if i in reduced else size for i, size in enumerate(shape)),)
    return (tuple(size for i, size in enumerate(shape) if i not in reduced),)


def count(call: Call) -> int:
    """How many values each output is the mean of."""
    return math.prod(call.input(0).shape[axis] for axis in axes(call))


def layout(call: Call) -> tuple[int, ...] | None:
    """The input as (outer, rows, middle, cols, inner), of which rows and cols are reduced.

    Neighbouring axes of the same kind are one, and axes of size 1 do not count. None where the
    reduced axes still form more than two groups.
    """
    reduced = axes(call)
    sizes = [1, 1, 1, 1, 1]
    group = 0
    for axis, size in enumerate(call.input(0).shape):
        if size > 1 and (axis in reduced) != (group % 2 == 1):
            group += 1
        if group == len(sizes):
            return None
        sizes[group] *= size
    # With one group of reduced axes, it is the inner one: the kernel's fast loop.
    return tuple(sizes) if group > 2 else (1, 1, *sizes[:3])


# ---- rules


def axes_are_constant(call: Call) -> str | None:
    """The axes must be constant, and each in the range [-rank, rank) of the input."""
    listed, rank = call.input(1), len(call.input(0).shape)
    if not listed.is_const:
        return f'axes "{listed.name}" computed at run time'
    outside = [int(axis) for axis in listed.values().reshape(-1) if not -rank <= axis < rank]
    return f"axis {outside[0]} of {rank} dimensions" if outside else None


def axes_form_two_groups(call: Call) -> str | None:
    """The reduced axes may form at most two groups of neighbours."""
    if layout(call) is not None:
        return None
    return f"axes {list(axes(call))} of an input of shape {list(call.input(0).shape)}"


def sum_fits_int32(call: Call) -> str | None:
    """A mean or sum may be taken over at most 2**23 - 1 values of int8, 2**16 - 1 of int16."""
    most = MAX_COUNT_16 if call.input(0).dtype is DType.INT16 else MAX_COUNT
    if call.input(0).dtype.is_float or count(call) <= most:
        return None
    return f"{count(call)} values"


def ratio_is_defined(call: Call) -> str | None:
    """An int8 input's scale must be below 2**30 output scales."""
    if call.input(0).dtype.is_float:
        return None
    # Beyond, the reference shifts an int32 by 31 bits or more, which C leaves undefined.
    ratio = call.input(0).scale / call.output.scale
    return None if ratio < 2.0**30 else f"a ratio of {ratio:g}"


RULES = (
    axes_are_constant,
    axes_form_two_groups,
    rules.same_type_in_out_16,
    rules.activations_are_quantized,
    sum_fits_int32,
    ratio_is_defined,
)


# ---- semantics


def floating(call: Call, inputs: Arrays) -> list[Array]:
    """Float32 mean, as reference_ops::Mean: sums, then a division."""
    return [sums_f32(call, inputs[0]) / np.float32(count(call))]


def sums_f32(call: Call, x: Array) -> Array:
    """Float32 sums in the order of the input."""
    reduced = axes(call)
    terms = np.moveaxis(x, reduced, range(len(reduced)))
    terms = terms.reshape(-1, *terms.shape[len(reduced) :])
    return float32.add_up(terms).reshape(call.output.shape)


def quantized(call: Call, inputs: Arrays) -> list[Array]:
    """Int8 or int16 mean, as reference_ops::QuantizedMeanOrSum."""
    sums = inputs[0].astype(np.int64).sum(axis=axes(call)) + sum_offset(call)
    multiplier, shift = scaling(call)
    dtype = call.output.dtype.numpy
    low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
    means = requantize(sums, multiplier, shift, call.output.zero_point, low, high, dtype)
    return [means.reshape(call.output.shape)]


def sum_offset(call: Call) -> int:
    """What a sum of raw inputs lacks to be one of inputs less their zero point."""
    return -call.input(0).zero_point * count(call)


def scaling(call: Call) -> tuple[int, int]:
    """(Q0.31 multiplier, shift) that also divides by the count.

    The reference divides the mantissa of the scales' ratio, moved up first as far as keeps it below
    2**63 and the shift at -31 or above, and lets the quotient's fraction fall.
    """
    multiplier, shift = quantize_multiplier(call.input(0).scale / call.output.scale)
    room = min(count(call).bit_length() - 1, 32, 31 + shift)
    return (multiplier << room) // count(call), shift - room


# ---- C parameters and kernels


def size_fields(call: Call) -> Fields:
    """The fields that all params structs of reductions begin with."""
    found = layout(call)
    assert found is not None, call.node.where
    return dict(zip(("outer", "rows", "middle", "cols", "inner"), found, strict=True))


def params_f32(call: Call) -> Fields:
    """Fields of mcu_mean_f32_params."""
    return {**size_fields(call), "divisor": float(count(call))}


def params_s8(call: Call) -> Fields:
    """Fields of mcu_mean_s8_params."""
    multiplier, shift = scaling(call)
    return {
        **size_fields(call),
        "sum_offset": sum_offset(call),
        "output_offset": call.output.zero_point,
        "multiplier": multiplier,
        "shift": shift,
    }


def params_s16(call: Call) -> Fields:
    """Fields of mcu_mean_s16_params."""
    multiplier, shift = scaling(call)
    return {**size_fields(call), "multiplier": multiplier, "shift": shift}


def overlap_s8(call: Call) -> Overlaps:
    """The inner axis is taken by fours, the axes around it one by one."""
    sizes = layout(call)
    assert sizes is not None, call.node.where
    outer, rows, middle, cols, inner = sizes
    starts = np.arange(outer)[:, np.newaxis] * (rows * middle) + np.arange(middle)
    blocks = overlap.fours(inner)
    reads = starts.reshape(-1, 1) * (cols * inner) + blocks
    ends = np.arange(outer * middle)[:, np.newaxis] * inner + np.append(blocks[1:], inner)
    return {0: overlap.forwards(reads.reshape(-1), ends.reshape(-1))}


OP = Op(
    name="mean",
    tflite="MEAN",
    decode=decode,
    encode=encode,
    infer=infer,
    arity=(2, 2),
    rules=RULES,
    floating=floating,
    quantized=quantized,
    kernels=(
        Kernel(
            name="mcu_mean_s8_ref",
            family=Family.REF,
            dtype=DType.INT8,
            params=params_s8,
            params_type="mcu_mean_s8_params",
            header="mcu_mean.h",
            overlap=overlap_s8,
            cost=lambda call: Cost(cycles=5 * call.input(0).elements + 40 * call.output.elements),
        ),
        Kernel(
            name="mcu_mean_s16_ref",
            family=Family.REF,
            dtype=DType.INT16,
            params=params_s16,
            params_type="mcu_mean_s16_params",
            header="mcu_mean_s16.h",
            cost=lambda call: Cost(cycles=4 * call.input(0).elements + 40 * call.output.elements),
        ),
        Kernel(
            name="mcu_mean_f32_ref",
            family=Family.REF,
            dtype=DType.FLOAT32,
            params=params_f32,
            params_type="mcu_mean_f32_params",
            header="mcu_mean_f32.h",
            cost=lambda call: Cost(cycles=8 * call.input(0).elements + 30 * call.output.elements),
        ),
    ),
)
