"""Models in float32, and models of which some layers stay float, from the file to the outputs."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mcugen
from mcugen import steps
from mcugen.ops.base import Array
from mcugen.testing.builder import ModelBuilder, quant

DIGITS = Path(__file__).parent.parent / "examples" / "digits"
MODEL = DIGITS / "digits_float32.tflite"
DATA = DIGITS / "digits_test.npz"


# ---- whole float models


@pytest.mark.parametrize("name", ["hello_world", "digits_cnn", "ad", "kws", "ic", "vww"])
def test_real_models_are_close_to_the_references(name: str, tmp_path: Path, golden: Any) -> None:
    """Nothing but a softmax differs from TFLM, and that in its last bits."""
    cases = golden(f"{name}_float32")
    np.savez(tmp_path / "x.npz", x=np.concatenate([inputs[0] for inputs in cases.inputs[:2]]))
    result = mcugen.validate(cases.model, "host", tmp_path / "x.npz")
    assert result.passed and result.verdict.startswith(("EXACT", "CLOSE"))
    for comparison in result.comparisons:
        assert comparison.difference.largest <= 0.05 * comparison.allowed
    if name in ("hello_world", "ad"):
        assert result.exact


@pytest.mark.qemu
@pytest.mark.parametrize("board", ["microbit", "mps2-an386"])
def test_every_core_gives_the_bytes_of_this_machine(board: str, tmp_path: Path) -> None:
    """Without and with a floating-point unit."""
    outputs = []
    for name in ("host", board):
        project = tmp_path / name
        mcugen.generate(MODEL, name, project)
        mcugen.run_project(project, DATA, output=tmp_path / f"{name}.npz", limit=3)
        with np.load(tmp_path / f"{name}.npz") as file:
            outputs.append(file["output0"])
    assert outputs[0].tobytes() == outputs[1].tobytes()


def test_float_accuracy_is_that_of_the_reference() -> None:
    result = mcugen.validate(MODEL, "host", DATA)
    accuracy = {row.who: row.value for row in result.accuracies}
    assert result.passed and accuracy["emulated"] == accuracy[result.yardstick] > 0.97


def test_a_difference_beyond_the_tolerance_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    emit = steps.emit

    def spoiled(program: Any, board: Any, directory: Path, **options: Any) -> None:
        emit(program, board, directory, **options)
        kernel = directory / "mcu" / "mcu_fully_connected_f32_ref.c"
        kernel.write_text(kernel.read_text().replace("acc[r] + bias", "1.01F * acc[r] + bias"))

    monkeypatch.setattr(steps, "emit", spoiled)
    result = mcugen.validate(MODEL, "host", DATA, limit=20)
    assert not result.passed and result.verdict.startswith("DIFFERENT")
    assert result.first_difference is not None
    assert "fully_connected" in result.first_difference.where


# ---- the generated project


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("float") / "digits"
    mcugen.generate(MODEL, "host", folder, name="digits")
    return folder


def make(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", "-B", "-C", str(project), *arguments], capture_output=True, text=True, check=False
    )


def test_the_header_speaks_of_floats(project: Path) -> None:
    header = (project / "digits.h").read_text()
    assert "float *digits_input(void *arena);" in header
    assert "const float *digits_output(const void *arena);" in header
    assert "_SCALE" not in header and "_ZERO_POINT" not in header
    assert "math.h" not in "".join(path.read_text() for path in project.rglob("*.[ch]"))


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_the_selftest_passes_without_a_warning(project: Path, compiler: str) -> None:
    flags = "CFLAGS=-Werror -fsanitize=address,undefined -fno-sanitize-recover"
    done = make(project, "selftest", f"HOST_CC={compiler}", flags)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_selftest_allows_for_fused_sums_and_nothing_more(project: Path) -> None:
    done = make(project, "selftest", "FLOATS=-ffp-contract=fast", "CFLAGS=-mfma")
    assert done.returncode == 0, done.stdout + done.stderr
    kernel = project / "mcu" / "mcu_fully_connected_f32_ref.c"
    text = kernel.read_text()
    kernel.write_text(text.replace("acc[r] + bias", "1.01F * acc[r] + bias"))
    try:
        assert make(project, "selftest").returncode != 0
    finally:
        kernel.write_text(text)


# ---- layers that stay float


def mixed() -> bytes:
    """int8 CONV_2D -> DEQUANTIZE -> float DEPTHWISE_CONV_2D and ADD -> QUANTIZE -> int8 dense."""
    rng = np.random.default_rng(5)
    builder = ModelBuilder()

    def floats(*shape: int) -> int:
        return builder.tensor(shape, "float32")

    def constant(array: Array, dtype: str = "float32", **more: Any) -> int:
        return builder.tensor(array.shape, dtype, data=array, **more)

    conv = {"padding": 0, "strideH": 1, "strideW": 1}
    x = builder.tensor((1, 6, 6, 2), quant=quant(0.05, 3))
    kernel = constant(rng.integers(-127, 128, (4, 3, 3, 2)), "int8", quant=quant(0.01))
    bias = constant(rng.integers(-500, 500, 4), "int32", quant=quant(0.0005))
    convolved = builder.tensor((1, 6, 6, 4), quant=quant(0.1, -5))
    builder.op("CONV_2D", [x, kernel, bias], [convolved], conv)
    real = floats(1, 6, 6, 4)
    builder.op("DEQUANTIZE", [convolved], [real])
    depthwise = floats(1, 6, 6, 4)
    taps = constant(rng.standard_normal((1, 3, 3, 4)))
    builder.op(
        "DEPTHWISE_CONV_2D",
        [real, taps, constant(rng.standard_normal(4))],
        [depthwise],
        {**conv, "depthMultiplier": 1},
    )
    added = floats(1, 6, 6, 4)
    builder.op("ADD", [real, depthwise], [added], {})
    back = builder.tensor((1, 6, 6, 4), quant=quant(0.3, 7))
    builder.op("QUANTIZE", [added], [back])
    flat = builder.tensor((1, 144), quant=quant(0.3, 7))
    builder.op("RESHAPE", [back], [flat], {"newShape": [1, 144]})
    weights = constant(rng.integers(-127, 128, (5, 144)), "int8", quant=quant(0.01))
    result = builder.tensor((1, 5), quant=quant(0.5, 1))
    zeros = constant(np.zeros(5, int), "int32", quant=quant(0.003))
    builder.op("FULLY_CONNECTED", [flat, weights, zeros], [result], {})
    return builder.build([x], [result])


@pytest.fixture
def partial(tmp_path: Path) -> tuple[Path, Path]:
    """A partially quantized model, and data for it."""
    model, data = tmp_path / "mixed.tflite", tmp_path / "x.npz"
    model.write_bytes(mixed())
    x = np.random.default_rng(6).integers(-128, 128, (20, 6, 6, 2), np.int8)
    np.savez(data, x=x)
    return model, data


def test_layers_that_stay_float_run_between_integer_layers(partial: tuple[Path, Path]) -> None:
    model, data = partial
    result = mcugen.validate(model, "host", data)
    assert result.exact, result.verdict
    assert result.comparisons[0].allowed == 1.0  # a rounding may fall to the other side


@pytest.mark.qemu
def test_layers_that_stay_float_run_on_a_board(partial: tuple[Path, Path]) -> None:
    model, data = partial
    assert mcugen.validate(model, "mps2-an386", data, limit=3).exact
