"""The reference interpreters that mcugen's results are compared with.

`tflm` runs the reference kernels of TensorFlow Lite for Microcontrollers, the yardstick; `litert`
those of desktop LiteRT (BUILTIN_REF), which round a few operators differently. Both keep every
tensor, so that layers can be compared one by one. Neither needs TensorFlow.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from mcugen.errors import DataError, ToolError
from mcugen.ir import TensorId

Array = NDArray[Any]
T = TypeVar("T")

_ARENA_MARGIN = 1 << 20  # bytes of a TFLM arena for what is not a tensor: scratch, op data


class RefusedError(ToolError):
    """A reference interpreter does not accept a model that mcugen may accept."""


class Reference(Protocol):
    """One model in one reference interpreter; each run starts from the model's initial state."""

    @property
    def name(self) -> str:
        """How reports name the interpreter."""

    def outputs(self, inputs: Sequence[Array]) -> list[Array]:
        """Run once and return the outputs; raises DataError for inputs that do not suit."""

    def tensors(self, inputs: Sequence[Array]) -> dict[TensorId, Array]:
        """Run once and return every tensor, constants included, by its index in the file."""


class Interpreter(Reference, Protocol):
    """A reference that can also run without a reset in between."""

    def sequence(self, samples: Sequence[Sequence[Array]]) -> list[dict[TensorId, Array]]:
        """`tensors` of runs that follow one another: only the first starts from the initial state.

        The tensors are those after the run, variables included.
        """


def tflm_available() -> bool:
    """Whether the TFLM interpreter is installed (Linux on x86-64 only)."""
    return importlib.util.find_spec("tflite_micro") is not None


def litert_available() -> bool:
    """Whether the LiteRT interpreter is installed."""
    return importlib.util.find_spec("ai_edge_litert") is not None


def tflm(model: bytes) -> Interpreter:
    """Load a model file into TFLM; raises ToolError if it is not installed, RefusedError."""
    if not tflm_available():
        raise _missing("TFLM", "tflite_micro")
    return _Tflm(model)


def litert(model: bytes) -> Interpreter:
    """Load a model file into LiteRT; raises ToolError if it is not installed, RefusedError."""
    if not litert_available():
        raise _missing("LiteRT", "ai_edge_litert")
    return _LiteRt(model)


def _missing(name: str, package: str) -> ToolError:
    return ToolError(
        f"{name}: the Python package {package} is not installed; "
        "it has wheels for Linux on x86-64; run: pip install 'mcugen[reference]'"
    )


@contextmanager
def _stderr_in(file: IO[bytes]) -> Iterator[None]:
    """Send file descriptor 2, where the interpreters' C++ prints, to a file."""
    sys.stderr.flush()
    saved = os.dup(2)
    os.dup2(file.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)


def _load(name: str, step: Callable[[], T]) -> T:
    """Load a model; what the interpreter prints becomes part of the error if it refuses."""
    with tempfile.TemporaryFile() as log:
        try:
            with _stderr_in(log):
                return step()
        except Exception as error:  # the bindings raise whatever their C++ or flatbuffers throws
            log.seek(0)
            raise _refused(name, error, log.read().decode(errors="replace")) from error


def _run(name: str, step: Callable[[], None]) -> None:
    """Run a model; nothing is captured, since a progress bar may be drawing on the terminal."""
    try:
        step()
    except Exception as error:
        raise _refused(name, error) from error


def _refused(name: str, error: Exception, printed: str = "") -> RefusedError:
    lines = (line.strip() for line in (*printed.split("\n"), str(error)))
    return RefusedError(
        f"{name}: the reference interpreter refuses the model "
        f"({'; '.join(filter(None, lines))}); compare with the other reference"
    )


class _File:
    """What the model file says of its first subgraph."""

    def __init__(self, model: bytes) -> None:
        from ai_edge_litert import schema_py_generated as schema

        graph = schema.ModelT.InitFromPackedBuf(model).subgraphs[0]
        operators = [] if graph.operators is None else graph.operators
        self.inputs = [int(i) for i in graph.inputs]
        self.outputs = [int(i) for i in graph.outputs]
        listed = (ids for op in operators for ids in (op.inputs, op.outputs) if ids is not None)
        used = {*self.inputs, *(int(i) for ids in listed for i in ids)} - {-1}
        handles = {i for i in used if graph.tensors[i].type == schema.TensorType.RESOURCE}
        # What LiteRT does not give: constants whose bytes are fewer than their elements.
        sparse = {i for i in used if graph.tensors[i].sparsity is not None}
        self.used = sorted(used - handles - sparse)
        self.has_resources = bool(handles)  # variables that no reset gives their first values
        self.tensor_elements = sum(
            max(1, int(np.prod(graph.tensors[i].shape, dtype=np.int64)))
            for i in self.used
            if graph.tensors[i].shape is not None
        )


