"""Compares what a board computes with the reference interpreters: integers byte for byte.

Layers on float32 add in the order of the reference, so that they too are mostly equal to the bit,
but their exponentials may differ in the last one: floats are compared within a tolerance, and where
they feed integer layers, those may be off by one step.

The yardstick is TFLM; where it has no wheel, or refuses the model, mcugen's own numpy semantics
stand in for it. LiteRT's reference kernels are compared as well: they round some operators
differently, so that there a model with such an operator may differ.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from mcugen import interpret, metrics, reference, wrong_in_tflm
from mcugen.data import Samples, dequantize
from mcugen.ir import Call, DType, Graph, TensorId
from mcugen.metrics import Difference
from mcugen.model import Model
from mcugen.ops import OPS
from mcugen.ops.base import Array
from mcugen.passes.float_weights import is_dynamic_range
from mcugen.quantizer.report import Report

Outputs = list[list[Array]]  # per sample, per output
Infer = Callable[[Sequence[Array]], list[Array]]
Progress = Callable[[int, int], None]  # samples done, samples in all

NUMPY = "mcugen's numpy semantics"
# By LiteRT: round(double(acc) * scale), ratios of scales in float32, tables filled in float32, and
# for LSTM another product of cell and gates.
ROUNDED_OTHERWISE = frozenset(
    {
        *("abs", "fully_connected", "hard_swish", "leaky_relu", "logistic", "mul", "prelu"),
        *("relu", "tanh", "unidirectional_sequence_lstm"),
    }
)


@dataclass(frozen=True, slots=True)
class Comparison:
    """One output against one reference.

    `allowed` is how far values may be off, 0 where no layer computes in float; `expected` says why
    bytes may differ otherwise, if they may.
    """

    output: str
    reference: str
    difference: Difference
    allowed: float = 0.0
    expected: str | None = None

    @property
    def equal(self) -> bool:
        """Every byte is the same."""
        return self.difference.differing == 0

    @property
    def passed(self) -> bool:
        """Equal, or off by no more than is allowed, or different for a known reason."""
        return self.equal or self.difference.largest <= self.allowed or self.expected is not None


@dataclass(frozen=True, slots=True)
class Accuracy:
    """The share of samples that were classified as their labels say."""

    who: str
    value: float


@dataclass(frozen=True, slots=True)
class LayerDifference:
    """A layer's output in one sample against the yardstick's: bytes that differ, of all.

    `close`: none do, or floats are as near as is allowed.
    """

    sample: int
    layer: int
    where: str
    differing: int
    total: int
    close: bool


@dataclass(frozen=True, slots=True)
class OnDevice:
    """What was measured on a board: seconds by its timer, bytes of stack, and the stack's bound."""

    port: str
    latency_min: float
    latency_mean: float
    latency_max: float
    stack: int
    stack_bound: int | None


@dataclass(frozen=True, slots=True)
class Validation:
    """What `validate` found. `against_float` holds real values, one entry per output.

    `exact`: every byte is that of the yardstick. `passed`: what differs, may.
    """

    yardstick: str
    samples: int
    comparisons: tuple[Comparison, ...]
    accuracies: tuple[Accuracy, ...]
    against_float: tuple[Difference, ...]
    confusion: tuple[tuple[int, ...], ...]
    first_difference: LayerDifference | None
    notes: tuple[str, ...]
    exact: bool
    passed: bool
    verdict: str
    quantization: Report | None = None  # of a float model that was quantized for this
    device: OnDevice | None = None
    layers: tuple[LayerDifference, ...] = ()  # of the first sample, if they were asked for


class Oracle(Protocol):
    """Something that computes a model, asked in the terms of the compiled graph."""

    @property
    def name(self) -> str:
        """How reports name it."""

    def outputs(self, inputs: Sequence[Array]) -> list[Array]:
        """The compiled graph's outputs."""

    def tensors(self, inputs: Sequence[Array]) -> dict[TensorId, Array]:
        """Every tensor."""


class _Numpy:
    name = NUMPY

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    def outputs(self, inputs: Sequence[Array]) -> list[Array]:
        return interpret.outputs(self._graph, inputs)

    def tensors(self, inputs: Sequence[Array]) -> dict[TensorId, Array]:
        return interpret.run(self._graph, inputs)


