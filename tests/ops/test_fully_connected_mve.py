"""mcu_fully_connected_s8_mve: portable C and Helium equal numpy; what it refuses."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from test_fully_connected_dsp import clamped, general, grid

from mcugen.ops.base import Const, Family
from mcugen.ops.kernels import fully_connected_s8_mve
from mcugen.ops.kernels.fully_connected_s8_mve import KERNEL, VECTOR, stream
from mcugen.ops.kernels.vectors import Channels
from mcugen.testing.check import KernelBatch, call_of, run_op


@pytest.fixture(scope="module")
def batch() -> KernelBatch:
    cases = grid()
    cases["sums-of-25-bits"] = general(2000)
    cases["weights-of-minus-128"] = general(largest=128)
    for depth in (*range(1, 4), 8, *range(14, 20), 31):
        cases[f"depth{depth}-batch"] = general(depth, 5, batch=3)
    cases["clamp-inside"] = clamped(out_zero_point=-100)
    collected = KernelBatch([Family.MVE])
    for name, case in cases.items():
        collected.add(name, run_op(case.model()))
    return collected


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_portable_c_equals_numpy(batch: KernelBatch, compiler: str) -> None:
    batch.check(compiler)


def test_helium_equals_numpy(batch: KernelBatch) -> None:
    batch.check_helium()


def test_no_input_is_read_past_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    """With weights behind the last input, whatever lies behind it would count."""

    def padded_with_weights(form: Channels) -> Const:
        missing = -form.weights.shape[1] % VECTOR
        weights = np.pad(form.weights, ((0, 0), (0, missing)), constant_values=77)
        return stream(dataclasses.replace(form, weights=weights))

    monkeypatch.setattr(fully_connected_s8_mve, "stream", padded_with_weights)
    collected = KernelBatch([Family.MVE])
    for depth in (1, 2, 3, 8, 15, 17, 31, 33, 47):
        collected.add(f"depth{depth}", run_op(general(depth, 5, batch=2).model()))
    collected.check()
    collected.check_helium()


def test_it_refuses_large_multipliers() -> None:
    found = KERNEL.refusal(call_of(clamped(gain=500.0).model()))
    assert found is not None and "[2**-23, 1/2)" in found
