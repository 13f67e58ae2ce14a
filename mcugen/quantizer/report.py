"""What quantization cost, in numbers: per layer and for the whole model."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mcugen import metrics
from mcugen.ir import Call, Graph, Quant, TensorId, printable
from mcugen.ops import OPS
from mcugen.ops.base import Array
from mcugen.quantizer import simulate
from mcugen.quantizer.apply import Parameters
from mcugen.quantizer.batch import Batch, sqnr_db
from mcugen.quantizer.observe import Sample
from mcugen.quantizer.pipeline import Quantized
from mcugen.quantizer.ranges import Grid
from mcugen.quantizer.trials import Step

Values = Mapping[TensorId, Array]

LAYER_SAMPLES = 32  # that layers are measured on
CHUNK = 32  # samples that are classified at once


@dataclass(frozen=True, slots=True)
class LayerReport:
    """One layer's output against that of the float model.

    `sqnr_db` holds all errors up to it; `own_db` only those that it makes itself, on exact inputs,
    None for layers that only move values.
    `clipped` is the share of values beyond the range; `weight_error` the relative rms error of the
    weights, None for layers without.
    """

    name: str
    operator: str
    is_float: bool
    sqnr_db: float
    own_db: float | None
    clipped: float
    scale: float
    zero_point: int
    low: float
    high: float
    weight_error: float | None


@dataclass(frozen=True, slots=True)
class Quality:
    """The whole model's outputs against the float model's; sizes are of the files, in bytes."""

    samples: int
    sqnr_db: float
    rmse: float
    cos: float
    float_accuracy: float | None
    quantized_accuracy: float | None
    float_bytes: int
    quantized_bytes: int


@dataclass(frozen=True, slots=True)
class Report:
    """What `quantize` says: the decisions, the outcome, the layers."""

    model: str
    method: str
    calibration_samples: int
    steps: tuple[Step, ...]
    quality: Quality
    layers: tuple[LayerReport, ...]
    notes: tuple[str, ...]

    @property
    def worst(self) -> tuple[str, ...]:
        """The layers that lose most by themselves, the worst first."""
        losses = sorted((x.own_db, x.name) for x in self.layers if x.own_db is not None)
        return tuple(name for _, name in losses[:3])


def report(
    quantized: Quantized,
    model: str,
    sizes: tuple[int, int],
    labelled: Sequence[Sample] = (),
    labels: Array | None = None,
) -> Report:
    """Measure a quantized model, on labelled samples if there are any; sizes are before, after."""
    return Report(
        model=model,
        method=quantized.method.value,
        calibration_samples=quantized.taken,
        steps=quantized.steps,
        quality=_quality(quantized, sizes, labelled or quantized.samples, labels),
        layers=_layers(quantized),
        notes=quantized.notes,
    )


# ---- the whole


def _quality(
    quantized: Quantized, sizes: tuple[int, int], samples: Sequence[Sample], labels: Array | None
) -> Quality:
    pairs = [_both(quantized, samples[k : k + CHUNK]) for k in range(0, len(samples), CHUNK)]
    wanted, found = (
        [np.concatenate(parts) for parts in zip(*side, strict=True)]
        for side in zip(*pairs, strict=True)
    )
    flat = [np.concatenate([y.ravel() for y in side]) for side in (found, wanted)]
    difference = metrics.difference([flat[0]], [flat[1]])
    return Quality(
        samples=len(samples),
        sqnr_db=sqnr_db(wanted, found),
        rmse=difference.rmse,
        cos=difference.cos,
        float_accuracy=_accuracy(wanted[0], labels),
        quantized_accuracy=_accuracy(found[0], labels),
        float_bytes=sizes[0],
        quantized_bytes=sizes[1],
    )


def _accuracy(scores: Array, labels: Array | None) -> float | None:
    """Of a classifier: a model with more than one score."""
    if labels is None or scores[0].size == 1:
        return None
    return metrics.accuracy(list(scores), labels)


def _both(quantized: Quantized, samples: Sequence[Sample]) -> tuple[list[Array], list[Array]]:
    """The outputs of the float model and of the quantized one, the latter to the bit."""
    batch = Batch.of(quantized.floating, samples)
    return batch.outputs(), batch.quantized(quantized.parameters)


# ---- the layers


def _layers(quantized: Quantized) -> tuple[LayerReport, ...]:
    batch = Batch.of(quantized.floating, quantized.samples[:LAYER_SAMPLES])
    exact = [simulate.float_values(batch.graph, chunk) for chunk in batch.chunks]
    rough = [_simulated(batch.graph, chunk, quantized.parameters) for chunk in batch.chunks]
    return tuple(
        _layer(quantized, call, exact, rough)
        for call in batch.graph.calls()
        if call.output.dtype.is_float and not OPS[call.node.op].alias
    )


def _simulated(graph: Graph, chunk: Sequence[Array], parameters: Parameters) -> Values:
    """Every tensor as a real value, with all errors before it."""
    values = simulate.start(graph, list(chunk), parameters)
    for call in graph.calls():
        values.update(simulate.step(call, values, parameters))
    return values


def _layer(
    quantized: Quantized, call: Call, exact: Sequence[Values], rough: Sequence[Values]
) -> LayerReport:
    parameters, key = quantized.parameters, call.node.outputs[0]
    own = [simulate.step(call, values, parameters) for values in exact]
    quant, seen = parameters.activations[key], quantized.statistics[key]
    wanted = _column(exact, key)
    moves = OPS[call.node.op].scheme.shares
    return LayerReport(
        name=printable(call.node.name),
        operator=OPS[call.node.op].tflite,
        is_float=key in parameters.kept_float,
        sqnr_db=sqnr_db([wanted], [_column(rough, key)]),
        own_db=None if moves else sqnr_db([wanted], [_column(own, key)]),
        clipped=_clipped(wanted, quant, parameters.grid),
        scale=quant.scale[0],
        zero_point=quant.zero_point[0],
        low=seen.low,
        high=seen.high,
        weight_error=_weight_error(call, parameters),
    )


def _column(values: Sequence[Values], tensor: TensorId) -> Array:
    return np.concatenate([v[tensor] for v in values])


def _clipped(values: Array, quant: Quant, grid: Grid) -> float:
    """The share of values that no integer is near."""
    steps = np.rint(values / quant.scale[0]) + quant.zero_point[0]
    return float(np.mean((steps < grid.low) | (steps > grid.high)))


def _weight_error(call: Call, parameters: Parameters) -> float | None:
    weights = parameters.weights.get(call.node.outputs[0])
    if weights is None:
        return None
    exact = call.input(1).values()
    power = float(np.mean(np.square(exact, dtype=np.float64)))
    error = float(np.mean(np.square(simulate.real_weights(weights) - exact, dtype=np.float64)))
    return math.sqrt(error / power) if power else 0.0
