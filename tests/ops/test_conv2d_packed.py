"""mcu_conv2d_packed_s8_ref: C and the assembly for small cores equal numpy; its price."""

from __future__ import annotations

import numpy as np
import pytest

from mcugen.ops.kernels import conv2d_packed_s8_ref
from mcugen.ops.kernels.conv2d_packed_s8_ref import KERNEL
from mcugen.ops.kernels.conv2d_rules import rows
from mcugen.ops.kernels.finish import channels, evaluate, finish
from mcugen.ops.kernels.requant import exact_sums, reference
from mcugen.ops.window import Padding
from mcugen.testing.check import KernelBatch, OpCase, call_of, price, run_op
from mcugen.testing.convolutions import Conv, clamped, general


def grid() -> dict[str, Conv]:
    """Pixels even and odd, channels around the blocks of four, windows, requantization."""
    cases = {}
    for kind in (clamped, general):
        for pixels in ((1, 1), (1, 3), (2, 2), (5, 1)):
            cases[f"{kind.__name__}-pixels{pixels}"] = kind(pixels=pixels)
        for in_ch in (1, 2, 3, 4, 5, 33, 100):
            cases[f"{kind.__name__}-in{in_ch}"] = kind(in_ch=in_ch)
        for out_ch in (1, 2, 3, 4, 5, 7):
            cases[f"{kind.__name__}-out{out_ch}"] = kind(out_ch=out_ch)
        for kernel in ((3, 3), (1, 5), (10, 4)):
            for stride in (1, 2):
                for padding in Padding:
                    name = f"{kind.__name__}-{kernel}-{stride}-{padding.name}"
                    cases[name] = kind((11, 9), 3, 4, kernel, stride, 1, padding)
        cases[f"{kind.__name__}-batch"] = kind(kernel=(3, 3), batch=3)
        cases[f"{kind.__name__}-window-beyond-input"] = kind((2, 3), kernel=(7, 7))
        cases[f"{kind.__name__}-saturating"] = kind(gain=20.0, pixels=(4, 5))
        cases[f"{kind.__name__}-left-shift"] = kind(gain=500.0)
        cases[f"{kind.__name__}-tiny-multipliers"] = kind(gain=1 / 500)
        cases[f"{kind.__name__}-deep"] = kind(in_ch=1200)
    for zero_point in (-128, -1, 0, 127):
        cases[f"in-zero-point{zero_point}"] = general(in_zero_point=zero_point)
        cases[f"out-zero-point{zero_point}"] = general(out_zero_point=zero_point)
    cases["weight-of-minus-128"] = clamped(largest=128)
    cases["clamp-inside"] = clamped(out_zero_point=-100)
    cases["dead"] = clamped(dead=2**30)
    return cases


@pytest.fixture(scope="module")
def cases() -> dict[str, OpCase]:
    return {name: run_op(conv.model()) for name, conv in grid().items()}


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_portable_c_equals_numpy(cases: dict[str, OpCase], compiler: str) -> None:
    KernelBatch.of(KERNEL, cases).check(compiler)


@pytest.mark.parametrize("core", ["cortex-m0", "cortex-m3"])
def test_assembly_equals_numpy(cases: dict[str, OpCase], core: str) -> None:
    traces = KernelBatch.of(KERNEL, cases).check_emulated(core)
    assert max(trace.stack for trace in traces) <= 256


@pytest.mark.parametrize(
    ("conv", "negative"),
    [
        (clamped(in_ch=64, out_ch=16), False),
        (general(in_ch=64, out_ch=16), True),
        (clamped(in_ch=16, kernel=(3, 3), out_ch=8), False),
        (clamped(gain=1 / 500), False),
    ],
)
def test_the_short_requantization_is_exact_for_every_sum(conv: Conv, negative: bool) -> None:
    call = call_of(conv.model())
    sums = exact_sums(call, rows(call))
    form = finish(call, sums)
    assert form is not None and bool(form.negative) is negative
    for acc in np.array_split(np.arange(sums.least.min(), sums.greatest.max() + 1), 16):
        inside = (acc >= sums.least[:, None]) & (acc <= sums.greatest[:, None])
        acc = np.broadcast_to(acc, inside.shape)
        ours = np.clip(evaluate(form, acc), -128, 127)
        assert ((ours == reference(call)(acc)) | ~inside | ~sums.varies[:, None]).all()
        pieces = form.multiplier >> 2 * form.bits
        assert np.abs(acc * pieces[:, None])[inside].max(initial=0) < 2**31


def test_what_the_short_form_cannot_do_is_done_as_the_reference_does() -> None:
    call = call_of(clamped(gain=500.0).model())
    assert channels(call, rows(call)).finish[0] == 0


def test_it_refuses_sums_beyond_32_bits() -> None:
    found = KERNEL.refusal(call_of(general(gain=500.0, dead=2**31 - 1).model()))
    assert found is not None and "32 bits" in found


def test_it_judges_sums_without_the_short_form(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which takes long to find: selection asks every layer."""

    def never(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(conv2d_packed_s8_ref, "channels", never)
    assert KERNEL.refusal(call_of(clamped().model())) is None


@pytest.mark.parametrize(
    "conv",
    [
        clamped(pixels=(25, 5), in_ch=64, out_ch=64),
        clamped(pixels=(24, 24), in_ch=16, out_ch=32),
        clamped(pixels=(16, 16), in_ch=3, out_ch=8, kernel=(3, 3), stride=2),
        general(pixels=(6, 6), in_ch=96, out_ch=24),
        clamped(pixels=(10, 10), in_ch=32, out_ch=32, kernel=(3, 3)),
    ],
)
def test_cost_is_near_the_cycles_of_the_m4(conv: Conv) -> None:
    found = price(KERNEL, conv.model())
    print(f"\n{conv}: {found}")
    assert abs(found.cost - 1) < 0.1
