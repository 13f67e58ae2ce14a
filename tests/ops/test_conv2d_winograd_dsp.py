"""mcu_conv2d_winograd_s8_dsp: portable C and assembly equal numpy; its bounds; its price."""

from __future__ import annotations

import numpy as np
import pytest

from mcugen.ops.kernels import conv2d_winograd_s8_dsp
from mcugen.ops.window import Padding
from mcugen.testing.check import KernelBatch, OpCase, call_of, price, run_op
from mcugen.testing.convolutions import Conv, clamped, edges, general

KERNEL = conv2d_winograd_s8_dsp.KERNEL
WINDOW = (3, 3)


def grid() -> dict[str, Conv]:
    """Whole and clipped tiles, even and odd numbers of them, rounds of the core, padding."""
    cases = {}
    for kind in (clamped, general):
        for pixels in ((4, 4), (8, 8), (4, 12), (5, 6), (7, 9), (3, 3), (1, 2), (6, 6)):
            for padding in Padding:
                if padding is Padding.SAME or min(pixels) >= 3:
                    name = f"{kind.__name__}-{pixels}-{padding.name}"
                    cases[name] = kind(pixels, 16, 4, WINDOW, padding=padding)
        for in_ch in (32, 48, 64):
            cases[f"{kind.__name__}-in{in_ch}"] = kind((4, 6), in_ch, 4, WINDOW)
        cases[f"{kind.__name__}-out"] = kind((4, 6), 16, 12, WINDOW)
    cases["weight-128"] = clamped((8, 8), 16, 4, WINDOW, largest=128)
    return cases | edges((5, 7), 16, 4, kernel=WINDOW)


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
    assert max(trace.stack for trace in traces) <= 460


# The transform of the inputs, as the kernel computes it.
B = np.array(
    [
        [4, 0, -5, 0, 1, 0],
        [0, -4, -4, 1, 1, 0],
        [0, 4, -4, -1, 1, 0],
        [0, -2, -1, 2, 1, 0],
        [0, 2, -1, -2, 1, 0],
        [0, 4, 0, -5, 0, 1],
    ]
)
A = np.array([[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 2]])


def test_the_transforms_give_576_times_a_convolution() -> None:
    rng = np.random.default_rng(0)
    d, w = rng.integers(0, 256, (6, 6)), rng.integers(-128, 128, (3, 3))
    expected = np.lib.stride_tricks.sliding_window_view(d, (3, 3))
    u = conv2d_winograd_s8_dsp.transformed(w.reshape(1, 3, 3, 1)).reshape(6, 6)
    sums = A @ (u * (B @ d @ B.T)) @ A.T
    assert np.array_equal(sums, 576 * np.einsum("yxij,ij->yx", expected, w))


def test_transformed_weights_and_inputs_fit_lanes() -> None:
    """Both bounds that the kernel's comment states, from the signs of the matrices."""
    each = np.einsum("ir,jc->ijrc", B, B).reshape(36, 36)
    highest = 255 * np.maximum(each, 0).sum(axis=1)
    lowest = 255 * np.minimum(each, 0).sum(axis=1)
    assert max(highest.max(), -lowest.min()) == 17_340
    weights = np.einsum("ir,jc->ijrc", *[conv2d_winograd_s8_dsp.G] * 2).reshape(36, 9)
    assert 128 * np.abs(weights).sum(axis=1).max() == 18_432


def test_the_largest_lanes_are_exact() -> None:
    """Inputs that reach each bound of V, times weights that reach those of U."""
    patterns = np.sign(np.einsum("ir,jc->ijrc", B, B)).reshape(36, 6, 6, 1)
    signs = np.concatenate([patterns, -patterns])
    images = np.where(signs > 0, 127, -128).repeat(16, axis=3).astype(np.int8)
    g = np.sign(conv2d_winograd_s8_dsp.G[1:3])
    weights = 127 * np.einsum("ir,jc->ijrc", g, g).reshape(4, 3, 3, 1).repeat(16, axis=3)
    conv = general((6, 6), 16, 4, WINDOW, padding=Padding.VALID, batch=72, weights=weights)
    collected = KernelBatch.of(KERNEL, {"largest": run_op(conv.model(), [images])})
    collected.check()
    collected.check_emulated("cortex-m4")


@pytest.mark.parametrize(
    ("conv", "refusal"),
    [
        (clamped((6, 6), 16, kernel=(1, 1)), "3x3"),
        (clamped((6, 6), 16, kernel=WINDOW, stride=2), "stride 1"),
        (clamped((8, 8), 16, kernel=WINDOW, dilation=2), "no dilation"),
        (clamped((6, 6), 24, kernel=WINDOW), "multiple of 16"),
        (clamped((6, 6), 16, 6, WINDOW), "of 4"),
        (clamped((6, 6), 512, kernel=WINDOW), "2**23"),
        (clamped((6, 6), 16, kernel=WINDOW, out_zero_point=-100), "whole range of int8"),
        (clamped((6, 6), 16, kernel=WINDOW, gain=500.0), "[2**-23, 1/2)"),
    ],
)
def test_it_refuses_what_it_cannot_do_exactly(conv: Conv, refusal: str) -> None:
    found = KERNEL.refusal(call_of(conv.model()))
    assert found is not None and refusal in found


@pytest.mark.parametrize(
    ("conv", "goal"),
    [
        (clamped((32, 32), 16, 16, WINDOW), 2.06),
        (general((32, 32), 16, 16, WINDOW), 1.99),
        (clamped((16, 16), 32, 32, WINDOW), 2.59),
        (clamped((8, 8), 64, 64, WINDOW), 3.09),
        (general((10, 9), 16, 8, WINDOW), 0.88),
    ],
)
def test_products_per_cycle_on_the_m4(conv: Conv, goal: float) -> None:
    """Modelled, zero wait states; the cost that selection sees is within 6 %."""
    found = price(KERNEL, conv.model())
    print(f"\n{conv.pixels} {conv.in_ch}->{conv.out_ch}: {found}")
    assert found.products_per_cycle >= goal
    assert abs(found.cost - 1) < 0.06
