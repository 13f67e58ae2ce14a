"""The comparisons must see what they are for."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from mcugen.errors import UnsupportedModelError
from mcugen.ir import DType, Tensor
from mcugen.ops import OPS
from mcugen.testing.builder import one_op, quant
from mcugen.testing.check import (
    KernelBatch,
    assert_equal,
    broken_rule,
    call_of,
    change_input,
    change_output,
    check_op,
    random_values,
    run_op,
)

TENSOR = {"shape": [2, 8], "quant": quant(1.0)}


def relu() -> bytes:
    return one_op("RELU", [TENSOR], TENSOR)


def test_a_wrong_numpy_value_is_seen_by_each_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    check_op(relu())
    op = OPS["relu"]
    wrong = dataclasses.replace(op, quantized=lambda call, x: [op.quantized(call, x)[0] ^ 1])
    monkeypatch.setitem(OPS, "relu", wrong)
    for name, title in (("tflm", "TFLM"), ("litert", "LiteRT BUILTIN_REF")):
        with pytest.raises(AssertionError, match=f"{title}: 16 of 16 elements differ"):
            check_op(relu(), against=[name])


def test_an_illegal_model_is_refused() -> None:
    with pytest.raises(UnsupportedModelError):
        check_op(one_op("RELU", [TENSOR], {**TENSOR, "shape": [2, 7]}))


def test_the_seed_decides_the_inputs() -> None:
    first, same, other = (run_op(relu(), seed=seed).values[0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, same)
    assert (first != other).any()


@pytest.mark.parametrize("dtype", [DType.INT8, DType.UINT8, DType.INT16, DType.INT32])
@pytest.mark.parametrize("elements", [0, 1, 2, 50])
def test_random_integers_include_the_extremes(dtype: DType, elements: int) -> None:
    values = random_values(Tensor("x", (elements,), dtype), np.random.default_rng(0))
    limits = np.iinfo(dtype.numpy)
    assert values.dtype == dtype.numpy
    assert set(values.flat) >= set((int(limits.min), int(limits.max))[:elements])


def test_a_node_without_a_kernel_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(OPS, "relu", dataclasses.replace(OPS["relu"], kernels=()))
    with pytest.raises(AssertionError, match="case: no kernel for"):
        KernelBatch().add("case", run_op(relu()))


def test_changes_touch_one_thing() -> None:
    call = call_of(relu())
    assert broken_rule(call) is None
    assert change_input(0, shape=(3,))(call).input().shape == (3,)
    assert change_input(0, None)(call).optional(0) is None
    assert change_output(dtype=DType.INT16)(call).output.dtype is DType.INT16
    data = change_output(data=np.zeros((2, 8), np.int8))(call)
    assert change_output(shape=(3,), dtype=DType.INT32)(data).output.values().tolist() == [0] * 3
    assert call.input().shape == (2, 8)


def test_assert_equal_shows_where() -> None:
    ours, theirs = np.zeros((2, 3), np.int8), np.zeros((2, 3), np.int8)
    assert_equal(ours, theirs, "same")
    theirs[1, 2] = 5
    with pytest.raises(AssertionError, match=r"(?s)here: 1 of 6.*\(1, 2\): 0, expected 5"):
        assert_equal(ours, theirs, "here")
    with pytest.raises(AssertionError, match="int8, expected int16"):
        assert_equal(ours, ours.astype(np.int16), "here")
    with pytest.raises(AssertionError, match=r"\(2, 3\), expected \(3, 2\)"):
        assert_equal(ours, ours.reshape(3, 2), "here")


def test_assert_equal_compares_bits_of_floats() -> None:
    assert_equal(np.array(np.nan, np.float32), np.array(np.nan, np.float32), "same")
    with pytest.raises(AssertionError, match=r"1 of 2.*\n.*\(1,\): -0.0, expected 0.0"):
        assert_equal(np.array([1.0, -0.0]), np.array([1.0, 0.0]), "here")
