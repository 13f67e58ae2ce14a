"""mcu_average_pool2d_s8_dsp: portable C and SIMD equal numpy; its limits; its price."""

from __future__ import annotations

import numpy as np
import pytest
from test_pool2d import VALID, Pool

from mcugen.ops.average_pool2d import OP
from mcugen.ops.base import Activation, Family
from mcugen.testing.check import KernelBatch, call_of, run_op

(KERNEL,) = (k for k in OP.kernels if k.family is Family.DSP)
GLOBAL = Pool((25, 5), 64, (25, 5), (25, 5), VALID)
LARGEST = Pool((16, 16), 8, (16, 16), (16, 16), VALID)


@pytest.fixture(scope="module")
def batch() -> KernelBatch:
    collected = KernelBatch(only=KERNEL)
    cases = {
        "global": GLOBAL,
        "windows": Pool((7, 9), 16, (3, 2), (2, 1), batch=2),
        "border": Pool((5, 5), 8, (4, 4), (1, 1)),
        "relu": Pool((6, 6), 24, zero_point=3, activation=Activation.RELU6),
    }
    for name, pool in cases.items():
        collected.add(name, run_op(pool.model("average")))
    for value in (-128, 127):  # the largest sums
        x = np.full((1, 16, 16, 8), value, np.int8)
        collected.add(f"all-{value}", run_op(LARGEST.model("average"), [x]))
    return collected


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_portable_c_equals_numpy(batch: KernelBatch, compiler: str) -> None:
    batch.check(compiler)


@pytest.mark.parametrize("core", ["cortex-m4", "cortex-m33"])
def test_simd_equals_numpy(batch: KernelBatch, core: str) -> None:
    batch.check_emulated(core)


@pytest.mark.parametrize(
    ("pool", "refusal"),
    [
        (Pool(channels=12), "multiple of 8"),
        (Pool((17, 16), 8, (17, 16), (1, 1), VALID), "256 values or fewer"),
    ],
)
def test_it_refuses_what_it_cannot_do(pool: Pool, refusal: str) -> None:
    found = KERNEL.refusal(call_of(pool.model("average")))
    assert found is not None and refusal in found
    assert KERNEL.refusal(call_of(LARGEST.model("average"))) is None


@pytest.mark.parametrize("pool", [GLOBAL, Pool((24, 24), 8)])
def test_cycles_on_the_m4(pool: Pool) -> None:
    """Modelled, zero wait states; the cost that selection sees is within 6 %."""
    case = run_op(pool.model("average"))
    (call,) = case.graph.calls()
    collected = KernelBatch(only=KERNEL)
    collected.add("", case)
    (trace,) = collected.check_emulated("cortex-m4")
    values = pool.window[0] * pool.window[1] * call.output.elements
    print(f"\n{pool.size}: {trace.cycles} cycles, cost {KERNEL.cost(call).cycles}")
    assert trace.cycles <= 1.95 * values + 48 * call.output.elements
    assert abs(KERNEL.cost(call).cycles / trace.cycles - 1) < 0.06
