"""mcu_fully_connected_s16_dsp: what the dense layer of 16x8 for cores with SIMD reads.

Its constants are a stream of int32 words. For each four outputs A, B, C, D:

    6 words      256 * bias_A + bias_B as 64 bits, low word first, bias_B; the same of C and D
    4 per four   inputs: lanes 256 * w_A + w_B of the first two, of C D, then both of the other two
    4 words      multipliers, less 2**32 where they are 2**31 or more

Where inputs are no multiple of four, the last four lie over those before, with zeros as the weights
of inputs that were there. Outputs are filled up to a multiple of four with zeros.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from mcugen.ir import Call, DType
from mcugen.ops import overlap
from mcugen.ops.base import Array, Const, Cost, Family, Fields, Kernel, folded_bias
from mcugen.ops.kernels import channel_pairs, round_once

OUTPUTS = 4  # of a pass

# ---- rules


def four_inputs(call: Call) -> str | None:
    """There must be 4 inputs or more."""
    depth = call.input(1).shape[1]
    return None if depth >= 4 else f"{depth} inputs"


def weights_pair_up(call: Call) -> str | None:
    """Weights must lie in [-127, 127], so that two fit a lane of 16 bits."""
    return channel_pairs.weights_pair_up(call.input(1).values())


# ---- params


def params(call: Call) -> Fields:
    """Fields of mcu_fully_connected_s16_dsp_params."""
    out, depth = call.input(1).shape
    parts = [_biases(call), _weights(call), _grouped(round_once.words(call))]
    stream = np.hstack(parts).reshape(-1) & 0xFFFFFFFF
    return {
        "batch": call.output.elements // out,
        "in": depth,
        "out": out,
        "relu": int(round_once.is_relu(call)),
        "stream": Const(stream.astype(np.uint32).view(np.int32), "int32_t"),
    }


def _grouped(values: Array) -> Array:
    """[groups][outputs][...], filled up with zeros."""
    more = [(0, -len(values) % OUTPUTS), *[(0, 0)] * (values.ndim - 1)]
    return np.pad(values.astype(np.int64), more).reshape(-1, OUTPUTS, *values.shape[1:])


def _biases(call: Call) -> Array:
    """[groups][words]."""
    grouped = _grouped(folded_bias(call, call.input(1).values()))
    high, low = grouped[:, 0::2], grouped[:, 1::2]
    both = 256 * high + low
    words: Array = np.stack([both, both >> 32, low], axis=-1).reshape(len(grouped), -1)
    return words


def _weights(call: Call) -> Array:
    """[groups][words]."""
    rows = call.input(1).values()
    odd = rows.shape[1] % 4
    rows = np.insert(rows, [rows.shape[1] - odd] * (-odd % 4), 0, axis=1)
    pairs = _grouped(rows.reshape(len(rows), -1, 2))
    words = channel_pairs.lanes(pairs[:, 0::2], pairs[:, 1::2])
    result: Array = words.swapaxes(1, 2).reshape(len(words), -1)
    return result


def cost(call: Call) -> Cost:
    """19 cycles for 16 products, about 55 for each four outputs."""
    out, depth = call.input(1).shape
    fours = -(-depth // 4)
    passes = channel_pairs.groups_of(out, OUTPUTS)
    row = passes * (19 * fours + 4 * -(-fours // 8) + 53) + (165 if out % OUTPUTS else 130)
    return Cost(call.output.elements // out * row, 4 * passes * (4 * fours + 10))


KERNEL = Kernel(
    name="mcu_fully_connected_s16_dsp",
    family=Family.DSP,
    dtype=DType.INT16,
    params=params,
    params_type="mcu_fully_connected_s16_dsp_params",
    header="mcu_fully_connected_s16_dsp.h",
    applies=(
        four_inputs,
        weights_pair_up,
        round_once.sums_fit_a_word,
        round_once.multipliers_below_one,
        round_once.clamp_is_one_instruction,
    ),
    overlap=partial(overlap.dense_passes, outputs=OUTPUTS),
    cost=cost,
)
