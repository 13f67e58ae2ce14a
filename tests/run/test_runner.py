from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path

import pytest

from mcugen import api
from mcugen.errors import BoardError, DataError, RunError, ToolError
from mcugen.project import Project
from mcugen.run import qemu, runner
from mcugen.run.host import HostLink
from mcugen.run.protocol import Session
from mcugen.run.qemu import QemuLink
from mcugen.run.runner import open_runner
from mcugen.target import board_names, load_board

pytestmark = pytest.mark.qemu

DIGITS = Path(__file__).parents[2] / "examples" / "digits" / "digits_int8.tflite"
EMULATED = [name for name in board_names() if load_board(name).emulator]
INPUTS = [bytes(i % 251 for i in range(300)), bytes((3, 250))]
SUM = bytes((i % 251 + 253) % 256 for i in range(300))


@pytest.mark.parametrize("name", ["host", *EMULATED])
def test_board_runs_model(build, name):
    board, image = build(name, "MCU_OBSERVE")
    with open_runner(board, image) as run:
        assert run.info.timer_hz > 0
        assert run.info == runner.ImageInfo(
            *("test", "0123456789abcdef", name),
            inputs=(300, 2),
            outputs=(300, 4),
            layers=3,
            timer_hz=run.info.timer_hz,
        )
        assert run.infer(INPUTS) == [SUM, INPUTS[0][:4]]
        partial = bytes((i % 251 + 3) % 256 for i in range(300))
        assert run.infer_layers(INPUTS) == [partial, INPUTS[1], SUM]


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_harness_under_sanitizers(build, compiler):
    if shutil.which(compiler) is None:
        pytest.skip(f"needs {compiler}")
    sanitizers = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")
    board, image = build("host", "MCU_OBSERVE", compiler=(compiler, *sanitizers))
    with open_runner(board, image) as run:
        assert run.infer(INPUTS) == [SUM, INPUTS[0][:4]]
        assert run.infer_layers(INPUTS)[2] == SUM


@pytest.mark.parametrize("name", EMULATED)
def test_counts_are_exact_and_repeatable(build, name):
    totals = []
    for turns in (1000, 4321):
        board, image = build(name, "MODEL_LOOPS_ONLY", f"MODEL_LOOPS={turns}")
        with open_runner(board, image) as run:
            counts = run.count(INPUTS)
            assert counts == run.count(INPUTS)
            assert counts.layers == ()
            totals.append(counts.total)
    assert totals[1] - totals[0] == 2 * (4321 - 1000)
    assert 0 <= totals[0] - 2 * 1000 <= 8  # the loop's set-up


@pytest.mark.parametrize("name", ["microbit", "mps2-an386", "olimex-stm32-h405"])
def test_counts_per_layer(build, name):
    layers = []
    for turns in (5000, 7000):
        board, image = build(name, "MCU_OBSERVE", f"MODEL_LOOPS={turns}")
        with open_runner(board, image) as run:
            counts = run.count(INPUTS)
        assert abs(counts.total - sum(counts.layers)) < 16
        assert abs(counts.layers[1] - 2 * turns) <= 8
        layers.append(counts.layers)
    differences = [second - first for first, second in zip(*layers, strict=True)]
    assert differences == [0, 2 * 2000, 2 * 2 * 2000]


@pytest.mark.parametrize("name", ["microbit", "mps3-an547"])
def test_stack_is_measured(build, name):
    board, image = build(name, "MODEL_STACK=512")
    with open_runner(board, image) as run:
        used = run.stack_used(INPUTS)
        assert 512 <= used < 600
        assert used == run.stack_used(INPUTS)


def test_host_measures_neither_stack_nor_instructions(build):
    board, image = build("host")
    with open_runner(board, image) as run:
        with pytest.raises(RunError, match="stack is not measured"):
            run.stack_used(INPUTS)
        with pytest.raises(RunError, match="not counted here"):
            run.count(INPUTS)
        with pytest.raises(RunError, match="OBSERVE=1"):
            run.infer_layers(INPUTS)


