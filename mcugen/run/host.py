"""Firmware as a program of this computer, over pipes."""

from __future__ import annotations

import contextlib
import os
import selectors
import subprocess
from pathlib import Path

from mcugen.errors import RunError, ToolError

_CHUNK = 1 << 16
_WRITE_TIMEOUT = 10.0


class HostLink:
    """A link to a firmware executable; see `link.Link`."""

    rates = ()

    def __init__(self, program: Path) -> None:
        self.name = program.name
        try:
            self._process = subprocess.Popen(
                [str(program.resolve())],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                bufsize=0,
            )
        except OSError as error:
            raise ToolError(
                f"{program}: cannot be run: {error.strerror}; build it first"
            ) from error
        assert self._process.stdin is not None and self._process.stdout is not None
        self._input, self._output = self._process.stdin, self._process.stdout
        os.set_blocking(self._input.fileno(), False)
        self._readable = selectors.DefaultSelector()
        self._readable.register(self._output, selectors.EVENT_READ)
        self._writable = selectors.DefaultSelector()
        self._writable.register(self._input, selectors.EVENT_WRITE)

    def set_rate(self, rate: int) -> bool:
        """A pipe has no rate."""
        return False

    def read(self, timeout: float) -> bytes:
        """Bytes that have come; none if the time is over."""
        if not self._readable.select(timeout):
            return b""
        data = os.read(self._output.fileno(), _CHUNK)
        if not data:
            raise RunError(self._ending())
        return data

    def write(self, data: bytes) -> None:
        """Send bytes."""
        try:
            while data:
                if not self._writable.select(_WRITE_TIMEOUT):
                    raise RunError("the firmware takes no input")
                data = data[os.write(self._input.fileno(), data) :]
        except BrokenPipeError as error:
            raise RunError(self._ending()) from error

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        self._readable.close()
        self._writable.close()
        self._output.close()
        with contextlib.suppress(BrokenPipeError):
            self._input.close()

    def _ending(self) -> str:
        try:
            status = self._process.wait(1.0)
        except subprocess.TimeoutExpired:
            return "the firmware closed its output"
        cause = f"signal {-status}" if status < 0 else f"status {status}"
        return f"the firmware ended with {cause}"
