"""The one instruction that requantizes 16x8 equals the reference wherever its rules hold."""

from __future__ import annotations

import numpy as np
import pytest

from mcugen.fixed import multiply_wide_by_quantized_multiplier
from mcugen.ir import Call
from mcugen.ops import sums
from mcugen.ops.kernels import round_once
from mcugen.testing.builder import one_op, quant
from mcugen.testing.check import call_of


def dense(ratio: float, weight: int = 100, bias: int = 0, relu: bool = False) -> Call:
    """A layer of 64 inputs and one output: outputs are sums times `ratio`."""
    weights = np.full((1, 64), weight, np.int8)
    inputs = [
        {"shape": (1, 64), "dtype": "int16", "quant": quant(ratio)},
        {"shape": (1, 64), "dtype": "int8", "data": weights, "quant": quant(1.0)},
        {"shape": (1,), "dtype": "int64", "data": np.array([bias]), "quant": quant(ratio)},
    ]
    options = {"fusedActivationFunction": int(relu)}
    target = {"shape": (1, 1), "dtype": "int16", "quant": quant(1.0)}
    return call_of(one_op("FULLY_CONNECTED", inputs, target, options))


@pytest.mark.parametrize(
    "ratio", [0.99999, 0.7, 0.5, 0.49, 0.25, 2.0**-9, 0.0123, 2.0**-17, 1e-9, 1e-12]
)
def test_equals_the_reference(ratio: float) -> None:
    call = dense(ratio, weight=1 if ratio < 1e-8 else 100)
    assert (round_once.multipliers_round_once(call) is None) == (ratio < 0.5)
    assert round_once.multipliers_below_one(call) is None
    multiplier, shift = sums.multipliers(call)
    word = round_once.words(call).astype(np.int64) % 2**32
    most = 2**21 if ratio < 1e-8 else 2**31 - 1
    rng = np.random.default_rng(0)
    halves = np.rint((np.arange(-4000, 4000) + 0.5) / max(ratio, 1e-5)).astype(np.int64)
    near = (halves[:, None] + np.arange(-2, 3)).reshape(-1)
    acc = np.concatenate([near, rng.integers(-most, most, 100_000), [-most, most]])
    acc = acc[np.abs(acc) <= most]
    expected = multiply_wide_by_quantized_multiplier(acc, multiplier, shift)
    assert np.array_equal((acc * word + 2**31) >> 32, expected)
    assert round_once.multipliers_round_doubled(call) is None
    half = round_once.half_words(call).astype(np.int64)
    assert (half >= 0).all()
    assert np.array_equal((acc * half + 2**30) >> 31, expected)


@pytest.mark.parametrize("ratio", [0.5, 0.99999, 1.0, 2.0**-19])
def test_refuses_multipliers_that_it_cannot_serve(ratio: float) -> None:
    assert round_once.multipliers_round_once(dense(ratio)) is not None
    assert (round_once.multipliers_below_one(dense(ratio)) is None) == (0.5 <= ratio < 1)


def test_doubled_products_refuse_smaller_multipliers() -> None:
    assert round_once.multipliers_round_once(dense(2.0**-17.5)) is None
    assert round_once.multipliers_round_doubled(dense(2.0**-17.5)) is not None
    assert round_once.multipliers_round_doubled(dense(1.0)) is not None


def test_refuses_sums_beyond_a_word() -> None:
    assert round_once.sums_fit_a_word(dense(0.1)) is None
    assert round_once.sums_fit_a_word(dense(0.1, bias=2**31)) is not None


def test_clamps() -> None:
    assert not round_once.is_relu(dense(0.1))
    assert round_once.is_relu(dense(0.1, relu=True))
    assert round_once.clamp_is_one_instruction(dense(0.1, relu=True)) is None