@pytest.mark.parametrize("name", ["host", "netduinoplus2"])
def test_large_input_arrives(build, name):
    board, image = build(name, "MODEL_BYTES=27648")
    inputs = [bytes(i * 7 % 256 for i in range(27648)), b"\x00\x00"]
    with open_runner(board, image) as run:
        assert run.infer(inputs)[0] == inputs[0]


def test_inputs_of_wrong_size_are_refused(build):
    board, image = build("host")
    with open_runner(board, image) as run, pytest.raises(DataError, match=r"\(300, 2\)"):
        run.infer([INPUTS[0]])


BROKEN = {
    "MODEL_HANGS": "no answer in time",
    "MODEL_FAULTS": r"fault pc=|signal \d",
    "MODEL_BABBLES": "answered garbage",
    "MODEL_DRONES": "a line without an end",
    "MODEL_REFUSES": "refused to run",
}


@pytest.mark.parametrize("macro", BROKEN)
@pytest.mark.parametrize("name", ["host", "microbit", "mps2-an505", "netduinoplus2"])
def test_broken_model_ends_in_an_error_that_leaves_nothing(build, started, name, macro):
    board, image = build(name, macro)
    begin = time.monotonic()
    with (
        pytest.raises(RunError, match=BROKEN[macro]) as caught,
        open_runner(board, image, run_timeout=1.0) as run,
    ):
        run.infer(INPUTS)
    assert "last received" in str(caught.value)
    assert time.monotonic() - begin < 30
    assert started and all(process.poll() is not None for process in started)


@pytest.mark.parametrize("name", ["microbit", "mps2-an386", "mps3-an547", "netduinoplus2"])
def test_stack_overflow_is_an_error(build, name):
    board, image = build(name, "MODEL_OVERFLOWS", "MODEL_BYTES=64")
    with pytest.raises(RunError), open_runner(board, image, run_timeout=2.0) as run:
        run.infer([bytes(64), INPUTS[1]])


@pytest.mark.parametrize("name", ["host", "mps2-an386"])
def test_interrupt_leaves_no_process(build, started, name):
    board, image = build(name)
    with pytest.raises(KeyboardInterrupt), open_runner(board, image):
        raise KeyboardInterrupt
    assert started and all(process.poll() is not None for process in started)


def test_program_that_is_no_firmware(build, started, tmp_path):
    script = tmp_path / "talker"
    script.write_text("#!/bin/sh\necho hello\n")
    script.chmod(0o755)
    with pytest.raises(RunError, match=r"garbage.*\n.*hello"):
        open_runner(load_board("host"), script)
    script.write_text("#!/bin/sh\nexit 3\n")
    with pytest.raises(RunError, match="ended with status 3"):
        open_runner(load_board("host"), script)
    assert all(process.poll() is not None for process in started)


def test_image_that_is_no_firmware(started, tmp_path):
    image = tmp_path / "image.elf"
    image.write_bytes(b"no ELF" * 100)
    with pytest.raises(RunError, match=r"QEMU ended|no answer"):
        open_runner(load_board("mps2-an386"), image)
    assert all(process.poll() is not None for process in started)


def test_missing_image_and_missing_qemu(build, monkeypatch, tmp_path):
    board, image = build("mps2-an386")
    with pytest.raises(ToolError, match="make firmware"):
        open_runner(board, tmp_path / "none.elf")
    monkeypatch.setattr(qemu, "_PROGRAM", "qemu-that-is-not-installed")
    with pytest.raises(ToolError, match="apt-get install qemu-system-arm"):
        open_runner(board, image)


def test_board_without_emulator(build, tmp_path):
    _, image = build("mps2-an386")
    text = (load_board("mps2-an386").folder / "board.toml").read_text()
    (tmp_path / "board.toml").write_text(text.split("[emulator]")[0])
    with pytest.raises(BoardError, match="has no emulator"):
        open_runner(load_board(str(tmp_path)), image)


# ---- the protocol of MLPerf Tiny


def _texts(session: Session, command: str) -> list[str]:
    return [f"{reply.name} {','.join(reply.fields)}".strip() for reply in session.ask(command)]


