"""The record of a generated project, PREFIX.json: what it is, what it needs, which files it has."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mcugen.errors import OutputError
from mcugen.program import Port, Program
from mcugen.spaces import Piece

GENERATOR = "mcugen"


@dataclass(frozen=True, slots=True)
class Manifest:
    """The part of the record that mcugen reads back."""

    prefix: str
    board: str
    model_id: str
    project_id: str
    sha256: str
    arguments: tuple[Piece, ...]  # of PREFIX_invoke()
    files: tuple[str, ...]
    package: str = ""


def render(program: Program, project_id: str, files: Mapping[str, str], package: str = "") -> str:
    """The record as JSON; `files` are the SHA-256 of the project's other files.

    `package` names the build system that it was laid out for, if it is not a plain project.
    """
    record = {
        "generator": GENERATOR,
        "version": program.version,
        "prefix": program.prefix,
        "board": program.board,
        **({"package": package} if package else {}),
        "model": {"file": program.source, "sha256": program.sha256},
        "model_id": program.model_id,
        "objective": program.objective,
        "project_id": project_id,
        "kernels_abi": program.abi,
        "arena": {
            "bytes": program.arena_bytes,
            "align": program.arena_align,
            "lower_bound": program.arena_bound,
            "plan": [asdict(row) for row in program.arena],
        },
        "arguments": [
            {
                "name": argument.name,
                "kind": argument.kind,
                "bytes": argument.bytes,
                "align": argument.align,
                "region": argument.region,
            }
            for argument in program.arguments
        ],
        "constants_bytes": program.weight_bytes,
        "copied": [
            {"region": c.region, "constants": c.constants, "code": list(c.objects)}
            for c in program.copied
        ],
        "macs": program.macs,
        "inputs": [_port(port) for port in program.inputs],
        "outputs": [_port(port) for port in program.outputs],
        "layers": [
            {
                "index": layer.index,
                "operator": layer.op,
                "node": layer.node,
                "tensor": layer.tensor,
                "title": layer.title,
                "kernel": layer.kernel,
                "macs": layer.macs,
                "scratch_bytes": layer.scratch_bytes,
                "output_bytes": layer.output_bytes,
            }
            for layer in program.layers
        ],
        "files": files,
    }
    return json.dumps(record, indent=2, sort_keys=True) + "\n"


def find(directory: Path) -> Path | None:
    """The record in a directory that mcugen generated, else None."""
    for path in sorted(directory.glob("*.json")):
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(record, dict) and record.get("generator") == GENERATOR:
            return path
    return None


def read(directory: Path) -> Manifest:
    """Read the record of a project; OutputError if there is none or it is damaged."""
    path = find(directory)
    if path is None:
        raise OutputError(
            f"{directory}: not a project that mcugen generated; run `mcugen generate` first"
        )
    record = json.loads(path.read_text(encoding="utf-8"))
    try:
        return Manifest(
            prefix=str(record["prefix"]),
            board=str(record["board"]),
            model_id=str(record["model_id"]),
            project_id=str(record["project_id"]),
            sha256=str(record["model"]["sha256"]),
            arguments=tuple(_piece(argument) for argument in record["arguments"]),
            files=(*sorted(str(name) for name in record["files"]), path.name),
            package=str(record.get("package", "")),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise OutputError(f"{path}: damaged ({error!r}); generate the project again") from error


def _piece(argument: Mapping[str, Any]) -> Piece:
    texts = {key: str(argument[key]) for key in ("kind", "name", "region")}
    return Piece(**texts, bytes=int(argument["bytes"]), align=int(argument["align"]))


def _port(port: Port) -> dict[str, object]:
    return {
        "name": port.name,
        "original": port.comment,
        "ctype": port.ctype,
        "shape": list(port.shape),
        "bytes": port.bytes,
        "offset": port.offset,
        "scale": float(port.scale.rstrip("f")) if port.scale else None,
        "zero_point": port.zero_point if port.scale else None,
    }
