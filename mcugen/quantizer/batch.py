"""Samples that stay in memory, with the graph for as many, and how far outputs are from them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from mcugen import interpret, verify
from mcugen.data import dequantize, quantize
from mcugen.ir import DType, Graph
from mcugen.ops.base import Array
from mcugen.quantizer import simulate
from mcugen.quantizer.apply import Parameters, apply
from mcugen.quantizer.observe import Sample, with_batch


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Inputs in one chunk where the graph takes several samples at once, else in a chunk each."""

    graph: Graph
    chunks: tuple[list[Array], ...]

    @classmethod
    def of(cls, graph: Graph, samples: Sequence[Sample]) -> Batch:
        """Stack samples as far as the graph allows it."""
        batched = with_batch(graph, len(samples))
        if batched is None:
            return cls(graph, tuple(list(sample) for sample in samples))
        return cls(batched, ([np.concatenate(parts) for parts in zip(*samples, strict=True)],))

    def outputs(self) -> list[Array]:
        """What the float graph computes, all samples in one array per output."""
        runs = (simulate.float_values(self.graph, chunk) for chunk in self.chunks)
        return _joined([values[i] for i in self.graph.outputs] for values in runs)

    def quantized(self, parameters: Parameters) -> list[Array]:
        """What the quantized graph computes, as real values: to the bit if mcugen can run it."""
        graph = apply(self.graph, parameters)
        if parameters.dtype is DType.INT16 and verify.problems(graph):  # not all ops take int16
            return _joined(simulate.outputs(self.graph, c, parameters) for c in self.chunks)
        return _joined(real_outputs(graph, chunk) for chunk in self.chunks)


def real_outputs(graph: Graph, inputs: Sequence[Array]) -> list[Array]:
    """The outputs of an integer graph, as real values for real inputs."""
    given = [
        x if graph.tensors[i].dtype.is_float else quantize(x, graph.tensors[i])
        for x, i in zip(inputs, graph.inputs, strict=True)
    ]
    return [
        y if graph.tensors[i].dtype.is_float else dequantize(y, graph.tensors[i])
        for y, i in zip(interpret.outputs(graph, given), graph.outputs, strict=True)
    ]


def _joined(parts: Iterator[list[Array]]) -> list[Array]:
    return [np.concatenate(columns) for columns in zip(*parts, strict=True)]


def sqnr_db(wanted: Sequence[Array], found: Sequence[Array]) -> float:
    """Signal-to-quantization-noise ratio, 10 log10 of signal over noise power.

    Over several outputs it is that of the mean share of noise, so that each counts, whatever its
    units.
    """
    shares = [_noise_share(w, f) for w, f in zip(wanted, found, strict=True)]
    mean = sum(shares) / len(shares)
    return math.inf if mean == 0 else -10 * math.log10(mean)


def _noise_share(wanted: Array, found: Array) -> float:
    """Noise power over signal power; of a signal that is zero everywhere, 0 or 1."""
    signal = float(np.sum(np.square(wanted, dtype=np.float64)))
    noise = float(np.sum(np.square(np.subtract(wanted, found, dtype=np.float64))))
    return noise / signal if signal else float(noise > 0)
