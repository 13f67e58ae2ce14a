"""The quantizer against float and against TensorFlow's converter, from the same samples.

    make bench-quant

Rows that need the pack of real models (`$MCUGEN_SHARED`, or ../shared) are left out without it, and
TensorFlow's own figures without TensorFlow.
"""

from __future__ import annotations

import argparse
import math
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
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
from mcugen.model import Model
from mcugen.ops.base import Array
from mcugen.quantizer.batch import real_outputs, sqnr_db
from mcugen.quantizer.calibration import calibrate
from mcugen.quantizer.config import Activations, Config, Effort, Pass
from mcugen.quantizer.observe import with_batch
from mcugen.quantizer.pipeline import quantize
from mcugen.results import QuantizedModel

CHECKOUT = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("MCUGEN_SHARED") or CHECKOUT.parent / "shared")
CALIBRATION = 200
SPLITS = 10  # by the seeds 0 to 9
GOLDEN = ("ic", "vww", "ad")
ROWS = ("channels", "kws", "kws16", "digits", *GOLDEN, "cost")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--effort", choices=[e.value for e in Effort], default="normal")
    parser.add_argument(
        "--rows",
        nargs="+",
        choices=[*ROWS, "effort"],
        default=list(ROWS),
        help="what to print; all but effort by default",
    )
    options = parser.parse_args()
    config = Config(effort=Effort(options.effort))
    for name in options.rows:
        if name == "channels":
            per_channel()
        elif not (SHARED / "models").is_dir():
            print(f"{name}: no real models in {SHARED}; set MCUGEN_SHARED")
        elif name == "kws":
            kws("KWS", config)
        elif name == "kws16":
            kws("KWS, int16", replace(config, activations=Activations.INT16))
        elif name == "digits":
            digits(config)
        elif name == "cost":
            vww_cost()
        elif name == "effort":
            efforts()
        else:
            golden(name, config)


# ---- accuracy on labelled data


@dataclass(frozen=True, slots=True)
class Labelled:
    """A float model with samples, [n, ...], their labels, and what the float model answers."""

    model: Model
    peer: Peer
    x: Array
    labels: Array
    wanted: Array

    @classmethod
    def of(cls, name: str, x: Array, labels: Array) -> Labelled:
        """A Keras model of the pack, converted to a float graph once."""
        path = SHARED / "models" / name
        model = mcugen.load(path)
        return cls(model, Peer(path), x, labels, run(model.content, x))

    def trial(self, title: str, chosen: Array, rest: Array, config: Config) -> Trial:
        """Quantize with some samples, and compare on others."""
        made = mcugen.quantize(self.model, self.x[chosen], config=config)
        files = {"mcugen": made.model.content, **self.peer.quantized(self.x[chosen])}
        answers = {"float": self.wanted[rest]}
        answers |= {who: run(content, self.x[rest]) for who, content in files.items()}
        found = {
            who: Against.of(self.wanted[rest], y, self.labels[rest]) for who, y in answers.items()
        }
        row(title, **{who: str(figures) for who, figures in found.items()})
        return found


@dataclass(frozen=True, slots=True)
class Against:
    """One model's answers: accuracy, the share of the float model's decisions, dB of SQNR."""

    right: Array  # [n], which answers are the labels
    accuracy: float
    agreement: float
    sqnr: float

    @classmethod
    def of(cls, wanted: Array, found: Array, labels: Array) -> Against:
        """Figures of scores [n, classes]."""
        decided = found.argmax(-1)
        return cls(
            decided == labels,
            float(np.mean(decided == labels)),
            float(np.mean(decided == wanted.argmax(-1))),
            sqnr_db([wanted], [found]),
        )

    def __str__(self) -> str:
        if self.sqnr == math.inf:
            return f"{self.accuracy:.4f}"
        return f"{self.accuracy:.4f} (agrees {self.agreement:.4f}, {self.sqnr:.2f} dB)"


Trial = dict[str, Against]


def kws(title: str, config: Config) -> None:
    data = kws_data()
    trials = []
    lead = np.zeros((SPLITS, len(data.x)))  # 1 where mcugen alone is right, -1 where the peer is
    for seed in range(SPLITS):
        order = np.random.default_rng(seed).permutation(len(data.x))
        chosen, rest = order[:CALIBRATION], order[CALIBRATION:]
        trials.append(data.trial(f"{title}, split {seed}", chosen, rest, config))
        if "TensorFlow" in trials[-1]:
            lead[seed, rest] = 1.0 * trials[-1]["mcugen"].right - trials[-1]["TensorFlow"].right
    means(f"{title}, mean of {SPLITS} splits", trials)
    row(f"{title}, lead over TensorFlow", points=interval(lead))


def interval(lead: Array) -> str:
    """The mean lead in points, and between what it lies for 95 % of draws of other samples.

    A bootstrap over samples, each of which takes its leads in all splits [splits, n] with it: they
    are not independent.
    """
    each = lead.sum(0)
    tested = len(lead) * (len(each) - CALIBRATION)
    draws = np.random.default_rng(0).integers(0, len(each), (10_000, len(each)))
    low, high = np.quantile(each[draws].sum(1), [0.025, 0.975]) / tested * 100
    return f"{each.sum() / tested * 100:+.2f} ({low:+.2f} to {high:+.2f} with other samples)"


