"""Operators that move elements: numpy equals the references, C equals numpy, the rules hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from mcugen.importers import tflite
from mcugen.ir import Call, DType
from mcugen.ops import OPS
from mcugen.ops.base import Activation
from mcugen.testing.builder import one_op, quant
from mcugen.testing.check import (
    BOTH,
    LITERT_ONLY,
    TFLM_ONLY,
    Change,
    KernelBatch,
    broken_rule,
    change_attrs,
    change_input,
    change_output,
    check_op,
    run_op,
    unchanged,
)

Shape = tuple[int, ...]
TYPES = ("int8", "float32")


def tensor(shape: Shape, dtype: str) -> dict[str, Any]:
    return {"shape": shape, "dtype": dtype, "quant": quant(0.1, -7) if dtype == "int8" else None}


def numbers(values: Any) -> dict[str, Any]:
    return {"shape": np.shape(values), "dtype": "int32", "data": values}


def model(
    operator: str,
    shape: Shape,
    out: Shape,
    *constants: Any,
    dtype: str = "int8",
    options: dict[str, Any] | None = None,
) -> bytes:
    inputs = [tensor(shape, dtype), *map(numbers, constants)]
    return one_op(operator, inputs, tensor(out, dtype), options)


def slicing(shape: Shape, begin: Shape, size: Shape, dtype: str = "int8") -> bytes:
    out = [n - b if s == -1 else s for n, b, s in zip(shape, begin, size, strict=True)]
    return model("SLICE", shape, tuple(out), begin, size, dtype=dtype)


def transposing(shape: Shape, order: Shape, dtype: str = "int8") -> bytes:
    return model("TRANSPOSE", shape, tuple(shape[i] for i in order), order, dtype=dtype)


def to_depth(shape: Shape, block: int, dtype: str = "int8") -> bytes:
    n, h, w, c = shape
    out = (n, h // block, w // block, c * block * block)
    return model("SPACE_TO_DEPTH", shape, out, dtype=dtype, options={"blockSize": block})


def to_space(shape: Shape, block: int, dtype: str = "int8") -> bytes:
    n, h, w, c = shape
    out = (n, h * block, w * block, c // max(block * block, 1))
    return model("DEPTH_TO_SPACE", shape, out, dtype=dtype, options={"blockSize": block})


Pads = tuple[tuple[int, int], ...]


def mirroring(shape: Shape, pads: Pads, mode: int, dtype: str = "int8") -> bytes:
    out = tuple(n + sum(pair) for n, pair in zip(shape, pads, strict=True))
    return model("MIRROR_PAD", shape, out, pads, dtype=dtype, options={"mode": mode})


def to_batch(shape: Shape, block: Shape, pads: Pads, dtype: str = "int8") -> bytes:
    image = (n + sum(pair) for n, pair in zip(shape[1:-1], pads, strict=True))
    small = (n // b for n, b in zip(image, block, strict=True))
    out = (shape[0] * int(np.prod(block)), *small, shape[-1])
    return model("SPACE_TO_BATCH_ND", shape, out, block, pads, dtype=dtype)


def from_batch(shape: Shape, block: Shape, crops: Pads, dtype: str = "int8") -> bytes:
    large = (n * b - sum(p) for n, b, p in zip(shape[1:-1], block, crops, strict=True))
    out = (shape[0] // int(np.prod(block)), *large, shape[-1])
    return model("BATCH_TO_SPACE_ND", shape, out, block, crops, dtype=dtype)


def joining(shapes: Sequence[Shape], axis: int, dtype: str = "int8", activation: int = 0) -> bytes:
    out = np.concatenate([np.empty(shape) for shape in shapes], axis).shape
    options = {"axis": axis, "fusedActivationFunction": activation}
    return one_op(
        "CONCATENATION",
        [tensor(shape, dtype) for shape in shapes],
        tensor(out, dtype),
        options,
    )


def picking(
    shape: Shape, indices: Any, axis: int = 0, batch: int = 0, dtype: str = "int8"
) -> bytes:
    at = axis % len(shape)
    out = (*shape[:at], *np.shape(indices)[batch:], *shape[at + 1 :])
    options = {"axis": axis, "batchDims": batch}
    return model("GATHER", shape, out, indices, dtype=dtype, options=options)


def reversing(shape: Shape, axes: Shape, dtype: str = "int8") -> bytes:
    return model("REVERSE_V2", shape, shape, axes, dtype=dtype)


def tiling(shape: Shape, multiples: Shape, dtype: str = "int8") -> bytes:
    out = tuple(n * m for n, m in zip(shape, multiples, strict=False))
    return model("TILE", shape, out, multiples, dtype=dtype)


def broadcasting(shape: Shape, target: Shape, dtype: str = "int8") -> bytes:
    return model("BROADCAST_TO", shape, target, target, dtype=dtype)


def desktop_grid(dtype: str) -> dict[str, bytes]:
    """What TFLM lacks."""
    return {
        "tile-pixels": tiling((2, 3, 1, 4), (1, 1, 5, 1), dtype),
        "tile-two": tiling((2, 3, 4), (1, 2, 3), dtype),
        "tile-vector": tiling((5,), (3,), dtype),
        "tile-none": tiling((2, 3), (1, 1), dtype),
    }


def micro_grid(dtype: str) -> dict[str, bytes]:
    """What LiteRT has in a newer version only."""
    return {
        "reverse-negative": reversing((2, 3, 4), (-2,), dtype),
        "reverse-image": reversing((2, 3, 4, 2), (2, 1), dtype),
        "broadcast": broadcasting((2, 1, 3, 1), (2, 4, 3, 5), dtype),
        "broadcast-rank": broadcasting((3, 1), (2, 2, 3, 4), dtype),
        "broadcast-none": broadcasting((2, 3), (2, 3), dtype),
    }


def grid(dtype: str) -> dict[str, bytes]:
    """Each operator with equal, smallest and largest sizes, at both ends of the input."""
    image = (2, 4, 6, 3)
    sizes_2_1 = ((2, 3, 2), (2, 1, 2), (2, 4, 2))
    return {
        "slice": slicing(image, (0, 1, 2, 1), (2, 2, -1, 2), dtype),
        "slice-first": slicing(image, (0, 0, 0, 0), (1, 1, 1, 1), dtype),
        "slice-last": slicing(image, (1, 3, 5, 2), (1, 1, 1, -1), dtype),
        "slice-all": slicing(image, (0, 0, 0, 0), (-1, -1, -1, -1), dtype),
        "slice-rank1": slicing((9,), (3,), (4,), dtype),
        "reverse-time": reversing((1, 5, 3), (1,), dtype),
        "reverse-channels": reversing(image, (3,), dtype),
        "reverse-vector": reversing((5,), (0,), dtype),
        "reverse-one": reversing((1, 1, 4), (1,), dtype),
        "transpose-nchw": transposing(image, (0, 3, 1, 2), dtype),
        "transpose-all": transposing(image, (3, 2, 1, 0), dtype),
        "transpose-none": transposing(image, (0, 1, 2, 3), dtype),
        "transpose-matrix": transposing((5, 7), (1, 0), dtype),
        "transpose-ones": transposing((1, 7, 1, 4), (3, 2, 1, 0), dtype),
        "transpose-five": transposing((2, 3, 2, 2, 3), (1, 0, 4, 2, 3), dtype),
        "to-depth-2": to_depth(image, 2, dtype),
        "to-depth-1": to_depth(image, 1, dtype),
        "to-depth-3": to_depth((1, 6, 3, 2), 3, dtype),
        "to-space-2": to_space((2, 3, 2, 12), 2, dtype),
        "to-space-3": to_space((1, 2, 1, 9), 3, dtype),
        "mirror-reflect": mirroring(image, ((0, 1), (3, 2), (5, 0), (2, 2)), 0, dtype),
        "mirror-symmetric": mirroring(image, ((2, 1), (4, 2), (0, 6), (3, 3)), 1, dtype),
        "mirror-rows": mirroring((5, 3), ((2, 1), (0, 0)), 0, dtype),
        "to-batch": to_batch(image, (2, 3), ((0, 0), (0, 0)), dtype),
        "to-batch-1x1": to_batch(image, (1, 1), ((0, 0), (0, 0)), dtype),
        "from-batch": from_batch((12, 2, 3, 2), (2, 3), ((0, 0), (0, 0)), dtype),
        "from-batch-cropped": from_batch((8, 3, 2, 3), (2, 2), ((1, 2), (0, 3)), dtype),
        "from-batch-1d": from_batch((6, 4, 3), (3,), ((2, 1),), dtype),
        "concat-middle": joining(sizes_2_1, 1, dtype),
        "concat-first": joining(((1, 3), (4, 3)), 0, dtype),
        "concat-last": joining(((2, 2, 1), (2, 2, 5)), -1, dtype),
        "concat-one": joining(((2, 3),), 1, dtype),
        "gather-first": picking((5, 3, 2), [4, 0, 0, 2], dtype=dtype),
        "gather-middle": picking((2, 5, 3), [[1, 4], [0, 3]], 1, dtype=dtype),
        "gather-last": picking((2, 3, 4), [3, 1], -1, dtype=dtype),
        "gather-scalar": picking((4, 3), 2, dtype=dtype),
        "gather-batches": picking((2, 3, 4), [[1, 0], [2, 2]], 1, 1, dtype=dtype),
        "gather-inside": picking((2, 3, 4), [[1, 0], [3, 2]], 2, 1, dtype=dtype),
    }


PADDED = {
    "to-batch-padded": to_batch((1, 5, 4, 3), (2, 3), ((1, 2), (2, 0))),
    "to-batch-1d": to_batch((2, 5, 3), (2,), ((1, 0),)),
}
GRID = grid("int8")


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("name", GRID)
def test_numpy_equals_the_references(name: str, dtype: str) -> None:
    check_op(grid(dtype)[name], against=BOTH)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("name", desktop_grid("int8"))
def test_numpy_equals_litert(name: str, dtype: str) -> None:
    check_op(desktop_grid(dtype)[name], against=LITERT_ONLY)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("name", micro_grid("int8"))
def test_numpy_equals_tflm(name: str, dtype: str) -> None:
    check_op(micro_grid(dtype)[name], against=TFLM_ONLY)


@pytest.mark.parametrize("name", PADDED)
def test_batches_pad_with_the_zero_point_as_litert(name: str) -> None:
    check_op(PADDED[name], against=LITERT_ONLY)


def test_indices_at_run_time_equal_the_references() -> None:
    x, indices = tensor((5, 3), "int8"), {"shape": (4,), "dtype": "int32"}
    picked = one_op("GATHER", [x, indices], tensor((4, 3), "int8"), {"axis": 0})
    values = np.arange(15, dtype=np.int8).reshape(5, 3)
    check_op(picked, [values, np.array([4, 0, 2, 2], np.int32)], against=BOTH)


def wild_gather() -> tuple[bytes, list[np.ndarray]]:
    x, indices = tensor((5, 3), "int8"), {"shape": (4,), "dtype": "int32"}
    picked = one_op("GATHER", [x, indices], tensor((4, 3), "int8"), {"axis": 0})
    wild = np.array([-1, 5, 2**31 - 1, -(2**31)], np.int32)
    return picked, [np.arange(15, dtype=np.int8).reshape(5, 3), wild]


def test_indices_out_of_range_take_the_nearest_entry() -> None:
    picked, values = wild_gather()
    taken = run_op(picked, values).outputs[0]
    np.testing.assert_array_equal(taken, values[0][[0, 4, 4, 0]])


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_kernels_equal_numpy(compiler: str) -> None:
    batch = KernelBatch()
    for dtype in TYPES:
        for name, case in (grid(dtype) | desktop_grid(dtype) | micro_grid(dtype)).items():
            batch.add(f"{name} {dtype}", run_op(case))
    for name, case in PADDED.items():
        batch.add(name, run_op(case))
    batch.add("wild gather", run_op(*wild_gather()))
    batch.check(compiler)


def test_kernels_equal_numpy_on_a_core() -> None:
    batch = KernelBatch()
    for name, case in GRID.items():
        batch.add(name, run_op(case))
    batch.check_emulated("cortex-m4")


def params(case: bytes) -> Any:
    call = call_of(case)
    return OPS[call.node.op].kernels[0].params(call)


def test_neighbouring_axes_are_copied_in_one_run() -> None:
    fields = params(transposing((2, 3, 4, 5), (1, 0, 2, 3), "float32"))
    assert fields == {
        "start": 0,
        "size": (1, 1, 3, 2),
        "stride": (0, 0, 4 * 5 * 4, 3 * 4 * 5 * 4),
        "run": 4 * 5 * 4,
    }
    assert params(slicing((2, 3, 4, 5), (0, 1, 0, 0), (2, 2, -1, -1)))["run"] == 2 * 4 * 5
    assert params(mirroring((1, 5, 2, 3), ((0, 0), (1, 1), (0, 0), (0, 0)), 0))["run"] == 6


# ---- rules


def call_of(case: bytes) -> Call:
    return next(tflite.loads(case, "test").calls())


def entries(position: int, *values: int) -> Change:
    return change_input(position, data=np.array(values, np.int32), shape=(len(values),))


def pairs(*values: tuple[int, int]) -> Change:
    return change_input(2, data=np.array(values, np.int32), shape=(len(values), 2))


SLICE = slicing((4, 5), (1, 2), (2, 2))
TRANSPOSE = transposing((2, 3, 4), (2, 0, 1))
DEPTH, SPACE = to_depth((1, 4, 6, 3), 2), to_space((1, 2, 3, 8), 2)
MIRROR = mirroring((4, 5), ((3, 0), (0, 2)), 0)
BATCH = to_batch((1, 4, 6, 2), (2, 2), ((0, 0), (1, 1)))
UNBATCH = from_batch((8, 2, 2, 2), (2, 2), ((0, 0), (1, 1)))
JOIN = joining(((2, 3), (2, 1)), 1)
PICK = picking((4, 3), [1, 2])
REVERSE = reversing((2, 3), (1,))
TILE, SPREAD = tiling((2, 3), (2, 1)), broadcasting((1, 3), (2, 3))

BROKEN: tuple[tuple[str, bytes, Change], ...] = (
    ("same_type", SLICE, change_output(dtype=DType.INT16)),
    ("same_quantization_in_out", SLICE, change_input(0, quant=quant(0.2, -7))),
    ("begin_known", SLICE, change_input(1, data=None)),
    ("begin_known", SLICE, change_input(1, dtype=DType.INT16)),
    ("size_known", SLICE, change_input(2, data=None)),
    ("box_fits", SLICE, entries(1, 1)),
    ("box_fits", SLICE, entries(1, -1, 2)),
    ("box_fits", SLICE, entries(1, 3, 2)),
    ("box_fits", SLICE, entries(2, 2, 0)),
    ("box_fits", SLICE, entries(2, 2, -2)),
    ("permutation_known", TRANSPOSE, change_input(1, data=None)),
    ("permutation_fits", TRANSPOSE, entries(1, 0, 1)),
    ("permutation_fits", TRANSPOSE, entries(1, 0, 1, 1)),
    ("permutation_fits", TRANSPOSE, entries(1, 0, 1, 3)),
    ("permutation_fits", TRANSPOSE, entries(1, 0, 1, -1)),
    ("input_is_4d", DEPTH, change_input(0, shape=(4, 6, 3))),
    ("block_divides_image", DEPTH, change_attrs(block=4)),
    ("block_divides_image", DEPTH, change_attrs(block=3)),
    ("block_divides_image", DEPTH, change_attrs(block=0)),
    ("block_divides_depth", SPACE, change_attrs(block=3)),
    ("block_divides_depth", SPACE, change_attrs(block=-2)),
    ("paddings_are_known", MIRROR, change_input(1, data=None)),
    ("paddings_are_positive", MIRROR, change_input(1, data=np.full((2, 2), -1, np.int32))),
    ("reflection_is_short", MIRROR, change_input(0, shape=(3, 5))),
    ("reflection_is_short", mirroring((3, 5), ((3, 0), (0, 6)), 1), unchanged),
    ("input_is_image", BATCH, change_input(0, shape=(1, 4, 6, 2, 1))),
    ("block_known", BATCH, change_input(1, data=None)),
    ("paddings_known", BATCH, change_input(2, data=None)),
    ("block_fits", BATCH, entries(1, 2)),
    ("block_fits", BATCH, entries(1, 2, 0)),
    ("block_fits", BATCH, pairs((0, 0), (1, -1))),
    ("block_divides_padded_image", BATCH, pairs((0, 1), (1, 1))),
    ("crops_known", UNBATCH, change_input(2, data=None)),
    ("block_divides_batch", UNBATCH, change_input(0, shape=(6, 2, 2, 2))),
    ("block_divides_batch", UNBATCH, pairs((2, 2), (0, 0))),
    ("inputs_match", JOIN, change_input(1, None)),
    ("inputs_match", JOIN, change_input(1, dtype=DType.INT16)),
    ("inputs_match", JOIN, change_input(1, quant=quant(0.2, -7))),
    ("axis_exists", JOIN, change_attrs(axis=2)),
    ("axis_exists", JOIN, change_attrs(axis=-3)),
    ("shapes_agree", JOIN, change_input(1, shape=(1, 3))),
    ("shapes_agree", JOIN, change_input(1, shape=(2, 1, 1))),
    ("activation_is_none", JOIN, change_attrs(activation=Activation.RELU)),
    ("indices_are_int32", PICK, change_input(1, dtype=DType.INT64)),
    ("axis_fits", PICK, change_attrs(axis=2)),
    ("axis_fits", PICK, change_attrs(batch_dims=1)),
    ("axis_fits", PICK, change_attrs(batch_dims=2)),
    ("constant_indices_fit", PICK, entries(1, 1, 4)),
    ("constant_indices_fit", PICK, entries(1, -1, 2)),
    ("axes_known", REVERSE, change_input(1, data=None)),
    ("axes_fit", REVERSE, entries(1, 2)),
    ("axes_fit", REVERSE, entries(1, -3)),
    ("axes_fit", REVERSE, entries(1, 1, -1)),
    ("multiples_known", TILE, change_input(1, data=None)),
    ("multiples_fit", TILE, entries(1, 2)),
    ("multiples_fit", TILE, entries(1, 2, 0)),
    ("shape_known", SPREAD, change_input(1, data=None)),
    ("shape_fits", SPREAD, entries(1, 3)),
    ("shape_fits", SPREAD, entries(1, 0, 3)),
    ("shape_fits", SPREAD, entries(1, 2, 4)),
)

JUST_PASSING: tuple[tuple[bytes, Change], ...] = (
    (SLICE, entries(1, 2, 3)),
    (SLICE, entries(2, 3, 3)),
    (SLICE, entries(2, 1, 1)),
    (TRANSPOSE, entries(1, 0, 1, 2)),
    (DEPTH, change_attrs(block=1)),
    (SPACE, change_attrs(block=1)),
    (mirroring((3, 5), ((3, 0), (0, 5)), 1), unchanged),
    (BATCH, pairs((0, 2), (1, 1))),
    (UNBATCH, pairs((1, 2), (0, 0))),
    (JOIN, change_attrs(axis=-1)),
    (JOIN, change_input(1, shape=(2, 99))),
    (PICK, entries(1, 0, 3)),
    (PICK, change_input(1, data=None)),
    (PICK, change_attrs(axis=-2)),
    (REVERSE, entries(1, -2)),
    (REVERSE, entries(1, 0, 1)),
    (TILE, entries(1, 1, 1)),
    (SPREAD, entries(1, 1, 3)),
    (SPREAD, entries(1, 7, 2, 3)),
)

OPERATORS = (
    *("slice", "transpose", "space_to_depth", "depth_to_space", "mirror_pad", "concatenation"),
    *("space_to_batch_nd", "batch_to_space_nd", "gather", "reverse_v2", "tile", "broadcast_to"),
)


@pytest.mark.parametrize(("rule", "case", "change"), BROKEN)
def test_rule_refuses(rule: str, case: bytes, change: Change) -> None:
    assert broken_rule(change(call_of(case))) == rule


@pytest.mark.parametrize(("case", "change"), JUST_PASSING)
def test_rules_accept_at_the_limit(case: bytes, change: Change) -> None:
    assert broken_rule(change(call_of(case))) is None


def test_every_rule_is_tested() -> None:
    names = {rule.__name__ for operator in OPERATORS for rule in OPS[operator].rules}
    assert {rule for rule, _, _ in BROKEN} == names


def test_kernel_says_how_many_axes_it_takes() -> None:
    call = call_of(transposing((2, 2, 2, 2, 2, 2), (5, 4, 3, 2, 1, 0)))
    assert "four axes" in str(OPS["transpose"].kernels[0].refusal(call))
    call = call_of(mirroring((3,) * 5, ((1, 1),) * 5, 0))
    assert "four axes" in str(OPS["mirror_pad"].kernels[0].refusal(call))
