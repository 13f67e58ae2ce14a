"""Flashing a board with one of the programs that its description names."""

from __future__ import annotations

import contextlib
import shlex
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import serial

from mcugen.errors import BoardError, ToolError
from mcugen.flash_tools import TOOLS, Bossac, FlashTool, Jlink, Volume
from mcugen.run import image_files, ports
from mcugen.target import Board

_TIMEOUT_S = 300
_RETURN_S = 10.0  # for a port to come back as the bootloader's
_SHOWN_LINES = 15
_MOUNTS = ("/media/*", "/media", "/run/media/*", "/mnt", "/Volumes")


@dataclass(frozen=True, slots=True)
class Flashed:
    """What was done, or with a dry run, what would be; `port` is the board's, if it was found."""

    board: str
    command: str
    image: Path
    port: str | None
    dry_run: bool


def flash(
    board: Board,
    image: Path,
    *,
    tool: str | None = None,
    port: str = ports.AUTO,
    serial_number: str | None = None,
    dry_run: bool = False,
) -> Flashed:
    """Flash an ELF image; raises BoardError where it is not clear to what, ToolError otherwise."""
    chosen = _chosen(board, tool, dry_run)
    where = _port(board, port, serial_number, isinstance(chosen, Bossac) and not dry_run)
    family = chosen.family if isinstance(chosen, Volume) else 0
    file = image_files.write(image, chosen.image, family)
    if isinstance(chosen, Jlink):
        script = f"loadfile {file}\nr\ng\nexit\n"
        file.with_suffix(".jlink").write_text(script, encoding="utf-8")
    if not dry_run and isinstance(chosen, Volume):
        _copy(file, _mounted(chosen))
    elif not dry_run:
        if isinstance(chosen, Bossac) and chosen.touch_baud and where:
            _touch(where, chosen.touch_baud)
        _run(chosen.command(file, serial_number, where))
    command = chosen.command(file, serial_number, where)
    return Flashed(board.name, shlex.join(command), file, where, dry_run)


def _chosen(board: Board, name: str | None, dry_run: bool) -> FlashTool:
    """The tool of this name, or the first of the board's that is here."""
    tools = board.flash_tools
    if name is not None:
        tools = tuple(tool for tool in tools if isinstance(tool, TOOLS[name]))
        if not tools:
            known = [key for key, kind in TOOLS.items() if kind in map(type, board.flash_tools)]
            raise BoardError(
                f"{board.name}: {name} does not flash it; known: {', '.join(known) or 'nothing'}"
            )
    if not tools:
        raise BoardError(
            f"{board.name}: its board.toml names no [flash_tool]; an emulated board needs none, "
            "see docs/boards.md for others"
        )
    for tool in tools:
        if _is_here(tool):
            return tool
    if dry_run:
        return tools[0]
    wanted = "\n".join(f"    {tool.program or 'its drive'}: {tool.install}" for tool in tools)
    raise ToolError(f"{board.name}: no program here can flash it; get one of\n{wanted}")


def _is_here(tool: FlashTool) -> bool:
    if isinstance(tool, Volume):
        return _find_volume(tool) is not None
    return shutil.which(tool.program) is not None


def _port(board: Board, name: str, serial_number: str | None, needed: bool) -> str | None:
    """The board's port; None if there is none and none is needed."""
    if name == ports.AUTO and not needed:
        found = ports.candidates(board, ports.present(), serial_number)
        if not found:
            return None
    return ports.find(board, name, serial_number).path


def _run(command: list[str]) -> None:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=_TIMEOUT_S
        )
    except subprocess.TimeoutExpired as error:
        raise ToolError(f"{command[0]}: no end after {_TIMEOUT_S} s; it was stopped") from error
    except OSError as error:
        raise ToolError(f"{command[0]}: cannot be run: {error.strerror}") from error
    if done.returncode != 0:
        said = (done.stdout + done.stderr).strip().splitlines()[-_SHOWN_LINES:]
        lines = "\n".join(f"    {line}" for line in said)
        raise ToolError(
            f"{command[0]}: failed with status {done.returncode}; is the board plugged in and "
            f"powered? The command was {shlex.join(command)}; it said:\n{lines}"
        )


def _touch(path: str, baud: int) -> None:
    """Open and close the port at the rate that calls the bootloader, which has a port again."""
    with contextlib.suppress(serial.SerialException, OSError):
        serial.Serial(path, baud).close()
    deadline = time.monotonic() + _RETURN_S
    time.sleep(0.5)
    while not Path(path).exists() and time.monotonic() < deadline:
        time.sleep(0.1)


def _find_volume(volume: Volume) -> Path | None:
    for pattern in _MOUNTS:
        for root in sorted(Path("/").glob(pattern[1:])):
            if (root / volume.label).is_dir():
                return root / volume.label
    return None


def _mounted(volume: Volume) -> Path:
    found = _find_volume(volume)
    if found is None:
        raise ToolError(f"{volume.label}: no such drive; {volume.install}, and mount it")
    return found


def _copy(file: Path, drive: Path) -> None:
    """Copy; a board that resets at the end may take its drive away before that is reported."""
    try:
        shutil.copyfile(file, drive / file.name)
    except OSError as error:
        if drive.is_dir():
            raise ToolError(f"{drive}: cannot be written: {error.strerror}") from error
