"""A project on a board that is really there: flashed, reached over its port, identified."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from mcugen.build import build
from mcugen.project import Project
from mcugen.run import ports
from mcugen.run.flash import Flashed, flash
from mcugen.run.protocol import RefusedError
from mcugen.run.runner import Runner, attach
from mcugen.target import Board


@dataclass(frozen=True, slots=True)
class Device:
    """How to reach a board; `port` AUTO finds it by its USB ids.

    `flash` writes the firmware first. `log` gets a transcript.
    """

    port: str = ports.AUTO
    serial_number: str | None = None
    flash: bool = False
    log: Path | None = None


@dataclass(frozen=True, slots=True)
class Measured:
    """What one inference took, and each of its layers; `unit` is cycles or microseconds."""

    unit: str
    total: int
    layers: tuple[int, ...]
    milliseconds: float
    note: str


def port_list() -> ports.PortList:
    """The serial ports of this computer."""
    return ports.PortList(tuple(ports.present()))


def flash_project(
    project: Project,
    device: Device,
    *,
    observe: bool = False,
    tool: str | None = None,
    dry_run: bool = False,
) -> Flashed:
    """Build a project's firmware, or the one that reports every layer, and flash it."""
    return flash(
        project.board,
        build(project.directory, observe=observe).image,
        tool=tool,
        port=device.port,
        serial_number=device.serial_number,
        dry_run=dry_run,
    )


@contextmanager
def connected(project: Project, device: Device, *, observe: bool = False) -> Iterator[Runner]:
    """The firmware of this project on the board; `observe` flashes the one that reports layers."""
    if device.flash:
        flash_project(project, device, observe=observe)
    port = ports.find(project.board, device.port, device.serial_number)
    with ExitStack() as closing:
        log = None
        if device.log is not None:
            log = closing.enter_context(device.log.open("a", encoding="ascii"))
        yield closing.enter_context(attach(project.board, port.path, project.id, log))


def measure(runner: Runner, inputs: Sequence[bytes], board: Board) -> Measured:
    """One inference by the board's cycle counter; by its timer where there is none."""
    if not runner.info.layers:
        runner.infer_layers(inputs)  # says what is missing
    runner.infer(inputs)
    milliseconds = 1e3 * runner.latencies[-1]
    raised = runner.info.timer_hz == board.timer.clock_hz
    slow = "" if raised else "; the board's clocks did not start, it runs as after a reset"
    try:
        counts = runner.count_cycles(inputs)
    except RefusedError:
        counts = runner.count_ticks(inputs)
        ticks = runner.info.timer_hz // 1_000_000  # per microsecond
        note = f"no cycle counter here: microseconds of the board's timer{slow}"
        layers = tuple(count // ticks for count in counts.layers)
        return Measured("microseconds", counts.total // ticks, layers, milliseconds, note)
    note = f"cycles of the core, flash wait states included{slow}"
    return Measured("cycles", counts.total, counts.layers, milliseconds, note)
