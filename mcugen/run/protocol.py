"""The text protocol of the firmware harness, on any link: commands end in '%', replies in m-ready.

See `runtime_c/firmware/harness.c` and `inspect.c` for the commands. Everything here ends in a
bounded time: with the reply, or with a RunError that shows the last lines received.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from zlib import crc32

from mcugen.errors import RunError

_READY = "m-ready"
_FAULT = "e-[fault"
_BLOCK_BYTES = 128  # of an input, per command
_MAX_LINE = 4096
_MAX_LINES = 10_000_000  # a reply that is longer never ends
_SHOWN_LINES = 8


class Link(Protocol):
    """Bytes to and from a firmware."""

    @property
    def name(self) -> str:
        """What is at the other end, for messages."""

    def read(self, timeout: float) -> bytes:
        """Bytes that have come; none if the time is over. Raises RunError if the end has gone."""

    def write(self, data: bytes) -> None:
        """Send bytes. Raises RunError if the end has gone or takes nothing."""

    def close(self) -> None:
        """Let go of the firmware; end its process if it has one."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One line of a reply, `m-name-[field,field]` or `m-name`."""

    name: str
    fields: tuple[str, ...]


class Session:
    """A conversation with a firmware that has just started."""

    def __init__(self, link: Link, timeout: float) -> None:
        self._link = link
        self._timeout = timeout
        self._command = "(start)"
        self._pending = b""  # the beginning of a line
        self._lines: deque[str] = deque()  # complete, not yet read
        self._shown: deque[str] = deque(maxlen=_SHOWN_LINES)
        self._collect(timeout)

    def ask(self, command: str, timeout: float | None = None) -> list[Reply]:
        """Send a command and return the lines of the reply, without m-ready."""
        self._command = command
        try:
            self._link.write(f"{command}%".encode("ascii"))
        except RunError as error:
            raise self.error(str(error)) from error
        return self._collect(timeout or self._timeout)

    def load(self, index: int, data: bytes) -> None:
        """Send an input in checked blocks."""
        for offset in range(0, len(data), _BLOCK_BYTES):
            block = data[offset : offset + _BLOCK_BYTES]
            self.ask(f"mcu load {index} {offset} {block.hex()} {crc32(block):08x}")

    def blocks(self, replies: Sequence[Reply]) -> list[bytes]:
        """The blocks of memory in a reply, each checked against its length and CRC."""
        blocks: list[bytes] = []
        data = b""
        try:
            for reply in replies:
                if reply.name == "m-mcu-data":
                    data += bytes.fromhex(reply.fields[0])
                elif reply.name == "m-mcu-block":
                    size, check = int(reply.fields[0]), int(reply.fields[1], 16)
                    if (size, check) != (len(data), crc32(data)):
                        raise ValueError
                    blocks.append(data)
                    data = b""
        except (ValueError, IndexError) as error:
            raise self.error("a block of data is damaged") from error
        return blocks

    def values(self, replies: Sequence[Reply], name: str) -> list[int]:
        """The last field of each line of this name, as a number."""
        try:
            return [int(reply.fields[-1]) for reply in replies if reply.name == name]
        except (ValueError, IndexError) as error:
            raise self.error(f"{name} is not a number") from error

    def error(self, found: str) -> RunError:
        """A RunError that shows the command and the last lines received."""
        rest = self._pending.decode("ascii", "backslashreplace")
        shown = [line[:200] for line in (*self._shown, rest) if line]
        last = "\n".join(f"    {line}" for line in shown) or "    (nothing)"
        after = f"after the command '{self._command[:40]}'"
        return RunError(f"{self._link.name}: {found}; {after}; last received:\n{last}")

    def _collect(self, timeout: float) -> list[Reply]:
        deadline = time.monotonic() + timeout
        replies: list[Reply] = []
        refusal = ""
        while len(replies) < _MAX_LINES:
            line = self._line(deadline)
            if line == _READY and not refusal:
                return replies
            if line == _READY or line.startswith(_FAULT):  # nothing follows a fault
                raise self.error(f"the firmware reports {(refusal or line)[2:]}")
            if line.startswith("e-"):
                refusal = line
                continue
            if not line.startswith("m-"):
                raise self.error("it answered garbage")
            name, _, fields = line.partition("[")
            replies.append(Reply(name.rstrip("-"), tuple(fields.rstrip("]").split(","))))
        raise self.error("the reply does not end")

    def _line(self, deadline: float) -> str:
        """The next line that is not empty."""
        while not self._lines:
            left = deadline - time.monotonic()
            if left <= 0:
                raise self.error("no answer in time")
            try:
                received = self._link.read(left)
            except RunError as error:
                raise self.error(str(error)) from error
            *lines, self._pending = (self._pending + received).split(b"\n")
            texts = (line.strip(b"\r").decode("ascii", "backslashreplace") for line in lines)
            self._lines.extend(text for text in texts if text)
            if len(self._pending) > _MAX_LINE:
                raise self.error("it answered garbage, a line without an end")
        line = self._lines.popleft()
        self._shown.append(line)
        return line
