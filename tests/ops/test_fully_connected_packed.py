"""mcu_fully_connected_packed_s8_ref: C and the assembly for small cores equal numpy; its price."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mcugen.ops.base import Const
from mcugen.ops.kernels.fully_connected_packed_s8_ref import KERNEL
from mcugen.testing.check import KernelBatch, OpCase, call_of, price, run_op
from mcugen.testing.dense import Dense, clamped, general

Kind = Callable[..., Dense]


def grid() -> dict[str, Dense]:
    """Outputs around the blocks of four, depths, requantization."""
    cases = {}
    for kind in (clamped, general):
        for out in (1, 2, 3, 4, 5, 8, 9):
            cases[f"{kind.__name__}-out{out}"] = kind(out=out)
        for depth in (4, 8, 28, 640, 1200):
            cases[f"{kind.__name__}-depth{depth}"] = kind(depth)
        cases[f"{kind.__name__}-batch"] = kind(12, 5, batch=3)
        cases[f"{kind.__name__}-per-tensor"] = kind(per_channel=False)
        cases[f"{kind.__name__}-saturating"] = kind(gain=20.0)
        cases[f"{kind.__name__}-left-shift"] = kind(gain=500.0)
        cases[f"{kind.__name__}-tiny-multipliers"] = kind(gain=1 / 500)
    for zero_point in (-128, 0, 127):
        cases[f"in-zero-point{zero_point}"] = general(in_zero_point=zero_point)
        cases[f"out-zero-point{zero_point}"] = general(out_zero_point=zero_point)
    return cases


@pytest.fixture(scope="module")
def cases() -> dict[str, OpCase]:
    return {name: run_op(case.model()) for name, case in grid().items()}


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_portable_c_equals_numpy(cases: dict[str, OpCase], compiler: str) -> None:
    KernelBatch.of(KERNEL, cases).check(compiler)


@pytest.mark.parametrize("core", ["cortex-m0", "cortex-m3"])
def test_assembly_equals_numpy(cases: dict[str, OpCase], core: str) -> None:
    traces = KernelBatch.of(KERNEL, cases).check_emulated(core)
    assert max(trace.stack for trace in traces) <= 192


def test_it_refuses_inputs_that_are_no_multiple_of_four() -> None:
    found = KERNEL.refusal(call_of(clamped(30).model()))
    assert found is not None and "multiple of 4" in found


@pytest.mark.parametrize("kind", [clamped, general])
def test_one_requantization_serves_all_outputs_where_they_share_a_scale(kind: Kind) -> None:
    def constants(case: Dense) -> int:
        found = KERNEL.params(call_of(case.model()))["constants"]
        assert isinstance(found, Const)
        return len(found.values)

    assert constants(kind(128, 16, per_channel=False)) == 1
    assert constants(kind(128, 16)) == 16


@pytest.mark.parametrize("case", [clamped(640, 128), general(128, 640), clamped(64, 12)])
def test_cost_is_near_the_cycles_of_the_m4(case: Dense) -> None:
    found = price(KERNEL, case.model())
    print(f"\n{case}: {found}")
    assert abs(found.cost - 1) < 0.1
