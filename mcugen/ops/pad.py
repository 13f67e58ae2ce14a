"""PAD: surrounds the input with zeros, which for int8 are its zero point. PADV2: with a constant.

TFLite Micro takes int32 paddings only, LiteRT int64 as well; both stop at five axes.
"""

from __future__ import annotations

import numpy as np

from mcugen.ir import Call, DType
from mcugen.ops import rules
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

AXES = 4  # of the kernel, once merged

# ---- infer


def paddings(call: Call) -> list[tuple[int, int]]:
    """(Elements before, elements after) of each axis."""
    pairs = call.input(1).values().reshape(-1, 2).tolist()
    return [(before, after) for before, after in pairs]


def infer(call: Call) -> tuple[Shape, ...]:
    """The padded shape."""
    pairs = zip(call.input().shape, paddings(call), strict=True)
    return (tuple(before + size + after for size, (before, after) in pairs),)


def merged(call: Call) -> list[tuple[int, int, int]]:
    """(Size, before, after) of the axes, outermost first, an unpadded axis merged into its outer.

    At least `AXES` of them.
    """
    axes: list[tuple[int, int, int]] = []
    for size, (before, after) in zip(call.input().shape, paddings(call), strict=True):
        if (size, before, after) == (1, 0, 0):
            continue
        if axes and before == after == 0:
            axes[-1] = axes[-1][0] * size, axes[-1][1] * size, axes[-1][2] * size
        else:
            axes.append((size, before, after))
    return [(1, 0, 0)] * (AXES - len(axes)) + axes


# ---- rules


def paddings_are_known(call: Call) -> str | None:
    """The paddings must be a constant of int32 or int64, a pair for each axis."""
    tensor = call.input(1)
    if not tensor.is_const:
        return "paddings computed at run time"
    shape = (len(call.input().shape), 2)
    if tensor.dtype in (DType.INT32, DType.INT64) and tensor.shape == shape:
        return None
    return f"{tensor.dtype.value} paddings of shape {list(tensor.shape)}"


def paddings_are_positive(call: Call) -> str | None:
    """Paddings must be 0 or more."""
    values = call.input(1).values()
    return None if values.min(initial=0) >= 0 else f"paddings {values.tolist()}"


def axes_fit(call: Call) -> str | None:
    """At most four axes may be padded, or three after an unpadded first one."""
    return None if len(merged(call)) <= AXES else f"paddings {paddings(call)}"


def value_is_known(call: Call) -> str | None:
    """The value must be one constant of the output's type and quantization."""
    tensor, output = call.input(2), call.output
    if not tensor.is_const:
        return "a value computed at run time"
    if tensor.elements != 1:
        return f"a value of shape {list(tensor.shape)}"
    if tensor.dtype is not output.dtype:
        return f"value {tensor.dtype.value}, output {output.dtype.value}"
    if not tensor.dtype.is_float and tensor.quant != output.quant:
        return "a value with another quantization than the output"
    return None


# ---- semantics


def fill(call: Call) -> float:
    """What to pad with."""
    if call.node.op == "padv2":
        return float(call.input(2).values().item())
    return 0.0 if call.output.dtype.is_float else call.output.zero_point


def padded(call: Call, inputs: Arrays) -> list[Array]:
    """The input inside of its padding."""
    return [np.pad(inputs[0], paddings(call), constant_values=fill(call))]


# ---- C parameters and kernels


def params_s8(call: Call) -> Fields:
    """Fields of mcu_pad_s8_params."""
    axes = merged(call)
    return {
        "in_shape": tuple(size for size, _, _ in axes),
        "out_shape": tuple(sum(axis) for axis in axes),
        "before": tuple(before for _, before, _ in axes),
        "value": int(fill(call)),
    }


def params_s16(call: Call) -> Fields:
    """Fields of mcu_pad_s16_params."""
    return params_s8(call)


def params_f32(call: Call) -> Fields:
    """Fields of mcu_pad_f32_params."""
    return {**params_s8(call), "value": float(fill(call))}


RULES = (
    rules.same_type_in_out_16,
    rules.quantized_per_tensor,
    rules.same_quantization_in_out,
    paddings_are_known,
    paddings_are_positive,
    axes_fit,
)

KERNELS = (
    Kernel(
        name="mcu_pad_s8_ref",
        family=Family.REF,
        dtype=DType.INT8,
        params=params_s8,
        params_type="mcu_pad_s8_params",
        header="mcu_pad.h",
        cost=lambda call: Cost(cycles=2 * call.output.elements + 100),
    ),
    Kernel(
        name="mcu_pad_s16_ref",
        family=Family.REF,
        dtype=DType.INT16,
        params=params_s16,
        params_type="mcu_pad_s16_params",
        header="mcu_pad_s16.h",
        cost=lambda call: Cost(cycles=6 * call.output.elements + 100),
    ),
    Kernel(
        name="mcu_pad_f32_ref",
        family=Family.REF,
        dtype=DType.FLOAT32,
        params=params_f32,
        params_type="mcu_pad_f32_params",
        header="mcu_pad_f32.h",
        cost=lambda call: Cost(cycles=6 * call.output.elements + 100),
    ),
)

OP = Op(
    name="pad",
    tflite="PAD",
    scheme=Scheme(shares=True),
    decode=no_attributes,
    infer=infer,
    rules=RULES,
    floating=padded,
    quantized=padded,
    arity=(2, 2),
    kernels=KERNELS,
)

PADV2 = Op(
    name="padv2",
    tflite="PADV2",
    scheme=Scheme(shares=True),
    decode=no_attributes,
    infer=infer,
    rules=(*RULES, value_is_known),
    floating=padded,
    quantized=padded,
    arity=(3, 3),
    kernels=KERNELS,
)
