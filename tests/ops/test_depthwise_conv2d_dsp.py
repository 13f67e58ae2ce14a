"""mcu_depthwise_conv2d_3x3_s8_dsp: portable C and assembly equal numpy; its limits; its price."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from mcugen.ops import OPS
from mcugen.ops.base import Family
from mcugen.ops.depthwise_conv2d import OP
from mcugen.ops.kernels.depthwise_conv2d_3x3_s8_dsp import KERNEL
from mcugen.ops.window import Padding, axis
from mcugen.testing.builder import one_op, quant
from mcugen.testing.check import KernelBatch, OpCase, call_of, run_op


@dataclass(frozen=True)
class Depthwise:
    """A depthwise convolution with random weights whose outputs spread over the whole range.

    Its output clamps at its zero point, or not at all.
    """

    size: tuple[int, int] = (5, 6)
    channels: int = 8
    kernel: tuple[int, int] = (3, 3)
    stride: int = 1
    padding: Padding = Padding.SAME
    batch: int = 1
    multiplier: int = 1
    clamped: bool = True
    in_zero_point: int = -128
    out_zero_point: int = -128
    gain: float = 1.0
    bias: int = 3000

    def model(self) -> bytes:
        rng = np.random.default_rng(1)
        out_ch = self.channels * self.multiplier
        weights = rng.integers(-128, 128, (1, *self.kernel, out_ch))
        weights.flat[0] = -128
        scales = quant(self.gain * 60 / 74**2 / 3 * rng.uniform(0.3, 1.5, out_ch), axis=3)
        out = [
            axis(size, kernel, self.stride, 1, self.padding).out
            for size, kernel in zip(self.size, self.kernel, strict=True)
        ]
        bias = rng.integers(-self.bias, self.bias, out_ch)
        return one_op(
            "DEPTHWISE_CONV_2D",
            [
                {
                    "shape": (self.batch, *self.size, self.channels),
                    "quant": quant(1.0, self.in_zero_point),
                },
                {"shape": weights.shape, "quant": scales, "data": weights},
                {"shape": [out_ch], "dtype": "int32", "quant": scales, "data": bias},
            ],
            {"shape": (self.batch, *out, out_ch), "quant": quant(1.0, self.out_zero_point)},
            {
                "padding": self.padding.value,
                "strideH": self.stride,
                "strideW": self.stride,
                "depthMultiplier": self.multiplier,
                "dilationHFactor": 1,
                "dilationWFactor": 1,
                "fusedActivationFunction": int(self.clamped),
            },
        )


def clamped(*fields: Any, **changes: Any) -> Depthwise:
    return Depthwise(*fields, **changes)


def general(*fields: Any, **changes: Any) -> Depthwise:
    linear = {"clamped": False, "in_zero_point": -7, "out_zero_point": 11}
    return Depthwise(*fields, **{**linear, **changes})


def grid() -> dict[str, Depthwise]:
    """Heights around the rounds of three, widths even and odd, both paddings."""
    cases = {}
    for kind in (clamped, general):
        for padding in Padding:
            for height in (3, 4, 5, 6, 7):
                for width in (3, 4, 7):
                    name = f"{kind.__name__}-{padding.name}-{height}x{width}"
                    cases[name] = kind((height, width), padding=padding)
        for size in ((1, 1), (1, 6), (2, 1), (2, 2)):
            cases[f"{kind.__name__}-size{size}"] = kind(size)
        for channels in (4, 12):
            cases[f"{kind.__name__}-channels{channels}"] = kind(channels=channels)
        cases[f"{kind.__name__}-batch"] = kind(batch=3)
        cases[f"{kind.__name__}-saturating"] = kind(gain=30.0)
        cases[f"{kind.__name__}-tiny-multipliers"] = kind(gain=1 / 500)
    for zero_point in (-128, -1, 0, 127):
        cases[f"in-zero-point{zero_point}"] = general(in_zero_point=zero_point)
        cases[f"out-zero-point{zero_point}"] = general(out_zero_point=zero_point)
    return cases


@pytest.fixture(autouse=True)
def this_kernel_only(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(OPS, "depthwise_conv2d", replace(OP, kernels=(KERNEL,)))
    yield


@pytest.fixture(scope="module")
def cases() -> dict[str, OpCase]:
    return {name: run_op(case.model()) for name, case in grid().items()}


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
    assert max(trace.stack for trace in traces) <= 384


@pytest.mark.parametrize(
    ("case", "refusal"),
    [
        (clamped(stride=2), "stride 1"),
        (clamped(kernel=(3, 5)), "3x3"),
        (clamped(multiplier=2), "depth multiplier 1"),
        (clamped(channels=6), "multiple of 4"),
        (clamped(bias=2**24, gain=2**-10), "2**23"),
        (clamped(out_zero_point=-100), "whole range of int8"),
        (clamped(gain=500.0), "[2**-23, 1/2)"),
    ],
)
def test_it_refuses_what_it_cannot_do_exactly(case: Depthwise, refusal: str) -> None:
    found = KERNEL.refusal(call_of(case.model()))
    assert found is not None and refusal in found


@pytest.mark.parametrize(
    ("case", "goal"),
    [
        (clamped((25, 5), 64), 0.26),
        (clamped((48, 48), 8), 0.35),
        (general((12, 12), 32), 0.24),
    ],
)
def test_products_per_cycle_on_the_m4(case: Depthwise, goal: float) -> None:
    """Modelled, zero wait states; the cost that selection sees is within 6 %."""
    op_case = run_op(case.model())
    (call,) = op_case.graph.calls()
    (trace,) = batch({"": op_case}).check_emulated("cortex-m4")
    print(f"\n{case.size} {case.channels}: {OP.macs(call) / trace.cycles:.3f}")
    assert OP.macs(call) / trace.cycles >= goal
    assert abs(KERNEL.cost(call).cycles / trace.cycles - 1) < 0.06
