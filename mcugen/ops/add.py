"""ADD: the sum of two tensors, with broadcasting and a fused activation."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from mcugen.fixed import (
    INT32_MAX,
    multiply_by_quantized_multiplier,
    quantize_multiplier,
    requantize,
)
from mcugen.ir import Call, DType
from mcugen.ops import binary_f32, broadcast, overlap, rules
from mcugen.ops.base import (
    Activation,
    Array,
    Arrays,
    Cost,
    Family,
    Fields,
    Kernel,
    Op,
    Options,
    activation_range,
    apply_activation,
)
from mcugen.ops.kernels import round_once
from mcugen.ops.window import same_rows

# Keep the rounding of both operands far below one step of the output, and the sum in an int32.
LEFT_SHIFT, LEFT_SHIFT_16 = 20, 15
DSP_SHIFT = 20  # of the kernel for cores with SIMD

# ---- attributes and decode


@dataclass(frozen=True, slots=True)
class AddAttrs:
    """The fused activation."""

    activation: Activation


def decode(options: Any) -> AddAttrs:
    """Read AddOptions."""
    return AddAttrs(Activation(options.FusedActivationFunction()))


def encode(call: Call) -> Options:
    """Write AddOptions.

    LiteRT takes int16 with the scales' rounding of old converters where potScaleInt16 is true,
    which it is by default; TFLite Micro does not look at it.
    """
    return {"fusedActivationFunction": call.attrs.activation.value, "potScaleInt16": False}


# ---- rules


def sum_scale_is_below_one(call: Call) -> str | None:
    """Twice the larger input scale must be less than 2**20 output scales, of int16 2**15."""
    if call.input(0).dtype.is_float or multipliers(call)[2][1] <= 0:
        return None
    scales = call.input(0).scale, call.input(1).scale, call.output.scale
    return "input scales {:g} and {:g}, output scale {:g}".format(*scales)


RULES = (
    *broadcast.RULES_16,
    rules.activation_is_a_clamp,
    rules.clamp_fits_int32,
    sum_scale_is_below_one,
)


# ---- semantics


def floating(call: Call, inputs: Arrays) -> list[Array]:
    """Float32 sum."""
    return [apply_activation(call.attrs.activation, np.add(inputs[0], inputs[1]))]


def quantized(call: Call, inputs: Arrays) -> list[Array]:
    """Int8 or int16 sum, as reference_integer_ops::AddElementwise and reference_ops::Add.

    Both operands are brought to a common scale, twice the larger of theirs, with 20 fraction bits,
    or 15 for int16; |sum| < 2**28, or 2**30.
    """
    *operands, (multiplier, shift) = multipliers(call)
    centred = [x.astype(np.int64) - call.input(i).zero_point for i, x in enumerate(inputs)]
    terms = [
        multiply_by_quantized_multiplier(x << left_shift(call), *operand)
        for x, operand in zip(centred, operands, strict=True)
    ]
    low, high = activation_range(call.attrs.activation, call.output)
    zero_point, dtype = call.output.zero_point, call.output.dtype.numpy
    return [requantize(terms[0] + terms[1], multiplier, shift, zero_point, low, high, dtype)]


def left_shift(call: Call) -> int:
    """The fraction bits of the common scale."""
    return LEFT_SHIFT_16 if call.input(0).dtype is DType.INT16 else LEFT_SHIFT


def multipliers(call: Call) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int]]:
    """(Q0.31 multiplier, shift) of both operands and of the sum, as CalculateOpDataAdd.

    The reference computes in double, and stops the program unless the last one is below 1.
    """
    scale1, scale2 = call.input(0).scale, call.input(1).scale
    common = 2 * max(scale1, scale2)
    return (
        quantize_multiplier(scale1 / common),
        quantize_multiplier(scale2 / common),
        quantize_multiplier(common / (2 ** left_shift(call) * call.output.scale)),
    )


# ---- C parameters and kernels


def params_s8(call: Call) -> Fields:
    """Fields of mcu_add_s8_params."""
    loops = broadcast.merge(call.input(0).shape, call.input(1).shape)
    (multiplier1, shift1), (multiplier2, shift2), (multiplier, shift) = multipliers(call)
    low, high = activation_range(call.attrs.activation, call.output)
    return {
        "counts": loops.counts,
        "steps1": loops.steps1,
        "steps2": loops.steps2,
        "offset1": -call.input(0).zero_point,
        "offset2": -call.input(1).zero_point,
        "multiplier1": multiplier1,
        "multiplier2": multiplier2,
        "shift1": shift1,
        "shift2": shift2,
        "multiplier": multiplier,
        "shift": shift,
        "output_offset": call.output.zero_point,
        "act_min": low,
        "act_max": high,
    }


def params_s16(call: Call) -> Fields:
    """Fields of mcu_add_s16_params."""
    (multiplier1, shift1), (multiplier2, shift2), (multiplier, shift) = multipliers(call)
    low, high = activation_range(call.attrs.activation, call.output)
    return {
        **broadcast.loop_fields(call),
        "multiplier1": multiplier1,
        "multiplier2": multiplier2,
        "shift1": shift1,
        "shift2": shift2,
        "multiplier": multiplier,
        "shift": shift,
        "act_min": low,
        "act_max": high,
    }


def kernel_s16(name: str) -> Kernel:
    """A kernel of a sum or a difference of int16."""
    return Kernel(
        name=name,
        family=Family.REF,
        dtype=DType.INT16,
        params=params_s16,
        params_type="mcu_add_s16_params",
        header="mcu_add_s16.h",
        operands=(0, 1),
        overlap=overlap.elementwise,
        cost=lambda call: Cost(cycles=75 * call.output.elements + 270),
    )


# ---- the sum as one linear function, where that is exact


@dataclass(frozen=True, slots=True)
class Linear:
    """(x1 * multiplier1 + x2 * multiplier2 + offset) >> shift, saturated to int8."""

    multiplier1: int
    multiplier2: int
    offset: int
    shift: int


def linear(call: Call) -> Linear | None:
    """The linear function that equals the reference for all 2**16 pairs of operands, if any."""
    factor1, factor2, centre = _real(call)
    shift = 31 - math.ceil(math.log2(128 * (factor1 + factor2) + abs(centre) + 1))
    return _exact(call, shift, 0) if 0 <= shift <= 31 else None


def floored(call: Call) -> Linear | None:
    """The same for ((x1 * multiplier1 >> 8) + (x2 * multiplier2 >> 8) + offset) >> 20."""
    return _exact(call, DSP_SHIFT, 8) if max(_real(call)[:2]) * 2**DSP_SHIFT < 2**23 - 1 else None


def _real(call: Call) -> tuple[float, float, float]:
    """Factors of both operands, and what is added."""
    source1, source2, output = call.input(0), call.input(1), call.output
    factor1, factor2 = source1.scale / output.scale, source2.scale / output.scale
    centre = output.zero_point - factor1 * source1.zero_point - factor2 * source2.zero_point
    return factor1, factor2, centre


def _exact(call: Call, shift: int, dropped: int) -> Linear | None:
    """The function with this shift whose products have so many more bits, which they lose.

    Each pair whose sum does not saturate bounds the offset from both sides.
    """
    x = np.arange(-128, 128)
    expected = quantized(call, [x[:, None], x[None, :]])[0].astype(np.int64)
    multiplier1, multiplier2 = (round(f * 2 ** (shift + dropped)) for f in _real(call)[:2])
    products = (x[:, None] * multiplier1 >> dropped) + (x[None, :] * multiplier2 >> dropped)
    floor = (expected << shift) - products
    least = floor.max(where=expected > -128, initial=-INT32_MAX)
    greatest = (floor + (1 << shift) - 1).min(where=expected < 127, initial=INT32_MAX)
    offset = int(least + greatest) // 2
    if least > greatest or np.abs(products + offset).max() > INT32_MAX:
        return None
    return Linear(multiplier1, multiplier2, offset, shift)


def shapes_are_equal(call: Call) -> str | None:
    """Both operands must have the output's shape."""
    shapes = [call.input(0).shape, call.input(1).shape]
    return None if shapes == [call.output.shape] * 2 else f"operands of shapes {shapes}"


