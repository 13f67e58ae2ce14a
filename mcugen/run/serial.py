"""Firmware behind a serial port: a board's, or one end of a pseudo-terminal."""

from __future__ import annotations

import errno
import os

import serial

from mcugen.errors import RunError

_WRITE_TIMEOUT = 10.0
_POLL = 0.2  # s; how long an end that has gone can go unnoticed
STANDARD_RATES = (115200, 921600, 460800, 230400, 57600, 9600)


class SerialLink:
    """A link over a serial port; see `link.Link`. Nobody else can open the port meanwhile."""

    def __init__(self, path: str, rate: int) -> None:
        self.name = path
        self.rates = (rate, *(other for other in STANDARD_RATES if other != rate))
        try:
            self._port = serial.Serial(
                path, rate, timeout=_POLL, write_timeout=_WRITE_TIMEOUT, exclusive=True
            )
        except (serial.SerialException, OSError, ValueError) as error:
            raise RunError(f"{path}: cannot be opened: {_reason(error)}") from error

    def set_rate(self, rate: int) -> bool:
        """Change to a rate; False if the port does not take it."""
        before = self._port.baudrate
        try:
            self._port.flush()  # what was sent goes at the rate before
            self._port.baudrate = rate
        except (serial.SerialException, OSError, ValueError):
            self._port.baudrate = before
            return False
        return True

    def read(self, timeout: float) -> bytes:
        """Bytes that have come; none if the time is over."""
        try:
            self._port.timeout = min(timeout, _POLL)
            first: bytes = self._port.read(1)
            return first + self._port.read(self._port.in_waiting) if first else b""
        except (serial.SerialException, OSError, TypeError) as error:  # TypeError: closed
            raise self._gone() from error

    def write(self, data: bytes) -> None:
        """Send bytes."""
        try:
            self._port.write(data)
        except serial.SerialTimeoutException as error:
            raise RunError("the firmware takes no input") from error
        except (serial.SerialException, OSError) as error:
            raise self._gone() from error

    def close(self) -> None:
        """Close the port; the firmware goes on."""
        self._port.close()

    def _gone(self) -> RunError:
        return RunError("the port has gone; was the board unplugged?")


def _reason(error: Exception) -> str:
    number = getattr(error, "errno", None)
    if number in (errno.EAGAIN, errno.EBUSY):
        return "another program has the port open; close it"
    if number == errno.EACCES:
        return "you may not; on Linux, join the group: sudo usermod -aG dialout $USER"
    if number is None:
        return str(error)
    return f"{os.strerror(number)}; `mcugen flash --list` shows the ports there are"
