"""The operators that random models are made of: a generator each, and who can judge them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mcugen.testing.fuzz import elementwise, layers, layout
from mcugen.testing.fuzz.sketch import Sketch

TFLM, LITERT = "tflm", "litert"


@dataclass(frozen=True, slots=True)
class Subject:
    """One operator: what adds it to a sketch, and the references that it agrees with.

    `approximate`: its float results may differ in the last bits.
    """

    grow: Callable[[Sketch], None]
    references: tuple[str, ...] = (TFLM, LITERT)
    approximate: bool = False


# Where one of the references lacks an operator or computes something else; the modules say why.
_ONLY = {
    "cast": LITERT,
    "elu": TFLM,
    "exp": LITERT,
    "fully_connected": TFLM,
    "gelu": LITERT,
    "log": LITERT,
    "logistic": TFLM,
    "neg": LITERT,
    "relu_n1_to_1": LITERT,
    "select": LITERT,
    "sqrt": LITERT,
    "sub": TFLM,
    "sum": TFLM,
    "tanh": TFLM,
    "tile": LITERT,
}

_APPROXIMATE = {
    *("batch_matmul", "elu", "exp", "gelu", "l2_normalization", "log", "log_softmax", "logistic"),
    *("rsqrt", "softmax", "sqrt", "sum", "tanh", "transpose_conv"),
}

# Operators without a generator, and why.
EXCUSED = {
    "shape": "folds away; the passes' tests cover it",
    "svdf": "has a state; its own tests run sequences",
    "unidirectional_sequence_lstm": "has a state; its own tests run sequences",
}


def _subjects() -> Mapping[str, Subject]:
    generators = {**elementwise.GENERATORS, **layers.GENERATORS, **layout.GENERATORS}
    return {
        op: Subject(grow, (_ONLY[op],) if op in _ONLY else (TFLM, LITERT), op in _APPROXIMATE)
        for op, grow in generators.items()
    }


SUBJECTS = _subjects()
