"""The steps as Python functions."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import mcugen
from mcugen import api

DIGITS = Path(__file__).parent.parent / "examples" / "digits"
MODEL = DIGITS / "digits_int8.tflite"
DATA = DIGITS / "digits_test.npz"


def modules_after(code: str) -> set[str]:
    code += "\nimport sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


def test_importing_mcugen_imports_next_to_nothing():
    assert not {"numpy", "click", "rich", "jinja2", "ai_edge_litert"} & modules_after(
        "import mcugen"
    )


def test_generating_needs_neither_tensorflow_nor_an_interpreter(tmp_path):
    code = (
        f"import mcugen\nmcugen.generate({str(MODEL)!r}, 'mps2-an386', {str(tmp_path / 'out')!r})"
    )
    modules = modules_after(code)
    assert "mcugen.emit" in modules
    assert not {"tensorflow", "keras", "tflite_micro", "ai_edge_litert.interpreter"} & modules


def test_the_functions_stay_functions_after_their_modules_are_imported(tmp_path):
    mcugen.generate(MODEL, "host", tmp_path / "out")
    for name in mcugen.__all__:
        assert callable(getattr(mcugen, name)), name
    with pytest.raises(AttributeError):
        _ = mcugen.nonsense


def test_generate_build_and_run_on_this_machine(tmp_path):
    generated = mcugen.generate(MODEL, "host", tmp_path / "out", name="Digits")
    assert generated.name == "digits" and (tmp_path / "out" / "digits.h").is_file()
    memory = mcugen.build_project(tmp_path / "out").memory
    assert memory.variables == 0
    assert memory.flash > generated.constants
    assert memory.ram == memory.arena + (memory.stack or 0)
    steps: list[tuple[int, int]] = []
    result = mcugen.run_project(
        tmp_path / "out",
        DATA,
        output=tmp_path / "y.npz",
        limit=20,
        progress=lambda done, total: steps.append((done, total)),
    )
    assert result.samples == 20 and steps == [(k + 1, 20) for k in range(20)]
    outputs = np.load(tmp_path / "y.npz")["output0"]
    assert outputs.shape == (20, 1, 10) and outputs.dtype == np.int8
    assert tuple(outputs[0].ravel()) == result.first[0]


def test_the_same_model_gives_the_same_bytes(tmp_path):
    folders = (tmp_path / "a", tmp_path / "b" / "c")
    for folder in folders:
        mcugen.generate(MODEL, "mps2-an386", folder)
    first, second = (
        {p.relative_to(f): p.read_bytes() for p in f.rglob("*") if p.is_file()} for f in folders
    )
    assert first == second


def test_the_package_offers_what_the_api_does():
    assert set(mcugen.__all__) == {*api.__all__, "McugenError"}
    assert all(getattr(mcugen, name) is getattr(api, name) for name in api.__all__)
