"""The serial ports of this computer, and which of them is a board's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from serial.tools import list_ports

from mcugen.errors import BoardError
from mcugen.target import Board

AUTO = "auto"  # in place of a port's name: find it


@dataclass(frozen=True, slots=True)
class Port:
    """A serial port; `usb` are vendor and product id, None for a port that is not on USB."""

    path: str
    usb: tuple[int, int] | None = None
    serial_number: str = ""
    description: str = ""

    def __str__(self) -> str:
        ids = "" if self.usb is None else f" [{self.usb[0]:04x}:{self.usb[1]:04x}]"
        number = f", serial number {self.serial_number}" if self.serial_number else ""
        return f"{self.path}{ids} {self.description}{number}"


@dataclass(frozen=True, slots=True)
class PortList:
    """All ports."""

    ports: tuple[Port, ...]


def present() -> list[Port]:
    """The ports that there are now."""
    return [
        Port(
            port.device,
            None if port.vid is None else (port.vid, port.pid),
            port.serial_number or "",
            port.description or "",
        )
        for port in sorted(list_ports.comports(), key=lambda port: port.device)
    ]


def candidates(board: Board, ports: Iterable[Port], serial_number: str | None = None) -> list[Port]:
    """The ports that can be this board's: of its USB ids and, if given, of this serial number."""
    return [
        port
        for port in ports
        if port.usb in board.serial.usb and serial_number in (None, port.serial_number)
    ]


def find(board: Board, name: str = AUTO, serial_number: str | None = None) -> Port:
    """The port of this name; with AUTO, the only one that can be the board's."""
    if name != AUTO:
        return Port(name)
    ports = present()
    found = candidates(board, ports, serial_number)
    if len(found) == 1:
        return found[0]
    if found:
        raise BoardError(
            f"{board.name}: {len(found)} ports can be its own; choose one by --serial-number or "
            f"--port:\n{_listed(found)}"
        )
    ids = ", ".join(f"{vendor:04x}:{product:04x}" for vendor, product in board.serial.usb)
    wanted = f"no port with the USB id {ids}" if ids else "it has no port of its own"
    if serial_number is not None and ids:
        wanted += f" and the serial number {serial_number}"
    raise BoardError(
        f"{board.name}: {wanted}; plug it in, or give --port; ports here:\n{_listed(ports)}"
    )


def _listed(ports: Sequence[Port]) -> str:
    return "\n".join(f"    {port}" for port in ports) or "    (none)"
