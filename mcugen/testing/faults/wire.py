"""A wire between two pseudo-terminals, which damages what it carries."""

from __future__ import annotations

import contextlib
import enum
import os
import pty
import random
import selectors
import termios
import threading
import time
import tty
from collections import Counter
from collections.abc import Callable
from types import TracebackType

_CHUNK = 4096
_BEAT = 0.002  # s
_MAX_SPAN = 24  # bytes
_MAX_DELAY = 0.1  # s
_IN_FLIGHT = 0.02  # s


class Fault(enum.Enum):
    """What can happen to the bytes on a wire, and to the board at its end."""

    DROP = "dropped"
    FLIP = "flipped"
    REPEAT = "repeated"
    DELAY = "delayed"
    NOISE = "noise"
    RESET = "reset"


_WEIGHTS = {
    Fault.DROP: 12,
    Fault.FLIP: 12,
    Fault.REPEAT: 8,
    Fault.DELAY: 4,
    Fault.NOISE: 6,
    Fault.RESET: 1,
}


class End:
    """One pseudo-terminal; the wire has its master, somebody else opens `path`.

    The terminal is kept open here too, so that it outlives those who come and go.
    """

    def __init__(self) -> None:
        self.master, self.terminal = pty.openpty()
        tty.setraw(self.terminal)
        os.set_blocking(self.master, False)
        self.path = os.ttyname(self.terminal)

    @property
    def rate(self) -> int:
        """The rate that was set last, as termios numbers it."""
        return int(termios.tcgetattr(self.terminal)[5])

    def send(self, data: bytes) -> None:
        """Bytes to whoever has the terminal open; what finds no room is lost, as on a wire."""
        with contextlib.suppress(BlockingIOError):
            os.write(self.master, data)

    def clear(self) -> None:
        """Drop what nobody has read."""
        termios.tcflush(self.terminal, termios.TCIFLUSH)

    def close(self) -> None:
        """Close both sides: whoever has the terminal open sees it vanish."""
        os.close(self.master)
        os.close(self.terminal)


class Wire:
    """Carries bytes between `host` and `board` in a thread, until the `with` block ends.

    A fault happens about every `gap` bytes, chosen by `seed`; none while `gap` is 0. `reset` is
    called for Fault.RESET. With `has_rates`, bytes arrive garbled while the ends' rates differ.
    """

    def __init__(self, seed: int, gap: int, has_rates: bool) -> None:
        self.host, self.board = End(), End()
        self.gap = gap
        self.reset: Callable[[], None] = lambda: None
        self.counts: Counter[Fault] = Counter()
        self._random = random.Random(seed)
        self._has_rates = has_rates
        self._next = self._distance()
        self._agreed = time.monotonic()  # on a rate, the last time
        self._running = True
        self._thread = threading.Thread(target=self._carry, daemon=True)

    def __enter__(self) -> Wire:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._running = False
        self._thread.join()
        for end in (self.host, self.board):
            with contextlib.suppress(OSError):
                end.close()

    @property
    def faults(self) -> int:
        """How many there were."""
        return sum(self.counts.values())

    def unplug(self) -> None:
        """Take the host's end away."""
        self._running = False
        self._thread.join()
        self.host.close()

    def _carry(self) -> None:
        with selectors.DefaultSelector() as ready:
            ready.register(self.host.master, selectors.EVENT_READ, (self.host, self.board))
            ready.register(self.board.master, selectors.EVENT_READ, (self.board, self.host))
            while self._running:
                for key, _ in ready.select(_BEAT * 10):
                    source, target = key.data
                    with contextlib.suppress(BlockingIOError):
                        data = os.read(source.master, _CHUNK)
                        target.send(self._damaged(self._modulated(data)))

    def _modulated(self, data: bytes) -> bytes:
        """What was sent before a change of rate arrives after it, and is whole nevertheless."""
        if not self._has_rates or self.host.rate == self.board.rate:
            self._agreed = time.monotonic()
        if time.monotonic() - self._agreed < _IN_FLIGHT:
            return data
        return self._random.randbytes((len(data) + 1) // 2)

    def _distance(self) -> int:
        return round(self._random.expovariate(1 / self.gap)) if self.gap else 0

    def _damaged(self, data: bytes) -> bytes:
        """The data with faults where they are due."""
        made = b""
        while self.gap and len(data) > self._next:
            made += data[: self._next]
            data = self._fault(data[self._next :])
            self._next = self._distance() + 1
        self._next -= len(data)
        return made + data

    def _fault(self, data: bytes) -> bytes:
        """Something happens to the beginning of the data."""
        fault = self._random.choices(list(_WEIGHTS), list(_WEIGHTS.values()))[0]
        span = self._random.randint(1, _MAX_SPAN if self._random.random() < 0.3 else 2)
        self.counts[fault] += 1
        match fault:
            case Fault.DROP:
                return data[span:]
            case Fault.FLIP:
                return bytes([data[0] ^ 1 << self._random.randrange(8)]) + data[1:]
            case Fault.REPEAT:
                return data[:span] + data
            case Fault.NOISE:
                return self._random.randbytes(span) + data
            case Fault.DELAY:
                time.sleep(self._random.uniform(0, _MAX_DELAY))
                return data
            case Fault.RESET:
                self.board.clear()
                self.reset()
                return b""
