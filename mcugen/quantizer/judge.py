"""How good the outputs of quantized models are: the one number by which choices are made.

Where an output comes out of a softmax or a sigmoid, what goes in is judged in its place: scores
near 0 and 1 depend on few samples, and say little about the errors of the layers before.

What goes into a softmax is judged by differences between classes, as a common shift changes
nothing, and each class by how much it competes: its share p of a softmax whose temperature is the
spread of all its inputs. The noise of a sample is the variance, over the classes drawn by p, of
what was added. For a temperature of 1 that is the second-order term of the Kullback-Leibler
divergence between the scores; the higher one asks all samples, instead of the few that lie between
two classes, which other samples would not repeat. Classes so far behind that their score is 0 are
all the same.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mcugen.ir import Graph
from mcugen.ops import OPS
from mcugen.ops.base import Array
from mcugen.quantizer.batch import sqnr_db
from mcugen.quantizer.logits import distance, visible


class Judge:
    """Compares with the outputs of a float graph; `graph` is one with the outputs to compare."""

    def __init__(self, graph: Graph) -> None:
        squashed = {
            call.node.outputs[0]: call
            for call in graph.calls()
            if OPS[call.node.op].scheme.output is not None
        }
        self._far = [
            distance(squashed[i]) if i in squashed and squashed[i].node.op == "softmax" else None
            for i in graph.outputs
        ]
        self._outputs = tuple(
            squashed[i].node.inputs[0] if i in squashed else i for i in graph.outputs
        )

    def judged(self, graph: Graph) -> Graph:
        """A graph of the same function, with the outputs to compare."""
        return graph.with_(outputs=self._outputs)

    def score(self, wanted: Sequence[Array], found: Sequence[Array]) -> float:
        """Signal-to-quantization-noise ratio in dB."""
        pairs = [
            (w, f) if far is None else _competing(w, f, far)
            for w, f, far in zip(wanted, found, self._far, strict=True)
        ]
        return sqnr_db([w for w, _ in pairs], [f for _, f in pairs])


def _competing(wanted: Array, found: Array, far: float) -> tuple[Array, Array]:
    """Differences between the inputs of a softmax, weighted by how much classes compete."""
    centred = wanted - wanted.mean(axis=-1, keepdims=True)
    spread = max(float(np.sqrt(np.mean(np.square(centred, dtype=np.float64)))), 1e-30)
    odds = np.exp((wanted - wanted.max(axis=-1, keepdims=True)) / np.float32(spread))
    share = odds / odds.sum(axis=-1, keepdims=True)

    def differences(x: Array) -> Array:
        result: Array = np.sqrt(share) * (x - np.sum(share * x, axis=-1, keepdims=True))
        return result

    return differences(visible(wanted, far)), differences(visible(found, far))
