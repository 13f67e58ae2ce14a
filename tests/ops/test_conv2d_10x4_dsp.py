"""mcu_conv2d_10x4_s8_dsp: portable C and assembly equal numpy; its limits; its price."""

from __future__ import annotations

import pytest

from mcugen.ops.conv2d import OP
from mcugen.ops.kernels.conv2d_10x4_s8_dsp import KERNEL, ORDER
from mcugen.ops.window import Padding
from mcugen.testing.check import KernelBatch, OpCase, call_of, run_op
from mcugen.testing.convolutions import Conv, clamped, general

WINDOW = (10, 4)


def grid() -> dict[str, Conv]:
    """Columns around the pixels of a step, padding on each side, strides, channels, zero points."""
    cases = {}
    for in_ch in (1, 2, 4):
        window = (10, 4 // in_ch)
        for height in (7, 8, 9, 13, 15, 17, 26):
            cases[f"{in_ch}-{height}"] = clamped((height, 5), in_ch, 4, window, 2)
        for height in (16, 17, 19, 25, 27):
            padding = Padding.VALID
            cases[f"{in_ch}-{height}-valid"] = clamped(
                (height, 6), in_ch, 4, window, 2, padding=padding
            )
        for width in (window[1], window[1] + 1, 9):
            for stride_w in (1, 2, 3):
                cases[f"{in_ch}-width{width}-{stride_w}"] = clamped(
                    (9, width), in_ch, 2, window, 2, stride_w=stride_w
                )
        cases[f"{in_ch}-batch"] = clamped((11, 4), in_ch, 4, window, 2, batch=3)
    for out_ch in (2, 6, 16, 30):
        cases[f"out{out_ch}"] = clamped((9, 5), 1, out_ch, WINDOW, 2)
    cases["saturating"] = clamped((9, 5), 1, 6, WINDOW, 2, gain=3.0)
    cases["small-multipliers"] = clamped((9, 5), 1, 6, WINDOW, 2, gain=1 / 30)
    cases["dead"] = clamped((9, 5), 1, 4, WINDOW, 2, dead=2**30)
    for zero_point in (-1, 0, 127):
        cases[f"in-zero-point{zero_point}"] = clamped(
            (9, 5), 1, 4, WINDOW, 2, in_zero_point=zero_point
        )
    return cases


@pytest.fixture(scope="module")
def cases() -> dict[str, OpCase]:
    return {name: run_op(conv.model()) for name, conv in grid().items()}


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_portable_c_equals_numpy(cases: dict[str, OpCase], compiler: str) -> None:
    KernelBatch.of(KERNEL, cases).check(compiler)


@pytest.mark.parametrize(
    ("core", "fpu"), [("cortex-m4", True), ("cortex-m4", False), ("cortex-m33", True)]
)
def test_assembly_equals_numpy(cases: dict[str, OpCase], core: str, fpu: bool) -> None:
    traces = KernelBatch.of(KERNEL, cases).check_emulated(core, fpu=fpu)
    assert max(trace.stack for trace in traces) <= 360


def test_every_tap_has_one_place() -> None:
    assert sorted(ORDER.reshape(-1).tolist()) == list(range(40))


@pytest.mark.parametrize(
    ("conv", "refusal"),
    [
        (clamped((20, 20), 1, 4, (10, 3), 2), "10 rows of 4 taps"),
        (clamped((20, 20), 1, 4, WINDOW), "stride of 2"),
        (clamped((6, 9), 1, 4, WINDOW, 2), "columns of the output 4"),
        (clamped((9, 3), 1, 4, WINDOW, 2), "as long as the window"),
        (clamped((9, 9), 1, 5, WINDOW, 2), "multiple of 2"),
        (clamped((9, 9), 1, 4, WINDOW, 2, largest=128), "[-127, 127]"),
        (clamped((9, 9), 1, 4, WINDOW, 2, out_zero_point=-100), "whole range of int8"),
        (clamped((9, 9), 1, 4, WINDOW, 2, gain=500.0), "[2**-23, 1/2)"),
        (general((9, 9), 1, 4, WINDOW, 2), "shift by 12 must be exact"),
    ],
)
def test_it_refuses_what_it_cannot_do_exactly(conv: Conv, refusal: str) -> None:
    found = KERNEL.refusal(call_of(conv.model()))
    assert found is not None and refusal in found


@pytest.mark.parametrize(
    ("conv", "goal"),
    [
        (clamped((49, 10), 1, 64, WINDOW, 2), 0.98),
        (clamped((62, 40), 1, 8, WINDOW, 2), 0.76),
        (clamped((49, 20), 2, 32, (10, 2), 2), 0.88),
    ],
)
def test_products_per_cycle_on_the_m4(conv: Conv, goal: float) -> None:
    """Modelled, zero wait states; the cost that selection sees is within 6 %."""
    case = run_op(conv.model())
    (call,) = case.graph.calls()
    (trace,) = KernelBatch.of(KERNEL, {"": case}).check_emulated("cortex-m4")
    products, cost = OP.macs(call), KERNEL.cost(call).cycles
    print(
        f"\n{conv.pixels} {conv.in_ch}->{conv.out_ch}: {products / trace.cycles:.3f}"
        f" {trace.cycles} {cost}"
    )
    assert products / trace.cycles >= goal
    assert abs(cost / trace.cycles - 1) < 0.06
