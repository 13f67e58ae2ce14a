"""mcu_conv2d_s16_mve: portable C and Helium equal numpy; what it refuses."""

from __future__ import annotations

import pytest
from test_conv2d_dsp import grid

from mcugen.ir import DType
from mcugen.ops.base import Activation, Family
from mcugen.ops.kernels import conv2d_s8_mve
from mcugen.ops.kernels.conv2d_s16_mve import KERNEL
from mcugen.testing.check import KernelBatch, call_of, change_attrs, clamped_to_6, run_op
from mcugen.testing.convolutions import Conv, clamped, general
from mcugen.testing.wide import widened


@pytest.fixture(scope="module")
def batch() -> KernelBatch:
    """The grid of int8, and windows of up to 18 vectors: rounds of the core."""
    cases = {name: conv for name, conv in grid().items() if "tiny" not in name}
    for kind in (clamped, general):
        cases[f"{kind.__name__}-small-multipliers"] = kind(gain=1 / 50)
        cases[f"{kind.__name__}-multipliers-near-1"] = kind(gain=160)
    for in_ch in (*range(6, 11), 15, 16, 17, 64, 65, 72, 73, 136, 144):
        cases[f"clamped-in{in_ch}"] = clamped(in_ch=in_ch)
        cases[f"general-in{in_ch}"] = general(in_ch=in_ch)
    cases["sums-of-31-bits"] = general(in_ch=500, largest=128)
    cases["dead"] = clamped(dead=2**30)
    cases["dead-general"] = general(dead=-(2**30))
    collected = KernelBatch([Family.MVE])
    for name, conv in cases.items():
        collected.add(name, run_op(widened(conv.model())))
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
        (clamped(gain=500.0), "[2**-17, 1)"),
        (clamped(in_ch=1000, largest=128), "2**31"),
        (clamped(in_ch=1, out_ch=16384), "16,383"),
    ],
)
def test_it_refuses_what_it_cannot_do_exactly(conv: Conv, refusal: str) -> None:
    found = KERNEL.refusal(call_of(widened(conv.model())))
    assert found is not None and refusal in found


def test_it_refuses_other_clamps_and_narrow_sums() -> None:
    call = call_of(widened(clamped().model()))
    assert KERNEL.refusal(call) is None
    assert KERNEL.refusal(change_attrs(activation=Activation.RELU_N1_TO_1)(call)) is not None
    assert KERNEL.refusal(clamped_to_6(1e-3)(call)) is not None
    found = KERNEL.refusal(call_of(widened(clamped().model(), DType.INT32)))
    assert found is not None and "int64" in found


@pytest.mark.parametrize(
    ("conv", "measured"),
    [
        (clamped((49, 10), 1, 64, (10, 4), 2), 135_253),
        (clamped((25, 5), 64, 64), 141_855),
        (clamped((32, 32), 3, 16, (3, 3)), 355_295),
        (general((16, 16), 32, 32, (3, 3)), 614_902),
        (general((32, 32), 16, 32, (1, 1), 2), 74_118),
        (clamped((48, 48), 8, 16), 215_017),
        (clamped((6, 6), 30, 19), 9_586),
    ],
)
def test_modelled_cycles_are_the_instructions_that_qemu_counted(conv: Conv, measured: int) -> None:
    """At most 1.85 times those of int8."""
    cycles = KERNEL.cost(call_of(widened(conv.model()))).cycles
    assert cycles == pytest.approx(measured, rel=0.05)
    assert cycles <= 1.85 * conv2d_s8_mve.KERNEL.cost(call_of(conv.model())).cycles
