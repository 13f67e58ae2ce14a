"""Runs a built firmware: inferences, layer by layer, counted, on any board that can run here."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import TextIO, TypeVar
from zlib import crc32

from mcugen.errors import BoardError, DataError, RunError, ToolError
from mcugen.run.host import HostLink
from mcugen.run.link import Link, LoggedLink
from mcugen.run.protocol import LostError, Patience, Reply, Session
from mcugen.run.qemu import QemuLink
from mcugen.run.serial import STANDARD_RATES, SerialLink
from mcugen.target import Board

_REPLY_TIMEOUT = 15.0
_RUN_TIMEOUT = 120.0
_ATTEMPTS = 5  # at one piece of work
_OUTPUT_BYTES = 1024  # per command
_PROTOCOL = 2  # of the commands, see inspect.c

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """What a firmware says of itself; sizes in bytes.

    `layers` is the number of layers that can be observed, 0 unless it was built for that.
    `timer_hz` is the rate of its timer, which depends on whether the board's clocks rose.
    """

    model: str
    id: str
    board: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    layers: int
    timer_hz: int


@dataclass(frozen=True, slots=True)
class Counts:
    """Instructions of one inference: in total, and per layer if the firmware observes layers.

    What surrounds the model's own code (reading the timer, calling the observer) is subtracted as
    the firmware measured it. The total of a firmware without the observer is exact; the arguments
    that each layer passes to the observer stay in the layer's count, a few instructions.
    """

    total: int
    layers: tuple[int, ...]


class Runner:
    """A running firmware, until the `with` block ends.

    Every method raises DataError for inputs that do not fit and RunError for a firmware that
    hangs, crashes or answers garbage. After a reset in the middle, it begins again.
    """

    def __init__(
        self,
        connect: Callable[[], Link],
        *,
        connect_counting: Callable[[], Link] | None = None,
        ticks_per_instruction: Fraction = Fraction(1),
        timer_hz: int | None = None,
        project_id: str | None = None,
        patience: Patience | None = None,
        run_timeout: float = _RUN_TIMEOUT,
    ) -> None:
        """`project_id` is what the firmware must be of, `timer_hz` the rate of its timer.

        By default, the rate that the firmware names.
        """
        self._connect_counting = connect_counting
        self._ticks_per_instruction = ticks_per_instruction
        self._run_timeout = run_timeout
        self.latencies: list[float] = []  # s, of each `infer` by the board's timer
        self._fastest = 0  # the rate that was asked for, 0 if none was
        self._link = connect()
        try:
            self._session = Session(self._link, _REPLY_TIMEOUT, patience)
            self.info = _info(self._session)
            self._timer_hz = timer_hz or self.info.timer_hz
            if project_id not in (None, self.info.id):
                raise self._other_image(f"it is not that of the project, {project_id}")
        except BaseException:
            self._link.close()
            raise

    def __enter__(self) -> Runner:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the firmware: its process ends, a board is back at its first rate."""
        with contextlib.suppress(RunError):
            self._session.slow_down()
        self._link.close()

    @property
    def name(self) -> str:
        """What the firmware is behind: a port, a program."""
        return self._link.name

    @property
    def repeated(self) -> int:
        """Commands that were sent again."""
        return self._session.repeated

    @property
    def resets(self) -> int:
        """Starts of the firmware that were seen."""
        return self._session.resets

    def speed_up(self, fastest: int) -> int:
        """Raise the rate of a serial port as far as both ends take it; returns it in baud."""
        self._fastest = fastest
        rates = (rate for rate in sorted(STANDARD_RATES, reverse=True) if rate <= fastest)
        return self._session.speed_up(rates)

    def infer(self, inputs: Sequence[bytes]) -> list[bytes]:
        """Run once; return the outputs, raw."""
        return self._persist(lambda: self._infer(inputs))

    def infer_layers(self, inputs: Sequence[bytes]) -> list[bytes]:
        """Run once; return the output of each layer, raw. Needs a firmware that observes."""
        if self.info.layers == 0:
            raise RunError(
                f"{self._link.name}: the firmware does not observe layers; build the one that "
                "does (`make firmware OBSERVE=1`), for a board `mcugen flash DIR --observe`"
            )
        return self._persist(lambda: self._infer_layers(inputs))

    def count(self, inputs: Sequence[bytes]) -> Counts:
        """Run once in an emulator that counts; the firmware is started anew for it."""
        if self._connect_counting is None:
            raise RunError(
                f"{self._link.name}: instructions are not counted here; use an emulated board"
            )
        link = self._connect_counting()
        try:
            session = Session(link, _REPLY_TIMEOUT)
            check = self._load(session, inputs)
            return self._counts(session, f"mcu count {check}", self._ticks_per_instruction)
        finally:
            link.close()

    def count_cycles(self, inputs: Sequence[bytes]) -> Counts:
        """Run once; clocks of the core. Raises RefusedError where they are not counted."""
        return self._persist(lambda: self._count_here("mcu cycles", inputs))

    def count_ticks(self, inputs: Sequence[bytes]) -> Counts:
        """Run once; ticks of the board's timer."""
        return self._persist(lambda: self._count_here("mcu count", inputs))

    def _count_here(self, command: str, inputs: Sequence[bytes]) -> Counts:
        check = self._load(self._session, inputs)
        return self._counts(self._session, f"{command} {check}", Fraction(1))

    def stack_used(self, inputs: Sequence[bytes]) -> int:
        """Run once; return the bytes of stack that it used, measured by painting."""
        used = self._persist(lambda: self._stack(inputs))
        if used < 0:
            raise RunError(f"{self._link.name}: the stack is not measured here; use another board")
        return used

    def _persist(self, work: Callable[[], T]) -> T:
        """Do work that a reset of the board may spoil, until it is done."""
        for _ in range(_ATTEMPTS):
            try:
                return work()
            except LostError:
                if _info(self._session) != self.info:
                    raise self._other_image("it was another one before") from None
                if self._fastest:
                    self.speed_up(self._fastest)
        raise self._session.error(f"the firmware was reset, {_ATTEMPTS} times in a row")

    def _other_image(self, found: str) -> RunError:
        info = _info(self._session)
        return RunError(
            f"{self._link.name}: the board has the firmware of {info.model}, {info.id}, for "
            f"{info.board}; {found}; flash the project's own (`mcugen flash DIR`)"
        )

    def _infer(self, inputs: Sequence[bytes]) -> list[bytes]:
        replies = self._run(self._session, f"mcu run {self._load(self._session, inputs)}")
        run = self._session.sequence
        ticks = self._session.values(replies, "m-mcu-run-ticks")
        outputs = [self._output(k, size, run) for k, size in enumerate(self.info.outputs)]
        self.latencies.append(sum(ticks) / self._timer_hz)
        return outputs

    def _output(self, index: int, size: int, run: int) -> bytes:
        data = b""
        while len(data) < size:
            count = min(_OUTPUT_BYTES, size - len(data))
            replies = self._session.ask(f"mcu output {index} {run} {len(data)} {count}")
            blocks = self._session.blocks(replies)
            if [len(block) for block in blocks] != [count]:
                raise self._session.error("the outputs have wrong sizes")
            data += blocks[0]
        return data

    def _infer_layers(self, inputs: Sequence[bytes]) -> list[bytes]:
        check = self._load(self._session, inputs)
        layers: list[bytes] = []
        for number in range(self.info.layers):
            command = f"mcu layer {number} {check}"
            layers += self._session.blocks(self._run(self._session, command))
            if len(layers) != number + 1:
                raise self._session.error(f"{len(layers) - number} layers instead of one")
        return layers

    def _stack(self, inputs: Sequence[bytes]) -> int:
        check = self._load(self._session, inputs)
        replies = self._run(self._session, f"mcu stack {check}")
        used = self._session.values(replies, "m-mcu-stack")
        return used[0] if used else -1

    def _load(self, session: Session, inputs: Sequence[bytes]) -> str:
        """Send the inputs; returns the CRC by which the firmware knows them again."""
        sizes = tuple(map(len, inputs))
        if sizes != self.info.inputs:
            raise DataError(
                f"{self.info.model}: inputs of {sizes} bytes; the model takes {self.info.inputs}"
            )
        for k, data in enumerate(inputs):
            session.load(k, data)
        return f"{crc32(b''.join(inputs)):08x}"

    def _run(self, session: Session, command: str) -> list[Reply]:
        replies = session.ask(command, self._run_timeout)
        if session.values(replies, "m-mcu-status") != [0]:
            raise session.error("the model refused to run")
        return replies

    def _counts(self, session: Session, command: str, ticks_per_unit: Fraction) -> Counts:
        replies = self._run(session, command)

        def units(name: str) -> list[int]:
            return [round(ticks / ticks_per_unit) for ticks in session.values(replies, name)]

        empty_layer, empty_run, tail, layers = (
            units(f"m-mcu-{name}") for name in ("empty-layer", "empty-run", "tail", "ticks")
        )
        if not len(empty_layer) == len(empty_run) == len(tail) == 1:
            raise session.error("the counts are incomplete")
        if len(layers) != self.info.layers:
            raise session.error(f"{len(layers)} layers instead of {self.info.layers}")
        net = tuple(count - empty_layer[0] for count in layers)
        return Counts(total=sum(net) + tail[0] - empty_run[0], layers=net)


