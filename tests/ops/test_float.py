"""Float32: numpy equals both references to the bit, and every kernel equals numpy.

Only exponentials may differ from the references', in their last bits.
"""

from __future__ import annotations

import math
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mcugen import reference, resources
from mcugen.ir import DType
from mcugen.ops import OPS, float32
from mcugen.ops.base import Activation, Array
from mcugen.ops.window import Padding, axis
from mcugen.testing.builder import one_op, quant
from mcugen.testing.check import BOTH, LITERT_ONLY, TFLM_ONLY, KernelBatch, check_op, run_op

SAME, VALID = Padding.SAME, Padding.VALID
CLAMPS = (Activation.NONE, Activation.RELU, Activation.RELU_N1_TO_1, Activation.RELU6)
Shape = tuple[int, ...]


def values(*shape: int, seed: int = 1) -> Array:
    """Normal numbers over a few powers of ten, so that the order of a sum shows in its bits."""
    rng = np.random.default_rng(seed)
    return (rng.standard_normal(shape) * 10.0 ** rng.uniform(-2, 1, shape)).astype(np.float32)


def given(*shape: int) -> dict[str, Any]:
    return {"shape": shape, "dtype": "float32"}


def constant(*shape: int, seed: int = 2) -> dict[str, Any]:
    return {**given(*shape), "data": values(*shape, seed=seed)}


def indices(numbers: Any) -> dict[str, Any]:
    data = np.array(numbers, np.int32)
    return {"shape": data.shape, "dtype": "int32", "data": data}


# ---- models


def window(
    size: tuple[int, int],
    kernel: tuple[int, int],
    stride: tuple[int, int],
    dilation: tuple[int, int],
    padding: Padding,
) -> tuple[int, int]:
    rows, cols = (axis(*step, padding) for step in zip(size, kernel, stride, dilation, strict=True))
    return rows.out, cols.out


