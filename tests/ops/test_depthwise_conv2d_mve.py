"""mcu_depthwise_conv2d_s8_mve: portable C and Helium equal numpy; what it refuses."""

from __future__ import annotations

from typing import Any

import pytest
from test_depthwise_conv2d_planes import Depthwise

from mcugen.ops.base import Activation, Family
from mcugen.ops.kernels.depthwise_conv2d_s8_mve import KERNEL
from mcugen.ops.window import Padding
from mcugen.testing.check import KernelBatch, call_of, run_op

GENERAL: dict[str, Any] = {"activation": Activation.NONE, "in_zero_point": -7, "out_zero_point": 11}


def grid() -> dict[str, Depthwise]:
    """Channels around the blocks of eight, strides, borders."""
    cases = {}
    for channels in (8, 9, 15, 16, 17, 24, 31):
        cases[f"clamped-{channels}"] = Depthwise(channels=channels)
        cases[f"general-{channels}"] = Depthwise(channels=channels, **GENERAL)
    for stride in ((1, 1), (2, 2), (1, 3)):
        for padding in Padding:
            for pixels in ((3, 3), (4, 7), (8, 5)):
                name = f"{stride}-{padding.name}-{pixels}"
                shape: dict[str, Any] = {"pixels": pixels, "stride": stride, "padding": padding}
                cases[name] = Depthwise(channels=11, **shape, **GENERAL)
    cases["smaller-than-the-kernel"] = Depthwise(pixels=(1, 2), channels=8)
    cases["batch"] = Depthwise(channels=12, batch=3)
    cases["dead"] = Depthwise(channels=12, dead=9)
    cases["saturating"] = Depthwise(channels=12, gain=20.0, **GENERAL)
    cases["tiny-multipliers"] = Depthwise(channels=12, gain=1 / 500, **GENERAL)
    return cases


@pytest.fixture(scope="module")
def batch() -> KernelBatch:
    collected = KernelBatch([Family.MVE])
    for name, case in grid().items():
        collected.add(name, run_op(case.model()))
    return collected


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_portable_c_equals_numpy(batch: KernelBatch, compiler: str) -> None:
    batch.check(compiler)


def test_helium_equals_numpy(batch: KernelBatch) -> None:
    batch.check_helium()


@pytest.mark.parametrize(
    ("case", "refusal"),
    [
        (Depthwise(channels=7), "8 channels"),
        (Depthwise(channels=8, multiplier=2), "multiplier 1"),
        (Depthwise(channels=8, kernel=(3, 2)), "3x3"),
        (Depthwise(channels=8, largest=128), "[-127, 127]"),
        (Depthwise(channels=8, out_zero_point=-100), "whole range of int8"),
        (Depthwise(channels=8, gain=500.0), "[2**-23, 1/2)"),
    ],
)
def test_it_refuses_what_it_cannot_do_exactly(case: Depthwise, refusal: str) -> None:
    found = KERNEL.refusal(call_of(case.model()))
    assert found is not None and refusal in found


@pytest.mark.parametrize(
    ("case", "measured"),
    [
        (Depthwise((48, 48), 32), 879_740),
        (Depthwise((25, 5), 64), 89_378),
        (Depthwise((12, 12), 128), 190_063),
        (Depthwise((9, 9), 20), 32_783),
    ],
)
def test_modelled_cycles_are_the_instructions_that_qemu_counted(
    case: Depthwise, measured: int
) -> None:
    assert KERNEL.cost(call_of(case.model())).cycles == pytest.approx(measured, rel=0.03)