class _Interpreter:
    """A reference interpreter runs the file, whose edges may be float where the graph's are not."""

    def __init__(self, interpreter: reference.Reference, model: Model, graph: Graph) -> None:
        self.name = interpreter.name
        self._interpreter = interpreter
        self._imported = model.imported
        self._graph = graph

    def outputs(self, inputs: Sequence[Array]) -> list[Array]:
        if self._graph.outputs == self._imported.outputs:
            return self._interpreter.outputs(self._for_file(inputs))
        values = self.tensors(inputs)
        return [values[tensor] for tensor in self._graph.outputs]

    def tensors(self, inputs: Sequence[Array]) -> dict[TensorId, Array]:
        return self._interpreter.tensors(self._for_file(inputs))

    def _for_file(self, inputs: Sequence[Array]) -> list[Array]:
        """Give real values where the file wants them; they quantize to the same integers again."""
        given = []
        for values, ours, theirs in zip(
            inputs, self._graph.inputs, self._imported.inputs, strict=True
        ):
            same = ours == theirs
            given.append(values if same else dequantize(values, self._graph.tensors[ours]))
        return given


def oracles(model: Model, graph: Graph) -> tuple[list[Oracle], list[str]]:
    """The yardstick, then LiteRT if it takes the model; and notes on what is missing."""
    found: list[Oracle] = []
    notes: list[str] = []
    wrong = wrong_in_tflm.reasons(model.imported)
    notes += [f"TFLM is not asked: {why}" for why in wrong]
    for make, available, name in (
        (reference.tflm, reference.tflm_available(), "TFLM (tflite-micro)"),
        (reference.litert, reference.litert_available(), "LiteRT BUILTIN_REF"),
    ):
        if not available:
            notes.append(f"{name} is not installed here")
            continue
        if wrong and make is reference.tflm:
            continue
        try:
            oracle = _Interpreter(make(model.content), model, graph)
            oracle.outputs(_zeros(graph))  # some refuse a model no sooner than when they run it
            found.append(oracle)
        except reference.RefusedError as error:
            notes.append(str(error))
    if not found or found[0].name != "TFLM":
        found.insert(0, _Numpy(graph))
        notes.append(f"{NUMPY} stand in for TFLM")
    return found, notes


def _zeros(graph: Graph) -> list[Array]:
    tensors = (graph.tensors[i] for i in graph.inputs)
    return [np.zeros(tensor.shape, tensor.dtype.numpy) for tensor in tensors]


def silent(done: int, total: int) -> None:
    """Show no progress."""


def infer_all(samples: Samples, infer: Infer, progress: Progress = silent) -> Outputs:
    """Run every sample."""
    outputs: Outputs = []
    for index in range(len(samples)):
        outputs.append(infer(samples[index]))
        progress(index + 1, len(samples))
    return outputs


def validate(
    model: Model,
    graph: Graph,
    samples: Samples,
    outputs: Outputs,
    float_model: Model | None = None,
    who: str = "emulated",
) -> Validation:
    """Compare the outputs of a board with those of the references, and with the labels.

    `who` is the board's name in the list of accuracies.
    """
    references, notes = oracles(model, graph)
    expected = {
        oracle.name: [oracle.outputs(samples[i]) for i in range(len(samples))]
        for oracle in references
    }
    comparisons = tuple(
        comparison
        for name, theirs in expected.items()
        for comparison in _compare(model, graph, outputs, theirs, name)
    )
    floats = _float_outputs(float_model, samples) if float_model else None
    yardstick = references[0].name
    passed = all(comparison.passed for comparison in comparisons)
    return Validation(
        yardstick=yardstick,
        samples=len(samples),
        comparisons=comparisons,
        accuracies=_accuracies(samples, who, outputs, expected, floats),
        against_float=_against_float(graph, outputs, floats),
        confusion=_confusion(samples, outputs),
        first_difference=None,
        notes=(*samples.notes, *notes),
        exact=passed and all(c.equal for c in comparisons if c.reference == yardstick),
        passed=passed,
        verdict=_verdict(comparisons, yardstick, len(samples)),
    )


def all_close(
    graph: Graph, tensors: Sequence[TensorId], ours: Sequence[Array], theirs: Sequence[Array]
) -> bool:
    """True if all values are equal, or as near as is allowed."""
    return all(
        a.tobytes() == b.tobytes()
        or metrics.difference([a.ravel()], [b.ravel()]).largest <= _allowed(graph, tensor, b)
        for tensor, a, b in zip(tensors, ours, theirs, strict=True)
    )


