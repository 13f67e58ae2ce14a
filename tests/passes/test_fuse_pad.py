"""A PAD goes into the convolutions behind it, and only where the bytes stay the same."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from mcugen import interpret, verify
from mcugen.ops.base import Family
from mcugen.passes.fuse_pad import fuse_pad
from mcugen.testing.builder import ModelBuilder, quant
from mcugen.testing.check import KernelBatch, OpCase, assert_equal, check_op

Q = quant(0.05, -3)


def padded(
    op: str = "CONV_2D",
    pads: tuple[tuple[int, int], ...] = ((0, 0), (1, 1), (1, 1), (0, 0)),
    padding: int = 1,
    stride: int = 1,
    dtype: str = "int8",
    value: int | None = None,
    readers: int = 1,
    window: int = 3,
) -> bytes:
    """PAD or PADV2 on [1, 8, 7, 8], then convolutions or pools of 3x3; each one is an output."""
    b = ModelBuilder()
    rng = np.random.default_rng(3)
    scheme = Q if dtype == "int8" else None
    x = b.tensor((1, 8, 7, 8), dtype, scheme)
    shape = [n + sum(pair) for n, pair in zip((1, 8, 7, 8), pads, strict=True)]
    wide = b.tensor(shape, dtype, scheme)
    operands = [x, b.tensor((4, 2), "int32", data=pads)]
    if value is not None:
        operands.append(b.tensor((), dtype, scheme, value))
    b.op("PAD" if value is None else "PADV2", operands, [wide])
    span = [n - window + 1 if padding else n for n in shape[1:3]]
    out = [shape[0], *(-(-n // stride) for n in span), 8]
    outputs = []
    for _ in range(readers):
        y = b.tensor(out, dtype, quant(0.9, -128) if dtype == "int8" else None)
        options = {"padding": padding, "strideH": stride, "strideW": stride}
        if op.endswith("POOL_2D"):
            y = b.tensor(out, dtype, scheme)
            options |= {"filterHeight": window, "filterWidth": window}
            b.op(op, [wide], [y], options)
        else:
            depthwise = op == "DEPTHWISE_CONV_2D"
            size = (1, window, window, 8) if depthwise else (8, window, window, shape[3])
            data = rng.integers(-127, 128, size)
            scales = quant([0.01] * 8, axis=3 if depthwise else 0) if dtype == "int8" else None
            weights = b.tensor(size, dtype, scales, data.astype(dtype))
            options |= {"depthMultiplier": 1} if depthwise else {}
            options |= {"dilationHFactor": 1, "dilationWFactor": 1, "fusedActivationFunction": 1}
            start = rng.integers(-99, 99, 8)
            sums = quant([0.0005] * 8) if dtype == "int8" else None
            kind = "int32" if dtype == "int8" else dtype
            bias = b.tensor((8,), kind, sums, start.astype(kind))
            b.op(op, [wide, weights, bias], [y], options)
        outputs.append(y)
    return b.build([x], outputs)


def pairs(rows: tuple[int, int], cols: tuple[int, int]) -> tuple[tuple[int, int], ...]:
    return ((0, 0), rows, cols, (0, 0))


GRID = [
    {"op": op, "pads": pairs(rows, cols), "padding": padding, "stride": stride, "dtype": dtype}
    for op, (rows, cols), padding, stride, dtype in product(
        ("CONV_2D", "DEPTHWISE_CONV_2D"),
        (((1, 1), (1, 1)), ((0, 1), (0, 1)), ((2, 0), (0, 2)), ((2, 2), (1, 0))),
        (0, 1),
        (1, 2),
        ("int8", "float32"),
    )
    if padding or max(*rows, *cols) == 1  # SAME adds one more, and every window needs an input
]


def test_the_bytes_are_the_same_in_numpy_and_in_c() -> None:
    """The file's values are those of the references; every kernel computes the fused node."""
    batch = KernelBatch((Family.REF, Family.DSP))
    for number, form in enumerate(GRID):
        case = check_op(padded(**form), seed=number)
        fused = fuse_pad(case.graph)
        assert [node.op for node in fused.nodes] == [case.graph.nodes[1].op], form
        verify.check(fused)
        values = interpret.run(fused, [case.values[i] for i in fused.inputs])
        assert_equal(values[fused.outputs[0]], case.outputs[0], str(form))
        batch.add(str(form), OpCase(fused, values))
    batch.check()


@pytest.mark.parametrize(
    "form",
    [
        {"op": "AVERAGE_POOL_2D"},
        {"op": "MAX_POOL_2D"},
        {"pads": ((1, 0), (1, 1), (1, 1), (0, 0))},
        {"op": "CONV_2D", "pads": ((0, 0), (0, 0), (0, 0), (0, 3))},
        {"pads": pairs((3, 0), (0, 0))},
        {"pads": pairs((0, 3), (0, 0))},
        {"pads": pairs((1, 1), (1, 1)), "value": 5},
        {"padding": 0, "pads": pairs((2, 2), (0, 0))},
    ],
)
def test_what_would_change_stays(form: dict[str, object]) -> None:
    """Pools, padded batches and channels, windows without input, other values."""
    graph = check_op(padded(**form)).graph
    assert fuse_pad(graph) == graph or [n.op for n in fuse_pad(graph).nodes] == [
        n.op for n in graph.nodes
    ]


def test_a_constant_that_is_the_zero_point_counts_as_padding() -> None:
    case = check_op(padded(value=-3))
    assert [node.op for node in fuse_pad(case.graph).nodes] == ["conv2d"]


def test_all_readers_or_none() -> None:
    both = check_op(padded(readers=2)).graph
    assert [node.op for node in fuse_pad(both).nodes] == ["conv2d", "conv2d"]
    returned = both.with_(outputs=(*both.outputs, both.nodes[0].outputs[0]))
    assert len(fuse_pad(returned).nodes) == 3
