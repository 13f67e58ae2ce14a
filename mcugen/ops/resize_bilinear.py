"""RESIZE_NEAREST_NEIGHBOR and RESIZE_BILINEAR: images of another size.

Both references compute positions alike: nearest neighbours in float32, int8 bilinear in fixed point
with 10 bits below the point. Here that happens once, at generation time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mcugen.fixed import round_half_away
from mcugen.ir import Call, DType
from mcugen.ops import movers, rules
from mcugen.ops.base import (
    Array,
    Arrays,
    Const,
    Cost,
    Family,
    Fields,
    Kernel,
    Op,
    Options,
    Scheme,
    Shape,
)

ONE = 1 << 10  # Q10, of positions and weights
MAX_SIZE = 2**15 - 1  # of an image's side: positions in Q10 stay below 2**26

# ---- attributes and decode


@dataclass(frozen=True, slots=True)
class ResizeAttrs:
    """How output positions map to the input: see `scale`."""

    align_corners: bool
    half_pixel_centers: bool


def decode(options: Any) -> ResizeAttrs:
    """Read ResizeNearestNeighborOptions or ResizeBilinearOptions."""
    return ResizeAttrs(bool(options.AlignCorners()), bool(options.HalfPixelCenters()))


def encode(call: Call) -> Options:
    """Write ResizeNearestNeighborOptions or ResizeBilinearOptions."""
    attrs: ResizeAttrs = call.attrs
    return {"alignCorners": attrs.align_corners, "halfPixelCenters": attrs.half_pixel_centers}


# ---- infer


def infer(call: Call) -> tuple[Shape, ...]:
    """The images with the height and width of the second input."""
    n, _, _, channels = call.input().shape
    height, width = movers.integers(call, 1)
    return ((n, height, width, channels),)


# ---- rules

size_known = movers.constant(1, "size")


def size_fits(call: Call) -> str | None:
    """The size must be a height and a width, and all sides between 1 and 32,767."""
    size = movers.integers(call, 1)
    sides = (*size, *call.input().shape[1:3])
    if len(size) == 2 and all(1 <= side <= MAX_SIZE for side in sides):
        return None
    return f"size {size} of an input of shape {list(call.input().shape)}"


def modes_exclude(call: Call) -> str | None:
    """The options align_corners and half_pixel_centers exclude each other."""
    attrs: ResizeAttrs = call.attrs
    return "both are set" if attrs.align_corners and attrs.half_pixel_centers else None


def positions_fit(call: Call) -> str | None:
    """An int8 image may be enlarged until rounded positions leave it, at a side of about 2,000."""
    if call.input().dtype is not DType.INT8:
        return None
    _, height, width, _ = call.input().shape
    out_h, out_w = movers.integers(call, 1)
    for size, out in ((height, out_h), (width, out_w)):
        if interpolation(size, out, call.attrs)[:, 0].max() >= size:
            return f"size {out} of an axis of {size}"
    return None


RULES = (*movers.RULES, rules.input_is_4d, size_known, size_fits)


# ---- nearest neighbour


def nearest(size: int, out: int, attrs: ResizeAttrs) -> Array:
    """The input position of each output position along an axis, as GetNearestNeighbor."""
    last = attrs.align_corners and out > 1
    scale = np.float32(size - last) / np.float32(out - last)
    offset = np.float32(0.5 if attrs.half_pixel_centers else 0.0)
    exact = (np.arange(out, dtype=np.float32) + offset) * scale
    # TfLiteRound rounds float32 halves away from zero.
    positions = round_half_away(exact) if attrs.align_corners else np.floor(exact)
    return np.clip(positions.astype(np.int64), 0, size - 1)


def offsets(call: Call) -> list[Array]:
    """Where each axis of the output lies in the input, in elements."""
    n, height, width, channels = call.input().shape
    _, out_h, out_w, _ = call.output.shape
    return [
        np.arange(n) * (height * width * channels),
        nearest(height, out_h, call.attrs) * (width * channels),
        nearest(width, out_w, call.attrs) * channels,
        np.arange(channels),
    ]


# ---- bilinear


def interpolation(size: int, out: int, attrs: ResizeAttrs) -> Array:
    """Along an axis [out][3]: the two positions to mix, and the weight of the second in Q10.

    As ComputeInterpolationValuesInteger. The weight is in [-512, 1023]; before the first pixel,
    where it is negative, and behind the last one both positions are the same.
    """
    last = int(attrs.align_corners and out > 1)
    scale = (ONE * (size - last) + (out - last) // 2) // (out - last)
    shift = scale // 2 - ONE // 2 if attrs.half_pixel_centers else 0
    exact = np.arange(out, dtype=np.int64) * scale + shift
    lower = np.maximum(exact // ONE, 0)
    upper = np.clip(-(-exact // ONE), 0, size - 1)
    return np.stack([lower, upper, exact - ONE * lower], axis=1)


def bilinear_quantized(call: Call, inputs: Arrays) -> list[Array]:
    """Mix four pixels in Q20; halves are rounded away from zero, as ResizeBilinearInteger."""
    x = inputs[0].astype(np.int64)
    y0, y1, down = interpolation(x.shape[1], call.output.shape[1], call.attrs).T
    x0, x1, right = interpolation(x.shape[2], call.output.shape[2], call.attrs).T
    down, right = down[:, None, None], right[:, None]
    rows = x[:, y0] * (ONE - down) + x[:, y1] * down
    mixed = rows[:, :, x0] * (ONE - right) + rows[:, :, x1] * right
    half = ONE * ONE // 2
    rounded = np.sign(mixed) * ((np.abs(mixed) + half) // (ONE * ONE))
    return [rounded.astype(np.int8)]


def _positions(size: int, out: int, attrs: ResizeAttrs) -> tuple[Array, Array, Array]:
    """As `interpolation` in float32: two positions, and the weight of the second."""
    last = int(attrs.align_corners and out > 1)
    scale = np.float32(size - last) / np.float32(out - last)
    half = np.float32(0.5 if attrs.half_pixel_centers else 0.0)
    exact = (np.arange(out, dtype=np.float32) + half) * scale - half
    lower = np.maximum(np.floor(exact), 0)
    upper = np.minimum(np.ceil(exact), size - 1)
    return lower.astype(np.int64), upper.astype(np.int64), exact - lower


def bilinear_floating(call: Call, inputs: Arrays) -> list[Array]:
    """Mix four pixels, in the order of ResizeBilinear."""
    x = inputs[0]
    y0, y1, down = _positions(x.shape[1], call.output.shape[1], call.attrs)
    x0, x1, right = _positions(x.shape[2], call.output.shape[2], call.attrs)
    down, right = down[:, None, None], right[:, None]
    up, left = np.float32(1) - down, np.float32(1) - right
    above, below = x[:, y0], x[:, y1]
    mixed = above[:, :, x0] * up * left + below[:, :, x0] * down * left
    return [mixed + above[:, :, x1] * up * right + below[:, :, x1] * down * right]


# ---- C parameters and kernels


def layout(call: Call) -> Fields:
    """The fields that all params structs of bilinear interpolation begin with."""
    batch, in_h, in_w, channels = call.input().shape
    _, out_h, out_w, _ = call.output.shape
    return {
        "batch": batch,
        "in_h": in_h,
        "in_w": in_w,
        "channels": channels,
        "out_h": out_h,
        "out_w": out_w,
    }


def params_s8(call: Call) -> Fields:
    """Fields of mcu_resize_bilinear_s8_params."""
    rows = interpolation(call.input().shape[1], call.output.shape[1], call.attrs)
    cols = interpolation(call.input().shape[2], call.output.shape[2], call.attrs)
    return {
        **layout(call),
        "rows": Const(rows.astype(np.int16), "int16_t"),
        "cols": Const(cols.astype(np.int16), "int16_t"),
    }


def params_f32(call: Call) -> Fields:
    """Fields of mcu_resize_bilinear_f32_params."""
    rows = _positions(call.input().shape[1], call.output.shape[1], call.attrs)
    cols = _positions(call.input().shape[2], call.output.shape[2], call.attrs)
    return {
        **layout(call),
        "rows": Const(np.stack(rows[:2], axis=1).astype(np.int16), "int16_t"),
        "cols": Const(np.stack(cols[:2], axis=1).astype(np.int16), "int16_t"),
        "down": Const(rows[2].astype(np.float32), "float"),
        "right": Const(cols[2].astype(np.float32), "float"),
    }


neighbours = movers.table_semantics(offsets)

NEAREST = Op(
    name="resize_nearest_neighbor",
    tflite="RESIZE_NEAREST_NEIGHBOR",
    scheme=Scheme(shares=True),
    decode=decode,
    encode=encode,
    infer=infer,
    rules=RULES,
    floating=neighbours,
    quantized=neighbours,
    kernels=(movers.table_kernel(offsets),),
    arity=(2, 2),
)

BILINEAR = Op(
    name="resize_bilinear",
    tflite="RESIZE_BILINEAR",
    scheme=Scheme(shares=True),
    decode=decode,
    encode=encode,
    infer=infer,
    rules=(
        *RULES,
        rules.same_type_in_out,
        rules.quantized_per_tensor,
        modes_exclude,
        positions_fit,
    ),
    floating=bilinear_floating,
    quantized=bilinear_quantized,
    arity=(2, 2),
    kernels=(
        Kernel(
            name="mcu_resize_bilinear_s8_ref",
            family=Family.REF,
            dtype=DType.INT8,
            params=params_s8,
            params_type="mcu_resize_bilinear_s8_params",
            header="mcu_resize_bilinear.h",
            cost=lambda call: Cost(
                cycles=100 + 25 * call.output.elements, flash=6 * sum(call.output.shape[1:3])
            ),
        ),
        Kernel(
            name="mcu_resize_bilinear_f32_ref",
            family=Family.REF,
            dtype=DType.FLOAT32,
            params=params_f32,
            params_type="mcu_resize_bilinear_f32_params",
            header="mcu_resize_bilinear_f32.h",
            cost=lambda call: Cost(
                cycles=100 + 30 * call.output.elements, flash=8 * sum(call.output.shape[1:3])
            ),
        ),
    ),
)
