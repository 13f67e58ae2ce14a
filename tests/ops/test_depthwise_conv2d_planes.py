"""The depthwise kernels that copy channels to planes: C and assembly equal numpy, in place too."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from mcugen.ops import OPS
from mcugen.ops.base import Activation, Family, Kernel, Overlap
from mcugen.ops.depthwise_conv2d import OP
from mcugen.ops.kernels.depthwise_conv2d_planes_s8_dsp import KERNEL, PITCHED, SHIFT
from mcugen.ops.kernels.depthwise_conv2d_s8_dsp import KERNEL as ANY_WINDOW
from mcugen.ops.kernels.fixed_shift import evaluate, fixed_shift
from mcugen.ops.kernels.requant import exact_sums, reference
from mcugen.ops.window import Explicit, Padding
from mcugen.testing.check import (
    KernelBatch,
    OpCase,
    assert_equal,
    call_of,
    change_attrs,
    change_output,
    run_op,
)
from mcugen.testing.depthwise import Depthwise
from mcugen.testing.emulated import run_emulated
from mcugen.testing.kernels import KernelCase, run_kernels
from mcugen.testing.overlapped import Overlapped, run_overlapped

TWO = (2, 2)


def strips() -> dict[str, Depthwise]:
    """For the 3x3 kernel: sizes even and odd, borders, channels around the blocks of four."""
    cases = {}
    for stride in ((1, 1), TWO):
        for padding in Padding:
            least = 1 if padding is Padding.SAME else 3
            for height in (least, 4, 5, 9):
                for width in (least, least + 1, 6, 7, 9, 12):
                    name = f"{height}x{width}-{stride}-{padding.name}"
                    cases[name] = Depthwise((height, width), stride=stride, padding=padding)
        for channels in (1, 2, 3, 5, 8, 11):
            cases[f"channels{channels}-{stride}"] = Depthwise(channels=channels, stride=stride)
        for multiplier in (2, 3, 4):
            cases[f"times{multiplier}-{stride}"] = Depthwise(
                channels=3, multiplier=multiplier, stride=stride
            )
        cases[f"batch-{stride}"] = Depthwise(channels=5, batch=3, stride=stride)
    for zero_point in (-128, -1, 0, 127):
        cases[f"in-zero-point{zero_point}"] = Depthwise(in_zero_point=zero_point)
    cases["saturating"] = Depthwise(gain=6.0)
    cases["tiny-multipliers"] = Depthwise(gain=1 / 500)
    cases["weight-of-minus-128"] = Depthwise(largest=128)
    cases["dead-channels"] = Depthwise(channels=8, dead=3)
    return cases


def windows() -> dict[str, Depthwise]:
    """For any window: kernels around the steps of four taps, and outputs that do not clamp."""
    linear = Depthwise(activation=Activation.NONE, in_zero_point=-7, out_zero_point=11)
    cases = {"linear": linear, "linear-saturating": replace(linear, gain=20.0)}
    for kernel in ((5, 5), (1, 1), (1, 4), (4, 1), (3, 7), (2, 9), (10, 4)):
        for stride in ((1, 1), TWO, (1, 3)):
            for padding in Padding:
                name = f"{kernel}-{stride}-{padding.name}"
                cases[name] = Depthwise(
                    (11, 10), 5, kernel=kernel, stride=stride, padding=padding, gain=0.5
                )
    for stride in ((1, 1), TWO):
        cases[f"linear-times3-{stride}"] = replace(linear, multiplier=3, stride=stride)
    for size in ((1, 1), (1, 4), (4, 1), (2, 3)):
        cases[f"5x5-of-{size}"] = Depthwise(size, kernel=(5, 5), gain=0.5)
    cases["stride-beyond-kernel"] = Depthwise((9, 9), kernel=(2, 2), stride=(4, 4))
    cases["batch"] = replace(linear, channels=6, batch=3)
    return cases


STRIPS = strips()
WINDOWS = windows()
ON_3X3 = (KERNEL, PITCHED)
KERNELS = (*ON_3X3, ANY_WINDOW)


@pytest.fixture(autouse=True)
def these_kernels_only(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    only(monkeypatch, *KERNELS)
    yield


def only(monkeypatch: pytest.MonkeyPatch, *kernels: Kernel) -> None:
    monkeypatch.setitem(OPS, "depthwise_conv2d", replace(OP, kernels=kernels))


@pytest.fixture(scope="module")
def cases() -> dict[str, OpCase]:
    return {name: run_op(case.model()) for name, case in (STRIPS | WINDOWS).items()}


def batch(cases: dict[str, OpCase]) -> KernelBatch:
    collected = KernelBatch([Family.DSP])
    for name, case in cases.items():
        collected.add(name, case)
    return collected


def test_they_take_their_grids() -> None:
    for case in STRIPS.values():
        for kernel in ON_3X3:
            assert kernel.refusal(call_of(case.model())) is None, case
    for case in WINDOWS.values():
        assert ANY_WINDOW.refusal(call_of(case.model())) is None, case


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_portable_c_equals_numpy(cases: dict[str, OpCase], compiler: str) -> None:
    batch(cases).check(compiler)


@pytest.mark.parametrize("core", ["cortex-m4", "cortex-m33"])
def test_assembly_equals_numpy(cases: dict[str, OpCase], core: str) -> None:
    traces = batch(cases).check_emulated(core)
    assert max(trace.stack for trace in traces) <= 300


def test_they_work_in_place(cases: dict[str, OpCase]) -> None:
    expected, runs = [], []
    for case in cases.values():
        (call,) = case.graph.calls()
        for kernel in KERNELS:
            assert kernel.overlap is not None
            if kernel.refusal(call) is None and kernel.overlap(call):
                assert kernel.overlap(call) == {0: Overlap(0, exact=True)}
                source = case.values[case.graph.inputs[0]]
                runs.append(Overlapped(KernelCase("", call, kernel, (source,)), 0, 0))
                expected.append(case.outputs[0])
    assert len(runs) > len(cases)
    for ours, theirs in zip(run_overlapped(runs), expected, strict=True):
        assert_equal(ours, theirs, "in place")


@pytest.mark.parametrize("kernel", KERNELS, ids=lambda kernel: kernel.name)
def test_with_a_depth_multiplier_they_do_not(kernel: Kernel) -> None:
    assert kernel.overlap is not None
    assert kernel.overlap(call_of(Depthwise(multiplier=2).model())) == {}


@pytest.mark.parametrize("batch", [1, 2])
def test_images_that_grow_are_computed_in_place_one_at_a_time(batch: int) -> None:
    case = run_op(Depthwise((5, 6), 4, batch=batch).model())
    (call,) = case.graph.calls()
    call = change_attrs(padding=Explicit((2, 1), (2, 1)))(call)
    call = change_output(shape=OP.infer(call)[0])(call)
    assert call.output.elements > call.input(0).elements and KERNEL.refusal(call) is None
    assert KERNEL.overlap is not None
    if batch > 1:
        assert KERNEL.overlap(call) == {}
        return
    x = case.values[case.graph.inputs[0]]
    assert KERNEL.overlap(call) == {0: Overlap(0, exact=True)}
    (ours,) = run_overlapped([Overlapped(KernelCase("", call, KERNEL, (x,)), 0, 0)])
    given = [x, *(tensor.values() for tensor in call.inputs[1:] if tensor is not None)]
    assert_equal(ours, OP.quantized(call, given)[0], "in place")


# Rows above and below, columns to the left and to the right.
PADDINGS = {
    "none above and left": ((0, 1), (0, 1)),
    "below only": ((0, 2), (0, 0)),
    "two to the left": ((1, 1), (2, 1)),
    "three to the left": ((0, 0), (3, 0)),
    "a word to the left": ((3, 2), (4, 5)),
    "more than a word": ((1, 0), (7, 1)),
}


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("width", [2, 5, 6, 8])
def test_any_padding(width: int, stride: int) -> None:
    cases, expected = [], []
    for name, padding in PADDINGS.items():
        case = run_op(shape((6, width), 5, stride).model())
        (call,) = case.graph.calls()
        call = change_attrs(padding=Explicit(*padding))(call)
        if min(OP.infer(call)[0]) < 1:  # no window fits
            continue
        call = change_output(shape=OP.infer(call)[0])(call)
        x = case.values[case.graph.inputs[0]]
        given = [x, *(tensor.values() for tensor in call.inputs[1:] if tensor is not None)]
        for kernel in KERNELS:
            refusal = kernel.refusal(call)
            if kernel is PITCHED and padding[1][0] > 3:
                assert refusal is not None and "3 of them to the left" in refusal, name
                continue
            assert refusal is None, name
            cases.append(KernelCase(f"{name}: {kernel.name}", call, kernel, (x,)))
            expected.append(OP.quantized(call, given)[0])
    for done in (
        run_kernels(cases),
        [emulated.outputs for emulated in run_emulated(cases, restricted=True)],
    ):
        for case, (ours,), theirs in zip(cases, done, expected, strict=True):
            assert_equal(ours, theirs, case.name)


@pytest.mark.parametrize("gain", [0.002, 0.05, 0.3, 1.0, 4.0])
def test_one_shift_for_all_is_exact_for_every_sum(gain: float) -> None:
    call = call_of(Depthwise(channels=16, dead=2, gain=gain).model())
    sums = exact_sums(call, call.input(1).values().reshape(9, -1).T)
    form = fixed_shift(call, sums, SHIFT)
    assert form is not None
    for acc in np.array_split(np.arange(sums.least.min(), sums.greatest.max() + 1), 8):
        inside = (acc >= sums.least[:, None]) & (acc <= sums.greatest[:, None])
        acc = np.broadcast_to(acc, inside.shape)
        same = evaluate(form, acc, SHIFT) == reference(call)(acc)
        assert (same | ~inside | ~sums.varies[:, None]).all()


@pytest.mark.parametrize(
    ("case", "refusal"),
    [
        (Depthwise(dilation=TWO), "without dilation"),
        (Depthwise(kernel=(5, 5)), "3x3"),
        (Depthwise(stride=(3, 3)), "stride must be 1 or 2"),
        (Depthwise(stride=(1, 2)), "the same in both directions"),
        (Depthwise(out_zero_point=-100), "whole range of int8"),
        (Depthwise(activation=Activation.NONE, out_zero_point=3), "one shift"),
        (Depthwise(gain=60.0), "one shift"),
    ],
)
def test_it_refuses_what_it_cannot_do_exactly(case: Depthwise, refusal: str) -> None:
    found = KERNEL.refusal(call_of(case.model()))
    assert found is not None and refusal in found


@pytest.mark.parametrize(
    ("width", "stride", "fits"), [(50, 1, True), (51, 1, False), (48, 2, True), (49, 2, False)]
)
def test_one_pitch_takes_what_fits_its_rows(width: int, stride: int, fits: bool) -> None:
    case = run_op(shape((3, width), 6, stride).model())
    (call,) = case.graph.calls()
    refusal = PITCHED.refusal(call)
    assert refusal is None if fits else refusal is not None and "52 columns" in refusal
    if fits:
        x = case.values[case.graph.inputs[0]]
        cases = [KernelCase("", call, PITCHED, (x,))]
        assert_equal(run_kernels(cases)[0][0], case.outputs[0], "portable")
        assert_equal(run_emulated(cases, restricted=True)[0].outputs[0], case.outputs[0], "M4")


def shape(pixels: tuple[int, int], channels: int, stride: int = 1, **changes: Any) -> Depthwise:
    return Depthwise(pixels, channels, stride=(stride, stride), **changes)


@pytest.mark.parametrize(
    ("case", "goal"),
    [
        (shape((25, 5), 64), 0.425),
        (shape((48, 48), 8), 0.55),
        (shape((24, 24), 32), 0.525),
        (shape((12, 12), 64), 0.475),
        (shape((6, 6), 128), 0.375),
        (shape((3, 3), 256), 0.19),
        (shape((48, 48), 16, 2), 0.35),
        (shape((24, 24), 32, 2), 0.325),
        (shape((12, 12), 64, 2), 0.275),
        (shape((6, 6), 128, 2), 0.16),
        (shape((11, 10), 3), 0.27),
    ],
)
def test_products_per_cycle_of_strips(
    case: Depthwise, goal: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    only(monkeypatch, KERNEL)
    check_speed(case, goal, KERNEL)


@pytest.mark.parametrize(
    ("case", "goal"),
    [
        (shape((48, 48), 8), 0.57),
        (shape((24, 24), 32), 0.54),
        (shape((12, 12), 64), 0.48),
        (shape((9, 11), 8), 0.4),
        (shape((48, 48), 16, 2), 0.37),
        (shape((24, 24), 32, 2), 0.34),
        (shape((12, 12), 64, 2), 0.275),
    ],
)
def test_products_per_cycle_with_one_pitch(
    case: Depthwise, goal: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    only(monkeypatch, PITCHED)
    check_speed(case, goal, PITCHED)


@pytest.mark.parametrize(
    ("case", "goal"),
    [
        (Depthwise((12, 12), 32, kernel=(5, 5), gain=0.5), 0.19),
        (Depthwise((24, 24), 8, kernel=(5, 5), stride=TWO, gain=0.5), 0.19),
        (Depthwise((12, 12), 32, activation=Activation.NONE, out_zero_point=3), 0.141),
        (Depthwise((12, 12), 3, multiplier=4, kernel=(7, 7), gain=0.5), 0.27),
    ],
)
def test_products_per_cycle_of_windows(
    case: Depthwise, goal: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    only(monkeypatch, ANY_WINDOW)
    check_speed(case, goal, ANY_WINDOW)


def check_speed(case: Depthwise, goal: float, kernel: Kernel) -> None:
    """On the M4, modelled, zero wait states; the cost that selection sees is within 10 %."""
    done = run_op(case.model())
    (call,) = done.graph.calls()
    (trace,) = batch({"": done}).check_emulated("cortex-m4")
    products = OP.macs(call)
    ratio = kernel.cost(call).cycles / trace.cycles
    print(f"\n{case}: {products / trace.cycles:.3f}, cost {ratio:.3f}")
    assert products / trace.cycles >= goal
    assert abs(ratio - 1) < 0.1
