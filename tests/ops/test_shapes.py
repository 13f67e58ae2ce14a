"""SHAPE, STRIDED_SLICE and PACK: numpy equals the references; shape arithmetic folds away."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from mcugen import interpret, passes
from mcugen.importers import tflite
from mcugen.ir import Call, DType
from mcugen.ops import pack, shape, strided_slice
from mcugen.testing.builder import ModelBuilder, one_op, quant
from mcugen.testing.check import (
    BOTH,
    LITERT_ONLY,
    Change,
    KernelBatch,
    broken_rule,
    change_attrs,
    change_input,
    check_op,
    run_op,
    unchanged,
)

Shape = tuple[int, ...]
Q = quant(0.1, 3)


def call_of(model: bytes) -> Call:
    return next(tflite.loads(model, "test").calls())


# ---- strided slice


@dataclass(frozen=True)
class Slice:
    """`index` is numpy's for the same slice, which gives the output's shape."""

    index: tuple
    begin: tuple[int, ...]
    end: tuple[int, ...]
    strides: tuple[int, ...]
    masks: tuple[tuple[str, int], ...] = ()
    shape: Shape = (4, 5, 6)

    def model(self, dtype: str = "int8") -> bytes:
        tensor = {"dtype": dtype, "quant": Q if dtype == "int8" else None}
        bounds = [
            {"shape": (len(values),), "dtype": "int32", "data": values}
            for values in (self.begin, self.end, self.strides)
        ]
        out = np.empty(self.shape)[self.index].shape
        inputs = [{"shape": self.shape, **tensor}, *bounds]
        return one_op("STRIDED_SLICE", inputs, {"shape": out, **tensor}, dict(self.masks))


S = np.s_
PLAIN = Slice(S[1:3, 0:5:2, 2:6], (1, 0, 2), (3, 5, 6), (1, 2, 1))
SLICES = {
    "plain": PLAIN,
    "negative": Slice(S[-3:-1, -4:5, 0:-1], (-3, -4, 0), (-1, 5, -1), (1, 1, 1)),
    "beyond": Slice(S[-9:9, 0:99, 0:6], (-9, 0, 0), (9, 99, 6), (1, 1, 1)),
    "backwards": Slice(S[3:0:-1, 4:1:-2, ::-1], (3, 4, 5), (0, 1, -9), (-1, -2, -1)),
    "begin-mask": Slice(S[:2, 1:, :3], (9, 1, 9), (2, 5, 3), (1, 1, 1), (("beginMask", 5),)),
    "end-mask": Slice(S[1:, 1:2, 2:], (1, 1, 2), (0, 2, 0), (1, 1, 1), (("endMask", 5),)),
    "masks-backwards": Slice(
        S[::-1, ::-2, ::-3], (1, 1, 1), (1, 1, 1), (-1, -2, -3), (("beginMask", 7), ("endMask", 7))
    ),
    "shrink": Slice(S[2, 1:3, -1], (2, 1, -1), (3, 3, 0), (1, 1, 1), (("shrinkAxisMask", 5),)),
    "shrink-from-first": Slice(
        S[0, 0:5, 0:6], (2, 0, 0), (3, 5, 6), (1, 1, 1), (("shrinkAxisMask", 1), ("beginMask", 1))
    ),
    "one-axis": Slice(S[1:3], (1,), (3,), (1,), shape=(7,)),
}
DESKTOP_SLICES = {
    "ellipsis": Slice(S[..., 1:3], (0, 1), (0, 3), (1, 1), (("ellipsisMask", 1),)),
    "ellipsis-inside": Slice(
        S[1:3, ..., 2],
        (1, 0, 2),
        (3, 0, 3),
        (1, 1, 1),
        (("ellipsisMask", 2), ("shrinkAxisMask", 4)),
    ),
    "new-axis": Slice(
        S[0:4, None, 1:3, 0:6], (0, 9, 1, 0), (4, 9, 3, 6), (1, 1, 1, 1), (("newAxisMask", 2),)
    ),
}


@pytest.mark.parametrize("name", SLICES)
def test_slices_equal_the_references(name: str) -> None:
    check_op(SLICES[name].model(), against=BOTH)


@pytest.mark.parametrize("name", DESKTOP_SLICES)
def test_other_slices_equal_litert(name: str) -> None:
    check_op(DESKTOP_SLICES[name].model(), against=LITERT_ONLY)


@pytest.mark.parametrize("dtype", ["float32", "int32"])
def test_slices_of_other_types(dtype: str) -> None:
    check_op(PLAIN.model(dtype), against=BOTH)


def test_fewer_entries_than_axes() -> None:
    call = call_of(Slice(S[1:3], (1,), (3,), (1,)).model())
    assert strided_slice.OP.infer(call) == ((2, 5, 6),)


# ---- pack


def packing(axis: int, count: int = 3, shape: Shape = (2, 4), dtype: str = "int8") -> bytes:
    tensor = {"dtype": dtype, "quant": Q if dtype == "int8" else None}
    out = np.stack([np.empty(shape)] * count, axis).shape
    options = {"axis": axis, "valuesCount": count}
    inputs = [{"shape": shape, **tensor}] * count
    return one_op("PACK", inputs, {"shape": out, **tensor}, options)


@pytest.mark.parametrize("axis", [0, 1, 2, -1, -2, -3])
@pytest.mark.parametrize("dtype", ["int8", "float32", "int32"])
def test_pack_equals_the_references(axis: int, dtype: str) -> None:
    check_op(packing(axis, dtype=dtype), against=BOTH)


def test_pack_of_one() -> None:
    check_op(packing(1, count=1), against=BOTH)


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_kernels_equal_numpy(compiler: str) -> None:
    batch = KernelBatch()
    for name, case in (SLICES | DESKTOP_SLICES).items():
        for dtype in ("int8", "float32", "int16"):
            batch.add(f"slice {name} {dtype}", run_op(case.model(dtype)))
    for axis, dtype in itertools.product((0, 1, -1), ("int8", "float32", "int64")):
        batch.add(f"pack {axis} {dtype}", run_op(packing(axis, dtype=dtype)))
    batch.check(compiler)


# ---- shape


@pytest.mark.parametrize("dtype", ["int32", "int64"])
def test_shape_equals_litert(dtype: str) -> None:
    x, y = {"shape": (2, 3, 5), "quant": Q}, {"shape": (3,), "dtype": dtype}
    options = {"outType": {"int32": 2, "int64": 4}[dtype]}
    case = check_op(one_op("SHAPE", [x], y, options), against=LITERT_ONLY)
    assert case.outputs[0].tolist() == [2, 3, 5]


def test_shape_with_an_open_axis_is_not_known() -> None:
    call = call_of(one_op("SHAPE", [{"shape": (2, 3)}], {"shape": (2,), "dtype": "int32"}))
    known = shape.OP.fold(call)
    assert known is not None and known[0].tolist() == [2, 3]
    assert shape.OP.fold(change_input(0, shape=(-1, 3))(call)) is None


# ---- folding


def flatten_of_keras() -> bytes:
    """What Keras 3 makes of Flatten: the target shape is computed from the open batch."""
    builder = ModelBuilder()

    def index(values: int | list[int]) -> int:
        return builder.tensor(np.shape(values), "int32", data=values)

    x = builder.tensor((1, 2, 3, 4), "int8", Q, signature=(-1, 2, 3, 4))
    dims, batch = builder.tensor((4,), "int32"), builder.tensor((), "int32")
    target, y = builder.tensor((2,), "int32"), builder.tensor((1, 24), "int8", Q)
    builder.op("SHAPE", [x], [dims], {"outType": 2})
    builder.op(
        "STRIDED_SLICE",
        [dims, index([0]), index([1]), index([1])],
        [batch],
        {"shrinkAxisMask": 1},
    )
    builder.op("PACK", [batch, index(24)], [target], {"valuesCount": 2, "axis": 0})
    builder.op("RESHAPE", [x, target], [y])
    return builder.build([x], [y])


def test_flatten_of_keras_folds() -> None:
    graph = passes.run(tflite.loads(flatten_of_keras(), "test"))
    assert [node.op for node in graph.nodes] == ["reshape"]
    x = np.arange(24, dtype=np.int8).reshape(1, 2, 3, 4)
    np.testing.assert_array_equal(interpret.outputs(graph, [x])[0], x.reshape(1, 24))


def test_flatten_of_a_real_model_folds(shared: Path) -> None:
    graph = passes.run(tflite.load(shared / "models" / "digits_cnn_int8.tflite"))
    assert {"shape", "strided_slice", "pack"}.isdisjoint(node.op for node in graph.nodes)


# ---- rules

SHAPE_TO_FLOAT = one_op("SHAPE", [{"shape": (2, 3)}], {"shape": (2,), "dtype": "float32"})
NO_AXIS = Slice(
    S[..., 1:3, 0:5, 2:6], (0, 1, 0, 2), (0, 3, 5, 6), (1, 1, 1, 1), (("ellipsisMask", 1),)
)
ELLIPSES = Slice(S[...], (0, 0), (0, 0), (1, 1))


def entries(position: int, *values: int) -> Change:
    return change_input(position, data=np.array(values, np.int32))


BROKEN: tuple[tuple[str, bytes, Change], ...] = (
    ("output_is_an_index", SHAPE_TO_FLOAT, unchanged),
    ("same_type", PLAIN.model(), change_input(0, dtype=DType.INT16)),
    ("same_quantization_in_out", PLAIN.model(), change_input(0, quant=quant(0.1, 4))),
    ("indices_are_known", PLAIN.model(), change_input(1, data=None)),
    ("indices_are_known", PLAIN.model(), change_input(3, data=None)),
    ("indices_are_known", PLAIN.model(), change_input(2, dtype=DType.INT16)),
    ("indices_are_known", PLAIN.model(), change_input(2, shape=(2,))),
    ("indices_fit", PLAIN.model(), entries(3, 1, 0, 1)),
    ("indices_fit", PLAIN.model(), change_input(0, shape=(4, 5))),
    ("indices_fit", SLICES["shrink"].model(), entries(1, 4, 1, -1)),
    ("indices_fit", SLICES["shrink"].model(), entries(1, 2, 1, -7)),
    ("indices_fit", ELLIPSES.model(), change_attrs(ellipsis_mask=3)),
    ("indices_fit", NO_AXIS.model(), unchanged),
    ("end_is_absolute", PLAIN.model(), change_attrs(offset=True)),
    ("inputs_match", packing(0), change_input(1, None)),
    ("shapes_are_alike", packing(0), change_input(2, shape=(4, 2))),
    ("inputs_match", packing(0), change_input(2, dtype=DType.INT16)),
    ("inputs_match", packing(0), change_input(0, quant=None)),
    ("count_is_right", packing(0), change_attrs(count=2)),
    ("axis_fits", packing(0), change_attrs(axis=3)),
    ("axis_fits", packing(0), change_attrs(axis=-4)),
)

JUST_PASSING: tuple[tuple[bytes, Change], ...] = (
    (SLICES["shrink"].model(), entries(1, 3, 1, -6)),
    (ELLIPSES.model(), change_attrs(ellipsis_mask=2)),
    (PLAIN.model(), change_attrs(ellipsis_mask=1)),
    (PLAIN.model(), change_input(0, shape=(4, 5, 6, 1))),
    (packing(0), change_attrs(axis=-3)),
)


@pytest.mark.parametrize(("rule", "model", "change"), BROKEN)
def test_rule_refuses(rule: str, model: bytes, change: Change) -> None:
    assert broken_rule(change(call_of(model))) == rule


@pytest.mark.parametrize(("model", "change"), JUST_PASSING)
def test_rules_accept_at_the_limit(model: bytes, change: Change) -> None:
    assert broken_rule(change(call_of(model))) is None


def test_every_rule_is_tested() -> None:
    rules = (*shape.OP.rules, *strided_slice.OP.rules, *pack.OP.rules)
    assert {rule for rule, _, _ in BROKEN} == {rule.__name__ for rule in rules}
