"""A firmware behind a serial port, whose wire, end and rate may be bad."""

from __future__ import annotations

import io
import time
from dataclasses import replace
from pathlib import Path

import pytest

from mcugen.errors import RunError
from mcugen.run import runner as runners
from mcugen.run.link import LoggedLink
from mcugen.run.protocol import Patience
from mcugen.run.runner import Runner
from mcugen.run.serial import SerialLink
from mcugen.target import load_board
from mcugen.testing.faults import campaign
from mcugen.testing.faults.__main__ import images
from mcugen.testing.faults.devices import Process, Qemu
from mcugen.testing.faults.wire import Wire

DIGITS = Path(__file__).parents[2] / "examples" / "digits" / "digits_int8.tflite"
pytestmark = pytest.mark.qemu


def attached(wire):
    """A runner with the patience that a busy machine needs."""
    return campaign.attach(wire, Patience(first=0.3, longest=1.0, attach=1.0))


def speed_up(run):
    """To the fastest rate; on a machine that is busy enough, a trial may fail."""
    return any(run.speed_up(921600) == 921600 for _ in range(10))


@pytest.fixture(scope="module")
def firmware(tmp_path_factory):
    """An image with a terminal as its UART, what it says of itself, and cases."""
    plain, wired = images(DIGITS, tmp_path_factory.mktemp("firmware"))
    return wired, *campaign.expected(plain, seed=1)


@pytest.fixture
def plug(firmware):
    """`plug(gap)`: a wire with a board at its end."""
    ends = []

    def plugged(gap=0):
        wire = Wire(seed=7, gap=gap, has_rates=True)
        wire.__enter__()
        device = Process(firmware[0], wire.board)
        ends.append((wire, device))
        return wire, device

    yield plugged
    for wire, device in ends:
        device.stop()
        wire.__exit__(None, None, None)


def test_rate_goes_up_and_comes_back(plug, firmware):
    wire, _ = plug()
    _, info, cases = firmware
    with attached(wire) as run:
        assert run.info == info
        slow = wire.board.rate
        assert speed_up(run)
        assert wire.board.rate == wire.host.rate != slow
        for inputs, outputs, layers in cases[:3]:
            assert run.infer(inputs) == outputs
            assert run.infer_layers(inputs) == layers
        assert any((run._session.slow_down(), wire.board.rate == slow)[1] for _ in range(10))


def test_rate_that_one_end_lacks_is_left_out(plug, firmware):
    wire, _ = plug()
    _, _, [(inputs, outputs, _), *_] = firmware
    with attached(wire) as run:
        run._session.ask("mcu info")
        rates = 2_000_000, 460_800
        assert any(run._session.speed_up(rates) == 460_800 for _ in range(10))
        assert run.infer(inputs) == outputs


def test_firmware_that_was_left_at_another_rate_is_found(plug, firmware):
    wire, _ = plug()
    lost = attached(wire)
    assert speed_up(lost)
    lost._link.close()  # without a word, as a killed program
    with attached(wire) as run:
        assert run.infer(firmware[2][0][0]) == firmware[2][0][1]


def test_reset_between_load_and_run(plug, firmware, monkeypatch):
    wire, device = plug()
    _, _, [(inputs, outputs, _), *_] = firmware
    with attached(wire) as run:
        run.speed_up(921600)
        load, left = run._load, [1]

        def load_and_reset(session, given):
            check = load(session, given)
            if left:
                left.pop()
                device.reset()
            return check

        monkeypatch.setattr(run, "_load", load_and_reset)
        assert run.infer(inputs) == outputs
        assert not left and run.repeated > 0


def test_reset_between_run_and_output(plug, firmware, monkeypatch):
    wire, device = plug()
    _, _, [(inputs, outputs, _), *_] = firmware
    with attached(wire) as run:
        output, left = run._output, [1]

        def reset_and_output(*arguments):
            if left:
                left.pop()
                device.reset()
            return output(*arguments)

        monkeypatch.setattr(run, "_output", reset_and_output)
        assert run.infer(inputs) == outputs


