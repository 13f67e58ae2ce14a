"""mcu_fully_connected_s16_mve: portable C and Helium equal numpy; what it refuses."""

from __future__ import annotations

import numpy as np
import pytest
from test_fully_connected_s16_dsp import grid, steepest

from mcugen.ir import DType
from mcugen.ops.base import Array, Const, Family
from mcugen.ops.kernels import fully_connected_s8_mve, fully_connected_s16_mve
from mcugen.ops.kernels.fully_connected_s16_mve import KERNEL, VECTOR, stream
from mcugen.testing.check import KernelBatch, call_of, run_op
from mcugen.testing.dense import Dense, clamped, general
from mcugen.testing.wide import widened


@pytest.fixture(scope="module")
def batch() -> KernelBatch:
    """The grid of the other family, a few inputs, and blocks of eight outputs."""
    cases = grid()
    for depth in (*range(1, 4), *range(14, 20), 2000 // 8):
        cases[f"depth{depth}-batch"] = general(depth, 5, batch=3)
    for out in (15, 16, 23):
        cases[f"out{out}-batch"] = clamped(13, out, batch=2)
    cases["multipliers-near-1"] = general(gain=300)
    cases["weights-of-minus-128"] = general(largest=128)
    collected = KernelBatch([Family.MVE])
    for name, case in cases.items():
        collected.add(name, run_op(widened(case.model())))
    for value in (-(2**15), 2**15 - 1):
        collected.add(f"steepest-{value}", run_op(steepest(), [np.full((1, 512), value, np.int16)]))
    return collected


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_portable_c_equals_numpy(batch: KernelBatch, compiler: str) -> None:
    batch.check(compiler)


def test_helium_equals_numpy(batch: KernelBatch) -> None:
    batch.check_helium()


def test_no_input_is_read_past_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    """With weights behind the last input, whatever lies behind it would count."""

    def padded_with_weights(weights: Array, bias: Array, multiplier: Array) -> Const:
        missing = ((0, 0), (0, -weights.shape[1] % VECTOR))
        return stream(np.pad(weights, missing, constant_values=77), bias, multiplier)

    monkeypatch.setattr(fully_connected_s16_mve, "stream", padded_with_weights)
    collected = KernelBatch([Family.MVE])
    for depth in (1, 2, 3, 7, 9, 15, 17, 23):
        collected.add(f"depth{depth}", run_op(widened(general(depth, 5, batch=2).model())))
    collected.check()
    collected.check_helium()


@pytest.mark.parametrize(
    ("model", "refusal"),
    [
        (widened(clamped(depth=1200).model()), "2**31"),
        (widened(clamped().model(), DType.INT32), "int64"),
        (widened(clamped(gain=500.0).model()), "[2**-17, 1)"),
    ],
)
def test_it_refuses_what_it_cannot_do_exactly(model: bytes, refusal: str) -> None:
    found = KERNEL.refusal(call_of(model))
    assert found is not None and refusal in found


@pytest.mark.parametrize(
    ("case", "measured"),
    [
        (clamped(640, 128), 24_714),
        (clamped(128, 128), 5_258),
        (general(64, 12), 404),
        (clamped(9, 5), 117),
    ],
)
def test_modelled_cycles_are_the_instructions_that_qemu_counted(case: Dense, measured: int) -> None:
    """At most 1.85 times those of int8."""
    cycles = KERNEL.cost(call_of(widened(case.model()))).cycles
    assert cycles == pytest.approx(measured, rel=0.02)
    assert cycles <= 1.85 * fully_connected_s8_mve.KERNEL.cost(call_of(case.model())).cycles
