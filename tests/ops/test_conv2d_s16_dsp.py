"""mcu_conv2d_..._s16_dsp: portable C and assembly equal numpy; their limits; their price."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mcugen.ir import DType
from mcugen.ops.base import Activation, Kernel
from mcugen.ops.kernels.conv2d_s16_dsp import KERNEL, KERNELS, STACKED
from mcugen.ops.window import Padding
from mcugen.testing.check import (
    TFLM_ONLY,
    KernelBatch,
    OpCase,
    call_of,
    change_attrs,
    change_input,
    check_op,
    price,
    run_op,
)
from mcugen.testing.convolutions import Conv, clamped, general
from mcugen.testing.wide import widened


def grid() -> dict[str, Conv]:
    """Positions around the blocks of four, channels even and odd, rounds of the core, windows."""
    cases = {}
    for pixels in ((1, 1), (1, 2), (1, 3), (2, 2), (5, 1), (2, 3), (7, 1), (4, 4)):
        cases[f"pixels{pixels}"] = clamped(pixels)
        cases[f"pixels{pixels}-7-5"] = general(pixels, 7, 5)
        cases[f"pixels{pixels}-3x3"] = clamped(pixels, 3, 3, (3, 3))
    for in_ch in (*range(2, 12), 30, 31, 32, 33, 34, 35, 60, 64, 65, 66, 67, 68, 99, 100):
        cases[f"in{in_ch}"] = general(in_ch=in_ch)
    for out_ch in (2, 3, 4, 5, 7, 8, 9, 12):
        cases[f"out{out_ch}"] = clamped(out_ch=out_ch)
        cases[f"out{out_ch}-stride2"] = general((5, 7), 4, out_ch, stride=2)
    for kernel in ((3, 3), (1, 5), (5, 2), (2, 2), (10, 4)):
        for stride in (1, 2):
            for padding in Padding:
                for in_ch in (1, 3, 4):
                    kind = (clamped, general)[in_ch % 2]
                    name = f"{kernel}-{stride}-{padding.name}-{in_ch}"
                    cases[name] = kind((11, 9), in_ch, 4, kernel, stride, 1, padding)
    for kind in (clamped, general):
        cases[f"{kind.__name__}-batch"] = kind((3, 5), kernel=(3, 3), batch=3)
        cases[f"{kind.__name__}-batch-1x1"] = kind((3, 3), 6, 6, batch=2)
        cases[f"{kind.__name__}-window-beyond-input"] = kind((2, 3), kernel=(7, 7))
        cases[f"{kind.__name__}-saturating"] = kind((4, 5), gain=20.0)
        cases[f"{kind.__name__}-small-multipliers"] = kind(gain=1 / 30)
        cases[f"{kind.__name__}-stride-3-1"] = kind((9, 9), 4, 6, (3, 4), 3, stride_w=1)
    cases["dead"] = clamped(dead=2**30)
    cases["most-negative-weight"] = general(largest=128)
    return cases


@pytest.fixture(scope="module")
def cases() -> dict[str, OpCase]:
    found = {name: run_op(widened(conv.model())) for name, conv in grid().items()}
    # The extremes: sums that end near 2**31, on their way wherever they go.
    full = replace(clamped((4, 3), 500, 6), weights=np.full((6, 1, 1, 500), -128))
    for value in (-(2**15), 2**15 - 1):
        model = widened(full.model())
        shape = (1, 4, 3, 500)
        found[f"all{value}"] = run_op(model, [np.full(shape, value, np.int16)])
    return found


@pytest.mark.parametrize("name", ["in7", "out5-stride2", "(10, 4)-2-SAME-1"])
def test_equals_the_reference(name: str) -> None:
    check_op(widened(grid()[name].model()), against=TFLM_ONLY)


def batch(cases: dict[str, OpCase], kernel: Kernel) -> KernelBatch:
    """The cases that a kernel serves; one serves all."""
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
    assert len(traces) > (20 if core == "cortex-m33" else 60)  # which takes every third case
    assert max(trace.stack for trace in traces) <= (940 if kernel is STACKED else 280)


def test_without_a_bias() -> None:
    (call,) = run_op(widened(general(out_ch=5).model())).graph.calls()
    bare = change_input(2, None)(call)
    words = KERNEL.params(bare)["stream"].values.reshape(3, -1)
    assert KERNEL.refusal(bare) is None
    assert not words[:, :2].any()


@pytest.mark.parametrize(
    ("conv", "refusal"),
    [
        (clamped(dilation=2, kernel=(2, 2)), "no dilation"),
        (clamped(in_ch=1, kernel=(3, 1)), "2 taps or more"),
        (clamped(out_ch=1), "2 output channels or more"),
        (clamped(in_ch=1200), "below 2**31"),
        (clamped(gain=5000.0), "[2**-18, 1/2)"),
    ],
)
def test_it_refuses_what_it_cannot_do(conv: Conv, refusal: str) -> None:
    found = KERNEL.refusal(call_of(widened(conv.model())))
    assert found is not None and refusal in found


def test_the_stack_holds_64_taps() -> None:
    assert STACKED.refusal(call_of(widened(clamped(in_ch=64).model()))) is None
    found = STACKED.refusal(call_of(widened(clamped(in_ch=65).model())))
    assert found is not None and "32 words or fewer" in found


def test_it_refuses_other_sums_and_clamps() -> None:
    call = call_of(widened(clamped().model(), bias=DType.INT32))
    assert "int64" in str(KERNEL.refusal(call))
    call = change_attrs(activation=Activation.RELU6)(call_of(widened(clamped().model())))
    assert "as a ReLU" in str(KERNEL.refusal(call))


@pytest.mark.parametrize(
    ("kernel", "conv", "goal"),
    [
        (STACKED, clamped((25, 5), 64, 64), 0.86),
        (STACKED, clamped((12, 12), 64, 64), 0.865),
        (STACKED, clamped((24, 24), 32, 32), 0.77),
        (STACKED, clamped((24, 24), 16, 32), 0.655),
        (STACKED, clamped((48, 48), 8, 16), 0.455),
        (STACKED, clamped((49, 10), 1, 64, (10, 4), 2), 0.75),
        (STACKED, general((16, 16), 32, 64, (1, 1), 2), 0.78),
        (KERNEL, clamped((25, 5), 64, 64), 0.83),
        (KERNEL, clamped((6, 6), 128, 128), 0.88),
        (KERNEL, clamped((3, 3), 256, 256, largest=60), 0.835),
        (KERNEL, clamped((49, 10), 1, 64, (10, 4), 2), 0.72),
        (KERNEL, clamped((32, 32), 3, 16, (3, 3)), 0.565),
        (KERNEL, clamped((96, 96), 3, 8, (3, 3), 2), 0.525),
        (KERNEL, clamped((32, 32), 16, 16, (3, 3)), 0.799),
        (KERNEL, general((16, 16), 32, 32, (3, 3)), 0.85),
        (KERNEL, clamped((16, 16), 32, 64, (3, 3), 2), 0.88),
    ],
)
def test_products_per_cycle_on_the_m4(kernel: Kernel, conv: Conv, goal: float) -> None:
    """Modelled, zero wait states; the cost that selection sees is within 6 %."""
    found = price(kernel, widened(conv.model()))
    print(f"\n{kernel.name} {conv.kernel} {conv.pixels} {conv.in_ch}->{conv.out_ch}: {found}")
    assert found.products_per_cycle >= goal
    assert abs(found.cost - 1) < 0.06
