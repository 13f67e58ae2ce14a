"""mcu_conv2d_3x3_stack_s8_dsp, ..stride2..: portable C and assembly equal numpy; limits; prices."""

from __future__ import annotations

import pytest

from mcugen.ops.base import Kernel
from mcugen.ops.kernels.conv2d_3x3_stack_s8_dsp import KERNEL, KERNELS, STRIDE2
from mcugen.ops.kernels.conv2d_rules import rows
from mcugen.ops.kernels.requant import exact_sums
from mcugen.ops.kernels.times_256 import finish
from mcugen.ops.window import Padding
from mcugen.testing.check import KernelBatch, OpCase, call_of, price, run_op
from mcugen.testing.convolutions import Conv, clamped, edges, general

WINDOW = (3, 3)
SIZES = {
    KERNEL: ((3, 6), (4, 7), (3, 9), (5, 12)),
    STRIDE2: ((3, 9), (4, 10), (5, 11), (6, 12), (7, 15), (8, 16), (9, 17)),
}
both = pytest.mark.parametrize("kernel", KERNELS, ids=lambda kernel: kernel.name)


def grid(kernel: Kernel) -> dict[str, Conv]:
    """Rows around the four pixels of a step, low images, channels, padding before and behind."""
    cases = {}
    stride = 2 if kernel is STRIDE2 else 1
    width = SIZES[kernel][0][1]
    for kind in (clamped, general):
        for size in SIZES[kernel]:
            for padding in Padding:
                name = f"{kind.__name__}-{size}-{padding.name}"
                cases[name] = kind(size, 16, 2, WINDOW, stride, padding=padding)
        for height in (1, 2, 5):
            name = f"{kind.__name__}-height{height}"
            cases[name] = kind((height, width), 32, 4, WINDOW, stride)
        for in_ch in (16, 32, 48, 64):
            cases[f"{kind.__name__}-in{in_ch}"] = kind((5, width), in_ch, 2, WINDOW, stride)
        for out_ch in (2, 4, 6, 30):
            cases[f"{kind.__name__}-out{out_ch}"] = kind((4, width), 32, out_ch, WINDOW, stride)
    return cases | edges((5, 9), 32, 4, kernel=WINDOW, stride=stride)


@pytest.fixture(scope="module")
def cases() -> dict[Kernel, dict[str, OpCase]]:
    return {
        kernel: {name: run_op(conv.model()) for name, conv in grid(kernel).items()}
        for kernel in KERNELS
    }


@both
@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_portable_c_equals_numpy(
    kernel: Kernel, cases: dict[Kernel, dict[str, OpCase]], compiler: str
) -> None:
    KernelBatch.of(kernel, cases[kernel]).check(compiler)


@both
@pytest.mark.parametrize(
    ("core", "fpu"), [("cortex-m4", True), ("cortex-m4", False), ("cortex-m33", True)]
)
def test_assembly_equals_numpy(
    kernel: Kernel, cases: dict[Kernel, dict[str, OpCase]], core: str, fpu: bool
) -> None:
    traces = KernelBatch.of(kernel, cases[kernel]).check_emulated(core, fpu=fpu)
    assert max(trace.stack for trace in traces) <= (1150 if kernel is STRIDE2 else 1050)


@pytest.mark.parametrize(("height", "rows"), [(1, 1), (2, 2), (7, 2)])
def test_sums_of_two_rows_wait_in_scratch(height: int, rows: int) -> None:
    assert KERNEL.scratch(call_of(general((height, 6), 32, 4, WINDOW).model())) == rows * 64
    assert KERNEL.scratch(call_of(general((height, 6), 16, 4, WINDOW).model())) == 0
    assert STRIDE2.scratch(call_of(general((2 * height, 9), 32, 4, WINDOW, 2).model())) == 64


def is_fixed(conv: Conv) -> bool:
    call = call_of(conv.model())
    return finish(call, exact_sums(call, rows(call))).fixed


def test_one_shift_for_all_channels_needs_a_clamp() -> None:
    assert is_fixed(clamped((8, 8), 64, 64, WINDOW))
    assert not is_fixed(general((8, 8), 64, 64, WINDOW))
    assert not is_fixed(clamped((8, 8), 64, 64, WINDOW, gain=100.0))  # multipliers above 2**-6


@pytest.mark.parametrize(
    ("kernel", "conv", "refusal"),
    [
        (KERNEL, clamped((6, 6), 16, kernel=(1, 1)), "3x3"),
        (KERNEL, clamped((6, 6), 16, kernel=WINDOW, stride=2), "stride 1"),
        (KERNEL, clamped((6, 5), 16, kernel=WINDOW), "6 pixels"),
        (STRIDE2, clamped((9, 9), 16, kernel=(1, 1), stride=2), "3x3"),
        (STRIDE2, clamped((9, 9), 16, kernel=WINDOW), "stride 2"),
        (STRIDE2, clamped((9, 8), 16, 4, WINDOW, 2), "9 pixels"),
    ],
)
def test_it_refuses_other_windows(kernel: Kernel, conv: Conv, refusal: str) -> None:
    found = kernel.refusal(call_of(conv.model()))
    assert found is not None and refusal in found


@both
@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"in_ch": 24}, "multiple of 16"),
        ({"out_ch": 5}, "of 2"),
        ({"largest": 128}, "[-127, 127]"),
        ({"in_ch": 512}, "2**23"),
        ({"out_zero_point": -100}, "whole range of int8"),
        ({"gain": 500.0}, "[2**-23, 1/2)"),
    ],
)
def test_it_refuses_what_it_cannot_do_exactly(
    kernel: Kernel, changes: dict[str, int], refusal: str
) -> None:
    stride = 2 if kernel is STRIDE2 else 1
    sizes = {"in_ch": 16, "out_ch": 4, "kernel": WINDOW, "stride": stride}
    found = kernel.refusal(call_of(clamped((9, 9), **{**sizes, **changes}).model()))
    assert found is not None and refusal in found


def test_it_refuses_dilation() -> None:
    found = KERNEL.refusal(call_of(clamped((8, 8), 16, kernel=WINDOW, dilation=2).model()))
    assert found is not None and "no dilation" in found


@pytest.mark.parametrize(
    ("kernel", "conv", "goal"),
    [
        (KERNEL, clamped((32, 32), 16, 16, WINDOW), 1.1),
        (KERNEL, general((32, 32), 16, 16, WINDOW), 1.07),
        (KERNEL, clamped((16, 16), 32, 32, WINDOW), 1.14),
        (KERNEL, general((16, 16), 32, 32, WINDOW), 1.12),
        (KERNEL, clamped((8, 8), 64, 64, WINDOW), 1.16),
        (KERNEL, clamped((1, 32), 16, 16, WINDOW), 1.0),
        (KERNEL, general((10, 9), 16, 8, WINDOW), 0.7),
        (STRIDE2, clamped((32, 32), 16, 32, WINDOW, 2), 1.02),
        (STRIDE2, clamped((16, 16), 32, 64, WINDOW, 2), 1.06),
        (STRIDE2, general((17, 19), 32, 8, WINDOW, 2), 0.73),
    ],
)
def test_products_per_cycle_on_the_m4(kernel: Kernel, conv: Conv, goal: float) -> None:
    """Modelled, zero wait states; the cost that selection sees is within 6 %."""
    found = price(kernel, conv.model())
    print(f"\n{conv.pixels} {conv.in_ch}->{conv.out_ch}: {found}")
    assert found.products_per_cycle >= goal
    assert abs(found.cost - 1) < 0.06
