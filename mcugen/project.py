"""A generated project on disk: what it takes, what it gives, which board it is for."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mcugen import manifest
from mcugen.errors import BoardError, OutputError
from mcugen.ir import DType, Quant, Tensor
from mcugen.ops.base import Array
from mcugen.run.runner import Runner
from mcugen.target import Board, load_board


@dataclass(frozen=True, slots=True, eq=False)
class Project:
    """What `mcugen.manifest` records of a project, as tensors and a board."""

    directory: Path
    prefix: str  # of its names and files
    id: str  # a hash over its files, which its firmware says
    board: Board
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]

    @classmethod
    def open(cls, directory: Path, board: Board | None = None) -> Project:
        """Read a project's record; raises `OutputError` where there is none or it is damaged.

        The record has the name of the board, which is enough for those that come with mcugen; any
        other must be given, and be the one that the project was made for.
        """
        facts = manifest.read(directory)
        if facts.package:
            raise OutputError(
                f"{directory}: is laid out for {facts.package}, which builds it; "
                "to build and run it here, generate a project without --format"
            )
        if board is not None and board.name != facts.board:
            raise BoardError(
                f"{directory}: made for {facts.board}, not for {board.name}; "
                "its code and firmware are a board's own; generate a project for that board"
            )
        path = directory / f"{facts.prefix}.json"
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            inputs = tuple(_tensor(port) for port in record["inputs"])
            outputs = tuple(_tensor(port) for port in record["outputs"])
        except (KeyError, TypeError, ValueError, OSError) as error:
            raise OutputError(f"{path}: damaged ({error!r}); generate the project again") from error
        return cls(
            directory,
            facts.prefix,
            facts.project_id,
            board or load_board(facts.board),
            inputs,
            outputs,
        )

    def infer(self, runner: Runner, inputs: Sequence[Array]) -> list[Array]:
        """Run once; arrays in, arrays out."""
        raw = runner.infer([values.tobytes() for values in inputs])
        return [
            np.frombuffer(output, tensor.dtype.numpy).reshape(tensor.shape)
            for output, tensor in zip(raw, self.outputs, strict=True)
        ]


def _tensor(port: Mapping[str, Any]) -> Tensor:
    """A port as a tensor; its C type is the numpy name with _t, or float."""
    ctype = str(port["ctype"])
    dtype = DType.FLOAT32 if ctype == "float" else DType(ctype.removesuffix("_t"))
    scale = port["scale"]
    quant = None if scale is None else Quant((float(scale),), (int(port["zero_point"]),))
    return Tensor(str(port["original"]), tuple(map(int, port["shape"])), dtype, quant)
