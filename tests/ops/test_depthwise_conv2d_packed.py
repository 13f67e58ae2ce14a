"""mcu_depthwise_conv2d_packed_s8_ref: C equals numpy on the host and on small cores; its price."""

from __future__ import annotations

import pytest

from mcugen.ops.base import Activation
from mcugen.ops.kernels.depthwise_conv2d_packed_s8_ref import KERNEL
from mcugen.ops.window import Padding
from mcugen.testing.check import KernelBatch, OpCase, call_of, price, run_op
from mcugen.testing.depthwise import Depthwise


def grid() -> dict[str, Depthwise]:
    """Channels around the blocks of four, windows inside and at each border, requantization."""
    cases = {}
    for channels in (1, 2, 3, 4, 5, 8, 11):
        cases[f"channels{channels}"] = Depthwise(channels=channels)
    # Eight channels: Unicorn goes wrong where memcpy of newlib ends with two odd bytes (10 bytes
    # of a 1x4 window of 5 channels are wrong there, and right in QEMU).
    for kernel in ((3, 3), (1, 4), (5, 5), (10, 4)):
        for stride in ((1, 1), (2, 2), (1, 3)):
            for padding in Padding:
                name = f"{kernel}-{stride}-{padding.name}"
                cases[name] = Depthwise((11, 10), 8, 1, kernel, stride, padding=padding, gain=0.5)
    for size in ((1, 1), (1, 4), (2, 3)):
        cases[f"5x5-of-{size}"] = Depthwise(size, kernel=(5, 5), gain=0.5)
    for zero_point in (-128, 0, 127):
        cases[f"in-zero-point{zero_point}"] = Depthwise(in_zero_point=zero_point)
    cases["linear"] = Depthwise(activation=Activation.NONE, in_zero_point=-7, out_zero_point=11)
    cases["batch"] = Depthwise(channels=5, batch=3)
    cases["saturating"] = Depthwise(gain=6.0)
    cases["left-shift"] = Depthwise(gain=300.0)
    cases["tiny-multipliers"] = Depthwise(gain=1 / 500)
    cases["weight-of-minus-128"] = Depthwise(largest=128)
    cases["dead-channels"] = Depthwise(channels=8, dead=3)
    return cases


@pytest.fixture(scope="module")
def cases() -> dict[str, OpCase]:
    return {name: run_op(case.model()) for name, case in grid().items()}


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_c_equals_numpy(cases: dict[str, OpCase], compiler: str) -> None:
    KernelBatch.of(KERNEL, cases).check(compiler)


@pytest.mark.parametrize("core", ["cortex-m0", "cortex-m3"])
def test_small_cores_equal_numpy(cases: dict[str, OpCase], core: str) -> None:
    traces = KernelBatch.of(KERNEL, cases).check_emulated(core)
    assert max(trace.stack for trace in traces) <= 300


@pytest.mark.parametrize("case", [Depthwise(multiplier=2), Depthwise(dilation=(2, 2))])
def test_it_refuses_multipliers_and_dilation(case: Depthwise) -> None:
    found = KERNEL.refusal(call_of(case.model()))
    assert found is not None and "depth multiplier 1" in found


@pytest.mark.parametrize(
    "case",
    [
        Depthwise((25, 5), 64),
        Depthwise((24, 24), 32, stride=(2, 2)),
        Depthwise((12, 12), 30),
        Depthwise((12, 12), 16, kernel=(5, 5), gain=0.5),
    ],
)
def test_cost_is_near_the_cycles_of_the_m4(case: Depthwise) -> None:
    found = price(KERNEL, case.model())
    print(f"\n{case}: {found}")
    assert abs(found.cost - 1) < 0.1
