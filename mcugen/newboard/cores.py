"""The core of a chip, by the names that SVD files and packs have for it."""

from __future__ import annotations

import re
from dataclasses import dataclass

_OF_VENDORS = {
    "0": "cortex-m0",
    "0+": "cortex-m0plus",
    "0P": "cortex-m0plus",
    "0PLUS": "cortex-m0plus",
    "1": "cortex-m0",
    "3": "cortex-m3",
    "4": "cortex-m4",
    "7": "cortex-m7",
    "23": "cortex-m0",  # its architecture contains that of the Cortex-M0
    "33": "cortex-m33",
    "35P": "cortex-m33",
    "52": "cortex-m55",
    "55": "cortex-m55",
    "85": "cortex-m85",
}


@dataclass(frozen=True, slots=True)
class Core:
    """What a description says of a core; None where it does not say."""

    name: str
    fpu: bool | None = None
    dsp: bool | None = None
    mve: bool | None = None

    def cpu(self) -> tuple[str | None, str]:
        """mcugen's core whose code runs on it, or None; and why it is a smaller one, or nothing."""
        found = re.fullmatch(r"(?:CM|CORTEX-?M)([0-9]+(?:P|\+|PLUS)?)", self.name.upper())
        cpu = _OF_VENDORS.get(found[1]) if found else None
        if cpu in (None, "cortex-m0", "cortex-m0plus", "cortex-m3"):
            return cpu, ""
        if self.fpu is False or self.dsp is False:
            lacks = "floating point" if self.fpu is False else "the DSP extension"
            return "cortex-m3", f"The {self.name} has no {lacks}: code for a Cortex-M3 runs on it."
        if cpu in ("cortex-m55", "cortex-m85") and self.mve is False:
            return "cortex-m33", f"The {self.name} has no Helium: code for a Cortex-M33 runs on it."
        return cpu, ""
