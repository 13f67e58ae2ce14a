"""How far two sets of outputs lie apart, in the field's vocabulary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mcugen.ops.base import Array

FLOAT_TOLERANCE = 1e-5  # relative to the largest value


@dataclass(frozen=True, slots=True)
class Difference:
    """Outputs against reference outputs; `differing` counts unequal bytes of `total`.

    `rmse`, `mae`, `l2r` (norm of the error over norm of the reference) and `cos` (cosine
    similarity) are over all samples, the first two in the units of the arrays.
    """

    differing: int
    total: int
    largest: float
    rmse: float
    mae: float
    l2r: float
    cos: float


def difference(values: Sequence[Array], reference: Sequence[Array]) -> Difference:
    """Compare one output over all samples with its reference."""
    a, b = np.stack(values), np.stack(reference)
    raw_a = np.frombuffer(a.tobytes(), np.uint8)
    raw_b = np.frombuffer(b.tobytes(), np.uint8)
    x, y = a.astype(np.float64).ravel(), b.astype(np.float64).ravel()
    norms = float(np.linalg.norm(x) * np.linalg.norm(y))
    error = np.abs(x - y)
    return Difference(
        differing=int(np.count_nonzero(raw_a != raw_b)),
        total=raw_a.size,
        largest=float(error.max()),
        rmse=float(np.sqrt(np.mean(error**2))),
        mae=float(error.mean()),
        l2r=_ratio(float(np.linalg.norm(x - y)), float(np.linalg.norm(y))),
        cos=float(x @ y) / norms if norms else float(np.array_equal(x, y)),
    )


def _ratio(error: float, size: float) -> float:
    return error / size if size else (0.0 if error == 0.0 else float("inf"))


def allowance(reference: Array) -> float:
    """How far float results may be off: exponentials differ in their last bits, and so do sums
    where a compiler rounds a product and a sum at once."""
    return FLOAT_TOLERANCE * float(np.abs(reference).max(initial=0.0))


def classes(outputs: Sequence[Array]) -> Array:
    """The class of each sample: the position of its largest value, the first of equal ones."""
    return np.array([int(np.argmax(output)) for output in outputs], np.int64)


def accuracy(outputs: Sequence[Array], labels: Array) -> float:
    """The share of samples whose largest output is at the label."""
    return float(np.mean(classes(outputs) == labels))


def confusion(outputs: Sequence[Array], labels: Array) -> list[list[int]]:
    """Counts: one row per true class, one column per predicted class."""
    size = int(max(outputs[0].size, labels.max() + 1))
    counts = np.zeros((size, size), np.int64)
    np.add.at(counts, (labels, classes(outputs)), 1)
    rows: list[list[int]] = counts.tolist()
    return rows
