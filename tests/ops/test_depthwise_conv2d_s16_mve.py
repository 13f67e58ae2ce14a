"""mcu_depthwise_conv2d_s16_mve: portable C and Helium equal numpy; what it refuses."""

from __future__ import annotations

import pytest
from test_depthwise_conv2d_mve import grid
from test_depthwise_conv2d_planes import Depthwise

from mcugen.ops.base import Activation, Family
from mcugen.ops.kernels import depthwise_conv2d_s8_mve
from mcugen.ops.kernels.depthwise_conv2d_s16_mve import KERNEL
from mcugen.testing.check import KernelBatch, call_of, change_attrs, run_op
from mcugen.testing.wide import widened


@pytest.fixture(scope="module")
def batch() -> KernelBatch:
    """The grid of int8."""
    cases = {name: case for name, case in grid().items() if "tiny" not in name}
    cases["small-multipliers"] = Depthwise(channels=12, gain=1 / 50, activation=Activation.NONE)
    cases["multipliers-near-1"] = Depthwise(channels=12, gain=170, activation=Activation.NONE)
    cases["weights-of-minus-128"] = Depthwise(channels=12, largest=128, activation=Activation.NONE)
    collected = KernelBatch([Family.MVE])
    for name, case in cases.items():
        collected.add(name, run_op(widened(case.model())))
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
        (Depthwise(channels=8, gain=500.0), "[2**-17, 1)"),
    ],
)
def test_it_refuses_what_it_cannot_do_exactly(case: Depthwise, refusal: str) -> None:
    found = KERNEL.refusal(call_of(widened(case.model())))
    assert found is not None and refusal in found


def test_it_refuses_other_clamps() -> None:
    call = call_of(widened(Depthwise(channels=8).model()))
    assert KERNEL.refusal(call) is None
    assert KERNEL.refusal(change_attrs(activation=Activation.RELU_N1_TO_1)(call)) is not None


@pytest.mark.parametrize(
    ("case", "measured"),
    [
        (Depthwise((48, 48), 32), 771_459),
        (Depthwise((25, 5), 64), 77_514),
        (Depthwise((12, 12), 128), 162_578),
        (Depthwise((9, 9), 20), 29_953),
        (Depthwise((6, 6), 19), 13_726),
    ],
)
def test_modelled_cycles_are_the_instructions_that_qemu_counted(
    case: Depthwise, measured: int
) -> None:
    """Fewer than int8 takes."""
    cycles = KERNEL.cost(call_of(widened(case.model()))).cycles
    assert cycles == pytest.approx(measured, rel=0.03)
    assert cycles < depthwise_conv2d_s8_mve.KERNEL.cost(call_of(case.model())).cycles
