"""Cores and boards. A board is a folder with a `board.toml`; unknown keys are errors."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mcugen.ops.base import Family


@dataclass(frozen=True, slots=True)
class Cpu:
    """A core: how gcc is told, and which kernel families it runs, best first."""

    name: str
    flags: tuple[str, ...]
    families: tuple[Family, ...]


CPUS: dict[str, Cpu] = {
    cpu.name: cpu
    for cpu in (
        Cpu("host", (), (Family.REF,)),
        Cpu("cortex-m0", ("-mcpu=cortex-m0", "-mthumb"), (Family.REF,)),
        Cpu("cortex-m0plus", ("-mcpu=cortex-m0plus", "-mthumb"), (Family.REF,)),
        Cpu("cortex-m3", ("-mcpu=cortex-m3", "-mthumb"), (Family.REF,)),
        Cpu(
            "cortex-m4",
            ("-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"),
            (Family.DSP, Family.REF),
        ),
        Cpu(
            "cortex-m7",
            ("-mcpu=cortex-m7", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv5-sp-d16"),
            (Family.DSP, Family.REF),
        ),
        Cpu(
            "cortex-m33",
            ("-mcpu=cortex-m33", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv5-sp-d16"),
            (Family.DSP, Family.REF),
        ),
        Cpu(
            "cortex-m55",
            ("-mcpu=cortex-m55", "-mthumb", "-mfloat-abi=hard", "-mfpu=auto"),
            (Family.MVE, Family.DSP, Family.REF),
        ),
    )
}


@dataclass(frozen=True, slots=True)
class Region:
    """A memory region, in bytes."""

    origin: int
    size: int


@dataclass(frozen=True, slots=True)
class Peripheral:
    """A UART or timer: `driver` names a file in `runtime_c/firmware/`, `clock_hz` feeds it."""

    driver: str
    base: int
    clock_hz: int


@dataclass(frozen=True, slots=True)
class Emulator:
    """How QEMU runs the board; `icount_shift`: 2**shift ns of virtual time per instruction."""

    machine: str
    icount_shift: int


@dataclass(frozen=True, slots=True)
class Board:
    """Everything mcugen knows of a board. `host` has no memory regions and no peripherals."""

    name: str
    description: str
    cpu: Cpu
    folder: Path
    flash: Region | None
    ram: Region | None
    uart: Peripheral | None
    timer: Peripheral | None
    emulator: Emulator | None