def test_board_that_is_reset_for_ever(plug, firmware, monkeypatch):
    wire, device = plug()
    with attached(wire) as run:
        load = run._load
        monkeypatch.setattr(run, "_load", lambda *a: (load(*a), device.reset())[0])
        with pytest.raises(RunError, match="reset, 5 times in a row"):
            run.infer(firmware[2][0][0])


def test_unplugged(plug, firmware):
    wire, _ = plug()
    with attached(wire) as run:
        wire.unplug()
        begin = time.monotonic()
        with pytest.raises(RunError, match="unplugged"):
            run.infer(firmware[2][0][0])
        assert time.monotonic() - begin < 5


def test_another_image_is_refused(plug, firmware):
    wire, _ = plug()
    with pytest.raises(RunError, match=r"digits_int8.*for host; it is not that of the project, ab"):
        runners.attach(load_board("host"), wire.host.path, "ab")


def test_image_that_is_exchanged_in_the_middle(plug, firmware, build):
    wire, device = plug()
    with attached(wire) as run:
        run.infer(firmware[2][0][0])
        wire.gap = 0
        run.info = replace(run.info, id="0" * 16)
        device.reset()
        with pytest.raises(RunError, match="it was another one before"):
            run._persist(lambda: run._output(0, 10, 1))


def test_nobody_answers():
    with Wire(seed=0, gap=0, has_rates=False) as wire:
        begin = time.monotonic()
        with pytest.raises(RunError, match="no answer from a firmware of mcugen at 115200, 921600"):
            attached(wire)
        assert time.monotonic() - begin < 20


def test_something_else_talks():
    with Wire(seed=0, gap=0, has_rates=False) as wire:
        for _ in range(50):
            wire.host.send(b"[   12.345] kernel: m-mcu-begin-[%]\r\n" * 20)
        with pytest.raises(RunError, match="no answer from a firmware"):
            attached(wire)


def test_port_that_is_not_there(tmp_path):
    with pytest.raises(RunError, match="cannot be opened: No such file"):
        SerialLink(str(tmp_path / "ttyACM9"), 115200)


def test_port_that_another_program_has(plug):
    wire, _ = plug()
    with attached(wire), pytest.raises(RunError, match="another program has the port open"):
        attached(wire)


def test_transcript(plug, firmware):
    wire, _ = plug()
    log = io.StringIO()
    with Runner(lambda: LoggedLink(SerialLink(wire.host.path, 115200), log)) as run:
        run.infer(firmware[2][0][0])
    lines = log.getvalue().splitlines()
    assert any(line[11:13] == "> " and "mcu run" in line for line in lines)
    assert any(line[11:13] == "< " and "m-mcu-status" in line for line in lines)
    assert "= '115200 baud'" in lines[0]


def test_faults_on_the_wire(plug, firmware):
    wire, device = plug(gap=700)
    outcome = campaign.run(wire, device, firmware[2], faults=250)
    assert outcome.passed and outcome.inferences > 5 and outcome.repeated > 50
    assert set(outcome.faults) == set(campaign.Fault)


def test_faults_on_the_wire_to_an_emulated_board(build):
    board, image = build("olimex-stm32-h405")
    _, plain = build("host")
    _, cases = campaign.expected(plain, seed=2)
    with Wire(seed=3, gap=1500, has_rates=False) as wire:
        device = Qemu(board.emulator, image, wire.board)
        try:
            outcome = campaign.run(wire, device, cases, faults=40)
        finally:
            device.stop()
    assert outcome.passed and outcome.inferences > 2


def test_patience_ends(build):
    """A wire that lets nothing through ends in an error, not in a hang."""
    with Wire(seed=0, gap=1, has_rates=False) as wire:
        link = SerialLink(wire.host.path, 115200)
        with pytest.raises(RunError, match="no answer"):
            Runner(lambda: link, patience=Patience(0.01, 0.1, 0.1))
