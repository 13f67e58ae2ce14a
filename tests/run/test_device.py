"""The verbs on a board: QEMU's STM32F405 behind a pty that is opened as a serial port."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from mcugen import api
from mcugen.build import build
from mcugen.cli import main
from mcugen.device import Device
from mcugen.errors import RunError
from mcugen.run.runner import Runner
from mcugen.run.serial import SerialLink
from mcugen.target import load_board

BOARD = "olimex-stm32-h405"
EXAMPLE = Path(__file__).parents[2] / "examples" / "digits"
DIGITS, DATA = EXAMPLE / "digits_int8.tflite", EXAMPLE / "digits_test.npz"
pytestmark = pytest.mark.qemu


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    directory = tmp_path_factory.mktemp("device") / "digits"
    api.generate(DIGITS, BOARD, directory)
    return directory


@pytest.fixture
def desk():
    """`desk(image)`: the port of a board that has this image."""
    boards = []

    def put(image):
        machine = load_board(BOARD).emulator.machine
        command = ["qemu-system-arm", "-machine", machine, "-kernel", str(image)]
        command += ["-display", "none", "-monitor", "none", "-nic", "none"]
        command += ["-chardev", "pty,id=uart,mux=on", "-serial", "chardev:uart"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        boards.append(process)
        return re.search(r"/dev/\S+", process.stdout.readline())[0]

    yield put
    for process in boards:
        process.kill()
        process.wait()
        process.stdout.close()


def test_validate(project, desk, tmp_path):
    port = desk(build(project).image)
    log = tmp_path / "log.txt"
    result = api.validate(DIGITS, BOARD, DATA, limit=40, device=Device(port, log=log))
    assert result.exact and result.samples == 40
    assert [accuracy.who for accuracy in result.accuracies][-1] == "device"
    device = result.device
    assert 0 < device.latency_min <= device.latency_mean <= device.latency_max
    assert 0 < device.stack <= device.stack_bound
    assert "mcu baud 921600" in log.read_text()


def test_validate_layer_by_layer(project, desk):
    port = desk(build(project, observe=True).image)
    result = api.validate(DIGITS, BOARD, DATA, limit=3, device=Device(port), per_layer=True)
    assert result.exact and len(result.layers) > 4
    assert all(layer.close and layer.differing == 0 for layer in result.layers)


def test_layers_need_their_own_image(project, desk):
    port = desk(build(project).image)
    with pytest.raises(RunError, match="flash DIR --observe"):
        api.validate(DIGITS, BOARD, DATA, limit=1, device=Device(port), per_layer=True)


def test_image_of_another_project_is_refused(desk, tmp_path):
    api.generate(DIGITS, BOARD, tmp_path / "other", name="other")
    port = desk(build(tmp_path / "other").image)
    with pytest.raises(RunError, match=r"firmware of other, \w+, for olimex.*flash the project's"):
        api.validate(DIGITS, BOARD, DATA, limit=1, device=Device(port))


def test_profile_without_a_cycle_counter(project, desk):
    port = desk(build(project, observe=True).image)
    result = api.profile_device(DIGITS, BOARD, Device(port))
    assert "no cycle counter here" in result.note and result.unit == "microseconds"
    assert "clocks did not start" in result.note  # QEMU's chip has no oscillators
    assert len(result.layers) > 4 and result.total > 0 and result.milliseconds > 0


def test_command_line(project, desk, tmp_path, capsys):
    port = desk(build(project).image)
    output = tmp_path / "y.npz"
    data = ["--data", str(DATA), "--limit", "5", "--port", port]
    assert main(["run", str(project), *data, "-o", str(output)]) == 0
    assert output.is_file()
    assert main(["validate", str(DIGITS), "--board", BOARD, *data]) == 0
    out = capsys.readouterr().out
    assert "EXACT" in out and f"board on {port}" in out and "ms, from" in out
    assert main(["profile", str(DIGITS), "--board", BOARD, "--port", port]) == 2
    assert "mcugen flash DIR --observe" in capsys.readouterr().err


def test_flash_then_validate(project, desk, tmp_path, monkeypatch, capsys):
    """A stub stands for the tool that flashes; the board has the image already."""
    port = desk(build(project).image)
    stub = tmp_path / "pyocd"
    stub.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/said\n')
    stub.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    data = ["--data", str(DATA), "--limit", "2", "--port", port]
    assert main(["validate", str(DIGITS), "--board", BOARD, "--flash", *data]) == 0
    assert (tmp_path / "said").read_text().startswith("load --target stm32f405rg")
    assert "EXACT" in capsys.readouterr().out


def test_energy_pin_is_high_while_the_model_runs(project, tmp_path):
    """QEMU has no GPIO there, and writes down what is written to it."""
    board = load_board(BOARD)
    log = tmp_path / "log"
    command = ["qemu-system-arm", "-machine", board.emulator.machine, "-nic", "none"]
    command += ["-kernel", str(build(project).image), "-display", "none", "-monitor", "none"]
    command += ["-serial", "stdio", "-d", "unimp", "-D", str(log)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            lines = iter(process.stdout.readline, "")
            next(line for line in lines if line.startswith("m-ready"))
            process.stdin.write("infer 2 0%")
            process.stdin.flush()
            next(line for line in lines if line.startswith("m-infer-done"))
        finally:
            process.kill()
    name = f"GPIO{'ABCDEFGHI'[(board.energy_pin.base - 0x4002_0000) // 0x400]}"
    written = re.findall(rf"{name}: .* write .*offset 0x018, value 0x(\w+)\)", log.read_text())
    high, low = 1 << board.energy_pin.pin, 1 << board.energy_pin.pin + 16
    assert [int(value, 16) for value in written] == [low, high, low]


def test_keyword_spotting(shared, desk, tmp_path):
    model, data = shared / "models" / "kws_int8.tflite", shared / "data" / "kws01.npz"
    api.generate(model, BOARD, tmp_path / "kws")
    port = desk(build(tmp_path / "kws").image)
    result = api.validate(model, BOARD, data, limit=100, device=Device(port))
    assert result.exact and result.samples == 100
    assert {round(a.value, 4) for a in result.accuracies} == {0.82}


def test_large_input_at_the_first_rate(shared, desk, tmp_path):
    model = shared / "models" / "vww_int8.tflite"
    api.generate(model, BOARD, tmp_path / "vww")
    port = desk(build(tmp_path / "vww").image)
    with Runner(lambda: SerialLink(port, 115200)) as run:
        image = bytes(i * 7 % 251 for i in range(27_648))
        assert run.info.inputs == (27_648,)
        check = run._load(run._session, [image])
        run._run(run._session, f"mcu run {check}")  # refused unless every byte has arrived
        assert run.repeated == 0
