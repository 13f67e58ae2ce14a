"""The operators that random models are made of: a generator each, and who can judge them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from mcugen.ops import OPS
from mcugen.ops.base import Kernel
from mcugen.testing.fuzz import elementwise, layers, layout, recurrent
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
    "abs": TFLM,
    "cast": LITERT,
    "elu": TFLM,
    "exp": LITERT,
    "fully_connected": TFLM,
    "gelu": LITERT,
    "hard_swish": TFLM,
    "leaky_relu": TFLM,
    "log": LITERT,
    "logistic": TFLM,
    "mul": TFLM,
    "neg": LITERT,
    "prelu": TFLM,
    "relu": TFLM,
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
    *("rsqrt", "softmax", "sqrt", "sum", "svdf", "tanh", "transpose_conv"),
    "unidirectional_sequence_lstm",
}

# Operators without a generator, and why.
EXCUSED = {
    "shape": "folds away; the passes' tests cover it",
    "densify": "folds away; its own tests cover sparse constants",
}


def _subjects() -> Mapping[str, Subject]:
    modules = (elementwise, layers, layout, recurrent)
    generators = {op: grow for module in modules for op, grow in module.GENERATORS.items()}
    return {
        op: Subject(grow, (_ONLY[op],) if op in _ONLY else (TFLM, LITERT), op in _APPROXIMATE)
        for op, grow in generators.items()
    }


SUBJECTS = _subjects()


@dataclass(frozen=True, slots=True)
class Turn:
    """What a model begins with: an operator, and one of its kernels that takes the call."""

    op: str
    kernel: Kernel | None


def turns(ops: Iterable[str]) -> tuple[Turn, ...]:
    """Every kernel of some operators, and the operators that have none."""
    return tuple(Turn(op, kernel) for op in sorted(ops) for kernel in OPS[op].kernels or (None,))
