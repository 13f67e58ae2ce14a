"""The command line: output, JSON, exit status."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mcugen import api, cli, steps
from mcugen.__main__ import main as program
from mcugen.health import Check, Health

DIGITS = Path(__file__).parent.parent / "examples" / "digits"
MODEL = str(DIGITS / "digits_int8.tflite")
DATA = str(DIGITS / "digits_test.npz")
VERBS = ("doctor", "boards", "analyze", "generate", "build", "run", "validate", "profile")


@pytest.fixture
def ask(capsys):
    """Run a command line that must succeed; returns its standard output."""

    def run(*arguments: object) -> str:
        status = cli.main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        assert status == 0, captured.err
        assert captured.err == ""
        return captured.out

    return run


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_with_an_example(ask, verb):
    assert f"Example: mcugen {verb}" in ask(verb, "-h")
    assert verb in ask("-h")


def test_the_list_of_verbs_has_the_lines_of_the_verbs():
    for name, (_, line) in cli.VERBS.items():
        verb = cli.commands.get_command(None, name)
        assert (verb.name, verb.get_short_help_str(100)) == (name, line)
    assert cli.commands.get_command(None, "juggle") is None


def test_help_imports_no_verb():
    code = "import sys; from mcugen import cli; cli.main(['--help']); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "validate" in done.stdout
    assert not {"numpy", "rich", "mcugen.api", "mcugen.ops"} & set(done.stdout.split())


def test_a_model_from_file_to_outputs_in_text_and_json(ask, tmp_path):
    out = tmp_path / "out"
    assert "constants" in ask("generate", MODEL, "--board", "host", "-o", out, "--name", "digits")
    built = json.loads(ask("build", out, "--json"))
    assert Path(built["image"]) == out / "build" / "digits.elf"
    assert built["memory"]["variables"] == 0 and built["memory"]["fits"]
    assert "RAM" in ask("build", out)
    ran = json.loads(ask("run", out, "--data", DATA, "--limit", 3, "--json"))
    assert ran["samples"] == 3 and len(ran["first"][0]) == 10
    assert "outputs in" in ask("run", out, "--data", DATA, "-o", tmp_path / "y.npz")


def test_validate_ends_with_its_verdict(ask):
    arguments = ("validate", MODEL, "--board", "host", "--data", DATA, "--limit", 20)
    text = ask(*arguments, "--confusion")
    assert text.splitlines()[-1].startswith("EXACT: 200 bytes of 20 samples")
    result = json.loads(ask(*arguments, "--json"))
    assert result["exact"] and result["comparisons"][0]["difference"]["differing"] == 0


def test_validate_fails_when_bytes_differ(monkeypatch, capsys):
    project = steps.Project.infer
    monkeypatch.setattr(steps.Project, "infer", lambda *args: [y ^ 1 for y in project(*args)])
    assert cli.main(["validate", MODEL, "--board", "host", "--data", DATA, "--limit", "2"]) == 1
    assert capsys.readouterr().out.splitlines()[-1].startswith("DIFFERENT: 20 of 20 bytes of 2")


@pytest.mark.parametrize("more", [(), ("--board", "mps2-an386")])
def test_analyze(ask, more):
    assert "CONV_2D" in ask("analyze", MODEL, *more)
    result = json.loads(ask("analyze", MODEL, "--json", *more))
    assert result["supported"] and result["macs"] == 84_224
    assert (result["memory"] is None) == (not more)


def test_boards(ask):
    names = [board["name"] for board in json.loads(ask("boards", "--json"))["boards"]]
    assert {"host", "microbit", "mps2-an386", "olimex-stm32-h405"} <= set(names)
    text = ask("boards")
    assert all(name in text for name in names)


def test_doctor_fails_when_something_is_missing(monkeypatch, capsys):
    assert cli.main(["doctor"]) == 0
    missing = Check("qemu", "runs firmware", True, None, "sudo apt-get install qemu")
    monkeypatch.setattr(api, "doctor", lambda: Health((missing,), ready=False))
    capsys.readouterr()
    assert cli.main(["doctor"]) == 1
    assert "run: sudo apt-get install qemu" in capsys.readouterr().out


def test_a_fault_of_mcugen_shows_its_traceback_only_with_debug(monkeypatch, capsys):
    def fail() -> None:
        raise ZeroDivisionError("unforeseen")

    monkeypatch.setattr(api, "boards", fail)
    assert cli.main(["boards"]) == cli.INTERNAL
    error = capsys.readouterr().err
    assert "unforeseen" in error and "Traceback" not in error
    with pytest.raises(ZeroDivisionError):
        cli.main(["boards", "--debug"])


def test_control_c_ends_with_130_and_without_a_traceback():
    code = (
        "import os, signal, sys; from mcugen import api, cli;"
        "api.boards = lambda: os.kill(os.getpid(), signal.SIGINT);"
        "sys.exit(cli.main(['boards']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 130 and done.stderr.strip() == ""


def test_control_c_while_the_program_is_imported(monkeypatch):
    class Slow:
        @property
        def main(self) -> None:
            raise KeyboardInterrupt

    monkeypatch.setitem(sys.modules, "mcugen.cli", Slow())
    assert program() == 130


def test_a_closed_pipe_is_no_fault():
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "mcugen", "boards"], stdout=write, stderr=subprocess.PIPE, text=True
    )
    os.close(write)
    assert "Traceback" not in done.stderr
    assert done.returncode != -signal.SIGPIPE
