"""CMSIS-SVD files: the core of a chip, the addresses and interrupts of its peripherals."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from mcugen.errors import BoardError
from mcugen.newboard.cores import Core
from mcugen.newboard.xml_file import Element, parse

_SKIP = ("registers", "addressBlock")
_DETAILS = ("enumeratedValues", "addressBlock", "interrupt")  # that nobody reads in registers
_REGISTER = 32  # bits
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
    """What a file says of a chip; `text` is the file."""

    where: str
    device: str
    core: Core | None
    peripherals: dict[str, Peripheral]
    text: bytes

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

    def bits(self, peripheral: str, *fields: str) -> tuple[int, int] | None:
        """Address and mask of the first field of one of these names; None where there is none."""
        for element in parse(self.text, self.where, _DETAILS).iter("peripheral"):
            if element.findtext("name", "").strip() != peripheral:
                continue
            for register in element.iter("register"):
                for found in register.iter("field"):
                    if found.findtext("name", "").strip() in fields:
                        offset = _number(_text(register, "addressOffset", self.where), self.where)
                        base = self.peripherals[peripheral].base
                        return base + offset, _mask(found, self.where)
        return None


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
        data,
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
    numbers = {
        _text(found, "name", where): _number(_text(found, "value", where), where)
        for found in element.findall("interrupt")
    }
    base = _number(_text(element, "baseAddress", where), where)
    return Peripheral(name, base, numbers.get(name, min(numbers.values(), default=None)))


def _mask(field: Element, where: str) -> int:
    """The bits of a field: offset and width, lowest and highest, or [highest:lowest]."""
    bit_range = field.findtext("bitRange", "").strip(" []\n").split(":")
    low = field.findtext("bitOffset") or field.findtext("lsb") or bit_range[-1]
    high = field.findtext("msb") or bit_range[0]
    first = _number(low, where)
    width = field.findtext("bitWidth")
    bits = _number(width, where) if width else _number(high or low, where) - first + 1
    if not (0 <= first < _REGISTER and 0 < bits <= _REGISTER - first):
        raise BoardError(f"{where}: bits {first} to {first + bits - 1} of a register of 32")
    return ((1 << bits) - 1) << first


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
