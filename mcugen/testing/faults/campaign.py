"""Runs a model over a bad wire, again and again, and says whether a wrong result was believed."""

from __future__ import annotations

import faulthandler
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mcugen.errors import RunError
from mcugen.run.protocol import Patience
from mcugen.run.runner import ImageInfo, Runner, open_runner
from mcugen.run.serial import SerialLink
from mcugen.target import load_board
from mcugen.testing.faults.devices import Device
from mcugen.testing.faults.wire import Fault, Wire

BAUD, FASTEST = 115200, 921600
CASES = 20
LIMIT = 60.0  # s; what takes longer hangs, and ends the program
HASTY = Patience(first=0.02, longest=0.3, attach=0.4)
_RUN_TIMEOUT = 8.0

Case = tuple[list[bytes], list[bytes], list[bytes]]  # inputs, outputs, layers


@dataclass
class Outcome:
    """What a campaign counted; `errors` are those that a user would have seen."""

    inferences: int = 0
    wrong: int = 0
    sessions: int = 0
    repeated: int = 0  # commands
    resets: int = 0  # that were seen
    slowest: float = 0.0  # s, of an inference
    errors: Counter[str] = field(default_factory=Counter)
    faults: Counter[Fault] = field(default_factory=Counter)

    @property
    def passed(self) -> bool:
        """Nothing wrong was believed."""
        return self.wrong == 0 and self.inferences > 0


def expected(image: Path, seed: int) -> tuple[ImageInfo, list[Case]]:
    """Inputs and what comes out of them over a wire that is good."""
    rng = np.random.default_rng(seed)
    with open_runner(load_board("host"), image) as runner:
        info = runner.info
        cases = []
        for _ in range(CASES):
            inputs = [rng.bytes(size) for size in info.inputs]
            layers = runner.infer_layers(inputs) if info.layers else []
            cases.append((inputs, runner.infer(inputs), layers))
    return info, cases


def run(
    wire: Wire,
    device: Device,
    cases: Sequence[Case],
    faults: int,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Outcome:
    """Infer until there were so many faults; a new session after each error, and now and then."""
    outcome = Outcome()
    wire.reset = device.reset
    while wire.faults < faults:
        outcome.sessions += 1
        faulthandler.dump_traceback_later(LIMIT, exit=True)
        try:
            runner = attach(wire)
        except RunError as error:
            outcome.errors[_short(error)] += 1
            continue
        try:
            runner.speed_up(FASTEST)
            for number in range(50):
                if wire.faults >= faults:
                    break
                _infer(runner, cases[number % len(cases)], number, outcome)
                progress(min(wire.faults, faults), faults)
        except RunError as error:
            outcome.errors[_short(error)] += 1
        finally:
            outcome.repeated += runner.repeated
            outcome.resets += runner.resets
            runner.close()
    faulthandler.cancel_dump_traceback_later()
    outcome.faults = wire.counts
    return outcome


def attach(wire: Wire, patience: Patience = HASTY) -> Runner:
    """A runner on the wire; by default one that loses its patience soon, for the wire is fast."""
    return Runner(
        lambda: SerialLink(wire.host.path, BAUD), patience=patience, run_timeout=_RUN_TIMEOUT
    )


def _infer(runner: Runner, case: Case, number: int, outcome: Outcome) -> None:
    inputs, outputs, layers = case
    faulthandler.dump_traceback_later(LIMIT, exit=True)
    begin = time.monotonic()
    if layers and number % 10 == 9:
        right = runner.infer_layers(inputs) == layers
    else:
        right = runner.infer(inputs) == outputs
    took = time.monotonic() - begin
    outcome.inferences += 1
    outcome.wrong += not right
    outcome.slowest = max(outcome.slowest, took)


def _short(error: RunError) -> str:
    """The part of a message that does not change."""
    return str(error).partition(": ")[2].partition(";")[0]
