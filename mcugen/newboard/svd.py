"""CMSIS-SVD files: the core of a chip, the addresses and interrupts of its peripherals."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from mcugen.errors import BoardError
from mcugen.newboard.cores import Core
from mcugen.newboard.xml_file import Element, parse

_SKIP = ("registers", "addressBlock")
_YES = {"true": True, "1": True, "false": False, "0": False}
_UARTS = ("uart", "usart", "sci", "lpuart", "sercom", "flexcomm")


@dataclass(frozen=True, slots=True)
class Peripheral:
    """Address of its registers; the lowest of its interrupts, None if the file has none."""

    name: str
    base: int
    irq: int | None


@dataclass(frozen=True, slots=True)
class Svd:
    """What a file says of a chip."""

    where: str
    device: str
    core: Core | None
    peripherals: dict[str, Peripheral]

    def peripheral(self, name: str) -> Peripheral:
        """A peripheral by its name."""
        known = {key.upper(): value for key, value in self.peripherals.items()}
        if name.upper() in known:
            return known[name.upper()]
        near = difflib.get_close_matches(name.upper(), known, n=6, cutoff=0.5)
        uarts = [n for n in self.peripherals if any(word in n.lower() for word in _UARTS)]
        raise BoardError(
            f"{self.where}: no peripheral {name}; "
            f"it has {', '.join(near or uarts[:12] or list(known)[:12])}"
        )


def read_svd(data: bytes, where: str) -> Svd:
    """Read an SVD file."""
    root = parse(data, where, _SKIP)
    found = root.find("peripherals")
    if root.tag != "device" or found is None:
        raise BoardError(f"{where}: not an SVD file: it has no device with peripherals")
    elements = {_text(e, "name", where): e for e in found.iter("peripheral")}
    return Svd(
        where,
        root.findtext("name", "").strip(),
        _core(root.find("cpu")),
        {name: _peripheral(name, element, where) for name, element in elements.items()},
    )


def _core(cpu: Element | None) -> Core | None:
    if cpu is None or not cpu.findtext("name"):
        return None
    fpu, dsp, mve = (
        _YES.get(cpu.findtext(tag, "").strip().lower())
        for tag in ("fpuPresent", "dspPresent", "mvePresent")
    )
    return Core(cpu.findtext("name", "").strip(), fpu, dsp, mve)


def _peripheral(name: str, element: Element, where: str) -> Peripheral:
    """A peripheral that is derived from another has an address and interrupts of its own."""
    interrupts = element.findall("interrupt")
    numbers = sorted(_number(_text(i, "value", where), where) for i in interrupts)
    base = _number(_text(element, "baseAddress", where), where)
    return Peripheral(name, base, numbers[0] if numbers else None)


def _text(element: Element, tag: str, where: str) -> str:
    text = element.findtext(tag, "").strip()
    if not text:
        raise BoardError(f"{where}: not an SVD file: a {element.tag} without {tag}")
    return text


def _number(text: str, where: str) -> int:
    """Decimal, hexadecimal, or binary after a #."""
    digits = text.strip()
    try:
        return int(digits[1:], 2) if digits.startswith("#") else int(digits, 0)
    except ValueError as error:
        raise BoardError(f"{where}: {text[:40]!r} is not a number of an SVD file") from error
