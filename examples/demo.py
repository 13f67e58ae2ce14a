"""A model from its float file to an emulated board, by mcugen's Python API.

A model that is quantized already is taken as it is.

python demo.py MODEL DATA [--float FLOAT_MODEL] [--board mps2-an386] [--limit N]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import mcugen

CALIBRATION_SAMPLES = 100


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--float", type=Path, dest="float_model")
    parser.add_argument("--board", default="mps2-an386")
    parser.add_argument("--limit", type=int)
    options = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory() as directory:
            return demo(options, Path(directory) / "project")
    except mcugen.McugenError as error:
        print(error, file=sys.stderr)
        return 2


def demo(options: argparse.Namespace, project: Path) -> int:
    model, board = mcugen.load(options.model), options.board
    floating = options.float_model
    row("model", f"{options.model.name}, {len(model.content):,} bytes as .tflite")
    if model.is_float:
        calibration = calibration_samples(options.data)
        quantized = mcugen.quantize(model, calibration)
        model, floating = quantized.model, quantized.floating
        quality = quantized.report.quality
        row("quantized", f"{quality.quantized_bytes:,} bytes, with {len(calibration)} samples")
        row("outputs against float", f"SQNR {quality.sqnr_db:.1f} dB, cos {quality.cos:.6f}")

    generated = mcugen.generate(model, board, project)
    row("C project", f"{generated.files} files for {board}, {generated.macs:,} MACs")

    built = mcugen.build_project(project)
    memory = built.memory
    row("flash", f"{memory.flash:,} bytes, code and constants")
    row("RAM", f"{memory.ram:,} bytes: arena {memory.arena:,}, stack {memory.stack:,}")

    profile = mcugen.profile(model, board)
    row("instructions", f"{profile.instructions:,} per inference")

    result = mcugen.validate(model, board, options.data, limit=options.limit, float_model=floating)
    for accuracy in result.accuracies:
        row(f"{accuracy.who} accuracy", f"{accuracy.value:.4f}")
    for comparison in result.comparisons:
        difference = comparison.difference
        text = f"{difference.differing} of {difference.total:,}, against {comparison.reference}"
        row("differing bytes", text)
    print(result.verdict)
    return 0 if result.passed else 1


def calibration_samples(path: Path) -> NDArray[np.float32]:
    """Some of the samples; labels are not looked at."""
    with np.load(path) as file:
        return file["x"][:CALIBRATION_SAMPLES]


def row(label: str, text: str) -> None:
    print(f"{label:28} {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
