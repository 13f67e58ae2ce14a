"""The built wheel works alone: templates, C sources and boards travel with it."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[1]
MODEL = CHECKOUT / "examples" / "digits" / "digits_int8.tflite"


@pytest.mark.slow
def test_a_project_generated_from_the_wheel_passes_its_self_test(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", tmp_path]
    subprocess.run([*build, CHECKOUT], check=True, capture_output=True, timeout=300)
    (wheel,) = tmp_path.glob("*.whl")
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    script = (
        "import mcugen, mcugen.resources as r; print(r.boards());"
        f"print(mcugen.generate({str(MODEL)!r}, 'mps2-an386', 'project', name='digits'))"
    )
    run = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={"PYTHONPATH": str(site), "PATH": ""},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert run.returncode == 0, run.stderr
    assert str(site) in run.stdout
    subprocess.run(["make", "-s", "selftest"], cwd=tmp_path / "project", check=True, timeout=120)
