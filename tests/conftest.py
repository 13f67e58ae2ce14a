"""Fixtures for all tests: the pack of real models, and what is known of them."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from mcugen.ops.base import Array


@dataclass(frozen=True)
class Golden:
    """Inputs of a real model and the outputs of both references: [case][input or output]."""

    model: Path
    inputs: list[list[Array]]
    tflm: list[list[Array]]
    litert: list[list[Array]]


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of models and data: `$MCUGEN_SHARED`, or `shared` next to the checkout."""
    folder = os.environ.get("MCUGEN_SHARED") or Path(__file__).parents[2] / "shared"
    if not Path(folder, "models").is_dir():
        pytest.skip(f"no models in {folder}; set MCUGEN_SHARED")
    return Path(folder)


@pytest.fixture(scope="session")
def golden(shared: Path) -> Callable[[str], Golden]:
    """`golden("kws_int8")`: the stored cases of `models/kws_int8.tflite`."""

    def load(name: str) -> Golden:
        with np.load(shared / "golden" / f"{name}.npz") as file:

            def arrays(kind: str) -> list[list[Array]]:
                found = []
                for case in range(int(file["n"])):
                    keys = (f"{kind}{case}_{port}" for port in range(len(file.files)))
                    found.append([file[key] for key in keys if key in file.files])
                return found

            model = shared / "models" / f"{name}.tflite"
            return Golden(model, arrays("x"), arrays("tflm"), arrays("ref"))

    return load


@pytest.fixture(scope="session")
def golden_layers(shared: Path) -> Callable[[str], tuple[Array, dict[int, Array]]]:
    """`golden_layers("kws_int8")`: an input, and every operator's output by tensor index (TFLM)."""

    def load(name: str) -> tuple[Array, dict[int, Array]]:
        with np.load(shared / "golden_layers" / f"{name}.npz") as file:
            layers = {int(key[1:]): file[key] for key in file.files if key != "x"}
            return file["x"], layers

    return load


@pytest.fixture(scope="session")
def clang_format() -> list[str]:
    """The command of the pinned formatter with the style of the project."""
    import clang_format

    style = Path(__file__).parents[1] / ".clang-format"
    return [clang_format.get_executable("clang-format"), f"--style=file:{style}"]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="rewrite tests/golden")
