"""mcu_conv2d_3x3_stride2_s8_dsp: portable C and assembly equal numpy; its limits; its price."""

from __future__ import annotations

import pytest

from mcugen.ops.conv2d import OP
from mcugen.ops.kernels import conv2d_3x3_stride2_s8_dsp
from mcugen.ops.window import Padding
from mcugen.testing.check import KernelBatch, OpCase, call_of, run_op
from mcugen.testing.convolutions import Conv, clamped, general

KERNEL = conv2d_3x3_stride2_s8_dsp.KERNEL
WINDOW = (3, 3)


def grid() -> dict[str, Conv]:
    """Rows around the four pixels of a step, low images, channels, padding before and behind."""
    cases = {}
    for kind in (clamped, general):
        for size in ((3, 9), (4, 10), (5, 11), (6, 12), (7, 15), (8, 16), (9, 17)):
            for padding in Padding:
                name = f"{kind.__name__}-{size}-{padding.name}"
                cases[name] = kind(size, 16, 2, WINDOW, 2, padding=padding)
        for height in (1, 2):
            cases[f"{kind.__name__}-height{height}"] = kind((height, 9), 32, 4, WINDOW, 2)
        for in_ch in (16, 32, 48, 64):
            cases[f"{kind.__name__}-in{in_ch}"] = kind((4, 10), in_ch, 2, WINDOW, 2)
        for out_ch in (2, 4, 6, 30):
            cases[f"{kind.__name__}-out{out_ch}"] = kind((4, 9), 32, out_ch, WINDOW, 2)
        cases[f"{kind.__name__}-batch"] = kind((4, 9), 32, 4, WINDOW, 2, batch=3)
        cases[f"{kind.__name__}-saturating"] = kind((5, 9), 16, 4, WINDOW, 2, gain=20.0)
        cases[f"{kind.__name__}-tiny"] = kind((5, 9), 16, 4, WINDOW, 2, gain=1 / 500)
        cases[f"{kind.__name__}-dead"] = kind((5, 9), 32, 4, WINDOW, 2, dead=2**30)
    for zero_point in (-128, -1, 0, 127):
        name = f"in-zero-point{zero_point}"
        cases[name] = general((3, 9), 16, 4, WINDOW, 2, in_zero_point=zero_point)
    return cases


GRID = grid()


@pytest.fixture(scope="module")
def cases() -> dict[str, OpCase]:
    return {name: run_op(conv.model()) for name, conv in GRID.items()}


def batch(cases: dict[str, OpCase]) -> KernelBatch:
    collected = KernelBatch(only=KERNEL)
    for name, case in cases.items():
        collected.add(name, case)
    return collected


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_portable_c_equals_numpy(cases: dict[str, OpCase], compiler: str) -> None:
    batch(cases).check(compiler)


@pytest.mark.parametrize(
    ("core", "fpu"), [("cortex-m4", True), ("cortex-m4", False), ("cortex-m33", True)]
)
def test_assembly_equals_numpy(cases: dict[str, OpCase], core: str, fpu: bool) -> None:
    traces = batch(cases).check_emulated(core, fpu=fpu)
    assert max(trace.stack for trace in traces) <= 1150


@pytest.mark.parametrize(
    ("conv", "refusal"),
    [
        (clamped((9, 9), 16, kernel=(1, 1), stride=2), "3x3"),
        (clamped((9, 9), 16, kernel=WINDOW), "stride 2"),
        (clamped((9, 8), 16, 4, WINDOW, 2), "9 pixels"),
        (clamped((9, 9), 24, 4, WINDOW, 2), "multiple of 16"),
        (clamped((9, 9), 16, 5, WINDOW, 2), "of 2"),
        (clamped((9, 9), 16, 4, WINDOW, 2, largest=128), "[-127, 127]"),
        (clamped((9, 9), 512, 4, WINDOW, 2), "2**23"),
        (clamped((9, 9), 16, 4, WINDOW, 2, out_zero_point=-100), "whole range of int8"),
        (clamped((9, 9), 16, 4, WINDOW, 2, gain=500.0), "[2**-23, 1/2)"),
    ],
)
def test_it_refuses_what_it_cannot_do_exactly(conv: Conv, refusal: str) -> None:
    found = KERNEL.refusal(call_of(conv.model()))
    assert found is not None and refusal in found


@pytest.mark.parametrize(
    ("conv", "goal"),
    [
        (clamped((32, 32), 16, 32, WINDOW, 2), 1.02),
        (clamped((16, 16), 32, 64, WINDOW, 2), 1.05),
        (general((17, 19), 32, 8, WINDOW, 2), 0.73),
    ],
)
def test_products_per_cycle_on_the_m4(conv: Conv, goal: float) -> None:
    """Modelled, zero wait states; the cost that selection sees is within 6 %."""
    case = run_op(conv.model())
    (call,) = case.graph.calls()
    (trace,) = batch({"": case}).check_emulated("cortex-m4")
    products = OP.macs(call)
    print(f"\n{conv.pixels} {conv.in_ch}->{conv.out_ch}: {products / trace.cycles:.3f}")
    assert products / trace.cycles >= goal
    assert abs(KERNEL.cost(call).cycles / trace.cycles - 1) < 0.06
