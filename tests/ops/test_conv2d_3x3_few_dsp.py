"""mcu_conv2d_3x3_c..._s8_dsp: portable C and assembly equal numpy; their limits; their price."""

from __future__ import annotations

import numpy as np
import pytest

from mcugen.ops.base import Kernel
from mcugen.ops.conv2d import OP
from mcugen.ops.kernels.conv2d_3x3_few_s8_dsp import KERNELS, pairs
from mcugen.ops.window import Padding
from mcugen.testing.check import KernelBatch, OpCase, call_of, run_op
from mcugen.testing.convolutions import Conv, clamped, general

WINDOW = (3, 3)
BY_CHANNELS = dict(enumerate(KERNELS, start=1))


def few(
    pixels: tuple[int, int], in_ch: int, out_ch: int = 4, stride: int = 1, **more: object
) -> Conv:
    """A convolution that the kernel of its input channels serves."""
    return clamped(pixels, in_ch, out_ch, WINDOW, stride, **more)


def grid(in_ch: int) -> dict[str, Conv]:
    """Rows around the pixels of a step, low images, padding on each side, channels, zero points."""
    cases = {}
    for padding in Padding:
        for width in (10, 11, 16, 17, 18, 26, 27):
            cases[f"1-{width}-{padding.name}"] = few((4, width), in_ch, padding=padding)
        for width in (9, 10, 15, 16, 17, 19, 24):
            cases[f"2-{width}-{padding.name}"] = few((5, width), in_ch, 2, 2, padding=padding)
    for stride in (1, 2):
        for height in (1, 2, 3, 6):
            cases[f"{stride}-height{height}"] = few((height, 9), in_ch, 4, stride)
        cases[f"{stride}-narrow"] = few((3, 8), in_ch, 4, stride)
        cases[f"{stride}-batch"] = few((3, 12), in_ch, 4, stride, batch=3)
        cases[f"{stride}-batch-of-rows"] = few((1, 17), in_ch, 4, stride, batch=3)
        cases[f"{stride}-in-zero-point"] = few((3, 9), in_ch, 4, stride, in_zero_point=5)
    for strides in ((1, 2), (2, 1), (3, 2)):
        cases[f"strides{strides}"] = few((9, 13), in_ch, 4, strides[0], stride_w=strides[1])
    if in_ch == 3:  # what does not depend on it
        for out_ch in (2, 6, 16, 30):
            cases[f"out{out_ch}"] = few((2, 9), in_ch, out_ch)
        for zero_point in (-1, 0, 127):
            cases[f"in-zero-point{zero_point}"] = few((3, 9), in_ch, in_zero_point=zero_point)
        cases["saturating"] = few((4, 9), in_ch, 6, gain=3.0)
        cases["small-multipliers"] = few((4, 9), in_ch, 6, gain=1 / 30)
        cases["dead"] = few((4, 9), in_ch, 4, dead=2**30)
    return cases


@pytest.fixture(scope="module")
def cases() -> dict[int, dict[str, OpCase]]:
    return {
        in_ch: {name: run_op(conv.model()) for name, conv in grid(in_ch).items()}
        for in_ch in BY_CHANNELS
    }


def batch(cases: dict[str, OpCase], kernel: Kernel) -> KernelBatch:
    collected = KernelBatch(only=kernel)
    for name, case in cases.items():
        collected.add(name, case)
    return collected


@pytest.mark.parametrize("in_ch", BY_CHANNELS)
@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_portable_c_equals_numpy(
    cases: dict[int, dict[str, OpCase]], in_ch: int, compiler: str
) -> None:
    batch(cases[in_ch], BY_CHANNELS[in_ch]).check(compiler)


@pytest.mark.parametrize(
    ("core", "fpu"), [("cortex-m4", True), ("cortex-m4", False), ("cortex-m33", True)]
)
@pytest.mark.parametrize("in_ch", BY_CHANNELS)
def test_assembly_equals_numpy(
    cases: dict[int, dict[str, OpCase]], in_ch: int, core: str, fpu: bool
) -> None:
    traces = batch(cases[in_ch], BY_CHANNELS[in_ch]).check_emulated(core, fpu=fpu)
    assert max(trace.stack for trace in traces) <= 600


@pytest.mark.parametrize("in_ch", BY_CHANNELS)
def test_every_tap_has_one_place(in_ch: int) -> None:
    order = pairs(in_ch)
    assert sorted(order[order >= 0].tolist()) == list(range(9 * in_ch))
    assert np.sum(order < 0) == 9 * in_ch % 2


@pytest.mark.parametrize(
    ("conv", "refusal"),
    [
        (few((9, 9), 4), "3 input channels"),
        (clamped((9, 9), 3, 4, (1, 1)), "3x3"),
        (few((9, 25), 3, 4, 3), "1 or 2"),
        (clamped((19, 19), 3, 4, WINDOW, dilation=2), "no dilation"),
        (few((9, 7), 3), "8 pixels long"),
        (few((9, 9), 3, padding=Padding.VALID), "those of the output 8"),
        (few((9, 9), 3, 5), "multiple of 2"),
        (few((9, 9), 3, largest=128), "[-127, 127]"),
        (few((9, 9), 3, out_zero_point=-100), "whole range of int8"),
        (few((9, 9), 3, gain=500.0), "[2**-23, 1/2)"),
        (general((9, 9), 3, 4, WINDOW), "shift by 12 must be exact"),
    ],
)
def test_it_refuses_what_it_cannot_do_exactly(conv: Conv, refusal: str) -> None:
    found = BY_CHANNELS[3].refusal(call_of(conv.model()))
    assert found is not None and refusal in found


@pytest.mark.parametrize(
    ("conv", "goal"),
    [
        (few((32, 32), 3, 16, in_zero_point=0), 0.785),
        (few((96, 96), 3, 8, 2), 0.73),
        (few((96, 96), 1, 8, 2), 0.49),
        (few((28, 28), 1, 8), 0.38),
        (few((32, 32), 2, 8), 0.63),
        (few((33, 33), 4, 16, 2), 0.71),
    ],
)
def test_products_per_cycle_on_the_m4(conv: Conv, goal: float) -> None:
    """Modelled, zero wait states; the cost that selection sees is within 6 %."""
    case = run_op(conv.model())
    (call,) = case.graph.calls()
    kernel = BY_CHANNELS[conv.in_ch]
    (trace,) = batch({"": case}, kernel).check_emulated("cortex-m4")
    products, cost = OP.macs(call), kernel.cost(call).cycles
    print(
        f"\n{conv.pixels} {conv.in_ch}->{conv.out_ch}: {products / trace.cycles:.3f}"
        f" {trace.cycles} {cost}"
    )
    assert products / trace.cycles >= goal
    assert abs(cost / trace.cycles - 1) < 0.06
