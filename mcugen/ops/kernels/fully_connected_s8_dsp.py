"""mcu_fully_connected_..._s8_dsp: what dense layers for cores with SIMD read, and when they apply.

One kernel widens inputs as it reads them. The other puts 128 of them on the stack, takes them with
all outputs, then the next 128: faster, for more code. They read a stream of int32 words. For each
eight outputs A, B, ... H:

    8 words      256 * bias_A + bias_B, bias_B - products_B, and so on
    8 per four   inputs: lanes 256 * w_A + w_B of two inputs, of the other two, then C D, E F, G H
    3 words      multiplier, offset, shift, where all outputs have the same
    or 24        of each
    or 13        multiplier_A, multiplier_B, extra_B, shift, multiplier_C, multiplier_D, extra_D,
                 and so on, as in `fixed_shift` with factor 256; bias_A has extra_A in it

Of the other kernel, first the biases of all outputs; then the weights of the first inputs for each
eight outputs, those of the next 128, and of the last with the requantization.

The pairs of four inputs k..k+3 are (k, k+2) and (k+1, k+3): what SXTB16 makes of a word. products_B
is the sum of w_B[k] * w_B[k+1] + w_B[k+2] * w_B[k+3] over all fours; mcu_dense_dsp.h says why B, D,
F and H need it. Where inputs are no multiple of four, the odd ones are the first, and zeros fill up
their four; outputs are filled up to a multiple of eight with zeros.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from mcugen.ir import Call, DType
from mcugen.ops import overlap
from mcugen.ops.base import Array, Const, Cost, Family, Fields, Kernel, Overlaps
from mcugen.ops.kernels import channel_pairs
from mcugen.ops.kernels.fixed_shift import fixed_factor
from mcugen.ops.kernels.requant import (
    Form,
    Requant,
    Sums,
    channel_multipliers,
    clamp_is_saturation,
    exact_sums,
    general,
    multipliers_are_small,
    requant,
    sums_fit_24_bits,
)

OUTPUTS = 8  # of a pass
WINDOW = 32  # fours of inputs on the stack
MOST_SHIFT = 22  # an output that does not vary fits an int32 when it is shifted

# ---- rules


def four_inputs(call: Call) -> str | None:
    """There must be 4 inputs or more."""
    depth = call.input(1).shape[1]
    return None if depth >= 4 else f"{depth} inputs"


def weights_pair_up(call: Call) -> str | None:
    """Weights must lie in [-127, 127], so that two fit a lane of 16 bits."""
    return channel_pairs.weights_pair_up(call.input(1).values())


def sums_fit(call: Call) -> str | None:
    """Every sum must stay below 2**23 in size, so that 256 times it fits a register."""
    return sums_fit_24_bits(call, call.input(1).values())


def multipliers_fit(call: Call) -> str | None:
    """Requantization multipliers must lie in [2**-23, 1/2)."""
    return multipliers_are_small(call, call.input(1).values())


# ---- params


def params(call: Call, *, stack: bool) -> Fields:
    """Fields of mcu_fully_connected_s8_dsp_params."""
    sums = exact_sums(call, call.input(1).values())
    out, depth = sums.weights.shape
    finish = _finish_words(call, sums)
    bias = _grouped(sums.bias)
    bias[:, 0::2] = 256 * bias[:, 0::2] + bias[:, 1::2]
    fours = _fours(sums)
    bias[:, 1::2] -= fours[:, 1::2].prod(axis=-1).sum(axis=(-2, -1))
    start, words = bias + finish.extra, _words(fours)
    windows = _windows(words) if stack else [words.reshape(len(start), -1)]
    windows[-1] = np.hstack([windows[-1], finish.words])
    parts = [start, *windows] if stack else [np.hstack([start, *windows])]
    words = np.concatenate([part.reshape(-1) for part in parts]) & 0xFFFFFFFF
    return {
        "batch": call.output.elements // out,
        "in": depth,
        "out": out,
        "clamped": int(finish.clamped),
        "alike": int(finish.alike),
        "stream": Const(words.astype(np.uint32).view(np.int32), "int32_t"),
    }


@dataclass(frozen=True, slots=True, eq=False)
class _Finish:
    """How outputs are requantized: words of each group, and what goes into biases."""

    clamped: bool
    alike: bool
    words: Array  # [groups][...]
    extra: Array | int = 0  # [groups][outputs]


def _finish_words(call: Call, sums: Sums) -> _Finish:
    form = requant(call, sums)
    clamped = form.form is Form.CLAMPED
    if clamped and not _is_alike(form):
        fixed = _fixed(call, sums)
        if fixed is not None:
            return fixed
        form, clamped = general(call, sums), False
    constants = _grouped(np.stack([form.multiplier, form.offset, form.shift], axis=1))
    alike = _is_alike(form)
    words = constants[:, :1] if alike else constants
    return _Finish(clamped, alike, words.reshape(len(words), -1))


def _is_alike(form: Requant) -> bool:
    constants = (form.multiplier, form.offset, form.shift)
    return all(bool((values == values[0]).all()) for values in constants)


def _fixed(call: Call, sums: Sums) -> _Finish | None:
    """The form with one shift: the largest that leaves all multipliers below 2**31."""
    right = channel_multipliers(call)[1][sums.varies]
    shift = min(int(right.min(initial=MOST_SHIFT)) + 7, MOST_SHIFT)
    form = fixed_factor(call, sums, shift)
    if form is None:
        return None
    multiplier, extra = _grouped(form.multiplier), _grouped(form.extra)
    pairs = np.dstack([multiplier[:, 0::2], multiplier[:, 1::2], extra[:, 1::2]])
    words = np.insert(pairs.reshape(len(pairs), -1), 3, shift, axis=1)
    extra[:, 1::2] = 0
    return _Finish(True, False, words, extra)


def _grouped(values: Array) -> Array:
    """[groups][outputs][...], filled up with zeros."""
    more = [(0, -len(values) % OUTPUTS), *[(0, 0)] * (values.ndim - 1)]
    return np.pad(values, more).reshape(-1, OUTPUTS, *values.shape[1:])


def _fours(sums: Sums) -> Array:
    """[groups][outputs][fours][lane][pair]: weights, filled up with zeros."""
    odd = sums.weights.shape[1] % 4
    weights = _grouped(np.insert(sums.weights, [odd] * (-odd % 4), 0, axis=1))
    fours: Array = weights.reshape(len(weights), OUTPUTS, -1, 2, 2)
    return fours


def _words(fours: Array) -> Array:
    """[groups][fours][words]: weights of A B for a pair of inputs and for the other, of C D, ..."""
    lanes = fours.swapaxes(3, 4)
    words = channel_pairs.lanes(lanes[:, 0::2], lanes[:, 1::2]).swapaxes(1, 2)
    result: Array = words.reshape(*words.shape[:2], OUTPUTS)
    return result


def _windows(words: Array) -> list[Array]:
    """[groups][words] of each window of inputs; the first one may be shorter."""
    first = (words.shape[1] - 1) % WINDOW + 1
    windows = np.split(words, range(first, words.shape[1], WINDOW), axis=1)
    return [window.reshape(len(words), -1) for window in windows]


def scratch(call: Call) -> int:
    """Sums of all outputs, if inputs fill more than one window."""
    out, depth = call.input(1).shape
    return 32 * channel_pairs.groups_of(out, OUTPUTS) if depth > 4 * WINDOW else 0


def cost(call: Call) -> Cost:
    """35 cycles for 32 products, 75 to 141 for each eight outputs; products of inputs."""
    out, depth = call.input(1).shape
    fours = -(-depth // 4)
    passes = channel_pairs.groups_of(out, OUTPUTS)
    return _cost(call, passes * (35 * fours + 4 * -(-fours // 8) + _finish(call)) + 8 * fours + 150)


def stack_cost(call: Call) -> Cost:
    """34 cycles for 32 products, 75 to 141 for each eight outputs; the windows."""
    out, depth = call.input(1).shape
    fours = -(-depth // 4)
    passes, windows = channel_pairs.groups_of(out, OUTPUTS), -(-fours // WINDOW)
    each = 34 * fours + 38 * (windows - 1) + _finish(call)
    return _cost(call, passes * each + 8 * fours + 45 * windows + 160)


def _finish(call: Call) -> int:
    """Cycles for eight outputs: fewer where weights have one scale, or the output clamps."""
    quant = call.input(1).quant
    assert quant is not None
    clamped = call.output.zero_point == -128
    if len(quant.scale) == 1:
        return 75 if clamped else 93
    return 93 if clamped else 141


def _cost(call: Call, row: int) -> Cost:
    return Cost(call.output.elements // call.output.shape[-1] * row)


def _kernel(
    name: str,
    cost: Callable[[Call], Cost],
    overlap: Callable[[Call], Overlaps],
    scratch: Callable[[Call], int] | None = None,
) -> Kernel:
    return Kernel(
        name=name,
        family=Family.DSP,
        dtype=DType.INT8,
        params=partial(params, stack=scratch is not None),
        params_type="mcu_fully_connected_s8_dsp_params",
        header="mcu_fully_connected_s8_dsp.h",
        applies=(four_inputs, weights_pair_up, sums_fit, clamp_is_saturation, multipliers_fit),
        scratch=scratch,
        overlap=overlap,
        cost=cost,
    )


KERNEL = _kernel("mcu_fully_connected_s8_dsp", cost, partial(overlap.dense_passes, outputs=OUTPUTS))
STACK = _kernel("mcu_fully_connected_stack_s8_dsp", stack_cost, overlap.dense, scratch)
KERNELS = (KERNEL, STACK)
