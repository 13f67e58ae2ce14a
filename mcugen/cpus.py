"""The cores that mcugen makes code for."""

from __future__ import annotations

from dataclasses import dataclass

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
        # gcc knows it from version 13 on. The architecture is that of the Cortex-M55 and pointer
        # authentication, which nothing here needs; only the order of instructions is not its own.
        Cpu(
            "cortex-m85",
            ("-mcpu=cortex-m55", "-mthumb", "-mfloat-abi=hard", "-mfpu=auto"),
            (Family.MVE, Family.DSP, Family.REF),
        ),
    )
}
