"""SOFTMAX: numpy equals both references, the kernel equals numpy, the rules hold the line."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from mcugen.importers import tflite
from mcugen.ir import DType
from mcugen.ops.base import Array
from mcugen.ops.softmax import MAX_CLASSES, OP
from mcugen.reference import tflm
from mcugen.testing.builder import one_op, quant
from mcugen.testing.check import (
    TFLM_ONLY,
    Change,
    KernelBatch,
    broken_rule,
    call_of,
    change_attrs,
    change_input,
    change_output,
    check_op,
    run_op,
    unchanged,
)
from mcugen.testing.wide import widened

PROBABILITY = quant(1 / 256, -128)


@dataclass(frozen=True)
class Softmax:
    """Rows of different kinds, see `inputs`."""

    shape: tuple[int, ...] = (40, 12)
    scale: float = 0.1
    beta: float = 1.0
    zero_point: int = 5

    def model(self, dtype: str = "int8") -> bytes:
        x = {"shape": self.shape, "dtype": dtype, "quant": quant(self.scale, self.zero_point)}
        y = {"shape": self.shape, "dtype": dtype, "quant": PROBABILITY}
        return one_op("SOFTMAX", [x], y, {"beta": self.beta})

    def inputs(self) -> list[Array]:
        """Rows spread over the whole range, over a few values, and over one value alone."""
        rng = np.random.default_rng(self.shape[-1])
        x = rng.integers(-128, 128, self.shape)
        rows = x.reshape(-1, self.shape[-1])
        rows[1::4] = rng.integers(100, 128, rows[1::4].shape)
        rows[2::4] = rng.integers(-128, -100, rows[2::4].shape)
        rows[3::4] = rng.integers(-128, 128, (len(rows[3::4]), 1))
        return [x.astype(np.int8)]


SCALES = (2.0**-25.9, 1e-6, 0.003, 0.0625, 0.17, 1.0, 15.9, 31.0, 2.0**10, 2.0**20)


def grid() -> dict[str, Softmax]:
    shapes = ((1,), (7,), (1, 2), (2, 3, 4), (2, 1, 3, 5), (1, 1, 1, 1, 6))
    cases = {f"shape{shape}": Softmax(shape) for shape in shapes}
    cases |= {f"classes{n}": Softmax((5, n)) for n in (1, 2, 3, 10, 128, 257, 511)}
    cases |= {f"scale{scale:g}": Softmax(scale=scale) for scale in SCALES}
    for beta in (1e-5, 0.25, 0.3, 1.7, 100.0, float("inf")):
        cases[f"beta{beta:g}"] = Softmax(beta=beta)
    cases["scale-and-beta"] = Softmax(scale=1e5, beta=1e-5)
    cases |= {f"zero-point{point}": Softmax(zero_point=point) for point in (-128, 127)}
    # The references stop the program where 512 exponentials of 1 add up; a distance keeps them low.
    cases |= {f"classes{n}": Softmax((1, n), scale=0.5) for n in (512, 1000, MAX_CLASSES)}
    return cases


GRID = grid()


@pytest.mark.parametrize("name", GRID)
def test_numpy_equals_the_references(name: str) -> None:
    check_op(GRID[name].model(), GRID[name].inputs())


def distances() -> Array:
    """Every pair of the largest value and another one: [65536, 2] less the rows out of order."""
    low, high = np.meshgrid(np.arange(-128, 128), np.arange(-128, 128))
    return np.stack([low, high], axis=-1).reshape(-1, 2).astype(np.int8)


@pytest.mark.parametrize("scale", [0.004, 0.05, 0.3, 20.0])
def test_all_pairs(scale: float) -> None:
    check_op(Softmax((65536, 2), scale).model(), [distances()])


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_kernels_equal_numpy(compiler: str) -> None:
    batch = KernelBatch()
    for name, softmax in GRID.items():
        batch.add(name, run_op(softmax.model(), softmax.inputs()))
    for scale in (0.004, 0.3):
        batch.add(f"pairs{scale}", run_op(Softmax((65536, 2), scale).model(), [distances()]))
    for n in (512, 600, MAX_CLASSES):
        batch.add(f"equal{n}", run_op(Softmax((1, n)).model(), [np.zeros((1, n), np.int8)]))
    batch.check(compiler)


@pytest.mark.parametrize("classes", [512, 600, MAX_CLASSES])
def test_many_equal_classes_vanish(classes: int) -> None:
    case = run_op(Softmax((1, classes)).model(), [np.zeros((1, classes), np.int8)])
    assert set(case.outputs[0].flat) == {-128}


def test_outputs_are_near_the_real_softmax() -> None:
    softmax = Softmax((200, 10), scale=0.06)
    (x,) = softmax.inputs()
    exps = np.exp(0.06 * (x - x.max(axis=-1, keepdims=True).astype(np.float64)))
    real = np.minimum(256 * exps / exps.sum(axis=-1, keepdims=True), 255)
    case = run_op(softmax.model(), [x])
    np.testing.assert_allclose(case.outputs[0] + 128.0, real, atol=0.51)


@pytest.mark.parametrize("beta", [0.5, 1.0, 3.0])
def test_float_is_close_to_the_reference(beta: float) -> None:
    model = Softmax((5, 12), beta=beta).model("float32")
    case = run_op(model)
    expected = tflm(model).outputs([case.values[0]])
    np.testing.assert_allclose(case.outputs[0], expected[0], rtol=1e-5, atol=1e-7)


# ---- 16x8


WIDE = {
    f"{classes}-{scale}-{beta}": Softmax((50, classes), scale, beta)
    for classes in (1, 2, 10, 1000)
    for scale in (1e-5, 1e-3, 0.01, 0.1, 2.0)
    for beta in (0.5, 1.0, 2.0)
}


@pytest.mark.parametrize("name", WIDE)
def test_16x8_equals_tflm(name: str) -> None:
    check_op(widened(WIDE[name].model()), against=TFLM_ONLY)


def test_16x8_of_all_distances_equals_tflm() -> None:
    largest = 2**15 - 1
    x = np.stack([np.full(2**16, largest), largest - np.arange(2**16)], axis=1)
    model = widened(Softmax((2**16, 2), 10 / 65535).model())
    check_op(model, [x.astype(np.int16)], against=TFLM_ONLY)


def test_16x8_kernels_equal_numpy() -> None:
    batch = KernelBatch()
    for name, case in WIDE.items():
        batch.add(name, run_op(widened(case.model())))
    batch.check()


def test_16x8_rules() -> None:
    def rule(case: Softmax) -> str | None:
        return broken_rule(call_of(widened(case.model())))

    assert rule(Softmax(scale=4.0)) is None
    assert rule(Softmax(scale=4.0, beta=1.01)) == "scale_is_representable"
    assert rule(Softmax(beta=float("nan"))) == "scale_is_representable"
    other = change_output(quant=PROBABILITY)(call_of(widened(Softmax().model())))
    assert broken_rule(other) == "quantized_per_tensor"


# ---- rules

BROKEN: tuple[tuple[str, Softmax, Change], ...] = (
    ("same_type_in_out", Softmax(), change_input(0, dtype=DType.UINT8)),
    ("quantized_per_tensor", Softmax(), change_input(0, quant=None)),
    ("classes_fit", Softmax(), change_input(0, shape=())),
    ("classes_fit", Softmax(), change_input(0, shape=(1, 0))),
    ("classes_fit", Softmax((1, MAX_CLASSES + 1)), unchanged),
    ("scale_is_representable", Softmax(scale=2.0**-26), unchanged),
    ("scale_is_representable", Softmax(), change_attrs(beta=0.0)),
    ("scale_is_representable", Softmax(), change_attrs(beta=-1.0)),
    ("scale_is_representable", Softmax(), change_attrs(beta=float("nan"))),
)

JUST_PASSING = (
    Softmax((1, MAX_CLASSES)),
    Softmax((1, 1)),
    Softmax(scale=2.0**-26 * (1 + 2.0**-20)),
)


@pytest.mark.parametrize(("rule", "softmax", "change"), BROKEN)
def test_rule_refuses(rule: str, softmax: Softmax, change: Change) -> None:
    call = next(tflite.loads(softmax.model(), "test").calls())
    assert broken_rule(change(call)) == rule


@pytest.mark.parametrize(("scale", "zero_point"), [(1 / 256, -127), (1 / 255, -128)])
def test_output_must_be_a_probability(scale: float, zero_point: int) -> None:
    x = {"shape": (1, 4), "quant": quant(1.0)}
    model = one_op("SOFTMAX", [x], {**x, "quant": quant(scale, zero_point)}, {"beta": 1.0})
    call = next(tflite.loads(model, "test").calls())
    assert broken_rule(call) == "output_is_a_probability"


@pytest.mark.parametrize("softmax", JUST_PASSING)
def test_rules_accept_at_the_limit(softmax: Softmax) -> None:
    assert broken_rule(next(tflite.loads(softmax.model(), "test").calls())) is None


def test_every_rule_is_tested() -> None:
    tested = {rule for rule, _, _ in BROKEN} | {"output_is_a_probability"}
    assert tested == {rule.__name__ for rule in OP.rules}
