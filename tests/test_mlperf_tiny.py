"""The benchmark's commands, sent as its own runner sends them: no seals, no line ends."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mcugen import api, interpret
from mcugen.fixed import round_half_away
from mcugen.target import load_board
from mcugen.testing.faults.__main__ import DRIVERS
from mcugen.testing.faults.devices import Process, Qemu
from mcugen.testing.faults.wire import Wire

EXAMPLES = Path(__file__).parents[1] / "examples"
DIGITS = EXAMPLES / "digits" / "digits_int8.tflite"
BOARD = "olimex-stm32-h405"
pytestmark = pytest.mark.qemu


@pytest.fixture(scope="module")
def runner():
    """The example's runner as a module."""
    spec = importlib.util.spec_from_file_location("runner", EXAMPLES / "mlperf_tiny" / "runner.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def dut(runner):
    """`dut(image, emulator)`: the device under test, behind a good wire."""
    closing = []

    def start(image, emulator=None, baud=115200, has_rates=False):
        wire = Wire(seed=0, gap=0, has_rates=has_rates)
        wire.__enter__()
        closing.append(lambda: wire.__exit__(None, None, None))
        device = runner.Dut(wire.host.path, baud)
        closing.append(device.close)
        board = Qemu(emulator, image, wire.board) if emulator else Process(image, wire.board)
        closing.append(board.stop)
        lines = [device._line("(start)", 10)]
        while lines[-1] != "m-ready":
            lines.append(device._line("(start)", 10))
        return device, lines

    yield start
    for close in reversed(closing):
        close()


def make(folder, *words):
    subprocess.run(["make", "-s", "-C", folder, "firmware", *words], check=True, timeout=300)


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """A project for this computer, whose UART is a terminal."""
    directory = tmp_path_factory.mktemp("digits") / "digits"
    api.generate(DIGITS, "host", directory, name="digits")
    shutil.copytree(DRIVERS, directory / "firmware", dirs_exist_ok=True)
    return directory


def test_commands(digits, dut, runner):
    make(digits)
    device, start = dut(digits / "build" / "digits.elf", has_rates=True)
    assert start[0] == "m-timestamp-mode-performance"
    assert runner.LAP.match(start[1]) and start[2:] == ["m-init-done", "m-ready"]
    assert device.identity() == ("host", "digits")
    assert runner.LAP.match(device.command("timestamp")[0])
    assert len(device.command("help")) > 7
    with pytest.raises(RuntimeError, match=re.escape("e-[Unknown command: fly]")):
        device.command("fly away")
    with pytest.raises(RuntimeError, match="at most 64"):
        device.command("db load 65")
    pixels = np.load(DIGITS.with_name("digits_test.npz"))["x"][0]
    image = (pixels.reshape(-1) % 16).astype(np.int8)
    device.load(image.tobytes())
    printed = [line for line in device.command("db print") if line.startswith("m-buffer-")]
    assert "".join(line[9:] for line in printed) == image.tobytes().hex()
    lines = device.command("infer 3 2")
    names = [re.sub(r"(lap-us-)\d+|\[.*", r"\1", line) for line in lines]
    assert names == [
        "m-warmup-start-2",
        "m-warmup-done",
        "m-infer-start-3",
        "m-lap-us-",
        "m-lap-us-",
        "m-infer-done",
        "m-results-",
        "m-ready",
    ]
    assert device.command("results")[0] == lines[6]
    assert device.command("infer 1")[0] == "m-warmup-start-10"
    device.command("db load 10")
    with pytest.raises(RuntimeError, match="another number of bytes than the 0"):
        device.command("infer 1 0")


def test_energy_mode(digits, dut, tmp_path):
    """9600 baud, and no line tells the time: a hook stands for the pin."""
    hooks = tmp_path / "hooks.c"
    hooks.write_text(
        '#include "th.h"\n#include "text.h"\nvoid th_pre(void) { put_text("m-pre\\r\\n"); }\n'
    )
    make(digits, "ENERGY=1", f"HOOKS={hooks}")
    device, start = dut(digits / "build" / "digits-energy.elf", baud=9600, has_rates=True)
    assert start == ["m-timestamp-mode-energy", "m-init-done", "m-ready"]
    device.load(bytes(64))
    lines = device.command("infer 2 0")
    assert "m-pre" in lines and not any("lap" in line for line in lines)
    assert device.infer(1, 0, 5.0)[1] is None


def example(folder, benchmark, shared, board):
    words = [f"MODELS={shared / 'models'}", f"BOARD={board}", f"OUT={folder}"]
    command = ["make", "-s", "-C", EXAMPLES / "mlperf_tiny", benchmark, *words]
    subprocess.run([*command, f"PYTHON={sys.executable}"], check=True, timeout=300)
    return folder / board / benchmark


def test_keyword_spotting_on_an_emulated_board(shared, dut, runner, tmp_path):
    project = example(tmp_path, "kws01", shared, BOARD)
    device, _ = dut(project / "build" / "kws01.elf", load_board(BOARD).emulator)
    assert device.identity() == (BOARD, "kws01")
    with np.load(shared / "data" / "kws01.npz") as file:
        samples, labels = file["x"][:8], file["y"][:8]
    graph = api.load(shared / "models" / "kws_int8.tflite").compiled()
    right = 0
    for sample, label in zip(samples, labels, strict=True):
        (expected,) = interpret.outputs(graph, [sample.reshape(1, 49, 10, 1)])
        right += int(np.argmax(expected) == label)
        device.load(sample.tobytes())
        results, seconds = device.infer(1, 0, 30.0)
        np.testing.assert_allclose(results, (expected.ravel() + 128.0) / 256, atol=1e-6)
        assert seconds > 0
    assert runner.accuracy(device, "kws01", samples, labels, 30.0) == f"top-1 {right / 8:.4f}"
    assert "inferences per second" in runner.performance(device, samples[0], 2, 30.0)


@pytest.mark.parametrize(("benchmark", "model"), [("ic01", "ic_int8"), ("vww01", "vww_int8")])
def test_images_are_sent_as_pixels(shared, dut, tmp_path, benchmark, model):
    project = example(tmp_path, benchmark, shared, "host")
    device, _ = dut(project / "build" / f"{benchmark}.elf")
    graph = api.load(shared / "models" / f"{model}.tflite").compiled()
    shape = graph.tensors[graph.inputs[0]].shape
    pixels = np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)
    device.load(pixels.tobytes())
    (expected,) = interpret.outputs(graph, [(pixels.astype(np.int16) - 128).astype(np.int8)])
    for _ in range(2):  # the input is taken once, whatever runs
        results = device.infer(1, 0, 30.0)[0]
        np.testing.assert_allclose(results, (expected.ravel() + 128.0) / 256, atol=1e-6)


