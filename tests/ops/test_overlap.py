"""Every declared overlap holds in C, one byte less does not, and the declarations say so."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
import pytest

from mcugen.importers import tflite as importer
from mcugen.ir import DType
from mcugen.ops import BY_TFLITE, OPS, overlap
from mcugen.ops.base import Kernel
from mcugen.ops.window import Padding, axis
from mcugen.testing.builder import one_op, quant
from mcugen.testing.check import OpCase, run_op
from mcugen.testing.convolutions import clamped
from mcugen.testing.kernels import KernelCase
from mcugen.testing.overlapped import Overlapped, run_overlapped
from mcugen.testing.wide import narrowed, widened

Q8 = quant(0.05, -3)
FLOAT_FUNCTIONS = (
    *("ABS", "NEG", "LEAKY_RELU", "HARD_SWISH", "ELU", "EXP", "LOG", "SQRT", "RSQRT", "LOGISTIC"),
    *("TANH", "GELU", "LOG_SOFTMAX", "L2_NORMALIZATION"),
)


def activation(shape: tuple[int, ...], dtype: str = "int8", scale: float = 0.05) -> dict[str, Any]:
    return {"shape": shape, "dtype": dtype, "quant": quant(scale, -3) if dtype == "int8" else None}


def sliding(
    op: str,
    size: tuple[int, int, int],
    out_ch: int = 0,
    window: tuple[int, int] = (3, 3),
    stride: int = 1,
    padding: Padding = Padding.SAME,
    dtype: str = "int8",
    dilation: int = 1,
    groups: int = 1,
    batch: int = 1,
) -> bytes:
    """A convolution, depthwise convolution or pool with random weights."""
    rng = np.random.default_rng(1)
    in_ch = size[2]
    out_ch = out_ch or in_ch
    out = [axis(n, k, stride, dilation, padding).out for n, k in zip(size[:2], window, strict=True)]
    options = {"padding": padding.value, "strideH": stride, "strideW": stride}
    x = activation((batch, *size), dtype)
    if op.endswith("POOL_2D"):
        options |= {"filterHeight": window[0], "filterWidth": window[1]}
        return one_op(op, [x], activation((batch, *out, out_ch), dtype), options)
    depthwise = op == "DEPTHWISE_CONV_2D"
    shape = (1, *window, out_ch) if depthwise else (out_ch, *window, in_ch // groups)
    weights = rng.integers(-127, 128, shape)
    options |= {"dilationHFactor": dilation, "dilationWFactor": dilation}
    if depthwise:
        options |= {"depthMultiplier": out_ch // in_ch}
    if dtype == "float32":
        scales, data = None, weights.astype(np.float32) / 100
    else:
        scales, data = quant([0.01] * out_ch, axis=3 if depthwise else 0), weights
    bias_type = "float32" if dtype == "float32" else "int32"
    bias_scales = None if scales is None else quant([0.0005] * out_ch, axis=0)
    return one_op(
        op,
        [
            x,
            {"shape": shape, "dtype": dtype, "quant": scales, "data": data},
            {
                "shape": (out_ch,),
                "dtype": bias_type,
                "quant": bias_scales,
                "data": rng.integers(-9, 9, out_ch).astype(bias_type),
            },
        ],
        activation((batch, *out, out_ch), dtype, scale=2.0),
        options,
    )


def grid() -> Iterator[tuple[str, bytes]]:
    for dtype in ("int8", "float32"):
        for window, stride, padding in product(((1, 1), (3, 3), (2, 4)), (1, 2), Padding):
            form = f"{window}-stride{stride}-{padding.name}-{dtype}"
            shape = {"window": window, "stride": stride, "padding": padding, "dtype": dtype}
            for channels in ((4, 4, 1), (3, 8, 1), (8, 3, 1), (8, 12, 2), (1, 5, 1), (16, 16, 1)):
                in_ch, out_ch, groups = channels
                size = (7, 6, in_ch)
                model = sliding("CONV_2D", size, out_ch, groups=groups, **shape)
                yield f"conv{channels}-{form}", model
            for in_ch, out_ch in ((4, 4), (7, 7), (3, 6), (1, 8), (11, 11)):
                model = sliding("DEPTHWISE_CONV_2D", (7, 6, in_ch), out_ch, **shape)
                yield f"depthwise{in_ch}-{out_ch}-{form}", model
            for op in ("AVERAGE_POOL_2D", "MAX_POOL_2D"):
                for in_ch in (3, 8):
                    yield f"{op}-{in_ch}-{form}", sliding(op, (7, 6, in_ch), **shape)
        for padding in Padding:
            wide = {"stride": 2, "padding": padding, "dtype": dtype, "batch": 2}
            yield f"conv-wide-{padding.name}-{dtype}", sliding("CONV_2D", (7, 11, 16), 64, **wide)
        shape = {"dtype": dtype, "batch": 2}
        yield f"conv-dilated-{dtype}", sliding("CONV_2D", (9, 8, 4), 4, dilation=2, **shape)
        yield (
            f"depthwise-dilated-{dtype}",
            sliding("DEPTHWISE_CONV_2D", (9, 8, 4), dilation=3, **shape),
        )
        for a, b in (((2, 3, 5), (2, 3, 5)), ((2, 3, 5), (5,)), ((3, 1), (3, 7)), ((1,), (4, 4))):
            operands = [activation(shape, dtype) for shape in (a, b)]
            out = activation(np.broadcast_shapes(a, b), dtype, scale=0.0731)
            yield f"add-{a}-{b}-{dtype}", one_op("ADD", operands, out)
        softmax = {"shape": (3, 7), "dtype": dtype}
        output = softmax | {"quant": quant(1 / 256, -128) if dtype == "int8" else None}
        yield (
            f"softmax-{dtype}",
            one_op("SOFTMAX", [activation((3, 7), dtype)], output, {"beta": 1.0}),
        )
        yield (
            f"relu-{dtype}",
            one_op("RELU", [activation((4, 9), dtype)], activation((4, 9), dtype)),
        )
    for channels in (16, 32):
        model = sliding("DEPTHWISE_CONV_2D", (6, 12, channels), stride=2, batch=2)
        yield f"depthwise-halved-{channels}", model
    for width in (5, 12):
        model = sliding("DEPTHWISE_CONV_2D", (4, width, 64), batch=2)
        yield f"depthwise-{width}-64", model
    for in_ch, out_ch in ((6, 7), (9, 4), (8, 9), (16, 18), (32, 35), (64, 68), (128, 130)):
        yield f"conv-relu-{in_ch}-{out_ch}", clamped((3, 5), in_ch, out_ch, seed=2).model()
    for in_ch, stride in product((1, 2, 3, 4), (1, 2)):
        model = clamped((6, 11), in_ch, 8, (3, 3), stride, batch=2).model()
        yield f"conv-relu-few-{in_ch}-stride{stride}", model
    for in_ch in (1, 2, 4):
        model = clamped((17, 7), in_ch, 4, (10, 4 // in_ch), 2, batch=2).model()
        yield f"conv-relu-10x{4 // in_ch}", model
    for op in ("MUL", "SUB", "SQUARED_DIFFERENCE", "MINIMUM", "MAXIMUM", "PRELU"):
        for b, dtype in product(((2, 3, 5), (5,)), ("int8", "float32")):
            operands = [activation(shape, dtype) for shape in ((2, 3, 5), b)]
            yield f"{op}-{b}-{dtype}", one_op(op, operands, activation((2, 3, 5), dtype))
    floats = activation((2, 3, 5), "float32")
    yield "div", one_op("DIV", [floats, floats], floats)
    for op in FLOAT_FUNCTIONS:
        yield f"{op}-float32", one_op(op, [floats], floats)
    operands = [activation((2, 3, 5)), activation((5,))]
    yield "less", one_op("LESS", operands, {"shape": (2, 3, 5), "dtype": "bool"})
    for op, fixed in (("LOG_SOFTMAX", quant(16 / 256, 127)), ("L2_NORMALIZATION", quant(1 / 128))):
        output = activation((3, 7)) | {"quant": fixed}
        yield op, one_op(op, [activation((3, 7))], output)
    for rows, depth, out in (
        *((1, 9, 5), (1, 3, 12), (3, 8, 8), (3, 4, 11), (2, 12, 20)),
        *((2, 130, 11), (2, 260, 300)),
    ):
        rng = np.random.default_rng(2)
        weights = {
            "shape": (out, depth),
            "quant": quant(0.01),
            "data": rng.integers(-99, 99, (out, depth)),
        }
        bias = {
            "shape": (out,),
            "dtype": "int32",
            "quant": quant(0.0005),
            "data": rng.integers(-9, 9, out),
        }
        operands = [activation((rows, depth)), weights, bias]
        yield (
            f"dense-{rows}-{depth}-{out}",
            one_op("FULLY_CONNECTED", operands, activation((rows, out), scale=0.5)),
        )
    for op, fixed in (("LOGISTIC", quant(1 / 256, -128)), ("TANH", quant(1 / 128))):
        output = activation((5, 7)) | {"quant": fixed}
        yield op, one_op(op, [activation((5, 7))], output)
    yield (
        "LEAKY_RELU",
        one_op("LEAKY_RELU", [activation((5, 7))], activation((5, 7)), {"alpha": 0.1}),
    )
    wide = {"shape": (5, 7), "dtype": "int16", "quant": quant(0.001)}
    yield "requantize-16-8", one_op("QUANTIZE", [wide], activation((5, 7)))
    yield "table", one_op("EXP", [activation((5, 7))], activation((5, 7), scale=1.0))
    for axes in ((1, 2), (2,), (3,)):
        kept = tuple(1 if i in axes else n for i, n in enumerate((2, 3, 4, 6)))
        mean = {"shape": (len(axes),), "dtype": "int32", "data": np.array(axes, np.int32)}
        operands = [activation((2, 3, 4, 6)), mean]
        yield f"mean-{axes}", one_op("MEAN", operands, activation(kept), {"keepDims": True})


def forms() -> Iterator[tuple[str, bytes]]:
    """The grid, and what of it can be had with int16 activations or int4 weights."""
    for name, model in grid():
        yield name, model
        graph = importer.loads(model, name)
        if all(graph.tensors[i].dtype is DType.INT8 for i in (*graph.inputs, *graph.outputs)):
            (node,) = graph.nodes
            weighted = OPS[node.op].scheme.weights_axis is not None
            if any(kernel.dtype is DType.INT16 for kernel in OPS[node.op].kernels):
                yield f"{name}-16x8", widened(model)
            if weighted:
                yield f"{name}-int4", narrowed(model)


@pytest.fixture(scope="module")
def cases() -> list[tuple[KernelCase, Any]]:
    """All kernels that declare an overlap, on all models that they can compute."""
    found = []
    for name, model in forms():
        case = run_op(model)
        for call in case.graph.calls():
            for kernel in OPS[call.node.op].kernels:
                if kernel.overlap is not None and kernel.refusal(call) is None:
                    found.append((_case(name, case, kernel), case.outputs[0]))
    return found


def _case(name: str, case: OpCase, kernel: Kernel) -> KernelCase:
    (call,) = case.graph.calls()
    ids = [call.node.inputs[position] for position in kernel.operand_positions(call)]
    operands = tuple(case.values[i] for i in ids if i is not None)
    return KernelCase(f"{name}: {kernel.name}", call, kernel, operands)


def _runs(cases: list[tuple[KernelCase, Any]], less: int) -> list[tuple[Overlapped, Any]]:
    """Each input of each case at its distance, less some elements of the output."""
    runs = []
    for case, expected in cases:
        assert case.kernel.overlap is not None
        for position, allowed in case.kernel.overlap(case.call).items():
            operand = case.kernel.operand_positions(case.call).index(position)
            distance = allowed.distance - less * case.call.output.dtype.bytes
            runs.append((Overlapped(case, operand, distance), expected))
    return runs


def test_outputs_over_inputs_are_right(cases: list[tuple[KernelCase, Any]]) -> None:
    runs = _runs(cases, less=0)
    results = run_overlapped([run for run, _ in runs])
    wrong = [
        run.case.name
        for (run, expected), actual in zip(runs, results, strict=True)
        if actual.tobytes() != expected.tobytes()
    ]
    assert not wrong


def test_the_distances_are_tight(cases: list[tuple[KernelCase, Any]]) -> None:
    runs = _runs(cases, less=1)
    results = run_overlapped([run for run, _ in runs])
    broken = {
        run.case.kernel.name
        for (run, expected), actual in zip(runs, results, strict=True)
        if actual.tobytes() != expected.tobytes()
    }
    assert broken == {run.case.kernel.name for run, _ in runs if not _narrows(run)}


def _narrows(run: Overlapped) -> bool:
    """Smaller elements come out than go in: they could start even behind the input's start."""
    operand = run.case.call.input(run.case.kernel.operand_positions(run.case.call)[run.operand])
    return run.case.call.output.dtype.bytes < operand.dtype.bytes


def test_every_kernel_that_declares_an_overlap_is_here(
    cases: list[tuple[KernelCase, Any]],
) -> None:
    declared = {
        kernel.name
        for op in BY_TFLITE.values()
        for kernel in op.kernels
        if kernel.overlap is not None
    }
    assert declared == {case.kernel.name for case, _ in cases}


def test_forwards() -> None:
    """Steps that read from 4, 2 and 6 on and then have written 3, 5 and 9 bytes."""
    assert overlap.forwards(np.array([4, 2, 6]), np.array([3, 5, 9])).distance == 1
    assert overlap.forwards(np.array([0]), np.array([100])).distance == 0
    assert overlap.forwards(np.array([0, 0]), np.array([4, 8])).distance == 4
    assert overlap.forwards(np.array([0, 50]), np.array([4, 8])).distance == 0