def _fit(value: Array, shape: Sequence[int], dtype: Any, where: str) -> Array:
    """An input in the shape that the interpreter wants: same type, same number of elements."""
    if value.dtype == dtype and value.size == np.prod(shape, dtype=np.int64):
        return np.ascontiguousarray(value).reshape(shape)
    raise DataError(
        f"{where}: {value.dtype} of shape {list(value.shape)}; "
        f"the model takes {np.dtype(dtype)} of shape {[int(n) for n in shape]}"
    )


def _check_count(inputs: Sequence[Array], expected: int) -> None:
    if len(inputs) != expected:
        raise DataError(f"inputs: {len(inputs)} arrays; the model takes {expected}")


class _Tflm:
    """TFLM through the package tflite_micro."""

    name = "TFLM"

    def __init__(self, model: bytes) -> None:
        from tflite_micro.python.tflite_micro import runtime

        def load() -> Any:
            self._file = _File(model)
            # With all tensors preserved nothing shares memory; 8 covers the widest element type.
            return runtime.Interpreter.from_bytes(
                model,
                arena_size=10 * len(model) + 8 * self._file.tensor_elements + _ARENA_MARGIN,
                intrepreter_config=runtime.InterpreterConfig.kPreserveAllTensors,
            )

        self._load = load
        self._interpreter = _load(self.name, load)

    def _reset(self) -> None:
        if self._file.has_resources:
            self._interpreter = _load(self.name, self._load)
        _run(self.name, self._interpreter.reset)

    def _invoke(self, inputs: Sequence[Array]) -> None:
        _check_count(inputs, len(self._file.inputs))
        fitted = []
        for i, value in enumerate(inputs):
            detail = self._interpreter.get_input_details(i)
            fitted.append(_fit(value, detail["shape"], detail["dtype"], f"input {i}"))

        def run() -> None:
            for i, value in enumerate(fitted):
                self._interpreter.set_input(value, i)
            self._interpreter.invoke()

        _run(self.name, run)

    def outputs(self, inputs: Sequence[Array]) -> list[Array]:
        self._reset()
        self._invoke(inputs)
        count = len(self._file.outputs)
        return [np.array(self._interpreter.get_output(i)) for i in range(count)]

    def tensors(self, inputs: Sequence[Array]) -> dict[TensorId, Array]:
        return self.sequence([inputs])[0]

    def sequence(self, samples: Sequence[Sequence[Array]]) -> list[dict[TensorId, Array]]:
        self._reset()
        return [self._step(inputs) for inputs in samples]

    def _step(self, inputs: Sequence[Array]) -> dict[TensorId, Array]:
        self._invoke(inputs)
        return {
            i: np.array(self._interpreter.GetTensor(i, 0)["tensor_data"]) for i in self._file.used
        }


class _LiteRt:
    """Desktop LiteRT with its reference kernels."""

    name = "LiteRT BUILTIN_REF"

    def __init__(self, model: bytes) -> None:
        from ai_edge_litert.interpreter import Interpreter, OpResolverType

        def load() -> Any:
            self._file = _File(model)
            interpreter = Interpreter(
                model_content=model,
                experimental_op_resolver_type=OpResolverType.BUILTIN_REF,
                experimental_preserve_all_tensors=True,
            )
            interpreter.allocate_tensors()
            return interpreter

        self._load = load
        self._interpreter = _load(self.name, load)

    def _reset(self) -> None:
        if self._file.has_resources:
            self._interpreter = _load(self.name, self._load)
        _run(self.name, self._interpreter.reset_all_variables)

    def _invoke(self, inputs: Sequence[Array]) -> None:
        details = self._interpreter.get_input_details()
        _check_count(inputs, len(details))
        fitted = [
            _fit(value, detail["shape"], detail["dtype"], f"input {i}")
            for i, (value, detail) in enumerate(zip(inputs, details, strict=True))
        ]

        def run() -> None:
            for detail, value in zip(details, fitted, strict=True):
                self._interpreter.set_tensor(detail["index"], value)
            self._interpreter.invoke()

        _run(self.name, run)

    def outputs(self, inputs: Sequence[Array]) -> list[Array]:
        self._reset()
        self._invoke(inputs)
        return [self._interpreter.get_tensor(i) for i in self._file.outputs]

    def tensors(self, inputs: Sequence[Array]) -> dict[TensorId, Array]:
        return self.sequence([inputs])[0]

    def sequence(self, samples: Sequence[Sequence[Array]]) -> list[dict[TensorId, Array]]:
        self._reset()
        return [self._step(inputs) for inputs in samples]

    def _step(self, inputs: Sequence[Array]) -> dict[TensorId, Array]:
        self._invoke(inputs)
        return {i: self._interpreter.get_tensor(i) for i in self._file.used}
