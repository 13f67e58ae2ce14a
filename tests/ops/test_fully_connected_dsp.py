"""mcu_fully_connected_..._s8_dsp: portable C and assembly equal numpy; limits; prices."""

from __future__ import annotations

import pytest

from mcugen.ops.base import Const, Kernel
from mcugen.ops.kernels import fully_connected_s8_dsp
from mcugen.ops.kernels.fully_connected_s8_dsp import KERNEL, KERNELS, STACK
from mcugen.testing.check import KernelBatch, OpCase, call_of, price, run_op
from mcugen.testing.dense import Dense, clamped, general

both = pytest.mark.parametrize("kernel", KERNELS, ids=lambda kernel: kernel.name)


def grid() -> dict[str, Dense]:
    """Outputs around the blocks of eight, depths around words, rounds and windows of the cores."""
    cases = {}
    for kind in (clamped, general):
        for out in (*range(1, 10), 15, 16, 17):
            cases[f"{kind.__name__}-out{out}"] = kind(out=out)
        for depth in (4, 5, 6, 7, 27, 28, 29, 32, 33, 36, 63, 64, 100, 640):
            cases[f"{kind.__name__}-depth{depth}"] = kind(depth)
        for depth in (125, 127, 128, 129, 132, 254, 256, 257):
            cases[f"{kind.__name__}-depth{depth}"] = kind(depth, 11, batch=2)
        cases[f"{kind.__name__}-batch"] = kind(9, 5, batch=3)
        cases[f"{kind.__name__}-per-tensor"] = kind(per_channel=False)
        cases[f"{kind.__name__}-per-tensor-odd"] = kind(39, 18, batch=2, per_channel=False)
        cases[f"{kind.__name__}-saturating"] = kind(gain=20.0)
        cases[f"{kind.__name__}-dead"] = kind(20, 12, dead=2**20)
        cases[f"{kind.__name__}-tiny-multipliers"] = kind(gain=1 / 500)
    for zero_point in (-128, -1, 0, 127):
        cases[f"in-zero-point{zero_point}"] = general(in_zero_point=zero_point)
        cases[f"out-zero-point{zero_point}"] = general(out_zero_point=zero_point)
    return cases


@pytest.fixture(scope="module")
def cases() -> dict[str, OpCase]:
    return {name: run_op(case.model()) for name, case in grid().items()}


@both
@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_portable_c_equals_numpy(kernel: Kernel, cases: dict[str, OpCase], compiler: str) -> None:
    KernelBatch.of(kernel, cases).check(compiler)


@both
@pytest.mark.parametrize(
    ("core", "fpu"), [("cortex-m4", True), ("cortex-m4", False), ("cortex-m33", True)]
)
def test_assembly_equals_numpy(
    kernel: Kernel, cases: dict[str, OpCase], core: str, fpu: bool
) -> None:
    traces = KernelBatch.of(kernel, cases).check_emulated(core, fpu=fpu)
    state = 0 if fpu else 32
    assert max(trace.stack for trace in traces) <= (448 if kernel is STACK else 128) + state


def words(case: Dense) -> int:
    found = KERNEL.params(call_of(case.model()))["stream"]
    assert isinstance(found, Const)
    return len(found.values)


def test_outputs_have_as_few_constants_as_they_can() -> None:
    """16 inputs, 16 outputs: two groups of 8 biases and 32 words of weights."""
    assert words(clamped(16, 16, per_channel=False)) == 2 * (8 + 32 + 3)
    assert words(clamped(16, 16)) == 2 * (8 + 32 + 13)
    assert words(general(16, 16, per_channel=False)) == 2 * (8 + 32 + 3)
    assert words(general(16, 16)) == 2 * (8 + 32 + 24)


def test_outputs_that_clamp_without_a_shift_for_all(
    cases: dict[str, OpCase], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fully_connected_s8_dsp, "fixed_factor", lambda *_: None)
    assert words(clamped(16, 16)) == 2 * (8 + 32 + 24)
    some = {name: cases[name] for name in ("clamped-depth33", "clamped-dead", "clamped-batch")}
    KernelBatch.of(KERNEL, some).check()
    KernelBatch.of(KERNEL, some).check_emulated("cortex-m4")


@both
@pytest.mark.parametrize(
    ("case", "refusal"),
    [
        (clamped(depth=3), "4 inputs or more"),
        (clamped(largest=128), "[-127, 127]"),
        (clamped(depth=1200), "2**23"),
        (clamped(out_zero_point=-100), "whole range of int8"),
        (clamped(gain=500.0), "[2**-23, 1/2)"),
    ],
)
def test_it_refuses_what_it_cannot_do_exactly(kernel: Kernel, case: Dense, refusal: str) -> None:
    found = kernel.refusal(call_of(case.model()))
    assert found is not None and refusal in found


@pytest.mark.parametrize(("depth", "out", "sums"), [(128, 20, 0), (129, 20, 24), (640, 16, 16)])
def test_sums_wait_in_scratch_where_inputs_fill_more_than_a_window(
    depth: int, out: int, sums: int
) -> None:
    assert STACK.scratch(call_of(clamped(depth, out).model())) == 4 * sums


@pytest.mark.parametrize(
    ("kernel", "case", "goal"),
    [
        (KERNEL, clamped(640, 128), 0.87),
        (KERNEL, clamped(128, 128), 0.81),
        (KERNEL, general(128, 640), 0.795),
        (KERNEL, clamped(640, 128, per_channel=False), 0.87),
        (KERNEL, general(128, 640, per_channel=False), 0.825),
        (KERNEL, general(64, 12), 0.42),
        (STACK, clamped(640, 128), 0.88),
        (STACK, clamped(128, 128), 0.845),
        (STACK, general(128, 640), 0.83),
        (STACK, clamped(640, 128, per_channel=False), 0.885),
        (STACK, clamped(128, 128, per_channel=False), 0.855),
        (STACK, general(128, 640, per_channel=False), 0.86),
        (STACK, clamped(8, 128, per_channel=False), 0.4),
        (STACK, clamped(130, 12), 0.48),
    ],
)
def test_products_per_cycle_on_the_m4(kernel: Kernel, case: Dense, goal: float) -> None:
    """Modelled, zero wait states; the cost that selection sees is within 6 %."""
    found = price(kernel, case.model())
    print(f"\n({case.depth} {case.out}): {found}")
    assert found.products_per_cycle >= goal
    assert abs(found.cost - 1) < 0.06
