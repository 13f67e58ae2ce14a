"""The quantizer against float and against TensorFlow's converter, from the same samples.

    make bench-quant

Rows that need the pack of real models (`$MCUGEN_SHARED`, or ../shared) are left out without it, and
TensorFlow's own figures without TensorFlow.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import mcugen
from mcugen import passes
from mcugen.errors import ToolError
from mcugen.exporters.builder import ModelBuilder
from mcugen.importers import keras as keras_importer
from mcugen.importers import tflite
from mcugen.ir import Graph
from mcugen.ops.base import Array
from mcugen.quantizer.batch import real_outputs, sqnr_db
from mcugen.quantizer.calibration import calibrate
from mcugen.quantizer.config import Config, Effort, Pass
from mcugen.quantizer.observe import with_batch
from mcugen.quantizer.pipeline import quantize

CHECKOUT = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("MCUGEN_SHARED") or CHECKOUT.parent / "shared")
CALIBRATION = 200
SPLITS = 3
GOLDEN = (("ic", "ic.h5"), ("vww", "vww.h5"), ("ad", "ad.h5"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--effort", choices=[e.value for e in Effort], default="normal")
    parser.add_argument("--vww-cost", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.vww_cost:
        return vww_cost()
    config = Config(effort=Effort(options.effort))
    per_channel()
    if not (SHARED / "models").is_dir():
        return print(f"no real models in {SHARED}: set MCUGEN_SHARED for the other figures")
    kws(config)
    digits(config)
    for name, keras_file in GOLDEN:
        golden(name, keras_file, config)
    subprocess.run([sys.executable, __file__, "--vww-cost"], check=True)


# ---- accuracy on labelled data


def kws(config: Config) -> None:
    with np.load(SHARED / "data" / "kws01.npz") as file:
        real = (file["x"].astype(np.float32) - file["in_zero_point"]) * file["in_scale"]
        x, y = real.astype(np.float32).reshape(-1, 49, 10, 1), file["y"]
    for seed in range(SPLITS):
        order = np.random.default_rng(seed).permutation(len(x))
        chosen, rest = order[:CALIBRATION], order[CALIBRATION:]
        model = SHARED / "models" / "kws.keras"
        accuracy(f"KWS, split {seed}", model, x[chosen], x[rest], y[rest], config)


def digits(config: Config) -> None:
    with np.load(SHARED / "data" / "digits.npz") as file:
        x = (file["x"] / 16).astype(np.float32)[..., np.newaxis]
        y, train, test = file["y"], file["train_idx"], file["test_idx"]
    model = SHARED / "models" / "digits_cnn.keras"
    accuracy("digits", model, x[train[:CALIBRATION]], x[test], y[test], config)


def accuracy(
    title: str, model: Path, calibration: Array, x: Array, labels: Array, config: Config
) -> None:
    made = mcugen.quantize(model, calibration, config=config)
    files = {"float": made.floating.content, "mcugen": made.model.content}
    files |= stock(model, calibration)
    outputs = {who: run(content, x) for who, content in files.items()}
    row(
        title,
        **{who: f"{np.mean(y.argmax(-1) == labels):.4f}" for who, y in outputs.items()},
        samples=len(x),
        SQNR=", ".join(
            f"{who} {sqnr_db([outputs['float']], [y]):.2f} dB"
            for who, y in outputs.items()
            if who != "float"
        ),
    )


# ---- signal to noise on the golden inputs


def golden(name: str, keras_file: str, config: Config) -> None:
    with np.load(SHARED / "golden" / f"{name}_float32.npz") as file:
        x = np.concatenate([file[f"x{k}_0"] for k in range(int(file["n"]))]).astype(np.float32)
    model = SHARED / "models" / keras_file
    made = mcugen.quantize(model, x, config=config)
    exact = run(made.floating.content, x)
    files = {"mcugen": made.model.content, **stock(model, x)}
    found = {who: sqnr_db([exact], [run(content, x)]) for who, content in files.items()}
    row(f"{name.upper()} SQNR", **{who: f"{db:.2f} dB" for who, db in found.items()})


# ---- weights


def per_channel() -> None:
    """A dense layer whose output channels differ in range by a factor of 1000."""
    rng = np.random.default_rng(3)
    weights = rng.uniform(-1, 1, (8, 16)) * np.logspace(0, -3, 8)[:, np.newaxis]
    builder = ModelBuilder()
    x, y = (builder.tensor((1, size), "float32") for size in (16, 8))
    w = builder.tensor((8, 16), "float32", data=weights)
    builder.op("FULLY_CONNECTED", [x, w], [y], {})
    graph = passes.run(tflite.loads(builder.build([x], [y]), "wide"))
    samples = rng.uniform(-1, 1, (64, 16)).astype(np.float32)
    errors = {}
    for name, each in (("per channel", True), ("per tensor", False)):
        errors[name] = f"{worst_channel(graph, samples, each):.2%}"
    row("channels 1000x apart, worst weight error", **errors)


def worst_channel(graph: Graph, samples: Array, each: bool) -> float:
    config = Config(per_channel=each, disable=frozenset(Pass))
    result = quantize(graph, calibrate(samples, [graph.tensors[graph.inputs[0]]]), config)
    (weights,) = result.parameters.weights.values()
    exact = next(graph.calls()).input(1).values()
    found = weights.values * weights.scale.reshape(-1, 1)
    distance = np.linalg.norm(found - exact, axis=1) / np.linalg.norm(exact, axis=1)
    return float(distance.max())


# ---- cost


def vww_cost() -> None:
    """Time and memory of this process; smooth noise stands in for images."""
    coarse = np.random.default_rng(0).random((100, 12, 12, 3), np.float32)
    images = coarse.repeat(8, axis=1).repeat(8, axis=2)
    start = time.perf_counter()
    mcugen.quantize(SHARED / "models" / "vww_float32.tflite", images)
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    row("VWW, 100 samples", time=f"{seconds:.1f} s", memory=f"{peak:.0f} MB")


# ---- helpers


def run(content: bytes, x: Array) -> Array:
    """Real outputs of a file, float or int8, for real inputs."""
    graph = passes.run(tflite.loads(content, "model"))
    batched = with_batch(graph, len(x))
    if batched is None:
        parts: Sequence[Array] = [real_outputs(graph, [sample[np.newaxis]])[0] for sample in x]
        return np.concatenate(parts)
    return real_outputs(batched, [x])[0]


def stock(model: Path, calibration: Array) -> dict[str, bytes]:
    """What TensorFlow's converter makes of the same samples; nothing without TensorFlow."""
    try:
        rebuilt = keras_importer.rebuild(model)
    except ToolError:
        return {}
    import tensorflow as tf

    converter: Any = tf.lite.TFLiteConverter.from_keras_model(rebuilt)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([x[np.newaxis]] for x in calibration)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    with keras_importer.quiet():
        return {"TensorFlow": converter.convert()}


def row(title: str, **figures: object) -> None:
    print(
        f"{title:42}", "  ".join(f"{name} {value}" for name, value in figures.items()), flush=True
    )


if __name__ == "__main__":
    main()
