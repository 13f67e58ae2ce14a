"""The examples as a newcomer runs them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"


@pytest.mark.qemu
@pytest.mark.parametrize("model", ["digits_int8.tflite", "digits_float32.tflite"])
def test_the_demo_ends_exact(model):
    digits = EXAMPLES / "digits"
    done = subprocess.run(
        [
            *(sys.executable, EXAMPLES / "demo.py"),
            *(digits / model, digits / "digits_test.npz", "--limit", "20"),
            *("--float", digits / "digits_float32.tflite"),
        ],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    rows = [line.split("  ")[0] for line in done.stdout.splitlines()]
    for row in ("flash", "RAM", "instructions", "float accuracy", "emulated accuracy"):
        assert row in rows
    assert done.stdout.splitlines()[-1].startswith("EXACT")


@pytest.mark.qemu
def test_the_keyword_spotter_takes_its_files_as_arguments(shared):
    done = subprocess.run(
        [
            *("make", "-C", EXAMPLES / "kws", f"PYTHON={sys.executable}", "LIMIT=3"),
            f"MODEL={shared / 'models' / 'kws_int8.tflite'}",
            f"DATA={shared / 'data' / 'kws01.npz'}",
        ],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "EXACT: 36 bytes of 3 samples" in done.stdout


def test_the_keyword_spotter_says_what_it_needs():
    done = subprocess.run(["make", "-C", EXAMPLES / "kws"], capture_output=True, text=True)
    assert done.returncode != 0 and "usage: make MODEL=" in done.stdout + done.stderr
