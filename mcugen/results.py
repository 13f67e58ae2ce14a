"""What the verbs answer with, where no module of their own says it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mcugen.analysis import Memory
from mcugen.model import Model
from mcugen.quantizer.report import Report
from mcugen.target import Board


@dataclass(frozen=True, slots=True)
class BoardRow:
    """One known board; bytes of flash and RAM, None for the host."""

    name: str
    cpu: str
    flash: int | None
    ram: int | None
    runs: str
    description: str

    @classmethod
    def of(cls, board: Board) -> BoardRow:
        """Describe a board."""
        return cls(
            board.name,
            board.cpu.name,
            board.flash.size if board.flash else None,
            board.ram.size if board.ram else None,
            "here" if board.is_host else "QEMU" if board.emulator else "not run yet",
            board.description,
        )


@dataclass(frozen=True, slots=True)
class BoardList:
    """All known boards."""

    boards: tuple[BoardRow, ...]


@dataclass(frozen=True, slots=True)
class Generated:
    """A project that was written; sizes in bytes. `note` says what limits changed."""

    directory: Path
    name: str
    board: str
    files: int
    arena: int
    constants: int
    macs: int
    note: str = ""


@dataclass(frozen=True, slots=True)
class Built:
    """A project that was compiled."""

    image: Path
    memory: Memory


@dataclass(frozen=True, slots=True)
class RunResult:
    """Samples that were run; `first` are the outputs of the first one."""

    board: str
    samples: int
    output: Path | None
    first: tuple[tuple[float, ...], ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class QuantizedModel:
    """A model that was quantized: the new one, the float one, what it cost, where it was written.

    `model.content` is the `.tflite` file.
    """

    model: Model
    floating: Model
    report: Report
    output: Path | None
