"""ADD: numpy equals both references, the kernel equals numpy, the rules hold the line."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from mcugen.importers import tflite
from mcugen.ir import DType
from mcugen.ops.add import OP, linear
from mcugen.ops.base import Activation
from mcugen.ops.broadcast import merge
from mcugen.reference import tflm
from mcugen.testing.builder import one_op, quant
from mcugen.testing.check import (
    ZERO_POINTS,
    Change,
    KernelBatch,
    broken_rule,
    change_attrs,
    change_input,
    check_op,
    clamped_to_6,
    run_op,
    unchanged,
)

Shape = tuple[int, ...]
BYTES = np.arange(-128, 128).astype(np.int8)


@dataclass(frozen=True)
class Add:
    """A sum; scales and zero points of a, b, output; `const` is a constant operand's position."""

    shapes: tuple[Shape, Shape] = ((2, 3, 4), (2, 3, 4))
    scales: tuple[float, float, float] = (0.05, 0.07, 0.1)
    zero_points: tuple[int, int, int] = (-7, 30, 11)
    activation: Activation = Activation.NONE
    const: int | None = None

    def model(self, dtype: str = "int8") -> bytes:
        *operands, output = (
            {"shape": shape, "dtype": dtype, "quant": quant(scale, zero_point)}
            for shape, scale, zero_point in zip(
                (*self.shapes, np.broadcast_shapes(*self.shapes)),
                self.scales,
                self.zero_points,
                strict=True,
            )
        )
        if self.const is not None:
            shape = self.shapes[self.const]
            values = np.random.default_rng(1).integers(-128, 128, shape)
            operands[self.const] |= {"data": values}
        return one_op("ADD", operands, output, {"fusedActivationFunction": self.activation.value})


# All pairs of values: one operand runs down, the other one across.
PAIRS = ((256, 1), (1, 256))


def pairs() -> dict[str, Add]:
    cases = {
        "equal-scales": Add(PAIRS, (0.1, 0.1, 0.1), (0, 0, 0)),
        "first-larger": Add(PAIRS, (0.9, 0.013, 0.7), (-128, 127, 3)),
        "second-larger": Add(PAIRS, (0.0031, 0.02, 0.011), (17, -90, -128)),
        "saturates": Add(PAIRS, (1.0, 0.7, 0.001), (5, -5, 0)),
        "vanishes": Add(PAIRS, (1e-9, 1e-12, 1.0), (1, 2, 3)),
    }
    for ratio in (2.0**-40, 2.0**-31, 2.0**-30, 1 / 3, 1 - 2.0**-24):
        cases[f"ratio{ratio:g}"] = Add(PAIRS, (ratio, 1.0, 1.3))
    for output in (2.0**-18.9, 2.0**12, 2.0**31):
        cases[f"output{output:g}"] = Add(PAIRS, (1.0, 0.9, output))
    return cases


def grid() -> dict[str, Add]:
    shapes: tuple[tuple[Shape, Shape], ...] = (
        ((), ()),
        ((1,), (5,)),
        ((7,), ()),
        ((1, 4, 5, 3), (1, 4, 5, 3)),
        ((1, 4, 5, 3), (3,)),
        ((1, 4, 5, 3), (1, 4, 5, 1)),
        ((1, 4, 5, 3), (1, 1, 1, 3)),
        ((2, 4, 5, 3), (2, 1, 1, 3)),
        ((2, 1, 5, 1), (1, 4, 1, 3)),
        ((2, 4, 1, 1, 3), (2, 1, 1, 5, 3)),
    )
    cases = {}
    for a, b in shapes:
        cases[f"{a}-{b}"] = Add((a, b))
        cases[f"{b}-{a}"] = Add((b, a))
    for const in (0, 1):
        cases[f"const{const}"] = Add(const=const)
        cases[f"const{const}-broadcast"] = Add(((2, 3, 4), (4,)), const=const)
    for activation in (Activation.RELU, Activation.RELU_N1_TO_1, Activation.RELU6):
        cases[activation.name] = Add(((16, 1), (1, 16)), activation=activation)
        cases[f"{activation.name}-clipped"] = Add(
            ((16, 1), (1, 16)), zero_points=(0, 0, 125), activation=activation
        )
    for zero_point in ZERO_POINTS:
        cases[f"first{zero_point}"] = Add(zero_points=(zero_point, 3, 4))
        cases[f"second{zero_point}"] = Add(zero_points=(3, zero_point, 4))
        cases[f"output{zero_point}"] = Add(zero_points=(3, 4, zero_point))
    return cases


PAIR_GRID, GRID = pairs(), grid()


def pair_inputs() -> list[np.ndarray]:
    return [BYTES.reshape(shape) for shape in PAIRS]


@pytest.mark.parametrize("name", PAIR_GRID)
def test_numpy_equals_the_references_for_all_pairs(name: str) -> None:
    check_op(PAIR_GRID[name].model(), pair_inputs())


