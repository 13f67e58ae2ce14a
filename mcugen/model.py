"""A model file: its bytes, the graph as the file has it, and the graph that is compiled."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from mcugen import passes
from mcugen.importers import tflite
from mcugen.ir import Graph


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A model as it was read; it may still break rules."""

    path: Path
    content: bytes
    imported: Graph

    @property
    def sha256(self) -> str:
        """Of the file."""
        return hashlib.sha256(self.content).hexdigest()

    def compiled(self) -> Graph:
        """The graph after all passes; raises `UnsupportedModelError` with every problem."""
        return passes.run(self.imported)


def load(path: Path | str) -> Model:
    """Read a model file; raises `ModelFileError`."""
    path = Path(path)
    imported = tflite.load(path)
    return Model(path, path.read_bytes(), imported)