def kws_data() -> Labelled:
    with np.load(SHARED / "data" / "kws01.npz") as file:
        real = (file["x"].astype(np.float32) - file["in_zero_point"]) * file["in_scale"]
        x = real.astype(np.float32).reshape(-1, 49, 10, 1)
        return Labelled.of("kws.keras", x, file["y"])


def digits(config: Config) -> None:
    with np.load(SHARED / "data" / "digits.npz") as file:
        x = (file["x"] / 16).astype(np.float32)[..., np.newaxis]
        train, test = file["train_idx"], file["test_idx"]
        data = Labelled.of("digits_cnn.keras", x, file["y"])
    data.trial("digits, first 200", train[:CALIBRATION], test, config)
    trials = []
    for seed in range(SPLITS):
        chosen = np.random.default_rng(seed).permutation(train)[:CALIBRATION]
        trials.append(data.trial(f"digits, draw {seed}", chosen, test, config))
    means(f"digits, mean of {SPLITS} draws", trials)


def means(title: str, trials: Sequence[Trial]) -> None:
    """Mean and standard deviation over trials; the loss is against float in the same trial."""
    lost = {
        who: np.array([t["float"].accuracy - t[who].accuracy for t in trials]) for who in trials[0]
    }
    row(
        title,
        **{
            who: f"{np.mean([t[who].accuracy for t in trials]):.4f} "
            f"(loses {100 * lost[who].mean():.2f} +- {100 * lost[who].std():.2f} points, agrees "
            f"{np.mean([t[who].agreement for t in trials]):.4f}, "
            f"{np.mean([t[who].sqnr for t in trials]):.2f} dB)"
            for who in trials[0]
        },
    )


# ---- what effort buys


def efforts() -> None:
    """Each step's gain at the outputs, and each effort on samples that it never saw."""
    data = kws_data()
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(len(data.x))
        chosen, rest = order[:CALIBRATION], order[CALIBRATION:]
        for effort in Effort:
            made = mcugen.quantize(data.model, data.x[chosen], config=Config(effort=effort))
            found = Against.of(
                data.wanted[rest], run(made.model.content, data.x[rest]), data.labels[rest]
            )
            row(f"KWS, split {seed}, {effort.value}", **{"accuracy": found, **gains(made)})
    for name in GOLDEN:
        x = golden_inputs(name)
        model = mcugen.load(SHARED / "models" / f"{name}.h5")
        exact = run(model.content, x)
        for effort in Effort:
            made = mcugen.quantize(model, x, config=Config(effort=effort))
            found_db = sqnr_db([exact], [run(made.model.content, x)])
            row(f"{name.upper()}, {effort.value}", SQNR=f"{found_db:.2f} dB", **gains(made))


def gains(made: QuantizedModel) -> dict[str, str]:
    return {
        step.name.split(",")[0]: f"{step.gain_db:+.2f}{'' if step.kept else ' (left)'}"
        for step in made.report.steps[1:]
    }


# ---- signal to noise on the golden inputs


def golden(name: str, config: Config) -> None:
    x = golden_inputs(name)
    path = SHARED / "models" / f"{name}.h5"
    made = mcugen.quantize(path, x, config=config)
    wide = mcugen.quantize(path, x, config=replace(config, activations=Activations.INT16))
    exact = run(made.floating.content, x)
    files = {"mcugen": made.model.content, **Peer(path).quantized(x), "int16": wide.model.content}
    found = {who: sqnr_db([exact], [run(content, x)]) for who, content in files.items()}
    row(
        f"{name.upper()} SQNR, {len(x)} golden inputs",
        **{who: f"{db:.2f} dB" for who, db in found.items()},
    )


def golden_inputs(name: str) -> Array:
    with np.load(SHARED / "golden" / f"{name}_float32.npz") as file:
        x = np.concatenate([file[f"x{k}_0"] for k in range(int(file["n"]))])
        return x.astype(np.float32)


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
    """Time and memory of a process of its own; smooth noise stands in for images."""
    code = f"from quant import quantize_vww; quantize_vww({str(SHARED)!r})"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parent)


def quantize_vww(shared: str) -> None:
    """What `vww_cost` measures."""
    coarse = np.random.default_rng(0).random((100, 12, 12, 3), np.float32)
    images = coarse.repeat(8, axis=1).repeat(8, axis=2)
    start = time.perf_counter()
    mcugen.quantize(Path(shared, "models", "vww_float32.tflite"), images)
    seconds = time.perf_counter() - start
    status = Path("/proc/self/status").read_text()  # getrusage's peak may be the parent's
    peak = int(status.split("VmHWM:")[1].split()[0]) / 1024
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


class Peer:
    """TensorFlow's converter on one Keras model, which is read once."""

    def __init__(self, path: Path) -> None:
        try:
            self._model = keras_importer.rebuild(path)
        except ToolError:
            self._model = None

    def quantized(self, calibration: Array) -> dict[str, bytes]:
        """What it makes of the samples; nothing without TensorFlow."""
        if self._model is None:
            return {}
        import tensorflow as tf

        converter: Any = tf.lite.TFLiteConverter.from_keras_model(self._model)
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
