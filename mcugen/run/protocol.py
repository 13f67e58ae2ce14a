"""The text protocol of the firmware harness, on any link, as sure as a good wire on a bad one.

See `runtime_c/firmware/harness.c` for commands and seals. Each command and each reply carries a
number and a CRC-32, so a reply that is damaged, late or meant for another command is never taken;
what gets lost is sent again. Everything here ends in a bounded time: with the reply, or with a
RunError that shows the last lines received.
"""

from __future__ import annotations

import secrets
import time
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from zlib import crc32

from mcugen.errors import RunError
from mcugen.run.link import Link

_RAW = "latin-1"  # a character for each byte, so that checksums see what was sent
_READY, _INIT = "m-ready", "m-init-done"
_BEGIN, _END = "m-mcu-begin", "m-mcu-end"
_FAULT = "e-[fault"
_LOST = "lost: "  # begins a refusal by a firmware that was reset
_BLOCK_BYTES = 128  # of an input, per command
_MAX_LINE = 4096
_SHOWN_LINES = 8
_RATE_TRIAL = 1.0  # s; a firmware goes back after it to the rate before


class RefusedError(RunError):
    """The firmware understood the command, and says no."""


class LostError(RefusedError):
    """The firmware has not got what it was given, as after a reset: begin again."""