def linear_is_exact(call: Call) -> str | None:
    """One linear function of the operands must equal the reference for all their values."""
    return "it differs" if linear(call) is None else None


def floored_is_exact(call: Call) -> str | None:
    """One linear function, with a floor of each term, must equal the reference for all values."""
    return "it differs" if floored(call) is None else None


def params_s8_linear(call: Call) -> Fields:
    """Fields of mcu_add_s8_linear_params."""
    function = linear(call)
    assert function is not None, call.node.where
    return {
        "count": call.output.elements,
        "multiplier1": function.multiplier1,
        "multiplier2": function.multiplier2,
        "offset": function.offset,
        "shift": function.shift,
    }


def params_s8_dsp(call: Call) -> Fields:
    """Fields of mcu_add_s8_dsp_params."""
    function = floored(call)
    assert function is not None, call.node.where
    return {
        "count": call.output.elements,
        "multiplier1": function.multiplier1,
        "multiplier2": function.multiplier2,
        "offset": function.offset,
    }


# ---- int16 of one shape


def sum_multiplier_is_small(call: Call) -> str | None:
    """The sum of the operands, shifted left by 15 bits, must have a multiplier below 1/2."""
    _, _, (_, shift) = multipliers(call)
    return None if shift < 0 else f"a multiplier of 2**{shift - 1} or more"


