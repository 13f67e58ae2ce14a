"""The firmware on boards that QEMU lacks: clocks, UART and cycle counter of modelled chips."""

from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path

import pytest

from mcugen import api
from mcugen.build import build
from mcugen.device import Device

CHIPS = Path(__file__).with_name("chips")
EXAMPLE = Path(__file__).parents[2] / "examples" / "digits"
DIGITS, DATA = EXAMPLE / "digits_int8.tflite", EXAMPLE / "digits_test.npz"
WITHOUT_COUNTER = ["nucleo-g0b1re", "pico"]
COUNTING = [
    "nucleo-f446re",
    "stm32f4-discovery",
    "nucleo-f767zi",
    "nucleo-l4r5zi",
    "nucleo-h743zi2",
    "nucleo-u575zi-q",
    "nrf52840-dk",
    "arduino-nano-33-ble",
    "microbit-v2",
    "pico2",
    "teensy41",
    "frdm-mcxn947",
]


@pytest.fixture
def desk(tmp_path):
    """`desk(board, image)`: its port, and the file of what its cycle counter read."""
    boards = []

    def put(board, image):
        reads = tmp_path / "reads.txt"
        command = [sys.executable, str(CHIPS), board, str(image), str(reads)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        boards.append(process)
        return process.stdout.readline().strip(), reads

    yield put
    for process in boards:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.mark.parametrize("board", COUNTING + WITHOUT_COUNTER)
def test_validate_at_the_speed_that_the_clocks_make(board, desk, tmp_path):
    api.generate(DIGITS, board, tmp_path / "digits")
    port, _ = desk(board, build(tmp_path / "digits").image)
    log = tmp_path / "log.txt"
    result = api.validate(DIGITS, board, DATA, limit=2, device=Device(port, log=log))
    assert result.exact and result.samples == 2
    assert "mcu baud 921600" in log.read_text()


@pytest.mark.parametrize("board", COUNTING)
def test_profile_reads_the_cycle_counter(board, desk, tmp_path):
    """Each layer is what lies between two reads, less an empty interval; the counter wraps."""
    api.generate(DIGITS, board, tmp_path / "digits")
    port, file = desk(board, build(tmp_path / "digits", observe=True).image)
    measured = api.profile_device(DIGITS, board, Device(port))
    assert measured.unit == "cycles"
    # Since it was last set: a check that it counts, an interval of nothing, two of an empty layer,
    # of an empty run; then the layers.
    reads = [int(line) for line in file.read_text().split("set\n")[-1].split()]
    spans = [(end - begin) % 2**32 for begin, end in itertools.pairwise(reads)]
    empty_layer, empty_run = spans[5], spans[8]
    *layers, tail = spans[10::2][: len(measured.layers) + 1]
    times = [span - empty_layer for span in layers]
    assert [layer.time for layer in measured.layers] == times and min(times) > 1000
    assert measured.total == sum(times) + tail - empty_run
    assert reads[0] > 0xFFFF_0000 and max(reads[10:]) < 0x1_0000_0000 // 2  # it wrapped