def test_anomaly_detector_takes_floats_and_gives_a_score(shared, dut, runner, tmp_path):
    project = example(tmp_path, "ad01", shared, "host")
    device, _ = dut(project / "build" / "ad01.elf")
    graph = api.load(shared / "models" / "ad_int8.tflite").compiled()
    read, made = (graph.tensors[ports[0]] for ports in (graph.inputs, graph.outputs))
    spectra = np.random.default_rng(2).normal(-30, 20, (4, 640)).astype(np.float32)
    for features in spectra:
        device.load(features.tobytes())
        steps = round_half_away(features / np.float32(read.scale)) + read.zero_point
        inputs = np.clip(steps, -128, 127).astype(np.int8).reshape(1, 640)
        (output,) = interpret.outputs(graph, [inputs])
        real = (output.ravel().astype(np.float64) - made.zero_point) * made.scale
        (score,) = device.infer(1, 0, 30.0)[0]
        assert score == pytest.approx(np.mean((real - features) ** 2), rel=1e-5)
    labels = np.array([0, 1, 0, 1])
    assert runner.accuracy(device, "ad01", spectra, labels, 30.0).startswith("AUC ")


def test_the_example_says_what_it_needs():
    done = subprocess.run(
        ["make", "-C", EXAMPLES / "mlperf_tiny", "kws01"], capture_output=True, text=True
    )
    assert done.returncode != 0 and "usage: make MODELS=folder" in done.stdout
