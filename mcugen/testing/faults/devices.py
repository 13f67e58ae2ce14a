"""What hangs at the end of a wire: a firmware as a process, or in QEMU; both can be reset."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Protocol

from mcugen.target import Emulator
from mcugen.testing.faults.wire import End


class Device(Protocol):
    """A board that has a firmware."""

    def reset(self) -> None:
        """Press its button."""

    def stop(self) -> None:
        """Take its power away."""


class Process:
    """A firmware of the board `host`, with a terminal as its UART."""

    def __init__(self, program: Path, end: End) -> None:
        self._program = program
        self._end = end
        self._process = self._start()

    def reset(self) -> None:
        """See `Device`."""
        self.stop()
        self._process = self._start()

    def stop(self) -> None:
        """See `Device`."""
        self._process.kill()
        self._process.wait()

    def _start(self) -> subprocess.Popen[bytes]:
        terminal = self._end.terminal
        return subprocess.Popen([str(self._program)], stdin=terminal, stdout=terminal)


class Qemu:
    """A firmware in QEMU, whose UART is the terminal; its monitor resets it."""

    def __init__(self, emulator: Emulator, image: Path, end: End) -> None:
        command = ["qemu-system-arm", "-machine", emulator.machine, "-kernel", str(image)]
        command += ["-display", "none", "-nic", "none", "-monitor", "stdio"]
        command += ["-chardev", f"serial,id=uart,mux=on,path={end.path}", "-serial", "chardev:uart"]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def reset(self) -> None:
        """See `Device`."""
        assert self._process.stdin is not None
        self._process.stdin.write(b"system_reset\n")
        self._process.stdin.flush()

    def stop(self) -> None:
        """See `Device`."""
        self._process.kill()
        self._process.wait()
