"""mcu_fully_connected_s8_mve: portable C and Helium equal numpy; what it refuses."""

from __future__ import annotations

import pytest
from test_fully_connected_dsp import clamped, general, grid

from mcugen.ops.base import Family
from mcugen.ops.kernels.fully_connected_s8_mve import KERNEL
from mcugen.testing.check import KernelBatch, call_of, run_op


@pytest.fixture(scope="module")
def batch() -> KernelBatch:
    cases = grid()
    cases["sums-of-25-bits"] = general(2000)
    cases["weights-of-minus-128"] = general(largest=128)
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


def test_it_refuses_large_multipliers() -> None:
    found = KERNEL.refusal(call_of(clamped(gain=500.0).model()))
    assert found is not None and "[2**-23, 1/2)" in found
