"""What carries bytes to and from a firmware: a process, an emulator, a serial port."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol, TextIO


class Link(Protocol):
    """Bytes to and from a firmware."""

    @property
    def name(self) -> str:
        """What is at the other end, for messages."""

    @property
    def rates(self) -> tuple[int, ...]:
        """Rates in baud that the firmware may be at, the likeliest first; none without a wire.

        A firmware behind a link without rates starts with the link, and says so.
        """

    def set_rate(self, rate: int) -> bool:
        """Change to a rate; False if the port does not take it."""

    def read(self, timeout: float) -> bytes:
        """Bytes that have come; none if the time is over. Raises RunError if the end has gone."""

    def write(self, data: bytes) -> None:
        """Send bytes. Raises RunError if the end has gone or takes nothing."""

    def close(self) -> None:
        """Let go of the firmware; end its process if it has one."""


class LoggedLink:
    """A link that writes down what goes over it, one piece a line, and the seconds since start."""

    def __init__(self, link: Link, log: TextIO, clock: Callable[[], float] = time.monotonic):
        self._link = link
        self._log = log
        self._clock = clock
        self._begin = clock()
        self.name = link.name
        self.rates = link.rates

    def set_rate(self, rate: int) -> bool:
        """See `Link`."""
        taken = self._link.set_rate(rate)
        self._note("=", f"{rate} baud" if taken else f"{rate} baud: the port refuses")
        return taken

    def read(self, timeout: float) -> bytes:
        """See `Link`."""
        data = self._link.read(timeout)
        if data:
            self._note("<", data.decode("ascii", "backslashreplace"))
        return data

    def write(self, data: bytes) -> None:
        """See `Link`."""
        self._note(">", data.decode("ascii", "backslashreplace"))
        self._link.write(data)

    def close(self) -> None:
        """See `Link`."""
        self._link.close()
        self._log.flush()

    def _note(self, mark: str, text: str) -> None:
        self._log.write(f"{self._clock() - self._begin:10.4f} {mark} {text!r}\n")
