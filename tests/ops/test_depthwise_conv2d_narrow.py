"""The depthwise kernels for narrow images: C and assembly equal numpy, in place; their speed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mcugen.ir import Call
from mcugen.ops import OPS
from mcugen.ops.base import Activation, Family, Kernel, Overlap
from mcugen.ops.depthwise_conv2d import OP
from mcugen.ops.kernels.depthwise_conv2d_narrow_s8_dsp import KERNEL as STRIDE_1
from mcugen.ops.kernels.depthwise_conv2d_narrow_s8_dsp import KERNELS, OF_64, TWELVE
from mcugen.ops.kernels.depthwise_conv2d_narrow_s8_dsp import STRIDE2 as STRIDE_2
from mcugen.ops.window import Explicit, Padding, Pads
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


def grid() -> dict[str, Depthwise]:
    """Every width, heights even and odd, channels around the blocks of four, requantization."""
    cases = {}
    for stride, widths in (((1, 1), (3, 4, 5, 6, 7)), (TWO, (6, 8, 12, 14))):
        for width in widths:
            for height in (2, 3, 4, 7) if stride == (1, 1) else (3, 4, 5, 6, 11):
                cases[f"{height}x{width}-{stride}"] = Depthwise((height, width), stride=stride)
            for channels in (5, 6, 7, 8, 11):
                cases[f"{width}-channels{channels}-{stride}"] = Depthwise(
                    (5, width), channels, stride=stride
                )
            if stride == (1, 1):
                cases[f"{width}-channels64"] = Depthwise((5, width), 64)
                cases[f"{width}-channels64-batch"] = Depthwise((2, width), 64, batch=2)
            cases[f"{width}-batch-{stride}"] = Depthwise((4, width), 6, stride=stride, batch=3)
    for height in (2, 3, 4, 7):
        cases[f"{height}x12-channels64"] = Depthwise((height, 12), 64)
    cases["12-channels64-batch"] = Depthwise((4, 12), 64, batch=2, in_zero_point=-3)
    for zero_point in (-128, -1, 0, 127):
        cases[f"in-zero-point{zero_point}"] = Depthwise(in_zero_point=zero_point)
    cases["saturating"] = Depthwise(gain=6.0)
    cases["tiny-multipliers"] = Depthwise(gain=1 / 500)
    cases["weight-of-minus-128"] = Depthwise(largest=128)
    cases["dead-channels"] = Depthwise(channels=8, dead=3)
    return cases


GRID = grid()


def kernel(call: Call) -> Kernel:
    """The one for a stride and for the channels."""
    if call.attrs.stride != (1, 1):
        return STRIDE_2
    if call.input(0).shape[3] != 64:
        return STRIDE_1
    return TWELVE if call.input(0).shape[2] > 7 else OF_64


@pytest.fixture(autouse=True)
def these_kernels_only(monkeypatch: pytest.MonkeyPatch) -> None:
    only(monkeypatch, *KERNELS)


def only(monkeypatch: pytest.MonkeyPatch, *kernels: Kernel) -> None:
    monkeypatch.setitem(OPS, "depthwise_conv2d", replace(OP, kernels=kernels))


@pytest.fixture(scope="module")
def cases() -> dict[str, OpCase]:
    return {name: run_op(case.model()) for name, case in GRID.items()}


def batch(cases: dict[str, OpCase]) -> KernelBatch:
    collected = KernelBatch([Family.DSP])
    for name, case in cases.items():
        collected.add(name, case)
    return collected


def test_they_take_their_grid() -> None:
    for case in GRID.values():
        call = call_of(case.model())
        assert kernel(call).refusal(call) is None, case


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_portable_c_equals_numpy(cases: dict[str, OpCase], compiler: str) -> None:
    batch(cases).check(compiler)


@pytest.mark.parametrize("core", ["cortex-m4", "cortex-m33"])
def test_assembly_equals_numpy(cases: dict[str, OpCase], core: str) -> None:
    traces = batch(cases).check_emulated(core)
    assert max(trace.stack for trace in traces) <= 300


def test_another_number_of_channels_is_refused() -> None:
    refusal = OF_64.refusal(call_of(Depthwise(channels=63).model()))
    assert refusal is not None and "64 channels" in refusal


def part(case: OpCase, pads: Pads) -> Call:
    """A case with other padding above and below, as parts of an image have it."""
    (call,) = case.graph.calls()
    call = change_attrs(padding=Explicit(pads, Padding.SAME))(call)
    return change_output(shape=OP.infer(call)[0])(call)


@pytest.mark.parametrize("stride", [(1, 1), TWO])
def test_padding_above_and_below_is_free(stride: tuple[int, int]) -> None:
    runs, expected = [], []
    for height, pads in ((3, (0, 0)), (2, (1, 0)), (5, (0, 1)), (4, (1, 1)), (6, (0, 1))):
        done = run_op(Depthwise((height, 6), 6, stride=stride, in_zero_point=3).model())
        call, x = part(done, pads), done.values[done.graph.inputs[0]]
        assert kernel(call).refusal(call) is None
        runs.append(KernelCase("", call, kernel(call), (x,)))
        expected.append(OP.quantized(call, [x, *(t.values() for t in call.inputs[1:])])[0])
    emulated = [done.outputs for done in run_emulated(runs, "cortex-m4")]
    for outputs in (run_kernels(runs, "gcc"), emulated):
        for (ours,), theirs in zip(outputs, expected, strict=True):
            assert_equal(ours, theirs, "part of an image")


def test_they_work_in_place(cases: dict[str, OpCase]) -> None:
    runs = []
    for case in cases.values():
        (call,) = case.graph.calls()
        overlap = kernel(call).overlap
        assert overlap is not None and overlap(call) == {0: Overlap(0, exact=True)}
        source = case.values[case.graph.inputs[0]]
        runs.append(Overlapped(KernelCase("", call, kernel(call), (source,)), 0, 0))
    for ours, case in zip(run_overlapped(runs), cases.values(), strict=True):
        assert_equal(ours, case.outputs[0], "in place")


@pytest.mark.parametrize(
    ("case", "refusal"),
    [
        (Depthwise((5, 8)), "3 to 7 columns"),
        (Depthwise((5, 12)), "3 to 7 columns"),
        (Depthwise((5, 11), 64), "12 columns"),
        (Depthwise((5, 2)), "3 to 7 columns"),
        (Depthwise(padding=Padding.VALID), "3 to 7 columns"),
        (Depthwise(stride=(1, 2)), "stride must be 2"),
        (Depthwise((5, 10), stride=TWO), "6, 8, 12 or 14 columns"),
        (Depthwise((5, 7), stride=TWO), "6, 8, 12 or 14 columns"),
        (Depthwise((2, 6), stride=TWO), "above only"),
        (Depthwise((1, 4)), "above only"),
        (Depthwise(channels=3), "at least 4 channels"),
        (Depthwise(multiplier=2), "at least 4 channels"),
        (Depthwise(kernel=(5, 5)), "3x3"),
        (Depthwise(out_zero_point=-100), "whole range of int8"),
        (Depthwise(activation=Activation.NONE, out_zero_point=3), "one shift"),
    ],
)
def test_they_refuse_what_they_cannot_do(case: Depthwise, refusal: str) -> None:
    call = call_of(case.model())
    found = kernel(call).refusal(call)
    assert found is not None and refusal in found


@pytest.mark.parametrize(
    ("case", "goal"),
    [
        (Depthwise((25, 5), 60), 0.515),
        (Depthwise((6, 6), 128), 0.54),
        (Depthwise((3, 3), 256), 0.4),
        (Depthwise((4, 4), 60), 0.48),
        (Depthwise((7, 7), 60), 0.49),
        (Depthwise((25, 5), 64), 0.545),
        (Depthwise((6, 6), 64), 0.575),
        (Depthwise((3, 3), 64), 0.4),
        (Depthwise((4, 4), 64), 0.52),
        (Depthwise((7, 7), 64), 0.525),
        (Depthwise((12, 12), 64), 0.545),
        (Depthwise((12, 12), 64, stride=TWO), 0.345),
        (Depthwise((14, 14), 64, stride=TWO), 0.325),
        (Depthwise((8, 8), 64, stride=TWO), 0.315),
        (Depthwise((6, 6), 128, stride=TWO), 0.3),
    ],
)
def test_products_per_cycle(case: Depthwise, goal: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the M4, modelled, zero wait states; the cost that selection sees is within 5 %."""
    done = run_op(case.model())
    (call,) = done.graph.calls()
    only(monkeypatch, kernel(call))
    (trace,) = batch({"": done}).check_emulated("cortex-m4")
    products = OP.macs(call)
    ratio = kernel(call).cost(call).cycles / trace.cycles
    print(f"\n{case}: {products / trace.cycles:.3f}, cost {ratio:.3f}")
    assert products / trace.cycles >= goal
    assert abs(ratio - 1) < 0.05