class _SilentError(RunError):
    """No reply that can be used, in all the time that there was."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One line of a reply, `m-name-[field,field]` or `m-name`."""

    name: str
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds of silence until a command is sent again: at first, and at most later.

    `attach` is how long a firmware may take to answer at each rate when a port is opened.
    """

    first: float = 0.5
    longest: float = 8.0
    attach: float = 1.2


class Session:
    """A conversation with a firmware. `timeout` is for commands that take no time, in seconds.

    `repeated` counts commands that were sent again, `resets` the firmware's starts that were seen.
    """

    def __init__(self, link: Link, timeout: float, patience: Patience | None = None) -> None:
        self._link = link
        self._timeout = timeout
        self._patience = patience or Patience()
        self._command = "(start)"
        self._pending = b""  # the beginning of a line
        self._lines: deque[str] = deque()  # complete, not yet read
        self._shown: deque[str] = deque(maxlen=_SHOWN_LINES)
        self._sequence = 1 + secrets.randbelow(10**6)
        self._rate = self._fast = link.rates[0] if link.rates else 0
        self.repeated = 0
        self.resets = 0
        if link.rates:
            self._attach()
        else:
            self._greet()

    # ---- commands

    def ask(self, command: str, timeout: float | None = None) -> list[Reply]:
        """Send a command until its reply comes; returns the reply's lines.

        Raises LostError where the firmware says that it lost what the command is about.
        """
        self._sequence += 1
        return self._parsed(self._exchange(command, timeout or self._timeout))

    @property
    def sequence(self) -> int:
        """The number of the last command."""
        return self._sequence

    def load(self, index: int, data: bytes) -> None:
        """Send an input in blocks."""
        for offset in range(0, len(data), _BLOCK_BYTES):
            block = data[offset : offset + _BLOCK_BYTES]
            self.ask(f"mcu load {index} {offset} {block.hex()}")

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
        return self._error(RunError, found)

    # ---- rates

    def speed_up(self, rates: Iterable[int]) -> int:
        """Take the first of these rates that both ends can; returns it, or the one there was.

        Where a rate was agreed on and then did not work, the line is bad: no other is tried.
        """
        for rate in rates:
            if rate <= self._rate:
                break
            worked = self._change_rate(rate)
            if worked:
                break
            self.ask("mcu info")  # answered once it is back at the rate before
            if worked is False:
                break
        return self._rate

    def slow_down(self) -> None:
        """Go back to the rate that a firmware starts with, for whoever comes next."""
        if self._link.rates and self._rate != self._link.rates[0]:
            self._change_rate(self._link.rates[0])

    def _change_rate(self, rate: int) -> bool | None:
        """Both ends change; the firmware keeps the rate once it understands a command at it.

        True if they have, None if one of them has no such rate, False if it did not work: then the
        firmware comes back to the rate before, within a second or so.
        """
        before = self._rate
        try:
            self.ask(f"mcu baud {rate}", _RATE_TRIAL)
            self._await_ready()
            if not self._set_rate(rate):
                raise self.error("the port has no such rate")
            for _ in range(2):  # the first confirms; both say whether the line is good
                self.ask("mcu info", 0.8 * _RATE_TRIAL)
            self._fast = rate
            return True
        except _SilentError:
            worked: bool | None = False
            self._link.write(self._sealed(f"mcu baud {before}"))  # it may hear, and not be heard
        except RunError:
            worked = None
        self._set_rate(before)
        return worked

    def _await_ready(self) -> None:
        """The firmware changes its rate after this line."""
        deadline = time.monotonic() + 0.1
        while self._line(deadline) not in (None, _READY):
            pass
        time.sleep(0.005)

    def _set_rate(self, rate: int) -> bool:
        if not self._link.set_rate(rate):
            return False
        self._rate = rate
        self._pending = b""
        return True

    # ---- starting

    def _greet(self) -> None:
        """Wait until a firmware that starts with the link says that it is there."""
        deadline = time.monotonic() + self._timeout
        while (line := self._line(deadline)) != _READY:
            if line is None:
                raise self.error("no answer in time")
            if line and not line.startswith("m-"):
                raise self.error("it answered garbage")

    def _attach(self) -> None:
        """Find the rate of a firmware that has been there for long."""
        rates = (*self._link.rates, self._link.rates[0])
        for rate in rates:
            if not self._set_rate(rate):
                continue
            self._drain()
            try:
                self._sequence += 1
                self._exchange("mcu info", self._patience.attach)
            except _SilentError:
                continue
            return
        tried = ", ".join(str(rate) for rate in self._link.rates)
        raise self.error(
            f"no answer from a firmware of mcugen at {tried} baud; flash one (`mcugen flash`), "
            "press reset, or give another --port"
        )

    def _drain(self) -> None:
        """Drop what an earlier session left."""
        deadline = time.monotonic() + self._patience.attach
        while self._link.read(0.05) and time.monotonic() < deadline:
            pass
        self._pending = b""
        self._lines.clear()

    # ---- one command and its reply

    def _exchange(self, command: str, timeout: float) -> list[str]:
        """The lines between begin and end of the reply to a command under the current number."""
        self._command = command
        sealed = self._sealed(command)
        deadline = time.monotonic() + timeout
        transfer = 20 * len(sealed) / self._rate if self._rate else 0.0  # s, and as much again
        pause = min(max(self._patience.first, transfer), timeout / 3)
        for attempt in range(10_000):
            try:
                self._link.write(sealed)
            except RunError as error:
                raise self.error(str(error)) from error
            found = self._listen(deadline, pause)
            if not isinstance(found, str):
                return found
            self.repeated += 1
            if time.monotonic() >= deadline:
                raise self._error(_SilentError, found)
            pause = min(2 * pause, self._patience.longest)
            if attempt % 2 == 1 and self._rate != (other := self._other_rate()):
                self._set_rate(other)
        raise self._error(_SilentError, "the line is too bad")

    def _sealed(self, command: str) -> bytes:
        text = f"{self._sequence} {command}"
        return f"\n@{self._sequence} {crc32(text.encode()):08x} {command}%".encode("ascii")

    def _other_rate(self) -> int:
        """A firmware that was reset is at its first rate again; one that was not, is not."""
        start = self._link.rates[0] if self._link.rates else 0
        return self._fast if self._rate == start else start

    def _listen(self, deadline: float, pause: float) -> list[str] | str:
        """The reply; or a text that says why to send again."""
        body: list[str] | None = None
        begin = (str(self._sequence),)
        was_reset = False
        while (line := self._line(min(deadline, time.monotonic() + pause))) is not None:
            name, fields = _split(line)
            if line.startswith(_FAULT):  # nothing follows a fault
                raise self.error(f"the firmware reports {line[2:]}")
            if name == _BEGIN and fields == begin:
                body = []
            elif name == _END and body is not None and fields[0] == begin[0]:
                if fields == (*begin, self._sum(body)):
                    return body
                return "the reply is damaged"
            elif line == _INIT:
                self.resets += 1
                was_reset = True
            elif line == _READY and (body is not None or was_reset):
                return "the firmware was reset" if was_reset else "the reply is damaged"
            elif body is not None:
                body.append(line)
            elif line.startswith("e-"):  # it could not read the command
                return f"the firmware reports {line[2:]}"
        if len(self._pending) > _MAX_LINE:
            return "it answered garbage, a line without an end"
        return "no answer in time"

    def _sum(self, body: Sequence[str]) -> str:
        text = str(self._sequence) + "".join(f"{line}\r\n" for line in body)
        return f"{crc32(text.encode(_RAW)):08x}"

    def _parsed(self, lines: Sequence[str]) -> list[Reply]:
        replies = []
        refusal = ""
        for line in lines:
            if line.startswith("e-"):
                refusal = line[2:].strip("[]")
            elif line.startswith("m-"):
                replies.append(Reply(*_split(line)))
            elif line:
                raise self.error("it answered garbage")
        if refusal.startswith(_LOST):
            raise self._error(LostError, f"the firmware has {refusal}")
        if refusal:
            raise self._error(RefusedError, f"the firmware reports [{refusal}]")
        return replies

    def _line(self, until: float) -> str | None:
        """The next line; None when the time is over."""
        while not self._lines:
            left = until - time.monotonic()
            if left <= 0:
                return None
            try:
                received = self._link.read(left)
            except RunError as error:
                raise self.error(str(error)) from error
            *lines, self._pending = (self._pending + received).split(b"\n")
            self._lines.extend(line.removesuffix(b"\r").decode(_RAW) for line in lines)
            self._pending = self._pending[-2 * _MAX_LINE :]
        line = self._lines.popleft()
        if line:
            self._shown.append(line)
        return line

    def _error(self, kind: type[RunError], found: str) -> RunError:
        rest = self._pending.decode(_RAW)
        shown = [line[:200].encode("unicode_escape") for line in (*self._shown, rest) if line]
        last = "\n".join(f"    {line.decode('ascii')}" for line in shown) or "    (nothing)"
        after = f"after the command '{self._command[:40]}'"
        return kind(f"{self._link.name}: {found}; {after}; last received:\n{last}")


def _split(line: str) -> tuple[str, tuple[str, ...]]:
    """A line's name and fields."""
    name, _, fields = line.partition("[")
    return name.rstrip("-"), tuple(fields.rstrip("]").split(","))