def open_runner(board: Board, image: Path, run_timeout: float = _RUN_TIMEOUT) -> Runner:
    """Start a firmware on the host or in the board's emulator, as the board says."""
    if not image.is_file():
        raise ToolError(f"{image}: no such firmware; build it with `make firmware`")
    if board.is_host:
        return Runner(lambda: HostLink(image), run_timeout=run_timeout)
    emulator = board.emulator
    if emulator is None:
        raise BoardError(
            f"{board.name}: has no emulator; give the --port of a board, or choose an emulated one"
        )
    return Runner(
        lambda: QemuLink(emulator, image, counting=False),
        connect_counting=lambda: QemuLink(emulator, image, counting=True),
        ticks_per_instruction=emulator.ticks_per_instruction,
        timer_hz=emulator.timer_hz,
        run_timeout=run_timeout,
    )


def attach(board: Board, port: str, project_id: str, log: TextIO | None = None) -> Runner:
    """Talk to a board behind a serial port, which must have the firmware of this project.

    `log` gets a transcript.
    """

    def connect() -> Link:
        link = SerialLink(port, board.serial.baud)
        return link if log is None else LoggedLink(link, log)

    runner = Runner(connect, project_id=project_id)
    try:
        runner.speed_up(board.serial.max_baud)
    except BaseException:
        runner.close()
        raise
    return runner


def _info(session: Session) -> ImageInfo:
    replies = session.ask("mcu info")
    texts = {reply.name: reply.fields[0] for reply in replies}
    layers = session.values(replies, "m-mcu-layers")
    if session.values(replies, "m-mcu-protocol") != [_PROTOCOL]:
        raise session.error("its firmware is of another version of mcugen; generate and flash anew")
    timer_hz = session.values(replies, "m-mcu-timer-hz")
    if (
        len(layers) != 1
        or len(timer_hz) != 1
        or not {"m-mcu-model", "m-mcu-id", "m-mcu-board"} <= texts.keys()
    ):
        raise session.error("it does not say what it is")
    return ImageInfo(
        model=texts["m-mcu-model"],
        id=texts["m-mcu-id"],
        board=texts["m-mcu-board"],
        inputs=tuple(session.values(replies, "m-mcu-input")),
        outputs=tuple(session.values(replies, "m-mcu-output")),
        layers=layers[0],
        timer_hz=timer_hz[0],
    )
