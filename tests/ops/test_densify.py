"""DENSIFY: sparse constants, as pruned models have them, equal LiteRT's; nonsense is refused."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Sequence
from typing import Any

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from mcugen import passes
from mcugen.errors import ModelFileError
from mcugen.importers import tflite
from mcugen.ops import densify
from mcugen.ops.base import Array
from mcugen.testing.builder import FILE_IDENTIFIER, ModelBuilder, one_op
from mcugen.testing.check import LITERT_ONLY, broken_rule, check_op

DENSE, CSR = schema.DimensionType.DENSE, schema.DimensionType.SPARSE_CSR
VECTORS = {
    np.uint8: (schema.SparseIndexVector.Uint8Vector, schema.Uint8VectorT),
    np.uint16: (schema.SparseIndexVector.Uint16Vector, schema.Uint16VectorT),
    np.int32: (schema.SparseIndexVector.Int32Vector, schema.Int32VectorT),
}
LAST = 3  # the axis in CSR form
Edit = Callable[[Any], None]


def pruned(*shape: int, dtype: str = "float32") -> Array:
    rng = np.random.default_rng(1)
    values = rng.integers(1, 100, shape) * (rng.random(shape) < 0.3)
    return values.astype(dtype)


def metadata(form: int, size: int = 0, segments: Any = (), indices: Any = ()) -> Any:
    kind, vector = VECTORS[np.int32 if len(segments) < 9 else np.uint16]
    small, bytes_ = VECTORS[np.uint8]
    if form == DENSE:
        return schema.DimensionMetadataT(format=form, denseSize=size)
    return schema.DimensionMetadataT(
        format=form,
        arraySegmentsType=kind,
        arraySegments=vector(values=list(segments)),
        arrayIndicesType=small,
        arrayIndices=bytes_(values=list(indices)),
    )


def by_rows(value: Array) -> tuple[Any, Array]:
    """All axes dense but the last one."""
    rows = value.reshape(-1, value.shape[-1])
    segments = np.concatenate([[0], np.cumsum((rows != 0).sum(axis=1))])
    dense = [metadata(DENSE, size) for size in value.shape[:-1]]
    levels = [*dense, metadata(CSR, 0, segments, np.nonzero(rows)[1])]
    order = list(range(value.ndim))
    return schema.SparsityParametersT(traversalOrder=order, dimMetadata=levels), value[value != 0]


def by_blocks(value: Array, height: int, width: int) -> tuple[Any, Array]:
    """A matrix in blocks, those with a value among them stored."""
    rows, cols = value.shape[0] // height, value.shape[1] // width
    blocks = value.reshape(rows, height, cols, width).swapaxes(1, 2)
    kept = np.any(blocks != 0, axis=(2, 3))
    segments = np.concatenate([[0], np.cumsum(kept.sum(axis=1))])
    levels = [
        metadata(DENSE, rows),
        metadata(CSR, 0, segments, np.nonzero(kept)[1]),
        metadata(DENSE, height),
        metadata(DENSE, width),
    ]
    sparsity = schema.SparsityParametersT(
        traversalOrder=[0, 1, 2, 3], blockMap=[0, 1], dimMetadata=levels
    )
    return sparsity, blocks[kept].reshape(-1)


def model_of(value: Array, sparsity: Any, stored: Array, edits: Sequence[Edit] = ()) -> bytes:
    """A float input plus the DENSIFY of a sparse constant."""
    b = ModelBuilder()
    shape, dtype = value.shape, str(value.dtype)
    weights = b.tensor(shape, dtype, data=value)
    x, y, dense = b.tensor(shape, "float32"), b.tensor(shape, "float32"), b.tensor(shape, dtype)
    b.op("DENSIFY", [weights], [dense])
    if dtype != "float32":
        wide = b.tensor(shape, "float32")
        b.op("DEQUANTIZE", [dense], [wide])
        dense = wide
    b.op("ADD", [x, dense], [y])
    model = schema.ModelT.InitFromPackedBuf(b.build([x], [y]))
    tensor = model.subgraphs[0].tensors[weights]
    tensor.sparsity = sparsity
    model.buffers[tensor.buffer].data = np.frombuffer(stored.tobytes(), np.uint8)
    for edit in edits:
        edit(sparsity)
    return packed(model)


def packed(model: Any) -> bytes:
    out = flatbuffers.Builder(1024)
    out.Finish(model.Pack(out), FILE_IDENTIFIER)
    return bytes(out.Output())


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("shape", [(3, 2, 4, 7), (20, 9), (1, 6)])
def test_rows_equal_litert(shape: tuple[int, ...], dtype: str) -> None:
    value = pruned(*shape, dtype=dtype)
    model = model_of(value, *by_rows(value))
    check_op(model, against=LITERT_ONLY)
    graph = passes.run(tflite.loads(model, "test"))
    assert [node.op for node in graph.nodes] == ["add"]


@pytest.mark.parametrize("block", [(1, 4), (4, 1), (2, 2)])
def test_blocks_equal_litert(block: tuple[int, int]) -> None:
    value = pruned(8, 12)
    check_op(model_of(value, *by_blocks(value, *block)), against=LITERT_ONLY)


def nonsense(**fields: Any) -> Edit:
    def edit(sparsity: Any) -> None:
        for name, value in fields.items():
            setattr(sparsity, name, value)

    return edit


def last(**fields: Any) -> Edit:
    def edit(sparsity: Any) -> None:
        for name, value in fields.items():
            setattr(sparsity.dimMetadata[LAST], name, value)

    return edit


@pytest.mark.parametrize(
    "edit",
    [
        nonsense(traversalOrder=[0, 1, 2]),
        nonsense(traversalOrder=[0, 1, 2, 2]),
        nonsense(traversalOrder=[0, 1, 2, 3, 4], blockMap=[9]),
        nonsense(dimMetadata=[]),
        nonsense(dimMetadata=[metadata(DENSE, 2**30)] * 4),
        nonsense(dimMetadata=[metadata(DENSE, 0)] * 4),
        nonsense(dimMetadata=[metadata(CSR)] * 4),
        last(arraySegments=schema.Uint16VectorT(values=[5] * 25)),
        last(arraySegments=schema.Uint16VectorT(values=[0, 60000] * 13)),
        last(arrayIndices=schema.Uint8VectorT(values=[200] * 100)),
        last(arrayIndicesType=0),
    ],
)
def test_what_contradicts_itself_is_refused(edit: Edit) -> None:
    value = pruned(3, 2, 4, 7)
    with pytest.raises(ModelFileError, match='tensor#0 "t0": a sparse tensor whose levels'):
        tflite.loads(model_of(value, *by_rows(value), [edit]), "test")


def test_a_small_file_claims_little_memory() -> None:
    """Its levels may say that there are many values; each would take an array of indices."""
    value = pruned(1, 8)
    model = schema.ModelT.InitFromPackedBuf(model_of(value, *by_rows(value)))
    tensor = model.subgraphs[0].tensors[0]
    tensor.shape = [1, 2**22]
    tensor.sparsity.dimMetadata = [metadata(DENSE, 1), metadata(DENSE, 2**22)]
    content = packed(model)
    tracemalloc.start()
    with pytest.raises(ModelFileError, match="larger than the tensor or the file"):
        tflite.loads(content, "test")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**22


# ---- rules

RUN_TIME = one_op("DENSIFY", [{"shape": (2,)}], {"shape": (2,)})
TYPES = one_op("DENSIFY", [{"shape": (1,), "data": [1]}], {"shape": (1,), "dtype": "int16"})
BROKEN = (("input_is_constant", RUN_TIME), ("same_type", TYPES))


@pytest.mark.parametrize(("rule", "model"), BROKEN)
def test_rule_refuses(rule: str, model: bytes) -> None:
    assert broken_rule(next(tflite.loads(model, "test").calls())) == rule


def test_every_rule_is_tested() -> None:
    assert {rule for rule, _ in BROKEN} == {rule.__name__ for rule in densify.OP.rules}
