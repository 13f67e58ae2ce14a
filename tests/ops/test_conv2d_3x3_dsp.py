"""mcu_conv2d_3x3_s8_dsp: portable C and the assembly core equal numpy; its limits; its price."""

from __future__ import annotations

import pytest

from mcugen.ops.kernels import conv2d_3x3_s8_dsp
from mcugen.ops.kernels.conv2d_rules import rows
from mcugen.ops.kernels.requant import exact_sums
from mcugen.ops.kernels.times_256 import finish
from mcugen.ops.window import Padding
from mcugen.testing.check import KernelBatch, OpCase, call_of, price, run_op
from mcugen.testing.convolutions import Conv, clamped, edges, general

KERNEL = conv2d_3x3_s8_dsp.KERNEL
WINDOW = (3, 3)


def grid() -> dict[str, Conv]:
    """Rows around the four pixels of a step, images lower than the window, channels, padding."""
    cases = {}
    for kind in (clamped, general):
        for width in (6, 7, 8, 9, 12, 13):
            for padding in Padding:
                name = f"{kind.__name__}-width{width}-{padding.name}"
                cases[name] = kind((3, width), 4, 2, WINDOW, padding=padding)
        for height in (1, 2, 3, 5):
            cases[f"{kind.__name__}-height{height}"] = kind((height, 6), 8, 4, WINDOW)
        for in_ch in (4, 8, 12, 64):
            cases[f"{kind.__name__}-in{in_ch}"] = kind((4, 6), in_ch, 2, WINDOW)
        for out_ch in (2, 4, 6, 30):
            cases[f"{kind.__name__}-out{out_ch}"] = kind((4, 6), 4, out_ch, WINDOW)
    return cases | edges((5, 7), 4, 4, kernel=WINDOW)


GRID = grid()


@pytest.fixture(scope="module")
def cases() -> dict[str, OpCase]:
    return {name: run_op(conv.model()) for name, conv in GRID.items()}


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_portable_c_equals_numpy(cases: dict[str, OpCase], compiler: str) -> None:
    KernelBatch.of(KERNEL, cases).check(compiler)


@pytest.mark.parametrize(
    ("core", "fpu"), [("cortex-m4", True), ("cortex-m4", False), ("cortex-m33", True)]
)
def test_assembly_equals_numpy(cases: dict[str, OpCase], core: str, fpu: bool) -> None:
    traces = KernelBatch.of(KERNEL, cases).check_emulated(core, fpu=fpu)
    assert max(trace.stack for trace in traces) <= 200


def is_fixed(conv: Conv) -> bool:
    call = call_of(conv.model())
    return finish(call, exact_sums(call, rows(call))).fixed


def test_one_shift_for_all_channels_needs_a_clamp() -> None:
    assert is_fixed(clamped((8, 8), 64, 64, WINDOW))
    assert not is_fixed(general((8, 8), 64, 64, WINDOW))
    assert not is_fixed(clamped((8, 8), 64, 64, WINDOW, gain=100.0))  # multipliers above 2**-6


@pytest.mark.parametrize(
    ("conv", "refusal"),
    [
        (clamped((6, 6), kernel=(1, 1)), "3x3"),
        (clamped((6, 6), kernel=WINDOW, stride=2), "stride 1"),
        (clamped((8, 8), kernel=WINDOW, dilation=2), "no dilation"),
        (clamped((6, 5), kernel=WINDOW), "6 pixels"),
        (clamped((6, 6), 6, kernel=WINDOW), "multiple of 4"),
        (clamped((6, 6), out_ch=5, kernel=WINDOW), "of 2"),
        (clamped((6, 6), kernel=WINDOW, largest=128), "[-127, 127]"),
        (clamped((6, 6), 512, kernel=WINDOW), "2**23"),
        (clamped((6, 6), kernel=WINDOW, out_zero_point=-100), "whole range of int8"),
        (clamped((6, 6), kernel=WINDOW, gain=500.0), "[2**-23, 1/2)"),
    ],
)
def test_it_refuses_what_it_cannot_do_exactly(conv: Conv, refusal: str) -> None:
    found = KERNEL.refusal(call_of(conv.model()))
    assert found is not None and refusal in found


@pytest.mark.parametrize(
    ("conv", "goal"),
    [
        (clamped((32, 32), 16, 16, WINDOW), 0.98),
        (general((32, 32), 16, 16, WINDOW), 0.95),
        (clamped((16, 16), 32, 32, WINDOW), 1.04),
        (general((16, 16), 32, 32, WINDOW), 1.03),
        (clamped((8, 8), 64, 64, WINDOW), 1.08),
        (general((10, 9), 8, 8, WINDOW), 0.6),
    ],
)
def test_products_per_cycle_on_the_m4(conv: Conv, goal: float) -> None:
    """Modelled, zero wait states; the cost that selection sees is within 6 %."""
    found = price(KERNEL, conv.model())
    print(f"\n{conv.pixels} {conv.in_ch}->{conv.out_ch}: {found}")
    assert found.products_per_cycle >= goal
    assert abs(found.cost - 1) < 0.06
