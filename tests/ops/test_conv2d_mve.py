"""mcu_conv2d_s8_mve: portable C and Helium equal numpy; what it refuses."""

from __future__ import annotations

import pytest
from test_conv2d_dsp import Conv, clamped, general, grid

from mcugen.ops.base import Family
from mcugen.ops.kernels.conv2d_s8_mve import KERNEL
from mcugen.testing.check import KernelBatch, call_of, run_op


@pytest.fixture(scope="module")
def batch() -> KernelBatch:
    """The grid of the other family, and windows of up to 18 vectors: rounds of the core."""
    cases = grid()
    for in_ch in (128, 129, 144, 145, 272, 288):
        cases[f"clamped-in{in_ch}"] = clamped(in_ch=in_ch)
        cases[f"general-in{in_ch}"] = general(in_ch=in_ch)
    cases["sums-of-25-bits"] = general(in_ch=2000)
    cases["weights-of-minus-128"] = general(largest=128)
    cases["dead"] = clamped(dead=2**30)
    cases["dead-general"] = general(dead=-(2**30))
    collected = KernelBatch([Family.MVE])
    for name, conv in cases.items():
        collected.add(name, run_op(conv.model()))
    return collected


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_portable_c_equals_numpy(batch: KernelBatch, compiler: str) -> None:
    batch.check(compiler)


def test_helium_equals_numpy(batch: KernelBatch) -> None:
    batch.check_helium()


@pytest.mark.parametrize(
    ("conv", "refusal"),
    [
        (clamped(dilation=2, kernel=(2, 2)), "no dilation"),
        (clamped(out_zero_point=-100), "whole range of int8"),
        (clamped(gain=500.0), "[2**-23, 1/2)"),
        (clamped(in_ch=1, out_ch=16384), "16,383"),
    ],
)
def test_it_refuses_what_it_cannot_do_exactly(conv: Conv, refusal: str) -> None:
    found = KERNEL.refusal(call_of(conv.model()))
    assert found is not None and refusal in found


@pytest.mark.parametrize(
    ("conv", "measured"),
    [
        (clamped((49, 10), 1, 64, (10, 4), 2), 107_454),
        (clamped((25, 5), 64, 64), 85_152),
        (clamped((32, 32), 3, 16, (3, 3)), 272_848),
        (general((16, 16), 32, 32, (3, 3)), 340_807),
        (general((32, 32), 16, 32, (1, 1), 2), 65_153),
        (clamped((48, 48), 8, 16), 230_570),
        (clamped((6, 6), 30, 19), 7_049),
    ],
)
def test_modelled_cycles_are_the_instructions_that_qemu_counted(conv: Conv, measured: int) -> None:
    assert KERNEL.cost(call_of(conv.model())).cycles == pytest.approx(measured, rel=0.05)
