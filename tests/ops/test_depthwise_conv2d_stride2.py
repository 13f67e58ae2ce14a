"""The depthwise kernels with stride 2 for 16 and 32 channels: C and assembly equal numpy; speed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mcugen.ir import Call
from mcugen.ops import OPS
from mcugen.ops.base import Activation, Family, Kernel
from mcugen.ops.depthwise_conv2d import OP
from mcugen.ops.kernels.depthwise_conv2d_stride2_s8_dsp import KERNELS
from mcugen.ops.window import Padding
from mcugen.testing.check import KernelBatch, OpCase, call_of, run_op
from mcugen.testing.depthwise import Depthwise

TWO = (2, 2)
C16 = Depthwise((8, 12), 16, stride=TWO)


def grid() -> dict[str, Depthwise]:
    """Heights around the loop of four pairs of rows, widths from two strips on."""
    cases = {}
    for channels in (16, 32):
        for height in range(4, 23, 2):
            cases[f"{height}x8-{channels}"] = Depthwise((height, 8), channels, stride=TWO)
        for width in (12, 16, 20):
            cases[f"6x{width}-{channels}"] = Depthwise((6, width), channels, stride=TWO)
        cases[f"batch-{channels}"] = Depthwise((4, 8), channels, stride=TWO, batch=3)
    for zero_point in (-128, -1, 0, 127):
        cases[f"in-zero-point{zero_point}"] = replace(C16, in_zero_point=zero_point)
    cases["saturating"] = replace(C16, gain=6.0)
    cases["tiny-multipliers"] = replace(C16, gain=1 / 500)
    cases["weight-of-minus-128"] = replace(C16, largest=128)
    cases["dead-channels"] = replace(C16, dead=3)
    cases["longest-row"] = Depthwise((4, 4092), 16, stride=TWO)
    return cases


GRID = grid()


def kernel(call: Call) -> Kernel:
    """The one for the channels, or the first."""
    return KERNELS[call.input(0).shape[3] == 32]


@pytest.fixture(autouse=True)
def these_kernels_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(OPS, "depthwise_conv2d", replace(OP, kernels=KERNELS))


@pytest.fixture(scope="module")
def cases() -> dict[str, OpCase]:
    return {name: run_op(case.model()) for name, case in GRID.items()}


def batch(cases: dict[str, OpCase]) -> KernelBatch:
    collected = KernelBatch([Family.DSP])
    for name, case in cases.items():
        collected.add(name, case)
    return collected


def test_they_take_their_grid() -> None:
    for case in GRID.values():
        call = call_of(case.model())
        assert kernel(call).refusal(call) is None, case


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_portable_c_equals_numpy(cases: dict[str, OpCase], compiler: str) -> None:
    batch(cases).check(compiler)


@pytest.mark.parametrize("core", ["cortex-m4", "cortex-m33"])
def test_assembly_equals_numpy(cases: dict[str, OpCase], core: str) -> None:
    traces = batch(cases).check_emulated(core)
    assert max(trace.stack for trace in traces) <= 200


@pytest.mark.parametrize(
    ("case", "refusal"),
    [
        (replace(C16, channels=15), "16 channels"),
        (replace(C16, channels=8, multiplier=2), "depth multiplier must be 1"),
        (replace(C16, stride=(1, 1)), "stride must be 2"),
        (replace(C16, stride=(1, 2)), "stride must be 2"),
        (replace(C16, pixels=(9, 12)), "right and below only"),
        (replace(C16, pixels=(2, 12)), "4 rows or more"),
        (replace(C16, pixels=(8, 10)), "a multiple of 4"),
        (replace(C16, pixels=(8, 4)), "8 columns or more"),
        (replace(C16, pixels=(4, 4096)), "less than 65536 bytes"),
        (replace(C16, padding=Padding.VALID), "right and below only"),
        (replace(C16, kernel=(5, 5)), "3x3"),
        (replace(C16, out_zero_point=-100), "whole range of int8"),
        (replace(C16, activation=Activation.NONE, out_zero_point=3), "one shift"),
    ],
)
def test_they_refuse_what_they_cannot_do(case: Depthwise, refusal: str) -> None:
    call = call_of(case.model())
    found = kernel(call).refusal(call)
    assert found is not None and refusal in found


@pytest.mark.parametrize(
    ("case", "goal"),
    [
        (Depthwise((48, 48), 16, stride=TWO), 0.42),
        (Depthwise((24, 24), 32, stride=TWO), 0.4),
        (Depthwise((12, 12), 32, stride=TWO), 0.365),
    ],
)
def test_products_per_cycle(case: Depthwise, goal: float) -> None:
    """On the M4, modelled, zero wait states; the cost that selection sees is within 3 %."""
    done = run_op(case.model())
    (call,) = done.graph.calls()
    (trace,) = batch({"": done}).check_emulated("cortex-m4")
    products = OP.macs(call)
    ratio = kernel(call).cost(call).cycles / trace.cycles
    print(f"\n{case}: {products / trace.cycles:.3f}, cost {ratio:.3f}")
    assert products / trace.cycles >= goal
    assert abs(ratio - 1) < 0.03
