"""mcu_depthwise_conv2d_planes_..._s8_dsp: 3x3 depthwise convolution on planes, what they read.

One kernel serves any image, another those whose planes have rows of 52 bytes or less: it has the
pitch in its instructions.

The constants are a stream of 7 words per output channel:

    3 words      of weights, two of each row: lanes w[row][0], w[row][2], with stride 2 w[row][1]
    1            the third ones of rows 0 and 1
    1            the third one of row 2, and the bytes from row to row of a plane
    2            multiplier, and what a sum begins with

Weights and bias are multiplied by the factor that the requantization asks for.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from mcugen.ir import Call, DType
from mcugen.ops.base import Const, Cost, Family, Fields, Kernel, Overlap, Overlaps, Rule
from mcugen.ops.kernels import planes
from mcugen.ops.kernels.fixed_shift import fixed_shift
from mcugen.ops.kernels.requant import clamp_is_saturation, exact_sums
from mcugen.ops.window import convolution

SHIFT = 10  # of the requantization, an immediate in the kernel
PITCH = 52  # of planes for the kernel for one pitch: images of 96x96 pixels halved once
TAPS = {1: (0, 2, 1), 2: (0, 1, 2)}  # by stride: the pair of each row, and the third


@dataclass(frozen=True, slots=True)
class Plane:
    """One channel in scratch: the input with its padding, and room for whole strips."""

    strips: int  # of two output columns
    words: int  # of a row, as far as it is read
    pitch: int
    bytes: int


def plane(call: Call, pitch: int | None = None) -> Plane:
    """The plane of a 3x3 convolution, with this pitch or with the least there is."""
    rows, cols = convolution(call)
    stride = rows.stride
    strips = -(-cols.out // 2)
    width = max(cols.before + cols.size, 2 * strips + 2 if stride == 1 else 4 * strips + 1)
    height = max(rows.before + rows.size, stride * (max(rows.out, 2) - 1) + 3)
    words = -(-width // planes.WORD)
    pitch = words * planes.WORD if pitch is None else pitch
    return Plane(strips, words, pitch, -(-height * pitch // 16) * 16)


def strips(call: Call, shape: Plane, columns: int, count: int) -> tuple[int, ...]:
    """An mcu_strips: `count` strips whose windows begin `columns` apart."""
    repeat = max(call.output.shape[1], 2) - 1
    is_one = call.attrs.stride == (1, 1)
    end = (repeat + 2 if is_one else 2 * repeat + 1) * shape.pitch
    checked = end - shape.pitch if is_one else end
    return checked, end - columns, end + (count - 1) * columns, repeat, shape.bytes


# ---- rules


def kernel_is_3x3(call: Call) -> str | None:
    """The kernel must be 3x3, without dilation."""
    height, width = call.input(1).shape[1:3]
    if (height, width) == (3, 3) and call.attrs.dilation == (1, 1):
        return None
    return f"{height}x{width}, dilation {list(call.attrs.dilation)}"


def stride_is_1_or_2(call: Call) -> str | None:
    """The stride must be 1 or 2, the same in both directions."""
    return None if call.attrs.stride in ((1, 1), (2, 2)) else f"stride {list(call.attrs.stride)}"


def rows_are_short(call: Call) -> str | None:
    """The input must be narrower than 32,000 columns."""
    columns = call.input(0).shape[2]
    return None if columns < 32000 else f"{columns} columns"


def rows_fit_pitch(call: Call) -> str | None:
    """A row with its padding must fit 52 columns, 3 of them to the left or fewer."""
    columns, left = plane(call).pitch, convolution(call)[1].before
    if columns <= PITCH and left < planes.WORD:
        return None
    return f"{columns} columns, {left} to the left"


def shift_is_exact(call: Call) -> str | None:
    """Requantization with one shift for all channels must be exact.

    It is where the output clamps at its zero point and multipliers lie around 2**-6.
    """
    exact = fixed_shift(call, exact_sums(call, planes.weight_rows(call)), SHIFT) is not None
    return None if exact else "a channel that needs the general form"


# ---- params


def stream(call: Call, pitch: int) -> Const:
    """The constants."""
    sums = exact_sums(call, planes.weight_rows(call))
    form = fixed_shift(call, sums, SHIFT)
    assert form is not None, call.node.where
    weights = sums.weights * form.factor[:, None]
    pitches = np.full(len(weights), pitch)
    one, other, alone = TAPS[call.attrs.stride[0]]
    low = np.stack([*weights[:, one::3].T, weights[:, alone], weights[:, 6 + alone]], axis=1)
    high = np.stack([*weights[:, other::3].T, weights[:, 3 + alone], pitches], axis=1)
    start = sums.bias * form.factor + form.extra
    words = np.concatenate(
        [
            (low & 0xFFFF) | (high & 0xFFFF) << 16,
            np.stack([form.multiplier, start], axis=1),
        ],
        axis=1,
    )
    return Const((words & 0xFFFFFFFF).astype(np.uint32).view(np.int32), "int32_t")


def params(call: Call, pitch: int | None = None) -> Fields:
    """Fields of mcu_depthwise_conv2d_planes_s8_dsp_params."""
    shape, stride = plane(call, pitch), call.attrs.stride[0]
    pairs = shape.strips if stride == 2 else call.output.shape[2] // 2
    return {
        **planes.layout(call, shape.words, shape.pitch, shape.bytes),
        "stride": stride,
        "two": strips(call, shape, 2 * stride, pairs),
        "one": strips(call, shape, 1, 1),
        "stream": stream(call, shape.pitch),
    }


def scratch(call: Call, pitch: int | None = None) -> int:
    """Four planes, or one for each of fewer channels."""
    return min(planes.COUNT, call.output.shape[3]) * plane(call, pitch).bytes


def cost(call: Call, pitch: int | None = None) -> Cost:
    """The strips of a plane, the copies to and fro; a given pitch saves an addition a row."""
    batch, out_h, out_w, out_ch = call.output.shape
    shape, rows = plane(call, pitch), max(out_h, 2)
    down = 0 if pitch else 1
    if call.attrs.stride == (1, 1):
        pairs = out_w // 2 * ((23.5 + down) * rows + 29 + 2 * down)
        core = pairs + out_w % 2 * ((14.0 + down) * rows + 69 + 2 * down) + 40
    else:
        core = shape.strips * ((29 + 3 * down) * rows + 30 + down) + 40
    cycles = out_ch * core + planes.copying(call, shape.words, shape.pitch, shape.bytes)
    return Cost(int(batch * cycles), flash=28 * out_ch)


def overlap(call: Call) -> Overlaps:
    """In place: results of a channel go where its planes were read from.

    Not if the results of an image would run into the next image.
    """
    before, after = call.input(0).shape, call.output.shape
    apart = before[0] == 1 or after[1] * after[2] <= before[1] * before[2]
    return {0: Overlap(0, exact=True)} if before[3] == after[3] and apart else {}


def _kernel(of: str, pitch: int | None, *first: Rule) -> Kernel:
    return Kernel(
        name=f"mcu_depthwise_conv2d_planes_{of}s8_dsp",
        family=Family.DSP,
        dtype=DType.INT8,
        params=partial(params, pitch=pitch),
        params_type="mcu_depthwise_conv2d_planes_s8_dsp_params",
        header="mcu_depthwise_conv2d_planes_s8_dsp.h",
        applies=(kernel_is_3x3, stride_is_1_or_2, *first, clamp_is_saturation, shift_is_exact),
        scratch=partial(scratch, pitch=pitch),
        overlap=overlap,
        cost=partial(cost, pitch=pitch),
    )


KERNEL = _kernel("", None, rows_are_short)
PITCHED = _kernel(f"p{PITCH}_", PITCH, rows_fit_pitch)
