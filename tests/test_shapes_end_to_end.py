"""Unusual models from the file to a self-test: 1-D convolutions, many ports, batches, booleans."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mcugen import interpret, passes, reference, validation
from mcugen.emit import emit
from mcugen.importers import tflite
from mcugen.ir import Graph
from mcugen.lower import lower
from mcugen.model import Model
from mcugen.program import Source
from mcugen.select import select
from mcugen.target import CPUS
from mcugen.testing.builder import ModelBuilder, quant
from mcugen.testing.check import assert_equal, random_inputs

Q = quant(0.1, -7)


class Body(ModelBuilder):
    """A builder with activations and constants of int8 models."""

    def activation(self, *shape: int) -> int:
        return self.tensor(shape, "int8", Q)

    def index(self, values: Any) -> int:
        return self.tensor(np.shape(values), "int32", data=values)

    def layer(self, operator: str, inputs: list[int], *shape: int, **options: Any) -> int:
        output = self.activation(*shape)
        self.op(operator, inputs, [output], options)
        return output

    def conv(self, x: int, shape: tuple[int, ...], kernel: tuple[int, int], **options: Any) -> int:
        """A convolution with weights [shape[-1]][kernel][3] and a bias."""
        size = (shape[-1], *kernel, 3)
        values = np.random.default_rng(5).integers(-127, 128, size)
        scales = quant([0.001] * shape[-1], axis=0)
        weights = self.tensor(size, "int8", scales, values)
        bias = self.tensor(shape[-1:], "int32", quant([0.0001] * shape[-1]), range(shape[-1]))
        return self.layer("CONV_2D", [x, weights, bias], *shape, strideH=1, strideW=1, **options)


def conv1d(flat: bool) -> bytes:
    """A Conv1D of Keras on [2, 16, 3], and a pool; `flat` ends it in a RESHAPE, not a SQUEEZE."""
    b = Body()
    x = b.activation(2, 16, 3)
    rows = b.layer("EXPAND_DIMS", [x, b.index(1)], 2, 1, 16, 3)
    wide = b.conv(rows, (2, 1, 14, 4), (1, 3), padding=1, fusedActivationFunction=1)
    if flat:
        y = b.layer("RESHAPE", [wide, b.index([2, 56])], 2, 56)
    else:
        line = b.layer("SQUEEZE", [wide], 2, 14, 4, squeezeDims=[1])
        y = b.layer("MEAN", [line, b.index([1])], 2, 4)
    return b.build([x], [y])


def many_ports() -> bytes:
    """Three inputs and four outputs, in batches of two; parts that are split, joined and mixed."""
    b = Body()
    image, other, picks = b.activation(2, 4, 6, 3), b.activation(2, 4, 6, 3), b.tensor([3], "int32")
    upper, lower_half = b.activation(2, 2, 6, 3), b.activation(2, 2, 6, 3)
    b.op("SPLIT", [b.index(1), image], [upper, lower_half], {"numSplits": 2})
    joined = b.layer("CONCATENATION", [lower_half, other, upper], 2, 8, 6, 3, axis=1)
    turned = b.layer("TRANSPOSE", [joined, b.index([0, 2, 1, 3])], 2, 6, 8, 3)
    picked = b.layer("GATHER", [turned, picks], 2, 3, 8, 3, axis=1)
    conv = b.conv(picked, (2, 3, 8, 5), (3, 3), padding=0)
    grown = b.layer("RESIZE_BILINEAR", [conv, b.index([5, 9])], 2, 5, 9, 5, halfPixelCenters=True)
    first, second = b.activation(5, 9, 5), b.activation(5, 9, 5)
    b.op("UNPACK", [grown], [first, second], {"num": 2, "axis": 0})
    stacked = b.layer("PACK", [second, first, second], 5, 3, 9, 5, axis=1, valuesCount=3)
    most = b.layer("REDUCE_MAX", [stacked, b.index([0, 2])], 3, 5)
    product = b.layer("BATCH_MATMUL", [most, most], 3, 3, adjY=True)
    return b.build([image, other, picks], [stacked, most, product, upper])


def dilated() -> bytes:
    """What old converters make of a dilated convolution."""
    b = Body()
    x = b.activation(1, 9, 8, 3)
    block = b.index([2, 2])
    dealt = b.layer("SPACE_TO_BATCH_ND", [x, block, b.index([[2, 3], [2, 2]])], 4, 7, 6, 3)
    conv = b.conv(dealt, (4, 5, 4, 4), (3, 3), padding=1)
    y = b.layer("BATCH_TO_SPACE_ND", [conv, block, b.index([[0, 1], [0, 0]])], 1, 9, 8, 4)
    return b.build([x], [y])


def mixed_types() -> bytes:
    """Booleans and indices within the model, as an input, and as outputs."""
    b = Body()
    shape = (1, 4, 5, 6)
    x, y, mask = b.activation(*shape), b.activation(*shape), b.tensor(shape, "bool")

    def boolean(operator: str, *inputs: int) -> int:
        output = b.tensor(shape, "bool")
        b.op(operator, inputs, [output])
        return output

    either = boolean("LOGICAL_OR", boolean("GREATER", x, y), mask)
    chosen = b.layer("SELECT_V2", [either, x, y], *shape)
    gate = b.tensor(shape, "int8", quant(1 / 256, -128))
    b.op("LOGISTIC", [chosen], [gate])
    product = b.layer("MUL", [chosen, gate], *shape, fusedActivationFunction=1)
    best = b.tensor(shape[:-1], "int32")
    b.op("ARG_MAX", [product, b.index([-1])], [best], {"outputType": 2})
    return b.build([x, y, mask], [product, boolean("LOGICAL_NOT", either), best])


def unsigned_edges() -> bytes:
    """What a converter makes for inputs and outputs of uint8."""
    b = Body()
    image = b.tensor((1, 6, 5, 3), "uint8", quant(0.1, 121))
    x = b.layer("QUANTIZE", [image], 1, 6, 5, 3)
    maps = b.conv(x, (1, 4, 3, 4), (3, 3), padding=1)
    scores = b.tensor((1, 4, 3, 4), "uint8", quant(0.1, 128))
    b.op("QUANTIZE", [maps], [scores])
    return b.build([image], [scores])


MODELS = {
    "conv1d": conv1d(flat=False),
    "conv1d_flat": conv1d(flat=True),
    "many_ports": many_ports(),
    "dilated": dilated(),
    "mixed_types": mixed_types(),
    "unsigned_edges": unsigned_edges(),
}


def compiled(name: str) -> Graph:
    return passes.run(tflite.loads(MODELS[name], name))


@pytest.mark.parametrize("name", MODELS)
def test_passes_keep_the_outputs_of_the_reference(name: str) -> None:
    graph = compiled(name)
    inputs = random_inputs(graph)
    if name == "many_ports":
        inputs[2] = np.array([5, 0, 2], np.int32)
    theirs = reference.litert if name == "dilated" else reference.tflm
    expected = theirs(MODELS[name]).outputs(inputs)
    for ours, wanted in zip(interpret.outputs(graph, inputs), expected, strict=True):
        assert_equal(ours, wanted, name)


@pytest.mark.parametrize("name", MODELS)
def test_the_generated_project_passes_its_self_test(
    name: str, tmp_path: Path, clang_format: list[str]
) -> None:
    graph = compiled(name)
    project = tmp_path / name
    source = Source(f"{name}.tflite", "0" * 64)
    emit(lower(graph, select(graph, CPUS["host"]), source, name=name), None, project)
    done = subprocess.run(
        ["make", "selftest"], cwd=project, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    subprocess.run([*clang_format, "--dry-run", "-Werror", project / f"{name}.c"], check=True)


def test_tflm_is_not_asked_where_it_is_wrong() -> None:
    model = Model(Path("dilated.tflite"), MODELS["dilated"], tflite.loads(MODELS["dilated"], "x"))
    found, notes = validation.oracles(model, model.compiled())
    assert [oracle.name for oracle in found] == [validation.NUMPY, "LiteRT BUILTIN_REF"]
    assert any("SPACE_TO_BATCH_ND pads with 0" in note for note in notes)
