"""mcu_add_s8_mve: portable C and Helium equal numpy, for all pairs of operands and odd counts."""

from __future__ import annotations

import pytest
from test_add import BYTES, LINEAR, Add

from mcugen.ops.base import Activation, Family
from mcugen.testing.check import KernelBatch, run_op


@pytest.fixture(scope="module")
def batch() -> KernelBatch:
    collected = KernelBatch([Family.MVE])
    residual = LINEAR["residual"]
    pairs = [BYTES[:, None].repeat(256, 1), BYTES[None].repeat(256, 0)]
    collected.add("all-pairs", run_op(residual.model(), pairs))
    for count in range(1, 10):
        add = Add(((count,), (count,)), residual.scales, residual.zero_points, Activation.RELU)
        collected.add(f"count-{count}", run_op(add.model()))
    return collected


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_portable_c_equals_numpy(batch: KernelBatch, compiler: str) -> None:
    batch.check(compiler)


def test_helium_equals_numpy(batch: KernelBatch) -> None:
    batch.check_helium()
