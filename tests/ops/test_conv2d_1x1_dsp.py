"""mcu_conv2d_1x1_..._s8_dsp: portable C and assembly equal numpy; their limits; their price."""

from __future__ import annotations

import pytest

from mcugen.ops.base import Kernel
from mcugen.ops.conv2d import OP
from mcugen.ops.kernels import conv2d_1x1_s8_dsp, conv2d_1x1_stack_s8_dsp
from mcugen.ops.kernels.conv2d_1x1_s8_dsp import KERNEL
from mcugen.testing.check import KernelBatch, OpCase, call_of, run_op
from mcugen.testing.convolutions import Conv, clamped, general

KERNELS = (*conv2d_1x1_s8_dsp.KERNELS, *conv2d_1x1_stack_s8_dsp.KERNELS)
STACKED = conv2d_1x1_stack_s8_dsp.KERNEL
UNROLLED = {int(k.name.split("_")[3][1:]): k for k in KERNELS if k not in (KERNEL, STACKED)}
STACK = {UNROLLED[8]: 250, UNROLLED[16]: 250, UNROLLED[32]: 370, UNROLLED[64]: 620, STACKED: 630}


def grid() -> dict[str, Conv]:
    """Pixels even and odd, channels around the blocks of four, rounds of the core, what is left."""
    cases = {}
    for pixels in ((1, 1), (1, 2), (1, 3), (2, 2), (5, 1)):
        cases[f"pixels{pixels}"] = clamped(pixels=pixels)
        cases[f"pixels{pixels}-7-5"] = clamped(pixels, 7, 5)
    for in_ch in (*range(4, 18), 30, 31, 32, 33, 34, 35, 36, 37, 60, 61, 64, 66, 68, 100):
        cases[f"in{in_ch}"] = clamped(in_ch=in_ch)
    for out_ch in (4, 5, 6, 7, 8, 9, 12, 15):
        cases[f"out{out_ch}"] = clamped(out_ch=out_ch)
    for in_ch in UNROLLED:
        for out_ch in (4, 7, 8):
            for pixels in (1, 3, 4, 6, 9):
                cases[f"{in_ch}-to-{out_ch}-{pixels}"] = clamped((pixels, 1), in_ch, out_ch)
    cases["batch"] = clamped(batch=3)
    cases["saturating"] = clamped((4, 5), 64, gain=3.0)
    cases["small-multipliers"] = clamped(in_ch=20, gain=1 / 30)
    cases["dead"] = clamped(dead=2**30)
    for zero_point in (-1, 0, 127):
        cases[f"in-zero-point{zero_point}"] = clamped(in_zero_point=zero_point)
    return cases


@pytest.fixture(scope="module")
def cases() -> dict[str, OpCase]:
    return {name: run_op(conv.model()) for name, conv in grid().items()}


def batch(cases: dict[str, OpCase], kernel: Kernel) -> KernelBatch:
    """The cases that a kernel serves."""
    collected = KernelBatch(only=kernel)
    for name, case in cases.items():
        (call,) = case.graph.calls()
        if kernel is KERNEL or kernel.refusal(call) is None:
            collected.add(name, case)
    return collected


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("kernel", KERNELS, ids=lambda k: k.name)
def test_portable_c_equals_numpy(cases: dict[str, OpCase], kernel: Kernel, compiler: str) -> None:
    batch(cases, kernel).check(compiler)


@pytest.mark.parametrize(
    ("core", "fpu"), [("cortex-m4", True), ("cortex-m4", False), ("cortex-m33", True)]
)
@pytest.mark.parametrize("kernel", KERNELS, ids=lambda k: k.name)
def test_assembly_equals_numpy(
    cases: dict[str, OpCase], kernel: Kernel, core: str, fpu: bool
) -> None:
    traces = batch(cases, kernel).check_emulated(core, fpu=fpu)
    assert len(traces) >= 3
    assert max(trace.stack for trace in traces) <= STACK.get(kernel, 200)


@pytest.mark.parametrize(
    ("conv", "refusal"),
    [
        (clamped(kernel=(1, 2)), "1x1 with stride 1"),
        (clamped(stride=2), "1x1 with stride 1"),
        (clamped(in_ch=3), "4 input channels or more"),
        (clamped(out_ch=3), "4 output channels or more"),
        (clamped(largest=128), "[-127, 127]"),
        (clamped(in_ch=1200), "2**23"),
        (clamped(out_zero_point=-100), "whole range of int8"),
        (clamped(gain=500.0), "[2**-23, 1/2)"),
        (general(), "shift by 13 must be exact"),
    ],
)
def test_it_refuses_what_it_cannot_do_exactly(conv: Conv, refusal: str) -> None:
    found = KERNEL.refusal(call_of(conv.model()))
    assert found is not None and refusal in found


@pytest.mark.parametrize("count", UNROLLED)
def test_unrolled_products_are_for_one_number_of_channels(count: int) -> None:
    kernel = UNROLLED[count]
    assert kernel.refusal(call_of(clamped(in_ch=count).model())) is None
    found = kernel.refusal(call_of(clamped(in_ch=count + 8).model()))
    assert found == f"There must be {count} input channels."


@pytest.mark.parametrize(
    ("conv", "kernel", "goal"),
    [
        (clamped((48, 48), 8, 16), UNROLLED[8], 0.54),
        (clamped((24, 24), 16, 32), UNROLLED[16], 0.73),
        (clamped((24, 24), 32, 32), UNROLLED[32], 0.85),
        (clamped((12, 12), 64, 60), UNROLLED[64], 0.945),
        (clamped((25, 5), 64, 64), UNROLLED[64], 0.94),
        (clamped((9, 7), 16, 15), UNROLLED[16], 0.6),
        (clamped((3, 3), 32, 31), UNROLLED[32], 0.7),
        (clamped((6, 6), 128, 128), UNROLLED[128], 1.0),
        (clamped((24, 24), 16, 32), STACKED, 0.71),
        (clamped((6, 6), 60, 106), STACKED, 0.94),
        (clamped((6, 6), 57, 30), STACKED, 0.87),
        (clamped((6, 6), 30, 19), STACKED, 0.74),
        (clamped((6, 6), 19, 15), STACKED, 0.62),
        (clamped((3, 3), 31, 22), STACKED, 0.7),
        (clamped((48, 48), 8, 16), KERNEL, 0.47),
        (clamped((24, 24), 16, 32), KERNEL, 0.66),
        (clamped((25, 5), 64, 64), KERNEL, 0.9),
        (clamped((6, 6), 60, 106), KERNEL, 0.89),
        (clamped((6, 6), 57, 30), KERNEL, 0.79),
        (clamped((6, 6), 128, 128), KERNEL, 0.97),
    ],
)
def test_products_per_cycle_on_the_m4(conv: Conv, kernel: Kernel, goal: float) -> None:
    """Modelled, zero wait states; the cost that selection sees is within 6 %."""
    case = run_op(conv.model())
    (call,) = case.graph.calls()
    (trace,) = batch({"": case}, kernel).check_emulated("cortex-m4")
    products = OP.macs(call)
    cost = kernel.cost(call).cycles
    print(
        f"\n{kernel.name} {conv.pixels} {conv.in_ch}->{conv.out_ch}: {products / trace.cycles:.3f}"
        f" {trace.cycles} {cost}"
    )
    assert products / trace.cycles >= goal
    assert abs(cost / trace.cycles - 1) < 0.06
