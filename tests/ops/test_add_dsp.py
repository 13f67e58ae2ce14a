"""mcu_add_s8_dsp: portable C and assembly equal numpy, for all pairs of operands and odd counts."""

from __future__ import annotations

import pytest
from test_add import BYTES, LINEAR, Add

from mcugen.ops.add import OP, floored
from mcugen.ops.base import Activation, Family
from mcugen.testing.check import KernelBatch, call_of, run_op


@pytest.fixture(scope="module")
def batch() -> KernelBatch:
    collected = KernelBatch([Family.DSP])
    residual = LINEAR["residual"]
    pairs = [BYTES[:, None].repeat(256, 1), BYTES[None].repeat(256, 0)]
    collected.add("all-pairs", run_op(residual.model(), pairs))
    for count in (*range(1, 10), 15, 16, 17):
        add = Add(((count,), (count,)), residual.scales, residual.zero_points, Activation.RELU)
        collected.add(f"count-{count}", run_op(add.model()))
    return collected


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_portable_c_equals_numpy(batch: KernelBatch, compiler: str) -> None:
    batch.check(compiler)


@pytest.mark.parametrize("core", ["cortex-m4", "cortex-m33"])
def test_assembly_equals_numpy(batch: KernelBatch, core: str) -> None:
    batch.check_emulated(core)


def test_cycles_on_the_m4() -> None:
    """Modelled, zero wait states; the cost that selection sees is within 6 %."""
    residual = LINEAR["residual"]
    case = run_op(Add(((32, 32, 16),) * 2, residual.scales, residual.zero_points).model())
    (call,) = case.graph.calls()
    collected = KernelBatch([Family.DSP])
    collected.add("residual", case)
    (trace,) = collected.check_emulated("cortex-m4")
    assert trace.cycles <= 6.2 * call.output.elements
    (kernel,) = (k for k in OP.kernels if k.name == "mcu_add_s8_dsp")
    assert abs(kernel.cost(call).cycles / trace.cycles - 1) < 0.06


@pytest.mark.parametrize(
    ("scales", "exact"),
    [((1.0, 0.7, 0.127), True), ((1.0, 0.7, 0.125), False)],
)
def test_factors_are_below_eight(scales: tuple[float, float, float], exact: bool) -> None:
    add = Add(LINEAR["residual"].shapes, scales, (5, -5, 0))
    assert (floored(call_of(add.model())) is not None) == exact
