"""Firmware in QEMU. Its UART is one end of a pseudo-terminal; the other end is a serial port."""

from __future__ import annotations

import contextlib
import os
import pty
import subprocess
import tempfile
import tty
from pathlib import Path

from mcugen.errors import RunError, ToolError
from mcugen.run.serial import SerialLink
from mcugen.target import Emulator

_PROGRAM = "qemu-system-arm"
_SHOWN = 500  # characters of QEMU's own messages


class QemuLink:
    """A link to a firmware in QEMU; see `link.Link`.

    With `counting`, each instruction takes the same virtual time (and runs more slowly).
    """

    rates = ()

    def __init__(self, emulator: Emulator, image: Path, counting: bool) -> None:
        self.name = f"{_PROGRAM} {emulator.machine}"
        self._closing = contextlib.ExitStack()
        with contextlib.ExitStack() as undo:
            undo.callback(self.close)
            self._messages = self._closing.enter_context(tempfile.TemporaryFile())
            self._port, wire = self._open_port()
            try:
                self._process = self._start(emulator, image, counting, wire)
            finally:
                os.close(wire)
            undo.pop_all()

    def set_rate(self, rate: int) -> bool:
        """The wire is as fast as it can be."""
        return False

    def read(self, timeout: float) -> bytes:
        """Bytes that have come; none if the time is over."""
        try:
            data = self._port.read(timeout)
        except RunError as error:
            raise RunError(self._ending()) from error
        if not data and self._process.poll() is not None:
            raise RunError(self._ending())
        return data

    def write(self, data: bytes) -> None:
        """Send bytes."""
        try:
            self._port.write(data)
        except RunError as error:
            if self._process.poll() is None:
                raise
            raise RunError(self._ending()) from error

    def close(self) -> None:
        """End QEMU."""
        self._closing.close()

    def _open_port(self) -> tuple[SerialLink, int]:
        """A serial port, and the file descriptor of the other end of its wire."""
        wire, port = pty.openpty()
        try:
            tty.setraw(port)
            opened = SerialLink(os.ttyname(port), 115200)
        except BaseException:
            os.close(wire)
            raise
        finally:
            os.close(port)
        self._closing.callback(opened.close)
        return opened, wire

    def _start(
        self, emulator: Emulator, image: Path, counting: bool, wire: int
    ) -> subprocess.Popen[bytes]:
        command = [_PROGRAM, "-machine", emulator.machine, "-kernel", str(image)]
        command += ["-display", "none", "-monitor", "none", "-nic", "none"]
        # The descriptor goes through an fd set, so nothing that is sent early can be lost.
        command += ["-add-fd", f"fd={wire},set=1", "-serial", "chardev:uart"]
        # A plain chardev may sleep through the moment when the UART begins to take input; a
        # multiplexed one holds what it gets in the meantime.
        command += ["-chardev", "serial,id=uart,mux=on,path=/dev/fdset/1"]
        if counting:
            command += ["-icount", f"shift={emulator.icount_shift}"]
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=self._messages,
                stderr=subprocess.STDOUT,
                pass_fds=(wire,),
            )
        except FileNotFoundError as error:
            raise ToolError(
                f"{_PROGRAM}: not found; it runs the emulated boards; "
                "sudo apt-get install qemu-system-arm"
            ) from error
        self._closing.callback(_end, process)
        return process

    def _ending(self) -> str:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(1.0)
        self._messages.seek(0)
        said = self._messages.read().decode("utf-8", "replace").strip()
        return f"QEMU ended with status {self._process.poll()}: {said[:_SHOWN] or 'no message'}"


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