@pytest.mark.parametrize("name", GRID)
def test_numpy_equals_the_references(name: str) -> None:
    check_op(GRID[name].model())


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_kernels_equal_numpy(compiler: str) -> None:
    batch = KernelBatch()
    for name, add in PAIR_GRID.items():
        batch.add(name, run_op(add.model(), pair_inputs()))
    for name, add in GRID.items():
        batch.add(name, run_op(add.model()))
    batch.check(compiler)


ALL = ((256, 256), (256, 256))
LINEAR = {
    "residual": Add(ALL, (0.031, 0.082, 0.0401), (1, -128, -128), Activation.RELU),
    "no-clamp": Add(ALL, (0.0512, 0.0713, 0.0987), (-7, 30, 11)),
    "saturates": Add(ALL, (1.0, 0.7, 0.01), (5, -5, 0)),
    "small": Add(ALL, (0.003, 0.0021, 0.4), (-128, 127, 3)),
}


def test_linear_kernel_equals_numpy_for_all_pairs() -> None:
    batch = KernelBatch()
    for name, add in LINEAR.items():
        case = run_op(add.model(), [BYTES[:, None].repeat(256, 1), BYTES[None].repeat(256, 0)])
        (call,) = case.graph.calls()
        assert linear(call) is not None, name
        batch.add(name, case)
    batch.check()
    batch.check_emulated("cortex-m0")


@pytest.mark.parametrize(
    "add",
    [
        Add(ALL, (0.1, 0.1, 0.1), (0, 0, 0), Activation.RELU6),  # a clamp inside of int8
        Add(ALL, (0.1, 0.1, 0.2), (0, 0, 0)),  # ties, rounded away from zero on both sides
    ],
)
def test_linear_kernel_refuses_what_is_not_linear(add: Add) -> None:
    (call,) = run_op(add.model(), [np.zeros((256, 256), np.int8)] * 2).graph.calls()
    assert linear(call) is None


def test_pairs_reach_both_ends() -> None:
    values = run_op(PAIR_GRID["equal-scales"].model(), pair_inputs()).outputs[0]
    assert len(np.unique(values)) == 256


def test_float_equals_the_reference() -> None:
    model = Add(((2, 3, 4), (4,)), activation=Activation.RELU6).model("float32")
    case = run_op(model)
    inputs = [case.values[i] for i in case.graph.inputs]
    np.testing.assert_array_equal(case.outputs[0], tflm(model).outputs(inputs)[0])


@pytest.mark.parametrize(
    ("shape1", "shape2", "counts"),
    [
        ((1, 8, 8, 16), (1, 8, 8, 16), (1, 1, 1, 1024)),
        ((1, 8, 8, 16), (16,), (1, 1, 64, 16)),
        ((1, 8, 8, 16), (), (1, 1, 1, 1024)),
        ((2, 8, 8, 16), (2, 1, 1, 16), (1, 2, 64, 16)),
        ((2, 1, 5, 1), (1, 4, 1, 3), (2, 4, 5, 3)),
    ],
)
def test_axes_merge(shape1: Shape, shape2: Shape, counts: Shape) -> None:
    assert merge(shape1, shape2).counts == counts


# ---- rules

ALTERNATING = Add(((2, 1, 2, 1), (1, 2, 1, 2)))

BROKEN: tuple[tuple[str, Add, Change], ...] = (
    ("types_are_equal", Add(), change_input(1, dtype=DType.FLOAT32)),
    ("types_are_equal", Add(), change_input(0, dtype=DType.INT32)),
    ("quantized_per_tensor", Add(), change_input(1, quant=None)),
    ("quantized_per_tensor", Add(), change_input(0, quant=quant([1.0, 2.0], axis=0))),
    ("shapes_broadcast", Add(), change_input(1, shape=(2, 3, 3))),
    ("shapes_broadcast", Add(), change_input(0, shape=(2,))),
    ("loops_fit", Add(((2, 1, 2, 1, 2), (1, 2, 1, 2, 1))), unchanged),
    ("activation_is_a_clamp", Add(), change_attrs(activation=Activation.SIGN_BIT)),
    ("clamp_fits_int32", Add(), clamped_to_6(2.0**-31 * 6)),
    ("sum_scale_is_below_one", Add(), change_input(0, quant=quant(0.1 * 2**19))),
)

JUST_PASSING: tuple[tuple[Add, Change], ...] = (
    (ALTERNATING, unchanged),
    (Add(), change_input(1, shape=(3, 4))),
    (Add(scales=(2.0**-28,) * 3), change_attrs(activation=Activation.RELU6)),
    (Add(), change_input(0, quant=quant(0.1 * 2**19 * (1 - 2.0**-20)))),
)


@pytest.mark.parametrize(("rule", "add", "change"), BROKEN)
def test_rule_refuses(rule: str, add: Add, change: Change) -> None:
    call = next(tflite.loads(add.model(), "test").calls())
    assert broken_rule(change(call)) == rule


@pytest.mark.parametrize(("add", "change"), JUST_PASSING)
def test_rules_accept_at_the_limit(add: Add, change: Change) -> None:
    call = next(tflite.loads(add.model(), "test").calls())
    assert broken_rule(change(call)) is None


def test_every_rule_is_tested() -> None:
    assert {rule for rule, _, _ in BROKEN} == {rule.__name__ for rule in OP.rules}
