"""Damaged and malicious files: a Graph or a McugenError, in bounded time and memory."""

from __future__ import annotations

import random
import struct
import time
import tracemalloc
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from mcugen import passes
from mcugen.errors import McugenError, ModelFileError
from mcugen.importers import tflite
from mcugen.testing.builder import FILE_IDENTIFIER, ModelBuilder, quant

SECONDS = 5.0  # an ordinary mutant takes 5 ms


def conv_model() -> bytes:
    """RELU6 behind a convolution, behind an open batch."""
    model = ModelBuilder()
    x = model.tensor([1, 6, 6, 2], quant=quant(0.5, 3), signature=[-1, 6, 6, 2])
    weights = np.arange(36, dtype=np.int8).reshape(2, 3, 3, 2)
    w = model.tensor([2, 3, 3, 2], quant=quant([0.25, 0.125], axis=0), data=weights)
    bias = model.tensor([2], "int32", quant([0.125, 0.0625], axis=0), data=[100, -100])
    y, z = (model.tensor([1, 6, 6, 2], quant=quant(1.0, -7)) for _ in range(2))
    strides = {"strideH": 1, "strideW": 1, "dilationHFactor": 1, "dilationWFactor": 1}
    model.op("CONV_2D", [x, w, bias], [y], strides)
    model.op("RELU6", [y], [z])
    return model.build([x], [z])


def import_and_resolve(data: bytes) -> str:
    """What becomes of a file; anything but these three ends the test."""
    try:
        graph = tflite.loads(data, "mutant.tflite")
    except ModelFileError:
        return "damaged"
    try:
        passes.run(graph)
    except McugenError:
        return "refused"
    return "legal"


def flip_bits(data: bytearray, rng: random.Random) -> None:
    for _ in range(rng.choice((1, 8, 64))):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def replace_words(data: bytearray, rng: random.Random) -> None:
    """Offsets, lengths and dimensions are 32-bit words."""
    for _ in range(rng.choice((1, 1, 4))):
        position = rng.randrange(len(data) - 4) & ~3
        words = (0, 1, 2**31 - 1, 2**31, 2**32 - 1, len(data), rng.randrange(64))
        struct.pack_into("<I", data, position, rng.choice((*words, rng.getrandbits(32))))


def replace_small_words(data: bytearray, rng: random.Random) -> None:
    """Most small words are dimensions and indices."""
    for _ in range(rng.choice((1, 2, 3))):
        small = [
            p for p in range(0, len(data) - 4, 4) if data[p] > 0 and not any(data[p + 1 : p + 4])
        ]
        word = rng.choice((0, 1, 2, 3, 7, 100, 2**16, 2**20, 2**32 - 1, 2**32 - 2))
        struct.pack_into("<I", data, rng.choice(small), word)


def replace_halves(data: bytearray, rng: random.Random) -> None:
    """Vtables are made of 16-bit words."""
    for _ in range(rng.choice((1, 4, 16))):
        position = rng.randrange(len(data) - 2) & ~1
        half = rng.choice((0, 4, 8, 2**16 - 1, rng.getrandbits(16), rng.randrange(128)))
        struct.pack_into("<H", data, position, half)


def copy_block(data: bytearray, rng: random.Random) -> None:
    size = rng.randrange(1, 256)
    source, target = rng.randrange(len(data) - size), rng.randrange(len(data) - size)
    data[target : target + size] = data[source : source + size]


def truncate(data: bytearray, rng: random.Random) -> None:
    del data[rng.randrange(len(data)) :]


MUTATIONS = (
    flip_bits,
    replace_words,
    replace_small_words,
    replace_halves,
    copy_block,
    truncate,
)


def mutants(data: bytes, count: int, seed: int) -> list[bytes]:
    rng = random.Random(seed)
    made = []
    for _ in range(count):
        mutant = bytearray(data)
        rng.choice(MUTATIONS)(mutant, rng)
        mutant[4:8] = data[4:8]
        made.append(bytes(mutant))
    return made


def bounded(data: bytes) -> str:
    start = time.monotonic()
    outcome = import_and_resolve(data)
    assert time.monotonic() - start < SECONDS
    return outcome


def test_mutants_of_a_small_model() -> None:
    outcomes = {bounded(mutant) for mutant in mutants(conv_model(), 300, seed=1)}
    assert outcomes == {"damaged", "refused", "legal"}


@pytest.mark.parametrize("name", ["hello_world_int8", "digits_cnn_int8", "kws_float32"])
def test_mutants_of_real_models(shared: Path, name: str) -> None:
    data = (shared / "models" / f"{name}.tflite").read_bytes()
    for mutant in mutants(data, 200, seed=2):
        bounded(mutant)


def test_every_truncation_is_refused() -> None:
    data = conv_model()
    for size in range(len(data) - 64):
        assert import_and_resolve(data[:size]) == "damaged", size


def test_real_model_cut_at_each_kilobyte(shared: Path) -> None:
    data = (shared / "models" / "kws_int8.tflite").read_bytes()
    for size in range(1024, len(data), 1024):
        assert import_and_resolve(data[:size]) == "damaged", size


def amplified(entries: int) -> bytes:
    """A file whose tensors are all one table, with a name as long as there are tensors."""
    builder = flatbuffers.Builder(1024)
    name = builder.CreateString("x" * entries)
    schema.TensorStart(builder)
    schema.TensorAddName(builder, name)
    tensor = schema.TensorEnd(builder)
    schema.SubGraphStartTensorsVector(builder, entries)
    tensors = offsets(builder, tensor, entries)
    schema.SubGraphStart(builder)
    schema.SubGraphAddTensors(builder, tensors)
    subgraph = schema.SubGraphEnd(builder)
    schema.ModelStartSubgraphsVector(builder, 1)
    subgraphs = offsets(builder, subgraph, 1)
    schema.BufferStart(builder)
    buffer = schema.BufferEnd(builder)
    schema.ModelStartBuffersVector(builder, 1)
    buffers = offsets(builder, buffer, 1)
    schema.ModelStart(builder)
    schema.ModelAddSubgraphs(builder, subgraphs)
    schema.ModelAddBuffers(builder, buffers)
    builder.Finish(schema.ModelEnd(builder), FILE_IDENTIFIER)
    return bytes(builder.Output())


def offsets(builder: Any, table: int, count: int) -> int:
    """The vector that was started, filled with one table."""
    for _ in range(count):
        builder.PrependUOffsetTRelative(table)
    return int(builder.EndVector())


def test_shared_vectors_do_not_multiply_work() -> None:
    data = amplified(20_000)
    tracemalloc.start()
    try:
        assert bounded(data) == "damaged"
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 20 * len(data)


def test_vectors_of_absurd_length() -> None:
    data = bytearray(conv_model())
    main = schema.Model.GetRootAs(data).Subgraphs(0)
    for slot in (4, 6, 8, 10):  # tensors, inputs, outputs, operators
        mutant = bytearray(data)
        struct.pack_into("<I", mutant, main._tab.Vector(main._tab.Offset(slot)) - 4, 2**31)
        assert bounded(bytes(mutant)) == "damaged"


def test_a_table_that_is_its_own_vtable() -> None:
    data = bytearray(conv_model())
    root = struct.unpack_from("<I", data, 0)[0]
    struct.pack_into("<i", data, root, 0)
    assert bounded(bytes(data)) != "legal"
