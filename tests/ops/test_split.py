"""SPLIT, SPLIT_V, UNPACK: numpy equals the references, each output becomes a slice, rules hold."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from mcugen import interpret, passes
from mcugen.importers import tflite
from mcugen.ir import Call, DType
from mcugen.ops import OPS
from mcugen.testing.builder import ModelBuilder, quant
from mcugen.testing.check import (
    BOTH,
    Change,
    KernelBatch,
    OpCase,
    assert_equal,
    broken_rule,
    change_attrs,
    change_input,
    check_op,
    run_op,
    unchanged,
)

Shape = tuple[int, ...]
SHAPE = (2, 6, 3, 4)


def cut(
    operator: str,
    shape: Shape,
    outputs: list[Shape],
    axis: int,
    sizes: list[int] | None = None,
    dtype: str = "int8",
    returned: slice = slice(None),
) -> bytes:
    """A model of one of the operators; `returned` are the outputs that the model has."""
    builder = ModelBuilder()
    affine = quant(0.1, 3) if dtype == "int8" else None
    x = builder.tensor(shape, dtype, affine)
    ys = [builder.tensor(out, dtype, affine) for out in outputs]
    count = len(outputs)
    if operator == "UNPACK":
        builder.op(operator, [x], ys, {"num": count, "axis": axis})
    else:
        at = builder.tensor((), "int32", data=axis)
        inputs = [at, x]
        if operator == "SPLIT_V":
            inputs = [x, builder.tensor((count,), "int32", data=sizes), at]
        builder.op(operator, inputs, ys, {"numSplits": count})
    return builder.build([x], ys[returned])


def split(axis: int, count: int, shape: Shape = SHAPE, **options: Any) -> bytes:
    out = list(shape)
    out[axis] //= count
    return cut("SPLIT", shape, [tuple(out)] * count, axis, **options)


def split_v(axis: int, sizes: list[int], shape: Shape = SHAPE, **options: Any) -> bytes:
    rest = shape[axis] - sum(size for size in sizes if size != -1)
    outs = []
    for size in sizes:
        out = list(shape)
        out[axis] = rest if size == -1 else size
        outs.append(tuple(out))
    return cut("SPLIT_V", shape, outs, axis, sizes, **options)


def unpack(axis: int, shape: Shape = SHAPE, **options: Any) -> bytes:
    at = axis % len(shape)
    outs = [(*shape[:at], *shape[at + 1 :])] * shape[at]
    return cut("UNPACK", shape, outs, axis, **options)


def grid(dtype: str) -> dict[str, bytes]:
    return {
        **{f"split{axis}": split(axis, n, dtype=dtype) for axis, n in ((0, 2), (1, 3), (-1, 2))},
        "split-in-one": split(1, 1, dtype=dtype),
        "split-v": split_v(1, [1, 3, 2], dtype=dtype),
        "split-v-rest": split_v(-1, [1, -1, 1], dtype=dtype),
        **{f"unpack{axis}": unpack(axis, dtype=dtype) for axis in (0, 1, -1)},
        "unpack-vector": unpack(0, (3,), dtype=dtype),
    }


GRID = grid("int8")


@pytest.mark.parametrize("dtype", ["int8", "float32"])
@pytest.mark.parametrize("name", GRID)
def test_numpy_equals_the_references(name: str, dtype: str) -> None:
    check_op(grid(dtype)[name], against=BOTH)


def sliced(model: bytes) -> OpCase:
    """The model after the passes; its outputs are those of the model."""
    case = run_op(model)
    graph = passes.run(case.graph)
    values = interpret.run(graph, [case.values[i] for i in case.graph.inputs])
    for ours, theirs in zip(graph.outputs, case.outputs, strict=True):
        assert_equal(values[ours], theirs, "sliced")
    return OpCase(graph, values)


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_kernels_of_the_slices_equal_numpy(compiler: str) -> None:
    batch = KernelBatch()
    for dtype in ("int8", "float32"):
        for name, model in grid(dtype).items():
            batch.add(f"{name} {dtype}", sliced(model))
    batch.check(compiler)


def test_parts_that_nobody_reads_are_not_made() -> None:
    graph = sliced(split(1, 6, returned=slice(1, 3))).graph
    assert [node.op for node in graph.nodes] == ["strided_slice"] * 2
    assert [node.outputs[0] for node in graph.nodes] == list(graph.outputs)


# ---- rules


def call_of(model: bytes) -> Call:
    return next(tflite.loads(model, "test").calls())


def change_part(**fields: Any) -> Change:
    def change(call: Call) -> Call:
        return replace(
            call, outputs=(call.output, replace(call.outputs[1], **fields), *call.outputs[2:])
        )

    return change


def values(position: int, data: Any) -> Change:
    return change_input(position, data=np.array(data, np.int32), shape=np.shape(data))


BROKEN: tuple[tuple[str, bytes, Change], ...] = (
    ("outputs_match", split(1, 3), change_part(dtype=DType.INT16)),
    ("outputs_match", unpack(0), change_part(quant=None)),
    ("axis_known", split(1, 3), change_input(0, data=None)),
    ("axis_known", split_v(1, [3, 3]), change_input(2, dtype=DType.INT16)),
    ("sizes_known", split_v(1, [3, 3]), change_input(1, data=None)),
    ("axis_fits", split(1, 3), values(0, 4)),
    ("axis_fits", split(1, 3), values(0, -5)),
    ("axis_fits", split(1, 3), values(0, [1, 2])),
    ("axis_fits", unpack(0), change_attrs(axis=4)),
    ("count_fits", split(1, 3), change_attrs(count=2)),
    ("parts_are_equal", split(1, 3), values(0, 3)),
    ("each_is_unpacked", unpack(0), change_attrs(axis=1)),
    ("sizes_add_up", split_v(1, [3, 3]), values(1, [3, 2])),
    ("sizes_add_up", split_v(1, [3, 3]), values(1, [6])),
    ("sizes_add_up", split_v(1, [3, 3]), values(1, [-1, -1])),
    ("sizes_add_up", split_v(1, [3, 3]), values(1, [-1, 6])),
    ("sizes_add_up", split_v(1, [3, 3]), values(1, [7, -1])),
)

JUST_PASSING: tuple[tuple[bytes, Change], ...] = (
    (split(1, 3), values(0, -3)),
    (split_v(1, [3, 3]), values(1, [5, 1])),
    (split_v(1, [3, 3]), values(1, [-1, 5])),
    (split_v(1, [3, 3]), values(2, [1])),
    (unpack(0), change_attrs(axis=-4)),
    (split(1, 1), unchanged),
)


@pytest.mark.parametrize(("rule", "model", "change"), BROKEN)
def test_rule_refuses(rule: str, model: bytes, change: Change) -> None:
    assert broken_rule(change(call_of(model))) == rule


@pytest.mark.parametrize(("model", "change"), JUST_PASSING)
def test_rules_accept_at_the_limit(model: bytes, change: Change) -> None:
    assert broken_rule(change(call_of(model))) is None


def test_every_rule_is_tested() -> None:
    operators = ("split", "split_v", "unpack")
    names = {rule.__name__ for operator in operators for rule in OPS[operator].rules}
    assert {rule for rule, _, _ in BROKEN} == names
