"""Runs a built firmware: inferences, layer by layer, counted, on any board that can run here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType

from mcugen.errors import BoardError, DataError, RunError, ToolError
from mcugen.run.host import HostLink
from mcugen.run.protocol import Link, Reply, Session
from mcugen.run.qemu import QemuLink
from mcugen.target import Board

_REPLY_TIMEOUT = 15.0
_RUN_TIMEOUT = 120.0


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """What a firmware says of itself; sizes in bytes.

    `layers` is the number of layers that can be observed, 0 unless it was built for that.
    """

    model: str
    id: str
    board: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    layers: int


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
    hangs, crashes or answers garbage.
    """

    def __init__(
        self,
        connect: Callable[[], Link],
        connect_counting: Callable[[], Link] | None,
        ticks_per_instruction: Fraction = Fraction(1),
        run_timeout: float = _RUN_TIMEOUT,
    ) -> None:
        self._connect_counting = connect_counting
        self._ticks_per_instruction = ticks_per_instruction
        self._run_timeout = run_timeout
        self._link = connect()
        try:
            self._session = Session(self._link, _REPLY_TIMEOUT)
            self.info = _info(self._session)
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
        """End the firmware's process."""
        self._link.close()

    def infer(self, inputs: Sequence[bytes]) -> list[bytes]:
        """Run once; return the outputs, raw."""
        self._load(self._session, inputs)
        self._run(self._session, "mcu run")
        outputs: list[bytes] = []
        for k in range(len(self.info.outputs)):
            outputs += self._session.blocks(self._session.ask(f"mcu output {k}"))
        if tuple(map(len, outputs)) != self.info.outputs:
            raise self._session.error("the outputs have wrong sizes")
        return outputs

    def infer_layers(self, inputs: Sequence[bytes]) -> list[bytes]:
        """Run once; return the output of each layer, raw. Needs a firmware that observes."""
        if self.info.layers == 0:
            raise RunError(
                f"{self._link.name}: the firmware does not observe layers; "
                "build it with `make firmware OBSERVE=1`"
            )
        self._load(self._session, inputs)
        layers = self._session.blocks(self._run(self._session, "mcu layers"))
        if len(layers) != self.info.layers:
            raise self._session.error(f"{len(layers)} layers instead of {self.info.layers}")
        return layers

    def count(self, inputs: Sequence[bytes]) -> Counts:
        """Run once in an emulator that counts; the firmware is started anew for it."""
        if self._connect_counting is None:
            raise RunError(
                f"{self._link.name}: instructions are not counted here; use an emulated board"
            )
        link = self._connect_counting()
        try:
            session = Session(link, _REPLY_TIMEOUT)
            self._load(session, inputs)
            return self._counts(session)
        finally:
            link.close()

    def stack_used(self, inputs: Sequence[bytes]) -> int:
        """Run once; return the bytes of stack that it used, measured by painting."""
        self._load(self._session, inputs)
        replies = self._run(self._session, "mcu stack")
        used = self._session.values(replies, "m-mcu-stack")
        if len(used) != 1 or used[0] < 0:
            raise RunError(f"{self._link.name}: the stack is not measured here; use another board")
        return used[0]

    def _load(self, session: Session, inputs: Sequence[bytes]) -> None:
        sizes = tuple(map(len, inputs))
        if sizes != self.info.inputs:
            raise DataError(
                f"{self.info.model}: inputs of {sizes} bytes; the model takes {self.info.inputs}"
            )
        for k, data in enumerate(inputs):
            session.load(k, data)

    def _run(self, session: Session, command: str) -> list[Reply]:
        replies = session.ask(command, self._run_timeout)
        if session.values(replies, "m-mcu-status") != [0]:
            raise session.error("the model refused to run")
        return replies

    def _counts(self, session: Session) -> Counts:
        replies = self._run(session, "mcu count")

        def instructions(name: str) -> list[int]:
            ticks = session.values(replies, name)
            return [round(t / self._ticks_per_instruction) for t in ticks]

        empty_layer, empty_run, tail, layers = (
            instructions(f"m-mcu-{name}") for name in ("empty-layer", "empty-run", "tail", "ticks")
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
        return Runner(lambda: HostLink(image), None, run_timeout=run_timeout)
    emulator = board.emulator
    if emulator is None:
        raise BoardError(
            f"{board.name}: has no emulator; a firmware runs on the host or on a board with one"
        )
    return Runner(
        lambda: QemuLink(emulator, image, counting=False),
        lambda: QemuLink(emulator, image, counting=True),
        emulator.ticks_per_instruction,
        run_timeout,
    )


def _info(session: Session) -> ImageInfo:
    replies = session.ask("mcu info")
    texts = {reply.name: reply.fields[0] for reply in replies}
    layers = session.values(replies, "m-mcu-layers")
    if len(layers) != 1 or not {"m-mcu-model", "m-mcu-id", "m-mcu-board"} <= texts.keys():
        raise session.error("it does not say what it is")
    return ImageInfo(
        model=texts["m-mcu-model"],
        id=texts["m-mcu-id"],
        board=texts["m-mcu-board"],
        inputs=tuple(session.values(replies, "m-mcu-input")),
        outputs=tuple(session.values(replies, "m-mcu-output")),
        layers=layers[0],
    )
