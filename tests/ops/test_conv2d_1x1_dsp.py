"""mcu_conv2d_1x1_s8_dsp: portable C and the assembly core equal numpy; its limits; its price."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from mcugen.ops.base import Family
from mcugen.ops.kernels import conv2d_1x1_s8_dsp
from mcugen.ops.kernels.requant import Form, requant
from mcugen.testing.builder import one_op, quant
from mcugen.testing.check import KernelBatch, OpCase, call_of, run_op

KERNEL = conv2d_1x1_s8_dsp.KERNEL


@dataclass(frozen=True)
class Conv1x1:
    """A 1x1 convolution with random weights whose outputs spread over the whole range."""

    pixels: tuple[int, int] = (3, 3)
    in_ch: int = 8
    out_ch: int = 8
    stride: int = 1
    clamped: bool = True
    in_zero_point: int = -128
    out_zero_point: int = -128
    largest: int = 127
    gain: float = 1.0
    seed: int = 1

    def model(self) -> bytes:
        rng = np.random.default_rng(self.seed)
        weights = rng.integers(-self.largest, self.largest + 1, (self.out_ch, 1, 1, self.in_ch))
        weights.flat[0] = -self.largest
        spread = self.gain * 60 / (74 * 74 * np.sqrt(self.in_ch))
        scales = quant(spread * rng.uniform(0.3, 1.5, self.out_ch), axis=0)
        size = -(-self.pixels[0] // self.stride), -(-self.pixels[1] // self.stride)
        bias = rng.integers(-3000, 3000, self.out_ch)
        return one_op(
            "CONV_2D",
            [
                {"shape": (1, *self.pixels, self.in_ch), "quant": quant(1.0, self.in_zero_point)},
                {"shape": weights.shape, "quant": scales, "data": weights},
                {"shape": [self.out_ch], "dtype": "int32", "quant": scales, "data": bias},
            ],
            {"shape": (1, *size, self.out_ch), "quant": quant(1.0, self.out_zero_point)},
            {
                "padding": 0,
                "strideH": self.stride,
                "strideW": self.stride,
                "dilationHFactor": 1,
                "dilationWFactor": 1,
                "fusedActivationFunction": int(self.clamped),
            },
        )


def clamped(**changes: object) -> Conv1x1:
    return Conv1x1(**changes)


def general(**changes: object) -> Conv1x1:
    return Conv1x1(**{"clamped": False, "in_zero_point": -7, "out_zero_point": 11, **changes})


def grid() -> dict[str, Conv1x1]:
    """Pixels even and odd; channels around the blocks of four; one and more rounds of the core."""
    cases = {}
    for kind in (clamped, general):
        for pixels in ((1, 2), (1, 3), (2, 2), (5, 1)):
            cases[f"{kind.__name__}-pixels{pixels}"] = kind(pixels=pixels)
        for in_ch in (1, 2, 3, 4, 5, 30, 31, 32, 33, 60, 61, 64, 100):
            cases[f"{kind.__name__}-in{in_ch}"] = kind(in_ch=in_ch)
        for out_ch in (1, 2, 3, 4, 5, 7, 12):
            cases[f"{kind.__name__}-out{out_ch}"] = kind(out_ch=out_ch)
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
    collected = KernelBatch([Family.DSP])
    for name, case in cases.items():
        collected.add(name, case)
    return collected


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_portable_c_equals_numpy(cases: dict[str, OpCase], compiler: str) -> None:
    batch(cases).check(compiler)


@pytest.mark.parametrize("core", ["cortex-m4", "cortex-m33"])
def test_assembly_equals_numpy(cases: dict[str, OpCase], core: str) -> None:
    traces = batch(cases).check_emulated(core)
    assert max(trace.stack for trace in traces) <= 256


@pytest.mark.parametrize(("conv", "form"), [(clamped(), Form.CLAMPED), (general(), Form.GENERAL)])
def test_the_short_requantization_needs_a_clamp(conv: Conv1x1, form: Form) -> None:
    call = call_of(conv.model())
    assert requant(call, call.input(1).values().reshape(conv.out_ch, -1)).form is form


@pytest.mark.parametrize(
    ("conv", "refusal"),
    [
        (clamped(stride=2), "1x1 with stride 1"),
        (clamped(pixels=(1, 1)), "two pixels"),
        (clamped(largest=128), "[-127, 127]"),
        (clamped(in_ch=1200), "2**23"),
        (clamped(out_zero_point=-100), "whole range of int8"),
        (clamped(gain=500.0), "[2**-23, 1/2)"),
    ],
)
def test_it_refuses_what_it_cannot_do_exactly(conv: Conv1x1, refusal: str) -> None:
    found = KERNEL.refusal(call_of(conv.model()))
    assert found is not None and refusal in found


@pytest.mark.parametrize(
    ("conv", "goal"),
    [
        (clamped(pixels=(25, 5), in_ch=64, out_ch=64), 0.84),
        (clamped(pixels=(24, 24), in_ch=16, out_ch=32), 0.55),
        (clamped(pixels=(6, 6), in_ch=128, out_ch=128), 0.92),
        (clamped(pixels=(3, 3), in_ch=256, out_ch=256, largest=100), 0.85),
        (general(pixels=(6, 6), in_ch=96, out_ch=24), 0.8),
    ],
)
def test_products_per_cycle_on_the_m4(conv: Conv1x1, goal: float) -> None:
    """Modelled, zero wait states; the cost that selection sees is within 5 %."""
    case = run_op(conv.model())
    (call,) = case.graph.calls()
    (trace,) = batch({"": case}).check_emulated("cortex-m4")
    products = call.output.elements * conv.in_ch
    print(f"\n{conv.pixels} {conv.in_ch}->{conv.out_ch}: {products / trace.cycles:.3f}")
    assert products / trace.cycles >= goal
    assert abs(KERNEL.cost(call).cycles / trace.cycles - 1) < 0.05
