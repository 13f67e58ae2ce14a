"""Write denoise.tflite, a tiny model with a SoftThreshold between two convolutions, and samples."""

from __future__ import annotations

import struct
import sys
from pathlib import Path

import numpy as np

from mcugen.exporters.builder import ModelBuilder, quant


def model() -> bytes:
    """Two channels of a signal, mixed to four, thresholded, mixed to one."""
    rng = np.random.default_rng(4)
    options = {"padding": 0, "strideH": 1, "strideW": 1}
    options |= {"dilationHFactor": 1, "dilationWFactor": 1}
    builder = ModelBuilder()
    x = builder.tensor([1, 1, 32, 2], quant=quant(0.02, 3), name="signal")
    mixed, kept = (
        builder.tensor([1, 1, 32, 4], quant=quant(0.04, -5), name=name)
        for name in ("mixed", "kept")
    )
    y = builder.tensor([1, 1, 32, 1], quant=quant(0.05, 1), name="clean")
    for source, target, shape in ((x, mixed, (4, 1, 5, 2)), (kept, y, (1, 1, 3, 4))):
        data = rng.integers(-127, 128, shape)
        weights = builder.tensor(shape, quant=quant(0.01), data=data)
        bias = builder.tensor([shape[0]], "int32", data=np.zeros(shape[0]))
        if target == y:
            threshold = {"customOptions": struct.pack("<f", 0.5)}
            builder.op("custom:SoftThreshold", [mixed], [kept], threshold)
        builder.op("CONV_2D", [source, weights, bias], [target], options)
    return builder.build([x], [y])


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    samples = np.random.default_rng(5).integers(-128, 128, (8, 1, 1, 32, 2)).astype(np.int8)
    (folder / "denoise.tflite").write_bytes(model())
    np.save(folder / "samples.npy", samples[:, 0])


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
