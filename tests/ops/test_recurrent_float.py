"""SVDF and LSTM in float32: numpy against the references over many inferences, C against numpy."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import mcugen
from mcugen import interpret, passes, reference
from mcugen.importers import tflite
from mcugen.ir import DType
from mcugen.ops.base import Activation, Array
from mcugen.passes.float_weights import is_dynamic_range
from mcugen.testing.builder import ModelBuilder, quant
from mcugen.testing.check import (
    KernelBatch,
    OpCase,
    assert_equal,
    broken_rule,
    call_of,
    change_attrs,
    change_input,
    random_inputs,
)

INFERENCES = 5
TOLERANCE = 1e-5  # of the largest value: sums in another order, other exponentials


def values(rng: np.random.Generator, *shape: int, size: float = 1.0) -> Array:
    return (size * rng.standard_normal(shape)).astype(np.float32)


def constant(b: ModelBuilder, array: Array, hybrid: bool) -> int:
    """A constant in float32, or in int8 as a dynamic-range file has its weights."""
    if not hybrid:
        return b.tensor(array.shape, "float32", data=array)
    scale = float(np.float32(np.abs(array).max() / 127))
    return b.tensor(array.shape, "int8", quant(scale), np.rint(array / scale).astype(np.int8))


@dataclass(frozen=True)
class Svdf:
    """One layer."""

    size: int = 7
    units: int = 5
    rank: int = 2
    memory: int = 4
    batch: int = 1
    bias: bool = True
    activation: Activation = Activation.NONE
    hybrid: bool = False

    def model(self) -> bytes:
        rng = np.random.default_rng(1)
        b = ModelBuilder()
        filters = self.units * self.rank
        x = b.tensor((self.batch, self.size), "float32")
        y = b.tensor((self.batch, self.units), "float32")
        shapes = ((filters, self.size), (filters, self.memory), (self.units,))
        features, time, bias = (
            constant(b, values(rng, *s), self.hybrid and len(s) == 2) for s in shapes
        )
        state = b.tensor((self.batch, filters * self.memory), "float32", variable=True)
        options = {"rank": self.rank, "fusedActivationFunction": self.activation.value}
        b.op("SVDF", [x, features, time, bias if self.bias else None, state], [y], options)
        return b.build([x], [y])


@dataclass(frozen=True)
class Lstm:
    """One layer."""

    features: int = 5
    units: int = 6
    steps: int = 4
    batch: int = 1
    time_major: bool = False
    clip: float = 0.0
    size: float = 0.5  # of the weights
    activation: Activation = Activation.TANH
    hybrid: bool = False

    def model(self) -> bytes:
        rng = np.random.default_rng(1)
        b = ModelBuilder()

        def constants(*shape: int) -> list[int]:
            arrays = [values(rng, *shape, size=self.size) for _ in range(4)]
            return [constant(b, array, self.hybrid and len(shape) == 2) for array in arrays]

        order = (self.steps, self.batch) if self.time_major else (self.batch, self.steps)
        x = b.tensor((*order, self.features), "float32")
        y = b.tensor((*order, self.units), "float32")
        fresh, past = constants(self.units, self.features), constants(self.units, self.units)
        states = [b.tensor((self.batch, self.units), "float32", variable=True) for _ in range(2)]
        inputs = [x, *fresh, *past, *[None] * 3, *constants(self.units), None, None, *states]
        options = {
            "fusedActivationFunction": self.activation.value,
            "cellClip": self.clip,
            "timeMajor": self.time_major,
        }
        b.op("UNIDIRECTIONAL_SEQUENCE_LSTM", [*inputs, *[None] * 4], [y], options)
        return b.build([x], [y])


SVDFS = {
    "usual": Svdf(),
    "rank-one": Svdf(rank=1),
    "no-memory": Svdf(memory=1),
    "one-of-all": Svdf(1, 1, 1, 1),
    "batch": Svdf(batch=3, rank=3),
    "no-bias": Svdf(bias=False),
    **{activation.name: Svdf(activation=activation) for activation in Activation},
}

LSTMS = {
    "usual": Lstm(),
    "one-of-all": Lstm(1, 1, 1),
    "long": Lstm(steps=40),
    "wide": Lstm(units=33, features=17, size=0.1),
    "batch": Lstm(batch=3),
    "time-major": Lstm(batch=3, time_major=True),
    "clip": Lstm(clip=0.25, steps=12),
    "clip-beyond": Lstm(clip=100.0),
    "saturated": Lstm(size=20.0, steps=12),
    "weak": Lstm(size=1e-3),
    **{a.name: Lstm(activation=a, size=0.1) for a in Activation if a is not Activation.NONE},
}


def sequence(model: bytes, name: str) -> tuple[list[Array], list[Array]]:
    """(Outputs by numpy, by the reference) of inferences that follow one another."""
    graph = tflite.loads(model, "test")
    samples = [random_inputs(graph, seed) for seed in range(INFERENCES)]
    interpreter = {"tflm": reference.tflm, "litert": reference.litert}[name](model)
    theirs = [found[graph.outputs[0]] for found in interpreter.sequence(samples)]
    states, ours = interpret.reset(graph), []
    for sample in samples:
        found, states = interpret.step(graph, sample, states)
        ours.append(found[graph.outputs[0]])
    return ours, theirs


def assert_close(ours: Array, theirs: Array, where: str) -> None:
    assert np.isfinite(ours).all() and ours.dtype == theirs.dtype == np.float32
    allowed = TOLERANCE * np.abs(theirs).max()
    assert np.abs(ours - theirs).max() <= allowed, where


@pytest.mark.parametrize("name", SVDFS)
def test_svdf_equals_tflm_to_the_bit(name: str) -> None:
    case = SVDFS[name]
    against = "tflm" if case.bias else "litert"
    exact = case.bias and case.activation is not Activation.TANH
    for step, (ours, theirs) in enumerate(zip(*sequence(case.model(), against), strict=True)):
        (assert_equal if exact else assert_close)(ours, theirs, f"{name}, inference {step}")


@pytest.mark.parametrize("name", SVDFS)
def test_svdf_is_close_to_litert(name: str) -> None:
    for ours, theirs in zip(*sequence(SVDFS[name].model(), "litert"), strict=True):
        assert_close(ours, theirs, name)


@pytest.mark.parametrize("name", LSTMS)
def test_lstm_is_close_to_the_references(name: str) -> None:
    case = LSTMS[name]
    tanh = case.activation is Activation.TANH
    for against in ("tflm", "litert") if tanh else ("litert",):
        for ours, theirs in zip(*sequence(case.model(), against), strict=True):
            assert_close(ours, theirs, f"{name}, {against}")


def one_layer(model: bytes) -> OpCase:
    """The layer with numbers in its states."""
    graph = tflite.loads(model, "test")
    rng = np.random.default_rng(2)
    states = {i: values(rng, *graph.tensors[i].shape) for i in graph.variables}
    found, _ = interpret.step(graph, random_inputs(graph), states)
    return OpCase(graph, found)


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_kernels_equal_numpy(compiler: str) -> None:
    batch = KernelBatch()
    for cases in (SVDFS, LSTMS):
        for name, case in cases.items():
            batch.add(name, one_layer(case.model()))
    batch.check(compiler)


@pytest.mark.parametrize("board", ["host", pytest.param("mps2-an386", marks=pytest.mark.qemu)])
@pytest.mark.parametrize("case", [Svdf(bias=True), Lstm()], ids=["svdf", "lstm"])
def test_a_project_forgets_between_samples(case: Svdf | Lstm, board: str, tmp_path: Path) -> None:
    """Each sample of a validation begins with a reset; one without it would differ."""
    model, data = tmp_path / "model.tflite", tmp_path / "x.npz"
    model.write_bytes(case.model())
    graph = tflite.load(model)
    np.savez(data, x=np.concatenate([random_inputs(graph, seed)[0] for seed in range(3)]))
    result = mcugen.validate(model, board, data)
    assert result.passed, result.verdict


@pytest.mark.parametrize("case", [Svdf(hybrid=True), Lstm(hybrid=True)], ids=["svdf", "lstm"])
def test_weights_of_dynamic_range_files_become_float(case: Svdf | Lstm, tmp_path: Path) -> None:
    """TFLM would take their bytes for floats; LiteRT quantizes the data as well."""
    graph = tflite.loads(case.model(), "test")
    assert is_dynamic_range(graph)
    graph = passes.run(graph)
    sample = random_inputs(graph)
    ours = interpret.outputs(graph, sample)[0]
    theirs = reference.litert(case.model()).outputs(sample)[0]
    assert 0 < np.abs(ours - theirs).max() <= 0.03 * np.abs(theirs).max()
    model, data = tmp_path / "model.tflite", tmp_path / "x.npz"
    model.write_bytes(case.model())
    np.savez(data, x=sample[0])
    result = mcugen.validate(model, "host", data)
    assert result.passed and any("takes weights of int8" in note for note in result.notes)


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        (Svdf(bias=False), "reads the bias of a file that has none"),
        (Lstm(activation=Activation.RELU), "knows no activation but TANH"),
    ],
    ids=["svdf", "lstm"],
)
def test_tflm_is_not_asked_where_it_is_wrong(
    case: Svdf | Lstm, reason: str, tmp_path: Path
) -> None:
    model, data = tmp_path / "model.tflite", tmp_path / "x.npz"
    model.write_bytes(case.model())
    np.savez(data, x=random_inputs(tflite.load(model))[0])
    result = mcugen.validate(model, "host", data)
    assert result.passed and result.yardstick != "TFLM"
    assert any(note.endswith(reason) for note in result.notes)


# ---- rules


def test_a_layer_is_float_throughout() -> None:
    wrong = change_input(4, dtype=DType.INT16)
    assert broken_rule(wrong(call_of(Svdf().model()))) == "types_fit"
    assert broken_rule(wrong(call_of(Lstm().model()))) == "types_fit"


def test_an_lstm_without_activation_is_refused() -> None:
    call = call_of(Lstm().model())
    assert broken_rule(call) is None
    assert broken_rule(change_attrs(nonlinearity=Activation.NONE)(call)) == "nonlinearity_fits"
    assert broken_rule(change_attrs(projection_clip=1.0)(call)) == "nonlinearity_fits"
