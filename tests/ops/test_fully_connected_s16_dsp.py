"""mcu_fully_connected_s16_dsp: portable C and assembly equal numpy; limits; prices."""

from __future__ import annotations

import numpy as np
import pytest

from mcugen.ir import DType
from mcugen.ops.base import Const
from mcugen.ops.kernels.fully_connected_s16_dsp import KERNEL
from mcugen.testing.builder import one_op, quant
from mcugen.testing.check import KernelBatch, OpCase, call_of, price, run_op
from mcugen.testing.dense import Dense, clamped, general
from mcugen.testing.wide import widened


def grid() -> dict[str, Dense]:
    """Outputs around the blocks of four, depths around fours and rounds of the core."""
    cases = {}
    for kind in (clamped, general):
        for out in (*range(1, 10), 12, 17):
            cases[f"{kind.__name__}-out{out}"] = kind(out=out)
        for depth in (*range(4, 14), 27, 28, 31, 32, 33, 35, 36, 63, 64, 65, 100, 640):
            cases[f"{kind.__name__}-depth{depth}"] = kind(depth, 6)
        for depth, out in ((9, 5), (11, 3), (32, 8), (34, 7)):
            cases[f"{kind.__name__}-batch-{depth}-{out}"] = kind(depth, out, batch=3)
        cases[f"{kind.__name__}-per-tensor"] = kind(39, 18, batch=2, per_channel=False)
        cases[f"{kind.__name__}-saturating"] = kind(gain=20.0)
        cases[f"{kind.__name__}-dead"] = kind(20, 12, dead=2**30)
        cases[f"{kind.__name__}-tiny-multipliers"] = kind(gain=1 / 50)
    return cases


def steepest() -> bytes:
    """Weights whose sums come near 2**31, of both signs side by side."""
    weights = np.full((6, 512), 127, np.int8)
    weights[1::2] = -127
    operands = [
        {"shape": (1, 512), "dtype": "int16", "quant": quant(2.0**-16)},
        {"shape": weights.shape, "quant": quant(0.99), "data": weights},
    ]
    output = {"shape": (1, 6), "dtype": "int16", "quant": quant(1.0)}
    return one_op("FULLY_CONNECTED", operands, output)


@pytest.fixture(scope="module")
def cases() -> dict[str, OpCase]:
    found = {name: run_op(widened(case.model())) for name, case in grid().items()}
    for value in (-(2**15), 2**15 - 1):
        x = np.full((1, 512), value, np.int16)
        found[f"steepest-{value}"] = run_op(steepest(), [x])
    for kind in (clamped, general):  # multipliers on both sides of 1/2
        x = np.random.default_rng(0).integers(-20, 21, (4, 17)).astype(np.int16)
        model = widened(kind(17, 9, batch=4, gain=200.0).model())
        found[f"{kind.__name__}-great"] = run_op(model, [x])
    return found


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_portable_c_equals_numpy(cases: dict[str, OpCase], compiler: str) -> None:
    KernelBatch.of(KERNEL, cases).check(compiler)


@pytest.mark.parametrize(
    ("core", "fpu"), [("cortex-m4", True), ("cortex-m4", False), ("cortex-m33", True)]
)
def test_assembly_equals_numpy(cases: dict[str, OpCase], core: str, fpu: bool) -> None:
    traces = KernelBatch.of(KERNEL, cases).check_emulated(core, fpu=fpu)
    assert max(trace.stack for trace in traces) <= (128 if fpu else 160)


def test_a_weight_takes_a_byte() -> None:
    """16 inputs, 8 outputs: two groups of 6 words of biases, 16 of weights, 4 multipliers."""
    stream = KERNEL.params(call_of(widened(general(16, 8).model())))["stream"]
    assert isinstance(stream, Const)
    assert len(stream.values) == 2 * (6 + 16 + 4)


@pytest.mark.parametrize(
    ("model", "refusal"),
    [
        (widened(clamped(depth=3).model()), "4 inputs or more"),
        (widened(clamped(largest=128).model()), "[-127, 127]"),
        (widened(clamped(depth=1200).model()), "2**31"),
        (widened(clamped().model(), DType.INT32), "int64"),
        (widened(clamped(gain=500.0).model()), "[2**-18, 1)"),
    ],
)
def test_it_refuses_what_it_cannot_do_exactly(model: bytes, refusal: str) -> None:
    found = KERNEL.refusal(call_of(model))
    assert found is not None and refusal in found


@pytest.mark.parametrize(
    ("case", "goal"),
    [
        (clamped(640, 128), 0.8),
        (clamped(128, 128), 0.75),
        (general(128, 640), 0.755),
        (clamped(8, 128), 0.32),
        (general(64, 12), 0.63),
        (clamped(130, 12), 0.7),
        (general(64, 2), 0.24),
    ],
)
def test_products_per_cycle_on_the_m4(case: Dense, goal: float) -> None:
    """Modelled, zero wait states; the cost that selection sees is within 6 %."""
    found = price(KERNEL, widened(case.model()))
    print(f"\n({case.depth} {case.out}): {found}")
    assert found.products_per_cycle >= goal
    assert abs(found.cost - 1) < 0.06
