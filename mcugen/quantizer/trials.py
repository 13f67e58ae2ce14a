"""The log of decisions: each is judged by the outputs' error and stays if it lowers it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from mcugen.ir import Graph
from mcugen.ops.base import Array
from mcugen.quantizer.apply import Parameters
from mcugen.quantizer.batch import Batch
from mcugen.quantizer.judge import Judge
from mcugen.quantizer.observe import Sample

FEW_SAMPLES = 32  # too few to be divided


@dataclass(frozen=True, slots=True)
class Step:
    """A decision: the output's signal-to-noise ratio with it, what that gains, whether it stays."""

    name: str
    sqnr_db: float
    gain_db: float
    kept: bool


class Trials:
    """Judges parameters against the float graph's outputs on some samples.

    What `score_fit` fits is judged by two-fold cross-validation: each half of the samples judges
    what was fitted to the other one. A few samples judge what is fitted to themselves, and `score`
    asks all samples, those that ranges or channel factors come from among them.
    """

    def __init__(self, graph: Graph, samples: Sequence[Sample]) -> None:
        few = len(samples) < FEW_SAMPLES
        self.judge = Judge(graph)
        self._halves = (samples,) if few else (samples[::2], samples[1::2])
        self.use(graph)
        self._wanted = _joined([half.outputs() for half in self._batches])
        self.steps: list[Step] = []
        self.best = -math.inf

    def use(self, graph: Graph) -> None:
        """Go on with another graph of the same function."""
        judged = self.judge.judged(graph)
        self._batches = [Batch.of(judged, half) for half in self._halves]

    def score(self, parameters: Parameters) -> float:
        """Signal-to-quantization-noise ratio in dB."""
        return self._score([parameters] * len(self._batches))

    def score_fit(self, fit: Callable[[Batch], Parameters]) -> float:
        """The same of parameters that are fitted to samples."""
        return self._score([fit(batch) for batch in reversed(self._batches)])

    def _score(self, parameters: Sequence[Parameters]) -> float:
        found = [b.quantized(p) for b, p in zip(self._batches, parameters, strict=True)]
        return self.judge.score(self._wanted, _joined(found))

    def record(self, name: str, score: float) -> bool:
        """Write a decision down; True if it is to stay. The first one always does."""
        is_first = not self.steps
        gain = 0.0 if is_first or score == self.best else score - self.best
        kept = is_first or gain > 0.0
        self.steps.append(Step(name, score, gain, kept))
        if kept:
            self.best = score
        return kept


def _joined(parts: Sequence[Sequence[Array]]) -> list[Array]:
    return [np.concatenate(columns) for columns in zip(*parts, strict=True)]
