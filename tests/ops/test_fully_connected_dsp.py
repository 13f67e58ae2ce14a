"""mcu_fully_connected_s8_dsp: portable C and assembly equal numpy; its limits; its price."""

from __future__ import annotations

import pytest

from mcugen.ops.fully_connected import OP
from mcugen.ops.kernels.fully_connected_s8_dsp import KERNEL
from mcugen.testing.check import KernelBatch, OpCase, call_of, run_op
from mcugen.testing.dense import Dense, clamped, general


def grid() -> dict[str, Dense]:
    """Outputs around the blocks of eight, depths around the words and the rounds of the core."""
    cases = {}
    for kind in (clamped, general):
        for out in (*range(1, 10), 15, 16, 17):
            cases[f"{kind.__name__}-out{out}"] = kind(out=out)
        for depth in (4, 5, 6, 7, 27, 28, 29, 32, 33, 36, 63, 64, 100, 640):
            cases[f"{kind.__name__}-depth{depth}"] = kind(depth)
        cases[f"{kind.__name__}-batch"] = kind(9, 5, batch=3)
        cases[f"{kind.__name__}-per-tensor"] = kind(per_channel=False)
        cases[f"{kind.__name__}-per-tensor-odd"] = kind(39, 18, batch=2, per_channel=False)
        cases[f"{kind.__name__}-saturating"] = kind(gain=20.0)
        cases[f"{kind.__name__}-tiny-multipliers"] = kind(gain=1 / 500)
    for zero_point in (-128, -1, 0, 127):
        cases[f"in-zero-point{zero_point}"] = general(in_zero_point=zero_point)
        cases[f"out-zero-point{zero_point}"] = general(out_zero_point=zero_point)
    return cases


@pytest.fixture(scope="module")
def cases() -> dict[str, OpCase]:
    return {name: run_op(case.model()) for name, case in grid().items()}


def batch(cases: dict[str, OpCase]) -> KernelBatch:
    collected = KernelBatch(only=KERNEL)
    for name, case in cases.items():
        collected.add(name, case)
    return collected


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_portable_c_equals_numpy(cases: dict[str, OpCase], compiler: str) -> None:
    batch(cases).check(compiler)


@pytest.mark.parametrize("core", ["cortex-m4", "cortex-m33"])
def test_assembly_equals_numpy(cases: dict[str, OpCase], core: str) -> None:
    traces = batch(cases).check_emulated(core)
    assert max(trace.stack for trace in traces) <= 256


@pytest.mark.parametrize(
    ("case", "refusal"),
    [
        (clamped(depth=3), "4 inputs or more"),
        (clamped(largest=128), "[-127, 127]"),
        (clamped(depth=1200), "2**23"),
        (clamped(out_zero_point=-100), "whole range of int8"),
        (clamped(gain=500.0), "[2**-23, 1/2)"),
    ],
)
def test_it_refuses_what_it_cannot_do_exactly(case: Dense, refusal: str) -> None:
    found = KERNEL.refusal(call_of(case.model()))
    assert found is not None and refusal in found


@pytest.mark.parametrize(
    ("case", "goal"),
    [
        (clamped(640, 128), 0.78),
        (clamped(128, 128), 0.72),
        (general(128, 640), 0.72),
        (clamped(640, 128, per_channel=False), 0.795),
        (general(128, 640, per_channel=False), 0.745),
        (general(64, 12), 0.42),
    ],
)
def test_products_per_cycle_on_the_m4(case: Dense, goal: float) -> None:
    """Modelled, zero wait states; the cost that selection sees is within 6 %."""
    op_case = run_op(case.model())
    (call,) = op_case.graph.calls()
    (trace,) = batch({"": op_case}).check_emulated("cortex-m4")
    print(f"\n({case.depth} {case.out}): {OP.macs(call) / trace.cycles:.3f}")
    assert OP.macs(call) / trace.cycles >= goal
    assert abs(KERNEL.cost(call).cycles / trace.cycles - 1) < 0.06