def convolution(
    size: tuple[int, int] = (6, 5),
    in_ch: int = 3,
    out_ch: int = 5,
    kernel: tuple[int, int] = (3, 3),
    stride: tuple[int, int] = (1, 1),
    dilation: tuple[int, int] = (1, 1),
    padding: Padding = SAME,
    activation: Activation = Activation.NONE,
    groups: int = 1,
    batch: int = 1,
    bias: bool = True,
    depthwise: bool = False,
) -> bytes:
    shape = (1, *kernel, out_ch) if depthwise else (out_ch, *kernel, in_ch // groups)
    out = window(size, kernel, stride, dilation, padding)
    options = {
        "padding": padding.value,
        "strideH": stride[0],
        "strideW": stride[1],
        "dilationHFactor": dilation[0],
        "dilationWFactor": dilation[1],
        "fusedActivationFunction": activation.value,
    }
    if depthwise:
        options["depthMultiplier"] = out_ch // in_ch
    return one_op(
        "DEPTHWISE_CONV_2D" if depthwise else "CONV_2D",
        [given(batch, *size, in_ch), constant(*shape), *([constant(out_ch, seed=3)] * bias)],
        given(batch, *out, out_ch),
        options,
    )


def dense(
    rows: int = 1, depth: int = 11, out: int = 6, bias: bool = True, activation: int = 0
) -> bytes:
    return one_op(
        "FULLY_CONNECTED",
        [given(rows, depth), constant(out, depth), *([constant(out, seed=3)] * bias)],
        given(rows, out),
        {"fusedActivationFunction": activation},
    )


def pool(
    operator: str,
    size: tuple[int, int] = (6, 5),
    channels: int = 5,
    kernel: tuple[int, int] = (2, 3),
    stride: tuple[int, int] = (2, 2),
    padding: Padding = SAME,
    activation: Activation = Activation.NONE,
    batch: int = 1,
) -> bytes:
    out = window(size, kernel, stride, (1, 1), padding)
    options = {
        "padding": padding.value,
        "strideH": stride[0],
        "strideW": stride[1],
        "filterHeight": kernel[0],
        "filterWidth": kernel[1],
        "fusedActivationFunction": activation.value,
    }
    return one_op(operator, [given(batch, *size, channels)], given(batch, *out, channels), options)


def mean(shape: Shape, axes: tuple[int, ...], keep: bool = True, operator: str = "MEAN") -> bytes:
    out = tuple(1 if i in axes else n for i, n in enumerate(shape) if keep or i not in axes)
    return one_op(operator, [given(*shape), indices(axes)], given(*out), {"keepDims": keep})


def binary(operator: str, shape1: Shape, shape2: Shape, **options: int) -> bytes:
    out = np.broadcast_shapes(shape1, shape2)
    return one_op(operator, [given(*shape1), given(*shape2)], given(*out), options)


def add(shape1: Shape, shape2: Shape, activation: Activation = Activation.NONE) -> bytes:
    return binary("ADD", shape1, shape2, fusedActivationFunction=activation.value)


def pad(shape: Shape, paddings: list[list[int]]) -> bytes:
    out = (n + sum(pair) for n, pair in zip(shape, paddings, strict=True))
    return one_op("PAD", [given(*shape), indices(paddings)], given(*out))


def transpose_conv(activation: Activation) -> bytes:
    options = {"padding": SAME.value, "strideH": 2, "strideW": 1}
    options["fusedActivationFunction"] = activation.value
    operands = [indices([1, 8, 5, 6]), constant(6, 3, 4, 3), given(1, 4, 5, 3), constant(6, seed=3)]
    return one_op("TRANSPOSE_CONV", operands, given(1, 8, 5, 6), options)


def softmax(shape: Shape, beta: float = 1.0) -> bytes:
    return one_op("SOFTMAX", [given(*shape)], given(*shape), {"beta": beta})


# ---- the grid


def convolutions() -> dict[str, bytes]:
    cases = {
        "one-channel": convolution(in_ch=1, out_ch=1),
        "four": convolution(in_ch=4, out_ch=4),
        "many": convolution(in_ch=17, out_ch=13),
        "1x1": convolution(kernel=(1, 1), out_ch=8),
        "stride": convolution((11, 8), stride=(2, 3)),
        "valid": convolution((7, 7), padding=VALID, stride=(2, 1)),
        "dilation": convolution((9, 8), dilation=(2, 3)),
        "dilation-valid": convolution((9, 8), dilation=(2, 2), padding=VALID),
        "window-beyond-input": convolution((2, 3), kernel=(7, 7)),
        "dilated-window-beyond-input": convolution((3, 2), dilation=(4, 5)),
        "batch": convolution(batch=3),
        "groups": convolution(in_ch=4, out_ch=10, groups=2),
        "groups-dilated": convolution((8, 8), 4, 8, dilation=(2, 2), groups=2),
    }
    for activation in CLAMPS:
        cases[activation.name] = convolution(activation=activation)
    return {f"conv-{name}": case for name, case in cases.items()}


def depthwise_convolutions() -> dict[str, bytes]:
    cases = {
        "one-channel": convolution(in_ch=1, out_ch=1, depthwise=True),
        "multiplier": convolution(in_ch=3, out_ch=12, depthwise=True),
        "odd": convolution(in_ch=7, out_ch=7, depthwise=True),
        "stride": convolution((11, 8), 8, 8, stride=(2, 2), depthwise=True),
        "valid": convolution((7, 7), 8, 8, padding=VALID, depthwise=True),
        "dilation": convolution((9, 8), 5, 5, dilation=(2, 3), depthwise=True),
        "window-beyond-input": convolution((2, 3), 4, 4, kernel=(7, 7), depthwise=True),
        "batch": convolution(in_ch=5, out_ch=5, batch=2, depthwise=True),
    }
    for activation in CLAMPS:
        cases[activation.name] = convolution(
            in_ch=5, out_ch=5, activation=activation, depthwise=True
        )
    return {f"depthwise-{name}": case for name, case in cases.items()}


def others() -> dict[str, bytes]:
    cases = {f"dense-{out}": dense(out=out) for out in (1, 4, 7)}
    cases |= {f"dense-{a.name}": dense(rows=3, activation=a.value) for a in CLAMPS}
    for operator in ("AVERAGE_POOL_2D", "MAX_POOL_2D"):
        cases |= {f"{operator}-{a.name}": pool(operator, activation=a) for a in CLAMPS}
        cases[f"{operator}-valid"] = pool(operator, padding=VALID, batch=2)
        cases[f"{operator}-whole"] = pool(operator, (5, 4), kernel=(5, 4), padding=VALID)
        cases[f"{operator}-overlap"] = pool(operator, kernel=(3, 3), stride=(1, 1), channels=9)
    cases |= {
        "mean-rows-cols": mean((2, 5, 6, 3), (1, 2)),
        "mean-drop": mean((1, 5, 6, 3), (1, 2), keep=False),
        "mean-last": mean((2, 5, 6, 3), (3,)),
        "mean-two-groups": mean((2, 5, 6, 3), (1, 3)),
        "mean-all": mean((1, 5, 6, 3), (0, 1, 2, 3)),
        "add-same": add((1, 4, 5, 3), (1, 4, 5, 3)),
        "add-channels": add((1, 4, 5, 3), (3,)),
        "add-both-repeat": add((1, 4, 1, 3), (2, 1, 5, 3)),
        "add-scalar": add((4, 5), ()),
        "pad-rows-cols": pad((1, 4, 5, 3), [[0, 0], [1, 2], [3, 0], [0, 0]]),
        "pad-all": pad((2, 2, 2, 2), [[1, 0], [0, 1], [2, 1], [1, 1]]),
        "pad-none": pad((1, 4), [[0, 0], [0, 0]]),
    }
    cases |= {f"add-{a.name}": add((1, 4, 5, 3), (1, 4, 5, 3), a) for a in CLAMPS}
    for flip in ({}, {"adjX": True}, {"adjY": True}):
        shapes = [
            (2, 7, 3) if flip.get("adjX") else (2, 3, 7),
            (5, 7) if flip.get("adjY") else (7, 5),
        ]
        cases[f"matmul-{'-'.join(flip)}"] = one_op(
            "BATCH_MATMUL", [given(*shape) for shape in shapes], given(2, 3, 5), flip
        )
    for a in CLAMPS:
        cases[f"transpose-conv-{a.name}"] = transpose_conv(a)
    for operator in ("SUM", "REDUCE_MAX", "REDUCE_MIN"):
        cases[operator] = mean((2, 5, 6, 3), (1, 2), operator=operator)
        cases[f"{operator}-two-groups"] = mean((2, 5, 6, 3), (1, 3), operator=operator)
    for operator in ("SUB", "MUL", "DIV"):
        for a in CLAMPS:
            fused = {"fusedActivationFunction": a.value}
            cases[f"{operator}-{a.name}"] = binary(operator, (1, 4, 5, 3), (5, 1), **fused)
    for operator in ("MINIMUM", "MAXIMUM", "SQUARED_DIFFERENCE", "PRELU"):
        cases[operator] = binary(operator, (1, 4, 5, 3), (1, 1, 3))
        cases[f"{operator}-same"] = binary(operator, (2, 7), (2, 7))
    for relu in ("RELU", "RELU6", "RELU_N1_TO_1"):
        cases[relu] = one_op(relu, [given(2, 5, 3)], given(2, 5, 3))
    return cases | {name: unary(name) for name in UNARY}


UNARY = ("ABS", "NEG", "LEAKY_RELU", "HARD_SWISH")  # the same bits in any library
TRANSCENDENTAL = (
    *("LOGISTIC", "TANH", "ELU", "EXP", "LOG", "SQRT", "RSQRT", "GELU", "GELU-tanh"),
    *("LOG_SOFTMAX", "L2_NORMALIZATION"),
)


def unary(name: str) -> bytes:
    options = {"LEAKY_RELU": {"alpha": 0.3}, "GELU-tanh": {"approximate": True}}.get(name)
    return one_op(name.split("-")[0], [given(5, 40)], given(5, 40), options)


GRID = convolutions() | depthwise_convolutions() | others()
NO_BIAS = {
    "conv-no-bias": convolution(bias=False),
    "depthwise-no-bias": convolution(in_ch=5, out_ch=5, bias=False, depthwise=True),
    "dense-no-bias": dense(bias=False),
}
CONVERSIONS = {
    f"{operator}-{scale:g}-{zero_point}": one_op(operator, [source], target)
    for scale in (0.1, 1 / 3, 2.0**-10)
    for zero_point in (-128, 0, 127)
    for operator, source, target in (
        ("QUANTIZE", given(40, 5), {"shape": (40, 5), "quant": quant(scale, zero_point)}),
        ("DEQUANTIZE", {"shape": (40, 5), "quant": quant(scale, zero_point)}, given(40, 5)),
    )
}
SOFTMAX = {f"softmax-{n}-{beta:g}": softmax((3, n), beta) for n in (1, 2, 12) for beta in (1, 0.3)}
FUNCTIONS = {name: unary(name) for name in TRANSCENDENTAL}
ALL = GRID | NO_BIAS | CONVERSIONS | SOFTMAX | FUNCTIONS


@pytest.mark.parametrize("name", GRID | CONVERSIONS)
def test_numpy_equals_both_references(name: str) -> None:
    against = LITERT_ONLY if name == "RELU_N1_TO_1" else BOTH  # TFLM has no such operator
    check_op((GRID | CONVERSIONS)[name], against=against)


@pytest.mark.parametrize("name", NO_BIAS)
def test_numpy_equals_tflm_without_a_bias(name: str) -> None:
    check_op(NO_BIAS[name], against=TFLM_ONLY)


@pytest.mark.parametrize("name", SOFTMAX)
def test_softmax_is_near_the_references(name: str) -> None:
    case = run_op(SOFTMAX[name])
    for interpreter in (reference.tflm, reference.litert):
        expected = interpreter(SOFTMAX[name]).outputs([case.values[0]])[0]
        np.testing.assert_allclose(case.outputs[0], expected, rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("name", TRANSCENDENTAL)
def test_functions_are_near_those_of_a_library(name: str) -> None:
    x = np.linspace(-8, 8, 200).astype(np.float32).reshape(5, 40)
    x = np.abs(x) if name in ("LOG", "SQRT", "RSQRT") else x
    ours = run_op(FUNCTIONS[name], [x]).outputs[0]
    interpreter = reference.tflm if name == "ELU" else reference.litert
    theirs = interpreter(FUNCTIONS[name]).outputs([x])[0]
    np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=6e-7)


def test_the_sigmoid_has_the_cutoffs_of_the_references() -> None:
    """Small scores differ by e^-9 of themselves otherwise."""
    x = np.array([*np.linspace(-30, -8.9, 120), *np.linspace(16, 18, 79), 100], np.float32)
    ours = run_op(FUNCTIONS["LOGISTIC"], [x.reshape(5, 40)]).outputs[0]
    for interpreter in (reference.tflm, reference.litert):
        theirs = interpreter(FUNCTIONS["LOGISTIC"]).outputs([x.reshape(5, 40)])[0]
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_kernels_equal_numpy(compiler: str) -> None:
    cases = list(ALL.items())
    check_kernels(dict(cases if compiler == "gcc" else cases[::3])).check(compiler)


@pytest.mark.parametrize("core", ["cortex-m3", "cortex-m4"])
def test_kernels_equal_numpy_with_and_without_an_fpu(core: str) -> None:
    check_kernels(dict(list(ALL.items())[::5])).check_emulated(core)


def check_kernels(models: Mapping[str, bytes]) -> KernelBatch:
    batch = KernelBatch()
    for name, model in models.items():
        positive = [np.abs(values(5, 40))] if name in ("LOG", "SQRT", "RSQRT") else None
        batch.add(name, run_op(model, positive))
    return batch


# ---- the edges of the numbers


def test_quantize_rounds_halves_away_and_saturates() -> None:
    x = np.array([0.5, -0.5, 0.49999997, 2.5, 126.5, -129.5, 1e30, -1e30], np.float32)
    target = {"shape": x.shape, "quant": quant(1.0, 1)}
    case = run_op(one_op("QUANTIZE", [given(*x.shape)], target), [x])
    assert case.outputs[0].tolist() == [2, 0, 1, 4, 127, -128, 127, -128]
    batch = KernelBatch()
    batch.add("edges", case)
    batch.check()


@pytest.mark.parametrize("activation", CLAMPS)
def test_an_overflow_ends_at_the_largest_number(activation: Activation) -> None:
    x = np.array([3e38, -3e38, 1.0], np.float32)
    case = check_op(add((3,), (3,), activation), [x, x])
    assert np.isfinite(case.outputs[0]).all()
    batch = KernelBatch()
    batch.add("overflow", case)
    batch.check()


@pytest.mark.parametrize("shape", [(1, 5), (4, 3)])
def test_softmax_of_equal_and_of_distant_values(shape: Shape) -> None:
    x = np.zeros(shape, np.float32)
    assert run_op(softmax(shape), [x]).outputs[0] == pytest.approx(1 / shape[-1])
    x[:, 0] = 200.0
    case = run_op(softmax(shape), [x])
    assert (case.outputs[0][:, 0] == 1.0).all() and (case.outputs[0][:, 1:] == 0.0).all()
    batch = KernelBatch()
    batch.add("distant", case)
    batch.check()


def test_exp_is_accurate() -> None:
    x = np.linspace(-87, 88, 400_001).astype(np.float32)
    exact = np.exp(x.astype(np.float64))
    assert np.max(np.abs(float32.exp(x) / exact - 1)) < 2e-7
    below = np.array([-87.1, -1000, -np.inf, np.nan], np.float32)
    assert float32.exp(below).tolist() == [0.0] * 4
    assert (
        float32.exp(np.array([100.0, np.inf], np.float32)).tolist()
        == [pytest.approx(math.exp(88), rel=1e-6)] * 2
    )


EXP = """
#include <stdio.h>
#include "mcu_float.h"
int main(void) {
    float x;
    while (fread(&x, sizeof x, 1, stdin) == 1) {
        const float y = mcu_expf(x);
        (void)fwrite(&y, sizeof y, 1, stdout);
    }
    return 0;
}
"""


def test_exp_in_c_equals_numpy(tmp_path: Path) -> None:
    edges = [0.0, -0.0, -87.0, -87.00001, 88.0, 89.0, np.inf, -np.inf, np.nan, 1e-40]
    x = np.concatenate([np.linspace(-90, 90, 100_001), edges]).astype(np.float32)
    source, program = tmp_path / "exp.c", tmp_path / "exp"
    source.write_text(EXP)
    include = f"-I{resources.runtime_c() / 'include'}"
    flags = ["-std=c99", "-O2", "-Wall", "-Wextra", "-Werror", "-fsanitize=undefined"]
    subprocess.run(
        ["gcc", *flags, "-fno-sanitize-recover", include, str(source), "-o", str(program)],
        check=True,
    )
    done = subprocess.run([str(program)], input=x.tobytes(), capture_output=True, check=True)
    found = np.frombuffer(done.stdout, np.float32)
    assert (found.view(np.uint32) == float32.exp(x).view(np.uint32)).all()


def test_every_operator_with_an_int8_kernel_has_one_of_float32() -> None:
    """DEQUANTIZE has nothing to do for floats."""
    taken = {name: {kernel.dtype for kernel in op.kernels} for name, op in OPS.items()}
    lacking = [name for name, types in taken.items() if DType.INT8 in types]
    lacking = [name for name in lacking if DType.FLOAT32 not in taken[name]]
    assert lacking == ["dequantize"]