def params_s16_dsp(call: Call) -> Fields:
    """Fields of mcu_add_s16_dsp_params.

    The multiplier of the smaller scale is 1/2, exactly, where scales are equal; the largest one
    below 2**31 and a shift of 1 give the same for every int16.
    """
    *operands, (multiplier, shift) = multipliers(call)
    swapped = call.input(1).scale > call.input(0).scale
    small_multiplier, small_shift = operands[0 if swapped else 1]
    if small_shift == 0:
        small_multiplier, small_shift = min(2 * small_multiplier, INT32_MAX), -1
    return {
        "count": call.output.elements,
        "swapped": int(swapped),
        "small_multiplier": small_multiplier,
        "small_shift": -small_shift,
        "multiplier": multiplier,
        "shift": -shift,
        "relu": int(round_once.is_relu(call)),
    }


def _kernel_s16_shaped(name: str, family: Family, cost: Callable[[Call], Cost]) -> Kernel:
    return Kernel(
        name=name,
        family=family,
        dtype=DType.INT16,
        params=params_s16_dsp,
        params_type="mcu_add_s16_dsp_params",
        header=f"{name}.h",
        operands=(0, 1),
        applies=(shapes_are_equal, round_once.clamp_is_one_instruction, sum_multiplier_is_small),
        overlap=overlap.elementwise,
        cost=cost,
    )


OP = Op(
    name="add",
    tflite="ADD",
    decode=decode,
    encode=encode,
    infer=broadcast.infer,
    rows=same_rows,
    rules=RULES,
    floating=floating,
    quantized=quantized,
    arity=(2, 2),
    kernels=(
        Kernel(
            name="mcu_add_s8_ref",
            family=Family.REF,
            dtype=DType.INT8,
            params=params_s8,
            params_type="mcu_add_s8_params",
            header="mcu_add.h",
            operands=(0, 1),
            overlap=overlap.elementwise,
            cost=lambda call: Cost(cycles=75 * call.output.elements + 100),
        ),
        Kernel(
            name="mcu_add_s8_linear",
            family=Family.REF,
            dtype=DType.INT8,
            params=params_s8_linear,
            params_type="mcu_add_s8_linear_params",
            header="mcu_add_s8_linear.h",
            operands=(0, 1),
            applies=(shapes_are_equal, linear_is_exact),
            overlap=overlap.elementwise,
            cost=lambda call: Cost(cycles=15 * call.output.elements + 40),
        ),
        Kernel(
            name="mcu_add_s8_dsp",
            family=Family.DSP,
            dtype=DType.INT8,
            params=params_s8_dsp,
            params_type="mcu_add_s8_dsp_params",
            header="mcu_add_s8_dsp.h",
            operands=(0, 1),
            applies=(shapes_are_equal, floored_is_exact),
            overlap=overlap.elementwise,
            cost=lambda call: Cost(cycles=49 * call.output.elements // 8 + 80),
        ),
        Kernel(
            name="mcu_add_s8_mve",
            family=Family.MVE,
            dtype=DType.INT8,
            params=params_s8_linear,
            params_type="mcu_add_s8_linear_params",
            header="mcu_add_s8_mve.h",
            operands=(0, 1),
            applies=(shapes_are_equal, linear_is_exact),
            overlap=overlap.elementwise,
            cost=lambda call: Cost(cycles=5 * call.output.elements + 60),
        ),
        kernel_s16("mcu_add_s16_ref"),
        _kernel_s16_shaped(
            "mcu_add_s16_dsp", Family.DSP, lambda call: Cost(53 * call.output.elements // 4 + 100)
        ),
        _kernel_s16_shaped(
            "mcu_add_s16_mve", Family.MVE, lambda call: Cost(15 * call.output.elements // 4 + 60)
        ),
        binary_f32.kernel("add"),
    ),
)
