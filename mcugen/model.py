"""A model file: its bytes, the graph as the file has it, and the graph that is compiled."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcugen import passes
from mcugen.importers import keras, tflite
from mcugen.ir import DType, Graph

KERAS_MAGIC = (b"PK\x03\x04", b"\x89HDF\r\n\x1a\n")  # of .keras and of .h5 files
INTEGERS = (DType.INT8, DType.UINT8, DType.INT16)


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A model as it was read; it may still break rules. `content` is a `.tflite` file."""

    path: Path
    content: bytes
    imported: Graph

    @property
    def sha256(self) -> str:
        """Of the content."""
        return hashlib.sha256(self.content).hexdigest()

    @property
    def is_float(self) -> bool:
        """Whether no activation is stored in integers, so that the model can be quantized."""
        graph = self.imported
        computed = [*graph.inputs, *(i for node in graph.nodes for i in node.outputs)]
        return not any(graph.tensors[i].dtype in INTEGERS for i in computed if i in graph.tensors)

    def compiled(self) -> Graph:
        """The graph after all passes; raises `UnsupportedModelError` with every problem."""
        return passes.run(self.imported)


def load(source: Path | str | Any) -> Model:
    """Read a .tflite, .keras or .h5 file, or convert a Keras model object.

    A model that is loaded already is returned as it is.

    Raises `ModelFileError` for what is no model, `UnsupportedModelError` for files that carry code,
    `ToolError` for Keras models without TensorFlow.
    """
    if isinstance(source, Model):
        return source
    if not isinstance(source, Path | str):
        return loads(keras.convert(source), Path(f"{source.name}.keras"))
    path = Path(source)
    if _is_keras(path):
        return loads(keras.load(path), path)
    imported = tflite.load(path)
    return Model(path, path.read_bytes(), imported)


def loads(content: bytes, path: Path) -> Model:
    """A model whose `.tflite` content was just made; `path` says where it comes from."""
    return Model(path, content, tflite.loads(content, path.stem))


def _is_keras(path: Path) -> bool:
    if not path.is_file():
        return path.suffix in keras.SUFFIXES and not path.exists()
    with path.open("rb") as file:
        return file.read(8).startswith(KERAS_MAGIC) or path.suffix in keras.SUFFIXES
