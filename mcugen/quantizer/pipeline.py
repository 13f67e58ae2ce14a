"""The quantizer from end to end: observe, choose ranges, adjust weights, apply, and measure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import partial

import numpy as np
from numpy.typing import NDArray

from mcugen.errors import Problem, UnsupportedModelError
from mcugen.ir import Call, DType, Graph, Node, Quant, TensorId, printable
from mcugen.ops import OPS
from mcugen.passes.fold_affine import fold_affine
from mcugen.passes.l2_norm import l2_norm
from mcugen.passes.no_negation import no_negation
from mcugen.quantizer import states
from mcugen.quantizer.adjust import adjust
from mcugen.quantizer.apply import Parameters, Weights, apply, has_weights, rounded_weights
from mcugen.quantizer.batch import Batch
from mcugen.quantizer.calibration import Calibration
from mcugen.quantizer.config import Config, Pass
from mcugen.quantizer.equalize import equalize
from mcugen.quantizer.global_means import global_means
from mcugen.quantizer.levels import exact_quant
from mcugen.quantizer.logits import bounded_masks
from mcugen.quantizer.observe import Sample, activations, observe
from mcugen.quantizer.ranges import Method, choose_range
from mcugen.quantizer.scheme import activation_quants, least_squares_scales, weight_scales
from mcugen.quantizer.search import search
from mcugen.quantizer.statistics import Statistics
from mcugen.quantizer.trials import FEW_SAMPLES, Step, Trials

KEPT_SAMPLES = 256  # that weights are fitted to and choices judged by; they stay in memory
KEPT_BYTES = 2**28  # of their activations, at most
KEPT_MACS = 600_000_000  # of one run over them, so that large models take no hours

MAX_BIAS = 2**30  # leaves as much again for the products
# Of 16x8, for whose kernels it must be 2**-17 (Helium) or 2**-18: a step of a weight makes at most
# a quarter of a step of the output. A bit more, because a file holds scales as float32.
LEAST_MULTIPLIER = 2.0**-17 * (1 + 2.0**-20)

Ranges = Mapping[TensorId, Statistics]
Progress = Callable[[int, int], None]  # steps done, steps in all


@dataclass(frozen=True, slots=True, eq=False)
class Quantized:
    """The integer graph, the float graph of the same tensors, and how the one became the other.

    `samples` are the calibration samples that were kept; `statistics` saw all, `taken` in number.
    """

    graph: Graph
    floating: Graph
    parameters: Parameters
    statistics: Ranges
    samples: tuple[Sample, ...]
    taken: int
    method: Method
    steps: tuple[Step, ...]
    notes: tuple[str, ...]


def quantize(
    graph: Graph,
    calibration: Calibration,
    config: Config,
    progress: Progress = lambda done, total: None,
) -> Quantized:
    """Quantize a float graph.

    Raises DataError without samples or where they overflow the model, UnsupportedModelError for
    infinite weights and for layers that do not exist.
    """
    graph = bounded_masks(fold_affine(no_negation(l2_norm(graph))))
    _check(graph, config)
    samples = tuple(calibration.head(_affordable(graph)))
    is_int8 = config.activations.dtype is DType.INT8
    seen = observe(graph, samples, is_int8)
    trials = Trials(graph, samples)
    graph = _rebuilt(graph, samples, seen, trials, config)
    statistics = observe(graph, _counted(calibration, progress), is_int8)
    method, parameters = _ranges(graph, statistics, trials, config)
    parameters = _fitted(graph, parameters, samples, trials, config)
    parameters = _within_budget(graph, parameters, trials, config.budget)
    return Quantized(
        graph=apply(graph, parameters),
        floating=graph,
        parameters=parameters,
        statistics=statistics,
        samples=samples,
        taken=calibration.taken,
        method=method,
        steps=tuple(trials.steps),
        notes=(
            *calibration.notes,
            *_notes(graph, samples, statistics),
            *_kept_notes(graph, parameters),
        ),
    )


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
    names = sorted(printable(node.name) for node in graph.nodes)
    broken += [
        Problem(f'layer "{pattern}"', "no such layer", f"layers are {', '.join(names)}")
        for pattern in (*config.keep_float, *config.methods)
        if not any(_matches(node, pattern) for node in graph.nodes)
    ]
    if broken:
        raise UnsupportedModelError(broken)


def _matches(node: Node, pattern: str) -> bool:
    return fnmatchcase(printable(node.name), pattern)


# ---- samples


def _affordable(graph: Graph) -> int:
    """How many samples to keep."""
    size = sum(graph.tensors[i].bytes for i in activations(graph))
    macs = sum(OPS[call.node.op].macs(call) for call in graph.calls())
    return max(1, min(KEPT_SAMPLES, KEPT_BYTES // max(size, 1), KEPT_MACS // max(macs, 1)))


def _counted(calibration: Calibration, progress: Progress) -> Iterator[Sample]:
    for done, sample in enumerate(calibration):
        progress(done, calibration.count or done + 1)
        yield sample


def _notes(graph: Graph, samples: Sequence[Sample], statistics: Ranges) -> Iterator[str]:
    if len(samples) < FEW_SAMPLES:
        yield (
            f"{len(samples)} calibration samples: too few to judge by others than those that the "
            "weights were fitted to; 100 or more are better"
        )
    constant = [
        f'"{printable(graph.tensors[i].name)}"'
        for i, summary in statistics.items()
        if summary.low == summary.high
    ]
    if constant:
        yield (
            f"warning: constant over all calibration samples: {', '.join(constant[:5])}"
            f"{f' and {len(constant) - 5} more' if len(constant) > 5 else ''}; "
            "the samples may not be of the kind that the model was trained on"
        )


def _kept_notes(graph: Graph, parameters: Parameters) -> Iterator[str]:
    quants, dtype = parameters.activations, parameters.dtype
    for key, why in states.refusals(graph, quants, parameters.peaks, dtype).items():
        node = graph.producer(key)
        assert node is not None
        yield f'layer "{printable(node.name)}" stays float: {why}'


# ---- decisions


def _rebuilt(
    graph: Graph, samples: Sequence[Sample], seen: Ranges, trials: Trials, config: Config
) -> Graph:
    """The same float function in a form that loses less, where that helps; the log begins here."""
    method = config.method or Method.MINMAX
    start = _nearest(graph, seen, method, config)
    trials.record(f"{method.value} ranges, weights to the nearest", trials.score(start))
    for step, rebuild in (
        (Pass.MEANS, global_means),
        (Pass.EQUALIZE, lambda before: equalize(before, Batch.of(before, samples))),
    ):
        candidate = rebuild(graph) if step in config.passes else graph
        if candidate is graph:
            continue
        trials.use(candidate)
        parameters = _nearest(
            candidate,
            observe(candidate, samples, config.activations.dtype is DType.INT8),
            method,
            config,
        )
        if trials.record(step.value, trials.score(parameters)):
            graph = candidate
        trials.use(graph)
    return graph


def _ranges(
    graph: Graph, statistics: Ranges, trials: Trials, config: Config
) -> tuple[Method, Parameters]:
    """The method that was asked for, or the best."""
    if config.method is not None:
        return config.method, _nearest(graph, statistics, config.method, config)
    method, best = Method.MINMAX, _nearest(graph, statistics, Method.MINMAX, config)
    if Pass.RANGES not in config.passes:
        return method, best
    for other in (m for m in Method if m is not Method.MINMAX):
        parameters = _nearest(graph, statistics, other, config)
        if trials.record(f"{Pass.RANGES.value}: {other.value}", trials.score(parameters)):
            method, best = other, parameters
    return method, best


def _fitted(
    graph: Graph,
    parameters: Parameters,
    samples: Sequence[Sample],
    trials: Trials,
    config: Config,
) -> Parameters:
    """Weights, biases and scales that lower the error."""
    everything = Batch.of(graph, samples)
    if Pass.WEIGHT_SCALES in config.passes:
        candidate = _with_least_squares(graph, parameters)
        if trials.record(Pass.WEIGHT_SCALES.value, trials.score(candidate)):
            parameters = candidate
    kept: frozenset[Pass] = frozenset()

    def adjusted(batch: Batch, passes: frozenset[Pass], is_searched: bool = False) -> Parameters:
        start = search(batch, parameters, trials.judge) if is_searched else parameters
        return adjust(batch, start, passes) if passes else start

    for step in (Pass.ROUNDING, Pass.MATCH, Pass.BIAS):
        fit = partial(adjusted, passes=kept | {step})
        is_possible = step is not Pass.MATCH or Pass.ROUNDING in kept
        if (
            step in config.passes
            and is_possible
            and trials.record(step.value, trials.score_fit(fit))
        ):
            kept |= {step}
    final = partial(adjusted, passes=kept)
    if Pass.SEARCH in config.passes:
        fit = partial(final, is_searched=True)
        if trials.record(Pass.SEARCH.value, trials.score_fit(fit)):
            final = fit
    return final(everything)


def _within_budget(
    graph: Graph, parameters: Parameters, trials: Trials, budget: float | None
) -> Parameters:
    """Layers stay float, those first that gain most by it, until the error is small enough."""
    if budget is None or trials.score(parameters) >= budget:
        return parameters
    weighted = [
        *parameters.weights,
        *(k for k in parameters.peaks if k not in parameters.kept_float),
    ]
    gains = {key: trials.score(_kept_float(parameters, key)) for key in weighted}
    for key in sorted(weighted, key=gains.__getitem__, reverse=True):
        parameters = _kept_float(parameters, key)
        node = graph.producer(key)
        assert node is not None
        score = trials.score(parameters)
        trials.record(f"float: {printable(node.name)}", score)
        if score >= budget:
            break
    return parameters


def _kept_float(parameters: Parameters, key: TensorId) -> Parameters:
    return replace(
        parameters,
        kept_float=parameters.kept_float | {key},
        weights={k: w for k, w in parameters.weights.items() if k != key},
        bias={k: b for k, b in parameters.bias.items() if k != key},
    )


# ---- the parameters to start from


def _nearest(graph: Graph, statistics: Ranges, method: Method, config: Config) -> Parameters:
    """Ranges by one method, but for layers with one of their own; weights to the nearest."""
    grid = config.activations.grid
    own = {
        i: other
        for node in graph.nodes
        for pattern, other in config.methods.items()
        if _matches(node, pattern)
        for i in node.outputs
    }
    ranges = {i: choose_range(statistics[i], own.get(i, method), grid) for i in activations(graph)}
    exact = {i: exact_quant(statistics[i].levels.values, grid) for i in graph.inputs}
    quants = activation_quants(graph, ranges, grid, exact)
    kept = frozenset(
        node.outputs[0]
        for node in graph.nodes
        if any(_matches(node, pattern) for pattern in config.keep_float)
    )
    peaks = states.peaks(graph, statistics)
    kept |= states.refusals(graph, quants, peaks, config.activations.dtype).keys()
    weighted = [c for c in graph.calls() if has_weights(c) and c.node.outputs[0] not in kept]
    return Parameters(
        grid,
        config.activations.dtype,
        quants,
        {c.node.outputs[0]: _weights(c, quants, config) for c in weighted},
        {c.node.outputs[0]: bias for c in weighted if (bias := _bias(c)) is not None},
        kept,
        peaks,
    )


def _bias(call: Call) -> NDArray[np.float64] | None:
    tensor = call.optional(OPS[call.node.op].scheme.bias)
    return None if tensor is None else tensor.values().astype(np.float64)


def _weights(call: Call, quants: Mapping[TensorId, Quant], config: Config) -> Weights:
    values = call.input(1).values()
    axis = OPS[call.node.op].scheme.weights_axis if config.per_channel else None
    dtype = config.activations.dtype
    least = _least_scale(call, quants, axis, dtype)
    empty = np.where(least > 0, least, 1.0) if dtype is DType.INT16 else 1.0
    scale = np.maximum(weight_scales(values, axis, empty), least)
    return Weights(scale, axis, rounded_weights(values, scale, axis))


def _least_scale(
    call: Call, quants: Mapping[TensorId, Quant], axis: int | None, dtype: DType
) -> NDArray[np.float64]:
    """The weight scales below which a large bias would not fit int32, or a multiplier be tiny."""
    bias, source = _bias(call), call.node.inputs[OPS[call.node.op].scheme.data]
    assert source is not None
    least, given = np.zeros(1), quants[source].scale[0]
    if bias is not None:
        least = np.abs(bias) / (given * MAX_BIAS)
        least = least if axis is not None else least.max(keepdims=True)
    target = quants.get(call.node.outputs[0])
    if dtype is DType.INT16 and target is not None:
        least = np.maximum(least, LEAST_MULTIPLIER * target.scale[0] / given)
    return least.astype(np.float32).astype(np.float64)


def _with_least_squares(graph: Graph, parameters: Parameters) -> Parameters:
    weights = {}
    for key, old in parameters.weights.items():
        node = graph.producer(key)
        assert node is not None
        call = graph.call(node)
        values = call.input(1).values()
        fitted = least_squares_scales(values, old.scale, old.axis)
        least = _least_scale(call, parameters.activations, old.axis, parameters.dtype)
        scale = np.maximum(fitted, least)
        weights[key] = Weights(scale, old.axis, rounded_weights(values, scale, old.axis))
    return replace(parameters, weights=weights)
