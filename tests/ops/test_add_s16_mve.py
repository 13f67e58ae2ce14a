"""mcu_add_s16_mve: portable C and Helium equal numpy, on the grid of mcu_add_s16_dsp."""

from __future__ import annotations

import pytest
from test_add_s16_dsp import SCALES, add, operands

from mcugen.ops.add import OP
from mcugen.testing.check import KernelBatch, run_op

(KERNEL,) = (kernel for kernel in OP.kernels if kernel.name == "mcu_add_s16_mve")


@pytest.fixture(scope="module")
def batch() -> KernelBatch:
    collected = KernelBatch(only=KERNEL)
    pairs = [values[::23] for values in operands()]
    for i, scales in enumerate(SCALES):
        model = add(scales, len(pairs[0]), relu=i % 2 == 1)
        collected.add(f"{scales}", run_op(model, pairs))
    for count in range(1, 10):
        collected.add(f"count-{count}", run_op(add((0.7, 0.4, 0.9), count)))
    return collected


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_portable_c_equals_numpy(batch: KernelBatch, compiler: str) -> None:
    batch.check(compiler)


def test_helium_equals_numpy(batch: KernelBatch) -> None:
    batch.check_helium()
