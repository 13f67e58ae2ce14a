"""MUL, ADD and SUB of constants, folded into the layers beside them, against LiteRT."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mcugen import interpret, passes, reference
from mcugen.exporters.builder import ModelBuilder
from mcugen.importers import tflite
from mcugen.passes.fold_affine import fold_affine

VALID, SAME, RELU = 1, 0, 1


class Chain:
    """A float model, layer after layer, with random constants."""

    def __init__(self, seed: int, shape: tuple[int, ...]) -> None:
        self.rng = np.random.default_rng(seed)
        self.builder = ModelBuilder()
        self.shape = shape
        self.start = self.last = self.builder.tensor(shape, "float32")

    def constant(self, shape: tuple[int, ...]) -> int:
        return self.builder.tensor(shape, "float32", data=self.rng.uniform(-2, 2, shape))

    def op(self, name: str, inputs: list[int], shape: tuple[int, ...], **options: Any) -> Chain:
        output = self.builder.tensor(shape, "float32")
        self.builder.op(name, inputs, [output], options)
        self.shape, self.last = shape, output
        return self

    def arithmetic(
        self, name: str, *, first: bool = False, one: bool = False, act: int = 0
    ) -> Chain:
        c = self.constant(() if one else self.shape[-1:])
        inputs = [c, self.last] if first else [self.last, c]
        return self.op(name, inputs, self.shape, fusedActivationFunction=act)

    def conv(self, padding: int = SAME, channels: int = 5) -> Chain:
        n, h, w, depth = self.shape
        size = (h - 2, w - 2) if padding == VALID else (h, w)
        inputs = [self.last, self.constant((channels, 3, 3, depth)), self.constant((channels,))]
        return self.op(
            "CONV_2D", inputs, (n, *size, channels), padding=padding, strideH=1, strideW=1
        )

    def depthwise(self, padding: int = SAME, multiplier: int = 2) -> Chain:
        n, h, w, depth = self.shape
        size, channels = ((h - 2, w - 2) if padding == VALID else (h, w)), depth * multiplier
        return self.op(
            "DEPTHWISE_CONV_2D",
            [self.last, self.constant((1, 3, 3, channels)), self.constant((channels,))],
            (n, *size, channels),
            padding=padding,
            strideH=1,
            strideW=1,
            depthMultiplier=multiplier,
        )

    def dense(self, outputs: int = 4, act: int = 0) -> Chain:
        weights = self.constant((outputs, self.shape[-1]))
        return self.op(
            "FULLY_CONNECTED", [self.last, weights], (1, outputs), fusedActivationFunction=act
        )

    def operators_after_folding(self) -> list[str]:
        """Fold, and compare with LiteRT on random inputs."""
        content = self.builder.build([self.start], [self.last])
        graph = passes.run(tflite.loads(content, "chain"))
        folded = fold_affine(graph)
        runner = reference.litert(content)
        for _ in range(3):
            x = self.rng.normal(size=graph.tensors[graph.inputs[0]].shape).astype(np.float32)
            wanted, found = runner.outputs([x])[0], interpret.outputs(folded, [x])[0]
            np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4 * np.abs(wanted).max())
        return [node.op for node in folded.nodes]


def image(seed: int = 0) -> Chain:
    return Chain(seed, (1, 6, 6, 3))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("layer", ["conv", "depthwise"])
def test_a_batch_normalization_and_its_activation_fold_into_the_layer(
    layer: str, seed: int
) -> None:
    chain = getattr(image(seed), layer)().arithmetic("MUL").arithmetic("ADD", act=RELU)
    assert len(chain.operators_after_folding()) == 1


@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("one", [False, True])
@pytest.mark.parametrize("name", ["MUL", "ADD", "SUB"])
def test_constants_on_either_side_per_channel_or_one(name: str, one: bool, first: bool) -> None:
    chain = image(1).conv().arithmetic(name, first=first, one=one)
    assert chain.operators_after_folding() == ["conv2d"]
    chain = Chain(2, (1, 7)).dense().arithmetic(name, first=first, one=one)
    assert chain.operators_after_folding() == ["fully_connected"]


def test_what_comes_before_a_layer_folds_where_padding_stays_zero() -> None:
    normalized = image(3).arithmetic("MUL").arithmetic("ADD")
    assert normalized.conv(VALID).operators_after_folding() == ["conv2d"]
    normalized = image(4).arithmetic("MUL").arithmetic("ADD")
    assert normalized.depthwise(VALID).operators_after_folding() == ["depthwise_conv2d"]
    assert image(5).arithmetic("MUL").conv(SAME).operators_after_folding() == ["conv2d"]
    assert image(6).arithmetic("ADD").conv(SAME).operators_after_folding() == ["add", "conv2d"]
    vector = Chain(7, (1, 7)).arithmetic("SUB", first=True).dense()
    assert vector.operators_after_folding() == ["fully_connected"]


def test_what_would_change_the_function_stays() -> None:
    assert Chain(8, (1, 7)).dense(act=RELU).arithmetic("MUL").operators_after_folding() == [
        "fully_connected",
        "mul",
    ]
    assert image(9).arithmetic("MUL", act=RELU).conv().operators_after_folding() == [
        "mul",
        "conv2d",
    ]
    chain = image(10).conv()
    inner = chain.last
    chain.arithmetic("MUL")
    chain.op("ADD", [inner, chain.last], chain.shape)  # a second reader of the convolution
    assert chain.operators_after_folding() == ["conv2d", "mul", "add"]


def test_a_graph_with_nothing_to_fold_is_returned_as_it_is() -> None:
    chain = image(11).conv()
    graph = passes.run(tflite.loads(chain.builder.build([chain.start], [chain.last]), "m"))
    assert fold_affine(graph) is graph
