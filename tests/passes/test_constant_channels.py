"""Channels that do nothing go, and no output byte changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from mcugen import interpret, passes, verify
from mcugen.exporters.builder import ModelBuilder, quant
from mcugen.importers import tflite
from mcugen.ir import Graph
from mcugen.ops import OPS
from mcugen.passes.constant_channels import constant_channels
from mcugen.passes.intervals import intervals
from mcugen.testing.wide import widened

ZERO_POINT = -128  # of activations behind a ReLU
CONV = {"strideH": 1, "strideW": 1, "dilationHFactor": 1, "dilationWFactor": 1}
SAME, VALID, RELU, NONE = 0, 1, 1, 0


class Network:
    """Builds chains of convolutions on a 6x6 input of 3 channels, on int8 or `wide`, in 16x8."""

    def __init__(self, seed: int = 0, *, wide: bool = False) -> None:
        self.wide = wide
        self.rng = np.random.default_rng(seed)
        self.builder = ModelBuilder()
        self.given = self.builder.tensor((1, 6, 6, 3), quant=quant(0.05, 3))

    def activation(self, shape: tuple[int, ...], zero_point: int = ZERO_POINT) -> int:
        return self.builder.tensor(shape, quant=quant(0.1, zero_point))

    def conv(
        self,
        source: int,
        shape: tuple[int, int, int],  # in, out, kernel
        *,
        bias: dict[int, int] | None = None,
        zero: tuple[int, ...] = (),
        unread: tuple[int, ...] = (),
        padding: int = SAME,
        size: int = 6,
        zero_point: int = ZERO_POINT,
        activation: int = RELU,
        biased: bool = True,
    ) -> int:
        """`bias` sets some channels', `zero` output and `unread` input channels' weights to 0."""
        depth, out, kernel = shape
        weights = self.rng.integers(-127, 128, (out, kernel, kernel, depth))
        weights[list(zero)] = 0
        weights[..., list(unread)] = 0
        values = self.rng.integers(-500, 500, out)
        for channel, value in (bias or {}).items():
            values[channel] = value
        w = self.builder.tensor(
            weights.shape, quant=quant([0.01] * out, 0, 0), data=weights.astype(np.int8)
        )
        b = self.builder.tensor((out,), "int32", quant([0.0005] * out, 0, 0), data=values)
        target = self.activation((1, size, size, out), zero_point)
        options = {**CONV, "padding": padding, "fusedActivationFunction": activation}
        self.builder.op("CONV_2D", [source, w, *([b] if biased else [])], [target], options)
        return target

    def depthwise(self, source: int, channels: int, size: int = 6) -> int:
        weights = self.rng.integers(-127, 128, (1, 3, 3, channels)).astype(np.int8)
        w = self.builder.tensor(weights.shape, quant=quant([0.01] * channels, 0, 3), data=weights)
        target = self.activation((1, size, size, channels))
        options = {**CONV, "depthMultiplier": 1, "padding": SAME, "fusedActivationFunction": RELU}
        self.builder.op("DEPTHWISE_CONV_2D", [source, w], [target], options)
        return target

    def graph(self, *outputs: int) -> Graph:
        model = self.builder.build([self.given], list(outputs))
        return before(tflite.loads(widened(model) if self.wide else model, "test"))


def before(graph: Graph) -> Graph:
    """All passes but the one under test."""
    for rewrite in passes.PASSES:
        if rewrite is not constant_channels:
            graph = rewrite(graph)
    return graph


def shrink(graph: Graph) -> tuple[Graph, list[int]]:
    """The graph without the channels; how many each convolution still has. Outputs are compared."""
    small = constant_channels(graph)
    assert verify.problems(small) == []
    rng = np.random.default_rng(1)
    given = graph.tensors[graph.inputs[0]]
    shape, dtype = given.shape, given.dtype.numpy
    limits = np.iinfo(dtype)
    cases = [rng.integers(limits.min, limits.max, shape, endpoint=True) for _ in range(8)]
    for x in (*cases, np.full(shape, limits.min), np.full(shape, limits.max)):
        wanted = interpret.outputs(graph, [x.astype(dtype)])
        for ours, theirs in zip(interpret.outputs(small, [x.astype(dtype)]), wanted, strict=True):
            np.testing.assert_array_equal(ours, theirs)
    return small, [small.tensors[node.outputs[0]].shape[-1] for node in small.nodes]


both = pytest.mark.parametrize("wide", [False, True], ids=["int8", "16x8"])


@both
def test_zero_weights_under_a_relu_go(wide: bool) -> None:
    net = Network(wide=wide)
    first = net.conv(net.given, (3, 8, 3), bias={1: -900, 5: 0}, zero=(1, 5))
    _, channels = shrink(net.graph(net.conv(first, (8, 4, 3))))
    assert channels == [6, 4]


def test_a_channel_that_its_bias_keeps_clamped_goes() -> None:
    net = Network()
    first = net.conv(net.given, (3, 8, 1), bias={2: -(10**6)})
    _, channels = shrink(net.graph(net.conv(first, (8, 4, 3))))
    assert channels == [7, 4]


@both
@pytest.mark.parametrize("biased", [False, True])
def test_a_constant_other_than_zero_is_folded_without_padding_only(
    wide: bool, biased: bool
) -> None:
    for padding, size, left in ((VALID, 4, 7), (SAME, 6, 8)):
        net = Network(wide=wide)
        first = net.conv(net.given, (3, 8, 1), bias={2: 70_000}, zero=(2,))
        last = net.conv(first, (8, 4, 3), padding=padding, size=size, biased=biased)
        graph = net.graph(last)
        assert intervals(graph)[graph.nodes[0].outputs[0]].is_constant[2]
        assert shrink(graph)[1] == [left, 4]


def test_a_channel_that_nobody_reads_goes() -> None:
    net = Network()
    first = net.conv(net.given, (3, 8, 3))
    _, channels = shrink(net.graph(net.conv(first, (8, 4, 3), unread=(0, 7))))
    assert channels == [6, 4]


@both
def test_a_depthwise_convolution_loses_the_channel_with_its_neighbours(wide: bool) -> None:
    net = Network(wide=wide)
    first = net.conv(net.given, (3, 8, 3), bias={3: -(10**9)})
    last = net.conv(net.depthwise(first, 8), (8, 4, 1))
    _, channels = shrink(net.graph(last))
    assert channels == [7, 7, 4]


@both
def test_an_addition_keeps_what_one_side_needs(wide: bool) -> None:
    net = Network(wide=wide)
    a = net.conv(net.given, (3, 8, 1), bias={1: -(10**8), 2: -(10**8)})
    b = net.conv(net.given, (3, 8, 1), bias={2: -(10**8), 3: -(10**8)})
    total = net.activation((1, 6, 6, 8))
    net.builder.op("ADD", [a, b], [total], {"fusedActivationFunction": NONE})
    _, channels = shrink(net.graph(net.conv(total, (8, 4, 3))))
    assert channels == [7, 7, 7, 4]  # only channel 2 is dead on both sides


def test_outputs_and_inputs_of_the_model_keep_their_shape() -> None:
    net = Network()
    first = net.conv(net.given, (3, 8, 3), zero=(1, 5), bias={1: 0, 5: 0}, unread=(0,))
    graph = net.graph(first, net.conv(first, (8, 4, 3)))
    small, channels = shrink(graph)
    assert channels == [8, 4]
    assert small.tensors[small.inputs[0]].shape == (1, 6, 6, 3)


def test_a_tensor_keeps_a_channel_when_all_are_dead() -> None:
    net = Network()
    first = net.conv(net.given, (3, 4, 1), bias=dict.fromkeys(range(4), -(10**7)))
    _, channels = shrink(net.graph(net.conv(first, (4, 4, 3))))
    assert channels == [1, 4]


def test_what_is_left_is_recorded_for_comparisons_with_the_file() -> None:
    net = Network()
    first = net.conv(net.given, (3, 8, 3), zero=(1, 5), bias={1: 0, 5: 0})
    small, _ = shrink(net.graph(net.conv(first, (8, 4, 3))))
    assert small.tensors[first].kept == (0, 2, 3, 4, 6, 7)


def test_float_graphs_are_left_alone(shared: Any) -> None:
    graph = before(tflite.load(shared / "models" / "ic_float32.tflite"))
    assert constant_channels(graph) is graph


@both
@pytest.mark.parametrize("seed", range(20))
def test_random_networks_keep_their_outputs(seed: int, wide: bool) -> None:
    net = Network(seed, wide=wide)
    rng = np.random.default_rng(seed)
    size = 10**8 if wide else 10**6

    def dead(channels: int) -> dict[int, int]:
        return {int(c): int(rng.choice([-size, size])) for c in rng.integers(channels, size=3)}

    a = net.conv(net.given, (3, 6, 3), bias=dead(6), zero=(int(rng.integers(6)),))
    b = net.depthwise(a, 6)
    c = net.conv(b, (6, 6, 1), bias=dead(6), zero_point=int(rng.integers(-128, 128)))
    d = net.conv(c, (6, 5, 3), bias=dead(5), unread=(int(rng.integers(6)),), activation=NONE)
    shrink(net.graph(d))


def test_the_vww_model_halves(shared: Any, golden: Callable[[str], Any]) -> None:
    cases = golden("vww_int8")
    graph = before(tflite.load(cases.model))
    small = constant_channels(graph)
    macs = [sum(OPS[c.node.op].macs(c) for c in g.calls()) for g in (graph, small)]
    assert macs[0] == 7_489_664 and macs[1] < 3_750_000
    for inputs, expected in zip(cases.inputs, cases.tflm, strict=True):
        np.testing.assert_array_equal(interpret.outputs(small, inputs)[0], expected[0])


def test_what_float_layers_give_is_not_bounded() -> None:
    """QUANTIZE of a float tensor may give anything, whatever the range of int8 reals would say."""
    net = Network()
    real = net.builder.tensor((1, 6, 6, 3), "float32")
    net.builder.op("DEQUANTIZE", [net.given], [real])
    again = net.builder.tensor((1, 6, 6, 3), quant=quant(1000.0, 0))
    net.builder.op("QUANTIZE", [real], [again])
    graph = net.graph(net.conv(again, (3, 4, 3)))
    bounds = intervals(graph)[again]
    assert (bounds.low == -128).all() and (bounds.high == 127).all()
