"""mcu_add_s16_dsp: portable C and assembly equal numpy: roundings, extremes, odd counts; prices."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from test_int16 import VALUES, binary

from mcugen.ops.add import OP
from mcugen.ops.base import Activation, Array
from mcugen.testing.check import KernelBatch, call_of, run_op

(KERNEL,) = (kernel for kernel in OP.kernels if kernel.name == "mcu_add_s16_dsp")

# Scales of both operands and of the output: equal ones, either one larger, by little and by much,
# multipliers with ties (the halves of small integers), outputs that saturate and that are tiny.
SCALES = (
    *((1.0, 1.0, 1.0), (1.0, 1.0, 2.1 * 2.0**-14), (1e-4, 1e-4, 2e-4), (0.05, 3e-4, 0.01)),
    *((3e-4, 0.05, 0.06), (1.0, 0.9999, 1.3), (0.71, 1.0, 0.9), (1.0, 0.5, 1.0), (0.25, 1.0, 2.0)),
    *((1.0, 0.75, 1.5), (0.375, 1.0, 0.625), (1.0, 2.0**-15, 1.0), (1.0, 2.0**-31, 1.0)),
    *((1.0, 1e-12, 1.0), (1.0, 0.6, 300.0), (1.0, 0.6, 1e5)),
)


def add(scales: tuple[float, float, float], count: int, relu: bool = False) -> bytes:
    activation = Activation.RELU if relu else Activation.NONE
    return binary("ADD", scales, ((count,), (count,)), activation)


def operands() -> list[Array]:
    """Every second value beside random ones, either way; then the extremes."""
    rng = np.random.default_rng(0)
    random, some = rng.integers(-(2**15), 2**15, 2**15), VALUES[::2]
    ends = np.array([-(2**15), -(2**15) + 1, -1, 0, 1, 2**15 - 2, 2**15 - 1])
    a = np.concatenate([some, random, ends.repeat(7)])
    b = np.concatenate([random, some, np.tile(ends, 7)])
    return [a.astype(np.int16), b.astype(np.int16)]


@pytest.fixture(scope="module")
def batch() -> KernelBatch:
    collected = KernelBatch(only=KERNEL)
    pairs = operands()
    for i, scales in enumerate(SCALES):
        model = add(scales, len(pairs[0]), relu=i % 2 == 1)
        collected.add(f"{scales}", run_op(model, pairs))
    for count in (*range(1, 10), 15, 16, 17):
        collected.add(f"count-{count}", run_op(add((0.7, 0.4, 0.9), count)))
    return collected


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_portable_c_equals_numpy(batch: KernelBatch, compiler: str) -> None:
    batch.check(compiler)


@pytest.mark.parametrize("core", ["cortex-m4", "cortex-m33"])
def test_assembly_equals_numpy(batch: KernelBatch, core: str) -> None:
    batch.check_emulated(core)


@pytest.mark.parametrize(
    ("model", "refusal"),
    [
        (binary("ADD", (1.0, 1.0, 1.0), ((3,), (4, 3))), "the output's shape"),
        (binary("ADD", (1.0, 1.0, 1.0), ((3,), (3,)), Activation.RELU6), "upper half"),
        (add((1.0, 1.0, 1.001 * 2.0**-14), 3), "below 1/2"),
    ],
)
def test_it_refuses_what_it_cannot_do_exactly(model: bytes, refusal: str) -> None:
    found = KERNEL.refusal(call_of(model))
    assert found is not None and refusal in found


@pytest.mark.parametrize("relu", [False, True])
def test_cycles_on_the_m4(relu: bool) -> None:
    """Modelled, zero wait states; the cost that selection sees is within 6 %."""
    case: Any = run_op(add((0.7, 0.4, 0.9), 4096, relu))
    (call,) = case.graph.calls()
    (trace,) = KernelBatch.of(KERNEL, {"sum": case}).check_emulated("cortex-m4")
    assert trace.cycles <= 13.3 * call.output.elements
    assert abs(KERNEL.cost(call).cycles / trace.cycles - 1) < 0.06
