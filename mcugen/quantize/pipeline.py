"""The quantizer from end to end: observe, choose ranges, adjust weights, apply, and measure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mcugen import interpret
from mcugen.errors import Problem, UnsupportedModelError
from mcugen.ir import Call, Graph, Quant, Tensor, TensorId
from mcugen.ops import OPS
from mcugen.ops.base import Array
from mcugen.quantize import simulate
from mcugen.quantize.adjust import adjust
from mcugen.quantize.apply import Parameters, Weights, apply, rounded_weights
from mcugen.quantize.config import Config, Effort
from mcugen.quantize.observe import Sample, observe, with_batch
from mcugen.quantize.ranges import Method, choose_range, quant_for
from mcugen.quantize.scheme import activation_quants, weight_scales
from mcugen.quantize.statistics import Statistics

FIT_SAMPLES = 96  # that weights are fitted to; they stay in memory
HELD_BACK = 32  # that choices are judged by
HELD_SHARE = 4  # one in so many is held back while there are few

MAX_BIAS = 2**30  # leaves as much again for the products

Ranges = Mapping[TensorId, Statistics]


@dataclass(frozen=True, slots=True)
class Step:
    """The output's signal-to-noise ratio, in dB, after a decision; on samples held back."""

    name: str
    sqnr_db: float


@dataclass(frozen=True, slots=True, eq=False)
class Quantized:
    """The integer graph, what it was made with, and what each decision bought."""

    graph: Graph
    parameters: Parameters
    method: Method
    steps: tuple[Step, ...]


def quantize(graph: Graph, samples: Iterable[Sample], config: Config) -> Quantized:
    """Quantize a float graph; `samples` is read once, as a stream of arrays of batch 1.

    Raises DataError without samples or where they overflow the model, UnsupportedModelError for
    infinite weights and for layers to keep float that do not exist.
    """
    _check(graph, config)
    reservoir = _Reservoir(samples)
    statistics = observe(graph, reservoir.stream())
    fit = _Batch(graph, reservoir.fit)
    judge = _Judge(_Batch(graph, reservoir.held or reservoir.fit))
    plain = _initial(graph, statistics, Method.MINMAX, config)
    steps = [Step("minmax ranges, weights to the nearest", judge(plain))]

    def candidate(method: Method) -> Parameters:
        parameters = _initial(graph, statistics, method, config)
        if config.effort is Effort.LOW:
            return parameters
        return adjust(fit.graph, fit.inputs, parameters, round_weights=True, correct_bias=False)

    methods = tuple(Method) if config.method is None else (config.method,)
    judged = [(judge(parameters), m, parameters) for m in methods if (parameters := candidate(m))]
    sqnr, method, parameters = max(judged, key=lambda entry: entry[0])
    steps.append(Step(f"{method.value} ranges, adjusted weights", sqnr))
    return Quantized(apply(graph, parameters), parameters, method, tuple(steps))


def _check(graph: Graph, config: Config) -> None:
    """Refuse what no calibration could mend."""
    broken = [
        Problem(
            call.node.where, "NaN or infinity in a constant", "weights must be finite; train again"
        )
        for call in graph.calls()
        if any(
            t is not None and t.data is not None and not np.isfinite(t.data).all()
            for t in call.inputs
        )
    ]
    names = {node.name for node in graph.nodes}
    broken += [
        Problem(f'layer "{name}"', "no such layer", f"layers are {', '.join(sorted(names))}")
        for name in config.keep_float
        if name not in names
    ]
    if broken:
        raise UnsupportedModelError(broken)


class _Reservoir:
    """Passes a stream of samples on, and keeps the first few to fit to and to judge by."""

    def __init__(self, samples: Iterable[Sample]) -> None:
        self._samples = samples
        self.fit: list[Sample] = []
        self.held: list[Sample] = []

    def stream(self) -> Iterator[Sample]:
        """All samples that are not held back."""
        for position, sample in enumerate(self._samples):
            if position % HELD_SHARE == HELD_SHARE - 1 and len(self.held) < HELD_BACK:
                self.held.append(sample)
                continue
            if len(self.fit) < FIT_SAMPLES:
                self.fit.append(sample)
            yield sample


class _Batch:
    """Samples in one piece, with the graph for that many; one at a time where it mixes samples."""

    def __init__(self, graph: Graph, samples: Sequence[Sample]) -> None:
        batched = with_batch(graph, len(samples))
        if batched is None:
            batched, samples = graph, samples[:1]
        self.graph = batched
        self.inputs = [np.concatenate(parts) for parts in zip(*samples, strict=True)]


class _Judge:
    """Scores parameters by the outputs' signal-to-noise ratio against the float graph."""

    def __init__(self, batch: _Batch) -> None:
        self._batch = batch
        self._wanted = interpret.outputs(batch.graph, batch.inputs)

    def __call__(self, parameters: Parameters) -> float:
        found = simulate.outputs(self._batch.graph, self._batch.inputs, parameters)
        return sqnr_db(self._wanted, found)


def sqnr_db(wanted: Sequence[Array], found: Sequence[Array]) -> float:
    """10 log10 of signal over noise power, over all outputs together; infinite without noise."""
    signal = sum(float(np.sum(np.square(w, dtype=np.float64))) for w in wanted)
    noise = sum(
        float(np.sum(np.square(np.subtract(w, f, dtype=np.float64))))
        for w, f in zip(wanted, found, strict=True)
    )
    return math.inf if noise == 0 else 10 * math.log10(signal / noise) if signal else -math.inf


# ---- the parameters to start from


def _initial(graph: Graph, statistics: Ranges, method: Method, config: Config) -> Parameters:
    """Ranges by one method, weights rounded to the nearest."""
    grid = config.activations.grid
    chosen = {
        i: quant_for(
            *choose_range(summary, config.methods.get(graph.tensors[i].name, method), grid), grid
        )
        for i, summary in statistics.items()
    }
    activations = activation_quants(graph, chosen)
    kept = frozenset(n.outputs[0] for n in graph.nodes if n.name in config.keep_float)
    weighted = [
        call
        for call in graph.calls()
        if OPS[call.node.op].matmul is not None and call.node.outputs[0] not in kept
    ]
    return Parameters(
        grid,
        config.activations.dtype,
        activations,
        {c.node.outputs[0]: _nearest(c, activations, config) for c in weighted},
        {c.node.outputs[0]: bias for c in weighted if (bias := _bias(c)) is not None},
        kept,
    )


def _bias(call: Call) -> Array | None:
    tensor: Tensor | None = call.optional(2)
    return None if tensor is None else tensor.values().astype(np.float64)


def _nearest(call: Call, activations: Mapping[TensorId, Quant], config: Config) -> Weights:
    """Weights rounded to the nearest.

    A channel with small weights and a large bias gets a larger scale than its weights need, so that
    its bias fits int32.
    """
    values = call.input(1).values()
    axis = OPS[call.node.op].scheme.weights_axis if config.per_channel else None
    scale = weight_scales(values, axis)
    bias, source = _bias(call), call.node.inputs[0]
    assert source is not None
    if bias is not None:
        least = np.abs(bias) / (activations[source].scale[0] * MAX_BIAS)
        least = least if axis is not None else least.max(keepdims=True)
        scale = np.maximum(scale, least).astype(np.float32).astype(np.float64)
    return Weights(scale, axis, rounded_weights(values, scale, axis))
