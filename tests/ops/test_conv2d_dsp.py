"""mcu_conv2d_s8_dsp: portable C and the assembly core equal numpy; its limits; its price."""

from __future__ import annotations

import pytest

from mcugen.ops.conv2d import OP
from mcugen.ops.kernels import conv2d_s8_dsp
from mcugen.ops.kernels.conv2d_rules import rows
from mcugen.ops.kernels.requant import exact_sums
from mcugen.ops.kernels.times_256 import finish
from mcugen.ops.window import Padding
from mcugen.testing.check import KernelBatch, OpCase, call_of, run_op
from mcugen.testing.convolutions import Conv, clamped, general

KERNEL = conv2d_s8_dsp.KERNEL


def grid() -> dict[str, Conv]:
    """Pixels even and odd, channels around the blocks of four, rounds of the core, windows."""
    cases = {}
    for kind in (clamped, general):
        for pixels in ((1, 1), (1, 2), (1, 3), (2, 2), (5, 1)):
            cases[f"{kind.__name__}-pixels{pixels}"] = kind(pixels=pixels)
        for in_ch in (1, 2, 3, 4, 5, 30, 31, 32, 33, 60, 61, 64, 100):
            cases[f"{kind.__name__}-in{in_ch}"] = kind(in_ch=in_ch)
        for out_ch in (1, 2, 3, 4, 5, 7, 12):
            cases[f"{kind.__name__}-out{out_ch}"] = kind(out_ch=out_ch)
        for kernel in ((3, 3), (1, 5), (5, 1), (2, 2), (10, 4)):
            for stride in (1, 2):
                for padding in Padding:
                    for in_ch in (3, 4):
                        name = f"{kind.__name__}-{kernel}-{stride}-{padding.name}-{in_ch}"
                        cases[name] = kind((11, 9), in_ch, 4, kernel, stride, 1, padding)
        cases[f"{kind.__name__}-batch"] = kind(kernel=(3, 3), batch=3)
        cases[f"{kind.__name__}-window-beyond-input"] = kind((2, 3), kernel=(7, 7))
        cases[f"{kind.__name__}-saturating"] = kind(gain=20.0, pixels=(4, 5))
        cases[f"{kind.__name__}-tiny-multipliers"] = kind(gain=1 / 500)
    for zero_point in (-128, -1, 0, 127):
        cases[f"in-zero-point{zero_point}"] = general(in_zero_point=zero_point)
        cases[f"out-zero-point{zero_point}"] = general(out_zero_point=zero_point)
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
    assert max(trace.stack for trace in traces) <= 300


@pytest.mark.parametrize(("conv", "fixed"), [(clamped(), True), (general(), False)])
def test_the_short_requantization_needs_a_clamp(conv: Conv, fixed: bool) -> None:
    call = call_of(conv.model())
    assert finish(call, exact_sums(call, rows(call))).fixed is fixed


def test_a_constant_channel_needs_no_sum() -> None:
    """A dead channel's bias may be as large as it likes: in VWW it is what a fold left behind."""
    case = run_op(clamped(dead=2**30).model())
    assert (case.outputs[0][..., 3] == 127).all()
    collected = batch({"dead": case})
    collected.check()
    collected.check_emulated("cortex-m4")


@pytest.mark.parametrize(
    ("conv", "refusal"),
    [
        (clamped(dilation=2, kernel=(2, 2)), "no dilation"),
        (clamped(largest=128), "[-127, 127]"),
        (clamped(in_ch=1200), "2**23"),
        (clamped(out_zero_point=-100), "whole range of int8"),
        (clamped(gain=500.0), "[2**-23, 1/2)"),
    ],
)
def test_it_refuses_what_it_cannot_do_exactly(conv: Conv, refusal: str) -> None:
    found = KERNEL.refusal(call_of(conv.model()))
    assert found is not None and refusal in found


@pytest.mark.parametrize(
    ("conv", "goal"),
    [
        (clamped(pixels=(25, 5), in_ch=64, out_ch=64), 0.89),
        (clamped(pixels=(24, 24), in_ch=16, out_ch=32), 0.63),
        (clamped(pixels=(6, 6), in_ch=128, out_ch=128), 0.97),
        (clamped(pixels=(3, 3), in_ch=256, out_ch=256, largest=100), 0.9),
        (general(pixels=(6, 6), in_ch=96, out_ch=24), 0.86),
        (clamped((6, 6), 57, 30), 0.75),
        (clamped((48, 48), 8, 16), 0.42),
        (clamped((32, 32), 3, 16, (3, 3), in_zero_point=0), 0.61),
        (clamped((96, 96), 3, 8, (3, 3), 2), 0.54),
        (clamped((49, 10), 1, 64, (10, 4), 2), 0.74),
        (clamped((32, 32), 16, 32, (3, 3), 2), 0.91),
        (clamped((16, 16), 32, 64, (3, 3), 2), 0.98),
        (general((32, 32), 16, 32, (1, 1), 2), 0.52),
    ],
)
def test_products_per_cycle_on_the_m4(conv: Conv, goal: float) -> None:
    """Modelled, zero wait states; the cost that selection sees is within 6 %."""
    case = run_op(conv.model())
    (call,) = case.graph.calls()
    (trace,) = batch({"": case}).check_emulated("cortex-m4")
    products = OP.macs(call)
    print(
        f"\n{conv.kernel} {conv.pixels} {conv.in_ch}->{conv.out_ch}: {products / trace.cycles:.3f}"
    )
    assert products / trace.cycles >= goal
    assert abs(KERNEL.cost(call).cycles / trace.cycles - 1) < 0.06