def _allowed(graph: Graph, tensor: TensorId, reference: Array) -> float:
    if not graph.is_floating:
        return 0.0
    return metrics.allowance(reference) if graph.tensors[tensor].dtype.is_float else 1.0


def _expected(model: Model, graph: Graph) -> str | None:
    """Why LiteRT may differ."""
    if is_dynamic_range(model.imported):
        return "it quantizes the inputs of layers with int8 weights"
    calls = [call for call in graph.calls() if not call.input().dtype.is_float]
    rounded = sorted({OPS[call.node.op].tflite for call in calls if _rounds_otherwise(call)})
    reasons = [f"it rounds {', '.join(rounded)} differently"] if rounded else []
    if any(call.node.op == "sum" for call in calls):
        reasons.append("its int8 SUM is wrong")
    return "; ".join(reasons) or None


def _rounds_otherwise(call: Call) -> bool:
    """Whether LiteRT rounds integers differently. For SOFTMAX of int16 its table is another."""
    is_softmax = call.node.op == "softmax" and call.input().dtype is DType.INT16
    return is_softmax or call.node.op in ROUNDED_OTHERWISE


def _compare(
    model: Model, graph: Graph, ours: Outputs, theirs: Outputs, name: str
) -> Iterator[Comparison]:
    expected = _expected(model, graph) if name.startswith("LiteRT") else None
    for position, tensor in enumerate(graph.outputs):
        wanted = [outputs[position].ravel() for outputs in theirs]
        yield Comparison(
            graph.tensors[tensor].name,
            name,
            metrics.difference([outputs[position].ravel() for outputs in ours], wanted),
            _allowed(graph, tensor, np.stack(wanted)),
            expected,
        )


def _float_outputs(model: Model, samples: Samples) -> Outputs:
    interpreter = reference.litert(model.content)
    return [
        interpreter.outputs([values[index] for values in samples.real])
        for index in range(len(samples))
    ]


def _against_float(graph: Graph, ours: Outputs, floats: Outputs | None) -> tuple[Difference, ...]:
    if floats is None:
        return ()
    return tuple(
        metrics.difference(
            [dequantize(outputs[position], graph.tensors[tensor]).ravel() for outputs in ours],
            [outputs[position].ravel() for outputs in floats],
        )
        for position, tensor in enumerate(graph.outputs)
    )


def _first(outputs: Outputs) -> list[Array]:
    return [sample[0] for sample in outputs]


def _accuracies(
    samples: Samples, who: str, ours: Outputs, expected: dict[str, Outputs], floats: Outputs | None
) -> tuple[Accuracy, ...]:
    """Of the first output: a classifier's scores."""
    labels = _labels(samples, ours)
    if labels is None:
        return ()
    rows = {"float": floats, **expected, who: ours}
    return tuple(
        Accuracy(who, metrics.accuracy(_first(outputs), labels))
        for who, outputs in rows.items()
        if outputs is not None
    )


def _confusion(samples: Samples, ours: Outputs) -> tuple[tuple[int, ...], ...]:
    labels = _labels(samples, ours)
    if labels is None:
        return ()
    return tuple(tuple(row) for row in metrics.confusion(_first(ours), labels))


def _labels(samples: Samples, ours: Outputs) -> Array | None:
    """The labels, if there are any and the model is a classifier: more than one score."""
    return samples.labels if ours[0][0].size > 1 else None


def _verdict(comparisons: Sequence[Comparison], yardstick: str, samples: int) -> str:
    against = [c for c in comparisons if c.reference == yardstick]
    total = sum(c.difference.total for c in against)
    differing = sum(c.difference.differing for c in against)
    off = f"{differing:,} of {total:,} bytes of {samples} samples differ from {yardstick}"
    if not all(c.passed for c in against):
        return f"DIFFERENT: {off}"
    unexplained = [c.reference for c in comparisons if not c.passed]
    if unexplained:
        return f"DIFFERENT: equal to {yardstick}, but not to {unexplained[0]}, for no known reason"
    if differing:
        worst = max(against, key=lambda c: c.difference.largest)
        largest, allowed = worst.difference.largest, worst.allowed
        return f"CLOSE: {off}, by at most {largest:.2g}; floats may be off by {allowed:.2g}"
    return f"EXACT: {total:,} bytes of {samples} samples equal {yardstick}, byte for byte"
