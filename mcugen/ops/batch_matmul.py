"""BATCH_MATMUL: products of matrices, either of them constant or not, transposed or not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mcugen.fixed import quantize_multiplier, requantize
from mcugen.ir import Call, DType
from mcugen.ops import rules
from mcugen.ops.base import Array, Arrays, Cost, Family, Fields, Kernel, Op, Options, Shape

BATCH_AXES = 3  # of the kernel, and of TFLite Micro
MAX_DEPTH = (2**31 - 1) // (255 * 255)  # products of int8 values less their zero points

# ---- attributes and decode


@dataclass(frozen=True, slots=True)
class BatchMatmulAttrs:
    """Whether the last two axes of the first and the second input are swapped."""

    adj_x: bool
    adj_y: bool


def decode(options: Any) -> BatchMatmulAttrs:
    """Read BatchMatMulOptions."""
    return BatchMatmulAttrs(bool(options.AdjX()), bool(options.AdjY()))


def encode(call: Call) -> Options:
    """Write BatchMatMulOptions."""
    return {"adjX": call.attrs.adj_x, "adjY": call.attrs.adj_y}


# ---- infer


def swapped(x: Array, adjoint: bool) -> Array:
    """The matrices as they are multiplied."""
    return np.swapaxes(x, -1, -2) if adjoint else x


def views(call: Call) -> tuple[Array, Array]:
    """The inputs' layout as arrays without memory, with strides in elements: [...][M][K], [K][N].

    Their batch axes are those of the output; a stride is 0 where an input is used again.
    """
    x, y = (np.empty(call.input(i).shape, np.int8) for i in (0, 1))
    batch = np.broadcast_shapes(x.shape[:-2], y.shape[:-2])
    x, y = swapped(x, call.attrs.adj_x), swapped(y, call.attrs.adj_y)
    return (
        np.broadcast_to(x, (*batch, *x.shape[-2:])),
        np.broadcast_to(y, (*batch, *y.shape[-2:])),
    )


def infer(call: Call) -> tuple[Shape, ...]:
    """The batch axes, then rows of the first and columns of the second input."""
    x, y = views(call)
    return ((*x.shape[:-1], y.shape[-1]),)


def macs(call: Call) -> int:
    """Multiply-accumulates."""
    return call.output.elements * int(views(call)[0].shape[-1])


# ---- rules


def ranks_fit(call: Call) -> str | None:
    """The inputs must have two to five dimensions."""
    shapes = [call.input(i).shape for i in (0, 1)]
    if all(2 <= len(shape) <= 2 + BATCH_AXES for shape in shapes):
        return None
    return f"inputs of shape {list(shapes[0])} and {list(shapes[1])}"


def shapes_match(call: Call) -> str | None:
    """Batch axes must be equal or 1, and the rows of one input as long as the other's columns."""
    found = f"inputs of shape {list(call.input(0).shape)} and {list(call.input(1).shape)}"
    try:
        x, y = views(call)
    except ValueError:
        return found
    return None if x.shape[-1] == y.shape[-2] else found


def depth_fits_int32(call: Call) -> str | None:
    """Rows of an int8 product may have at most 33,025 elements."""
    depth = views(call)[0].shape[-1]
    if call.input(0).dtype is not DType.INT8 or depth <= MAX_DEPTH:
        return None
    return f"rows of {depth} elements"


RULES = (
    rules.types_are_equal,
    rules.quantized_per_tensor,
    ranks_fit,
    shapes_match,
    depth_fits_int32,
    rules.multiplier_is_defined,
)


# ---- semantics


def floating(call: Call, inputs: Arrays) -> list[Array]:
    """Float32 products, added in the order of the reference."""
    x, y = swapped(inputs[0], call.attrs.adj_x), swapped(inputs[1], call.attrs.adj_y)
    total = np.zeros(call.output.shape, np.float32)
    for k in range(x.shape[-1]):
        total += x[..., :, k, np.newaxis] * y[..., np.newaxis, k, :]
    return [total]


def quantized(call: Call, inputs: Arrays) -> list[Array]:
    """Int8 products; sums are exact in float64."""
    x, y = (inputs[i].astype(np.float64) - call.input(i).zero_point for i in (0, 1))
    acc = swapped(x, call.attrs.adj_x) @ swapped(y, call.attrs.adj_y)
    multiplier, shift = scaling(call)
    zero_point = call.output.zero_point
    return [requantize(acc.astype(np.int64), multiplier, shift, zero_point, -128, 127)]


def scaling(call: Call) -> tuple[int, int]:
    """(Q0.31 multiplier, shift), as GetQuantizedConvolutionMultipler."""
    return quantize_multiplier(call.input(0).scale * call.input(1).scale / call.output.scale)


# ---- C parameters and kernels


def params_f32(call: Call) -> Fields:
    """Fields of mcu_batch_matmul_f32_params."""
    x, y = views(call)
    missing = BATCH_AXES + 2 - x.ndim
    return {
        "batch": (1,) * missing + x.shape[:-2],
        "rows": x.shape[-2],
        "depth": x.shape[-1],
        "cols": y.shape[-1],
        "x_stride": (0,) * missing + x.strides,
        "y_stride": (0,) * missing + y.strides,
    }


def params_s8(call: Call) -> Fields:
    """Fields of mcu_batch_matmul_s8_params."""
    multiplier, shift = scaling(call)
    return {
        **params_f32(call),
        "x_offset": -call.input(0).zero_point,
        "y_offset": -call.input(1).zero_point,
        "output_offset": call.output.zero_point,
        "multiplier": multiplier,
        "shift": shift,
    }


OP = Op(
    name="batch_matmul",
    tflite="BATCH_MATMUL",
    decode=decode,
    encode=encode,
    infer=infer,
    rules=RULES,
    floating=floating,
    quantized=quantized,
    macs=macs,
    arity=(2, 2),
    kernels=(
        Kernel(
            name="mcu_batch_matmul_s8_ref",
            family=Family.REF,
            dtype=DType.INT8,
            params=params_s8,
            params_type="mcu_batch_matmul_s8_params",
            header="mcu_batch_matmul.h",
            operands=(0, 1),
            cost=lambda call: Cost(cycles=8 * macs(call) + 40 * call.output.elements),
        ),
        Kernel(
            name="mcu_batch_matmul_f32_ref",
            family=Family.REF,
            dtype=DType.FLOAT32,
            params=params_f32,
            params_type="mcu_batch_matmul_f32_params",
            header="mcu_batch_matmul_f32.h",
            operands=(0, 1),
            cost=lambda call: Cost(cycles=10 * macs(call) + 30 * call.output.elements),
        ),
    ),
)
