"""mcu_depthwise_conv2d_3x3_s16_dsp: portable C and assembly equal numpy; its limits; its price."""

from __future__ import annotations

import pytest

from mcugen.ir import DType
from mcugen.ops.base import Activation
from mcugen.ops.kernels.depthwise_conv2d_3x3_s16_dsp import KERNEL
from mcugen.ops.window import Padding
from mcugen.testing.check import KernelBatch, OpCase, call_of, price, run_op
from mcugen.testing.depthwise import Depthwise
from mcugen.testing.wide import widened

LINEAR = Activation.NONE
FAINT = 1 / 256  # of sums: int16 inputs of scale 1


def layer(*fields: object, **changes: object) -> bytes:
    """A layer whose outputs spread over the range of int16; it saturates now and then."""
    return widened(Depthwise(*fields, **changes).model())  # type: ignore[arg-type]


def grid() -> dict[str, bytes]:
    """Lengths around the loop of three along strips of both directions, both paddings."""
    cases = {}
    for padding in Padding:
        for height in range(3, 9):
            for width in (3, 4, 5, 9):
                for activation in (Activation.RELU, LINEAR):
                    name = f"{padding.name}-{height}x{width}-{activation.name}"
                    pixels = (height, width)
                    cases[name] = layer(pixels, 3, padding=padding, activation=activation)
    for pixels in ((1, 2), (2, 1), (2, 2), (2, 7), (7, 2), (1, 6), (6, 1)):
        cases[f"small-{pixels}"] = layer(pixels, 5)
    for channels in (1, 2, 8):
        cases[f"channels{channels}"] = layer((6, 5), channels)
    for stride in ((2, 1), (3, 1)):
        for padding in Padding:
            cases[f"stride{stride}-{padding.name}"] = layer(
                (7, 8), 2, stride=stride, padding=padding
            )
    for activation in (Activation.RELU, LINEAR):
        each = {"activation": activation, "pixels": (7, 5)}
        cases[f"batch-{activation.name}"] = layer(batch=3, **each)
        cases[f"saturating-{activation.name}"] = layer(gain=6.0, **each)
        cases[f"tiny-multipliers-{activation.name}"] = layer(gain=1 / 200, **each)
        cases[f"dead-{activation.name}"] = layer(dead=2, **each)
    cases["weight-of-minus-128"] = layer(largest=128)
    return cases


GRID = grid()


@pytest.fixture(scope="module")
def cases() -> dict[str, OpCase]:
    return {name: run_op(model) for name, model in GRID.items()}


def test_it_takes_its_grid() -> None:
    for name, model in GRID.items():
        assert KERNEL.refusal(call_of(model)) is None, name


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_portable_c_equals_numpy(cases: dict[str, OpCase], compiler: str) -> None:
    KernelBatch.of(KERNEL, cases).check(compiler)


@pytest.mark.parametrize("core", ["cortex-m4", "cortex-m33"])
def test_assembly_equals_numpy(cases: dict[str, OpCase], core: str) -> None:
    traces = KernelBatch.of(KERNEL, cases).check_emulated(core)
    assert max(trace.stack for trace in traces) <= 256


@pytest.mark.parametrize(
    ("model", "refusal"),
    [
        (layer(stride=(2, 2)), "stride, padding and size"),
        (layer((1, 1)), "two rows or columns"),
        (layer((3, 3), 32768, padding=Padding.VALID), "size the kernel takes"),
        (layer(kernel=(3, 5)), "3x3"),
        (layer(dilation=(2, 2)), "dilation"),
        (layer(multiplier=2), "depth multiplier 1"),
        (layer(activation=Activation.RELU6), "as a ReLU does"),
        (layer(gain=500.0), "[2**-18, 1/2)"),
        (widened(Depthwise().model(), DType.INT32), "must be int64"),
    ],
)
def test_it_refuses_what_it_cannot_do_exactly(model: bytes, refusal: str) -> None:
    found = KERNEL.refusal(call_of(model))
    assert found is not None and refusal in found


@pytest.mark.parametrize(
    ("pixels", "channels", "goal"),
    [
        ((25, 5), 64, 0.505),
        ((48, 48), 8, 0.47),
        ((24, 24), 32, 0.455),
        ((12, 12), 32, 0.43),
        ((6, 6), 128, 0.385),
        ((3, 3), 256, 0.31),
    ],
)
def test_products_per_cycle(pixels: tuple[int, int], channels: int, goal: float) -> None:
    """On the M4, modelled, zero wait states; the cost that selection sees is within 3 %."""
    paid = price(KERNEL, layer(pixels, channels))
    print(f"\n{pixels} {channels}: {paid.products_per_cycle:.3f}, cost {paid.cost:.3f}")
    assert paid.products_per_cycle >= goal
    assert abs(paid.cost - 1) < 0.03