@pytest.mark.parametrize("name", ["host", "olimex-stm32-h405"])
def test_benchmark_commands(build, name):
    board, image = build(name, "MODEL_BYTES=6")
    link = HostLink(image) if board.is_host else QemuLink(board.emulator, image, counting=False)
    try:
        session = Session(link, 10.0)
        assert _texts(session, "name") == [f"m-name-dut {name}"]
        assert _texts(session, "profile")[1] == "m-model test"
        assert _texts(session, "db load 8") == ["m Expecting 8 bytes"]
        assert _texts(session, "db 000102fe") == []
        assert _texts(session, "db 80050204") == ["m-load-done"]
        assert _texts(session, "db print") == ["m-buffer-000102fe80050204"]
        replies = _texts(session, "infer 2 1")
        laps = [reply for reply in replies if reply.startswith("m-lap-us-")]
        assert [reply for reply in replies if reply not in laps] == [
            "m-warmup-start-1",
            "m-warmup-done",
            "m-infer-start-2",
            "m-infer-done",
            f"m-results {_reals([6, 7, 8, 4, -122, 11])},-0.500000,-0.250000,0.000000,-1.000000",
        ]
        assert len(laps) == 2
        assert len(session.ask("help")) == 8
        assert session.repeated == 0
    finally:
        link.close()


def _reals(sums: list[int]) -> str:
    return ",".join(f"{0.5 * (q + 1):.6f}" for q in sums)


WRONG = {
    "fly": "Unknown command: fly",
    "mcu fly": "Unknown command",
    "infer 0": "at least 1",
    "infer x": "at least 1",
    "db": "db takes",
    "db load 0": "at most 302",
    "db load 303": "at most 302",
    "db 00": "more than db load announced",
    "mcu load 0 299 0000": "does not lie inside",
    "mcu load 2 0 00": "no such input",
    "mcu load 0 0 0": "mcu load takes",
    "mcu load 0 0 " + "00" * 129: "mcu load takes",
    "mcu output 2": "no such output",
    "mcu output 0 1 0 4": "lost: that run's outputs are not here",
    "mcu run 00000001": "lost: these are not the inputs here",
    "mcu layer 0": "no such layer",
    "mcu cycles": "no cycle counter here",
    "mcu baud x": "no such rate",
    "mcu baud 0": "no such rate",
    "mcu baud 4294967295": "no such rate",
}


@pytest.mark.parametrize("command", WRONG)
def test_wrong_command_is_refused_and_the_next_one_works(build, command):
    _, image = build("host")
    link = HostLink(image)
    try:
        session = Session(link, 10.0)
        with pytest.raises(RunError, match=WRONG[command]):
            session.ask(command)
        assert _texts(session, "name") == ["m-name-dut host"]
    finally:
        link.close()


@pytest.fixture
def started(monkeypatch):
    """The processes that a test starts."""
    processes: list[subprocess.Popen[bytes]] = []
    popen = subprocess.Popen

    def record(*arguments, **options):
        processes.append(popen(*arguments, **options))
        return processes[-1]

    monkeypatch.setattr(subprocess, "Popen", record)
    return processes


@pytest.mark.parametrize("name", ["olimex-stm32-h405", "nucleo-l4r5zi", "nrf52840-dk"])
def test_firmware_is_small(name, tmp_path):
    """Flash and RAM of the whole image besides the model, its arena, its inputs and the stack."""
    board = load_board(name)
    api.generate(DIGITS, name, tmp_path / "digits")
    memory = api.build_project(tmp_path / "digits").memory
    assert memory.image_flash - memory.flash < 8 * 1024
    inputs = 64
    assert memory.image_ram - memory.arena - board.stack_bytes - inputs < 1536


def test_firmware_says_of_which_project_it_is(tmp_path):
    ids = set()
    for board in ("host", "olimex-stm32-h405"):
        api.generate(DIGITS, board, tmp_path / board)
        project = Project.open(tmp_path / board)
        with open_runner(project.board, api.build_project(project.directory).image) as run:
            assert run.info.id == project.id
        ids.add(project.id)
    assert len(ids) == 2


def test_paths_with_blanks_and_commas(build, tmp_path):
    board, image = build("mps2-an386")
    odd = tmp_path / "a b,c"
    odd.mkdir()
    copy = Path(odd / "image file.elf")
    copy.write_bytes(image.read_bytes())
    with open_runner(board, copy) as run:
        assert run.infer(INPUTS)[0] == SUM
