"""16x8 of operators on single values: numpy equals the references, every kernel equals numpy.

The grids of int8 hold all 256 values; these hold all 65,536, or random pairs. Operators with
windows and weights have their 16x8 cases beside those of int8.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from mcugen.ir import DType, Quant
from mcugen.ops.base import Activation
from mcugen.testing.builder import one_op, quant
from mcugen.testing.check import (
    BOTH,
    LITERT_ONLY,
    TFLM_ONLY,
    Change,
    KernelBatch,
    broken_rule,
    call_of,
    change_input,
    change_output,
    check_op,
    run_op,
)

VALUES = np.arange(-(2**15), 2**15).astype(np.int16)
BYTES = np.resize(np.arange(-128, 128).astype(np.int8), 2**16)
REALS = np.append(np.linspace(-40000, 40000, 2**16 - 8), [0.5, -0.5, 1.5, 2.5, 1e9, -1e9, 0, -0.0])
FRACTION, ONE = quant(2.0**-15), quant(1.0)

RATIOS = (2.0**-20, 1e-3, 0.25, 0.5, 1.3, 7.7, 255.0, 2.0**14.9)
# On both sides of the scales of which the reference multiplies by 3 or 6.
SIGMOIDS = (
    1e-6,
    2.0**-13,
    0.999 * 2.0**-12,
    0.9995 * 2.0**-12,
    2.0**-12,
    2.0**-11,
    0.0003,
    0.01,
    1 / 3,
    1.0,
    3.99,
)


def unary(
    operator: str,
    source: Quant | None,
    target: Quant | None,
    options: Mapping[str, Any] | None = None,
    types: tuple[str, str] = ("int16", "int16"),
) -> bytes:
    shape = (2**16,)
    operand = {"shape": shape, "dtype": types[0], "quant": source}
    return one_op(
        operator, [operand], {"shape": shape, "dtype": types[1], "quant": target}, options
    )


def leaky(ratio: float, alpha: float) -> bytes:
    return unary("LEAKY_RELU", quant(ratio), ONE, {"alpha": alpha})


# By name: the model, its input, and who judges it.
UNARY: dict[str, tuple[bytes, np.ndarray, tuple[str, ...]]] = {
    **{f"logistic-{s}": (unary("LOGISTIC", quant(s), FRACTION), VALUES, BOTH) for s in SIGMOIDS},
    **{f"tanh-{s}": (unary("TANH", quant(s), FRACTION), VALUES, BOTH) for s in SIGMOIDS},
    **{
        f"leaky-{r}-{a}": (leaky(r, a), VALUES, TFLM_ONLY)
        for r in RATIOS
        for a in (0.0, 0.01, 0.3, 1.0, -0.5, -1.0)
    },
    **{f"requantize-{r}": (unary("QUANTIZE", quant(r), ONE), VALUES, BOTH) for r in RATIOS},
    **{
        f"to-int8-{r}": (
            unary("QUANTIZE", quant(r / 256), quant(1.0, 3), types=("int16", "int8")),
            VALUES,
            BOTH,
        )
        for r in RATIOS
    },
    **{
        f"from-int8-{r}": (
            unary("QUANTIZE", quant(r, -5), ONE, types=("int8", "int16")),
            BYTES,
            BOTH,
        )
        for r in RATIOS
    },
    "from-float": (
        unary("QUANTIZE", None, ONE, types=("float32", "int16")),
        REALS.astype(np.float32),
        BOTH,
    ),
    "to-float": (unary("DEQUANTIZE", quant(3e-5), None, types=("int16", "float32")), VALUES, BOTH),
    **{f"relu-{r}": (unary("RELU", quant(r), ONE), VALUES, TFLM_ONLY) for r in RATIOS},
    **{
        f"relu6-{r}": (unary("RELU6", quant(r * z), quant(z)), VALUES, LITERT_ONLY)
        for r in RATIOS
        for z in (1e-4, 1.0)
    },
}


def binary(
    operator: str,
    scales: tuple[float, float, float],
    shapes: tuple[tuple[int, ...], tuple[int, ...]] = ((1, 9, 8), (7, 9, 8)),
    activation: Activation = Activation.NONE,
) -> bytes:
    options: dict[str, Any] = {"fusedActivationFunction": activation.value}
    if operator != "MUL":
        options["potScaleInt16"] = False
    operands = [
        {"shape": shape, "dtype": "int16", "quant": quant(scale)}
        for shape, scale in zip(shapes, scales, strict=False)
    ]
    output = {
        "shape": np.broadcast_shapes(*shapes),
        "dtype": "int16",
        "quant": quant(scales[2]),
    }
    return one_op(operator, operands, output, options)


SUMS = ((1.0, 1.0, 1.0), (1e-4, 1e-4, 2e-4), (0.05, 3e-4, 0.01), (1.0, 1.0, 1.1 * 2.0**-14))
PRODUCTS = ((1e-4, 1e-4, 3e-4), (1.0, 0.9, 1.0), (1e-4, 2e-4, 1.0), (1.0, 1.0, 2.0**15))
SHAPES = (((2, 1, 5, 1), (1, 4, 1, 3)), ((3,), (4, 3)), ((4, 3), (4, 1)), ((1,), (1,)))


def pairs() -> dict[str, bytes]:
    cases = {}
    for operator, all_scales in (("ADD", SUMS), ("SUB", SUMS), ("MUL", PRODUCTS)):
        for scales in all_scales:
            for activation in (Activation.NONE, Activation.RELU, Activation.RELU6):
                name = f"{operator}-{scales}-{activation.name}"
                cases[name] = binary(operator, scales, activation=activation)
        for shapes in SHAPES:
            cases[f"{operator}-{shapes}"] = binary(operator, all_scales[0], shapes)
    return cases


BINARY = pairs()


@pytest.mark.parametrize("name", UNARY)
def test_functions_equal_the_references(name: str) -> None:
    model, values, references = UNARY[name]
    check_op(model, [values], against=references)


@pytest.mark.parametrize("name", BINARY)
def test_sums_and_products_equal_the_references(name: str) -> None:
    check_op(BINARY[name], against=BOTH)


def test_kernels_equal_numpy() -> None:
    batch = KernelBatch()
    for name, (model, values, _) in UNARY.items():
        batch.add(name, run_op(model, [values]))
    for name, model in BINARY.items():
        batch.add(name, run_op(model))
    batch.check()


# ---- rules

ADD, MUL = binary("ADD", SUMS[0]), binary("MUL", (1.0, 1.0, 2.0))
BROKEN: tuple[tuple[str, bytes, Change], ...] = (
    ("quantized_per_tensor", ADD, change_input(0, quant=quant(1.0, 1))),
    ("sum_scale_is_below_one", ADD, change_output(quant=quant(2.0**-14))),
    ("product_scale_fits", MUL, change_output(quant=quant(1.0))),
    ("types_are_equal", ADD, change_input(1, dtype=DType.INT8)),
    ("quantized_per_tensor", leaky(1.0, 0.5), change_output(quant=quant(1.0, 1))),
    ("scale_ratio_fits", leaky(2.0**15, 0.5), lambda call: call),
    ("scale_ratio_fits", leaky(1.0, -(2.0**15)), lambda call: call),
    ("scale_ratio_fits", unary("QUANTIZE", quant(2.0**15), ONE), lambda call: call),
    ("scale_is_representable", unary("TANH", quant(4.0), FRACTION), lambda call: call),
    ("output_is_signed_fraction", unary("TANH", ONE, ONE), lambda call: call),
    ("output_is_unsigned_fraction", unary("LOGISTIC", ONE, ONE), lambda call: call),
)


@pytest.mark.parametrize(("rule", "model", "change"), BROKEN)
def test_rule_refuses(rule: str, model: bytes, change: Change) -> None:
    assert broken_rule(change(call_of(model))) == rule
