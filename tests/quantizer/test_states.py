"""Layers with a state: an LSTM becomes int8, what has no integer form stays float and says why."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import mcugen
from mcugen import interpret
from mcugen.errors import UnsupportedModelError
from mcugen.exporters import tflite as exporter
from mcugen.importers import tflite
from mcugen.ir import Call, DType
from mcugen.ops.base import Activation
from mcugen.ops.unidirectional_sequence_lstm import BIASES, CELL, HIDDEN, cells
from mcugen.quantizer.batch import Batch
from mcugen.quantizer.config import Activations, Config, Effort
from mcugen.reference import litert
from mcugen.testing.builder import ModelBuilder, one_op

STEPS, FEATURES, UNITS, SAMPLES = 10, 8, 12, 40
QUICK = Config(effort=Effort.LOW)
RNG = np.random.default_rng(4)
DATA = RNG.standard_normal((SAMPLES, STEPS, FEATURES)).astype(np.float32)


def lstm_model(
    activation: Activation = Activation.TANH,
    forget: float = 1.0,
    layers: int = 1,
    time_major: bool = False,
) -> bytes:
    """LSTMs, behind them a dense layer on each step; `forget` is the bias of the forget gate."""
    rng = np.random.default_rng(3)
    b = ModelBuilder()

    def constant(*shape: int, mean: float = 0.0) -> int:
        data = (mean + 0.4 * rng.standard_normal(shape)).astype(np.float32)
        return b.tensor(shape, "float32", data=data)

    def sequence(width: int) -> int:
        return b.tensor((*((STEPS, 1) if time_major else (1, STEPS)), width), "float32")

    x = source = sequence(FEATURES)
    for _ in range(layers):
        width = FEATURES if source == x else UNITS
        fresh = [constant(UNITS, width) for _ in range(4)]
        past = [constant(UNITS, UNITS) for _ in range(4)]
        biases = [constant(UNITS, mean=forget if gate == 1 else 0.0) for gate in range(4)]
        states = [b.tensor((1, UNITS), "float32", variable=True) for _ in range(2)]
        hidden = sequence(UNITS)
        inputs = [source, *fresh, *past, *[None] * 3, *biases, None, None, *states, *[None] * 4]
        b.op(
            "UNIDIRECTIONAL_SEQUENCE_LSTM",
            inputs,
            [hidden],
            {
                "fusedActivationFunction": activation.value,
                "cellClip": 10.0,
                "timeMajor": time_major,
            },
        )
        source = hidden
    y = sequence(3)
    b.op("FULLY_CONNECTED", [source, constant(3, UNITS), constant(3)], [y], {"keepNumDims": True})
    return b.build([x], [y])


def softsign_model() -> bytes:
    """x / (1 + |x|), then a dense layer."""
    b = ModelBuilder()
    shape = (1, FEATURES)
    x, size, more, soft, y = (b.tensor(s, "float32") for s in (*[shape] * 4, (1, 3)))
    weights = np.random.default_rng(2).standard_normal((3, FEATURES))
    b.op("ABS", [x], [size])
    b.op("ADD", [size, b.tensor((), "float32", data=np.float32(1))], [more], {})
    b.op("DIV", [x, more], [soft], {})
    b.op("FULLY_CONNECTED", [soft, b.tensor((3, FEATURES), "float32", data=weights)], [y], {})
    return b.build([x], [y])


def gelu_model() -> bytes:
    shape = (1, FEATURES)
    x = {"shape": shape, "dtype": "float32"}
    return one_op("GELU", [x], x, {"approximate": False})


def svdf_model() -> bytes:
    rng = np.random.default_rng(3)
    b = ModelBuilder()
    x, y = b.tensor((1, FEATURES), "float32"), b.tensor((1, UNITS), "float32")
    shapes = ((UNITS, FEATURES), (UNITS, 4), (UNITS,))
    constants = [b.tensor(s, "float32", data=rng.standard_normal(s)) for s in shapes]
    state = b.tensor((1, 4 * UNITS), "float32", variable=True)
    b.op("SVDF", [x, *constants, state], [y], {"rank": 1})
    return b.build([x], [y])


def quantized(
    tmp_path: Path, model: bytes, data: np.ndarray = DATA, config: Config = QUICK
) -> mcugen.QuantizedModel:
    path = tmp_path / "model.tflite"
    path.write_bytes(model)
    np.savez(tmp_path / "x.npz", x=data)
    return mcugen.quantize(
        path, tmp_path / "x.npz", output=tmp_path / "integer.tflite", config=config
    )


def lstm_of(content: bytes) -> Call:
    calls = tflite.loads(content, "test").calls()
    return next(call for call in calls if call.node.op == "unidirectional_sequence_lstm")


@pytest.mark.parametrize("layers", [1, 2])
def test_an_lstm_becomes_int8(tmp_path: Path, layers: int) -> None:
    result = quantized(tmp_path, lstm_model(layers=layers))
    assert not any(layer.is_float for layer in result.report.layers)
    assert result.report.quality.sqnr_db > 25
    call = lstm_of(result.model.content)
    types = {call.input(i).dtype for i in (0, 1, HIDDEN)}
    assert types == {DType.INT8} and call.input(CELL).dtype is DType.INT16
    assert mcugen.validate(tmp_path / "integer.tflite", "host", tmp_path / "x.npz", limit=5).exact


@pytest.mark.parametrize("time_major", [False, True])
def test_a_sequence_counts_as_one_sample(tmp_path: Path, time_major: bool) -> None:
    data = DATA[:, :, None] if time_major else DATA
    report = quantized(tmp_path, lstm_model(time_major=time_major), data).report
    assert report.calibration_samples == report.quality.samples == SAMPLES


def test_the_file_suits_litert(tmp_path: Path) -> None:
    """It wants intermediate tensors, from whose last it takes the hidden vector's scale."""
    content = quantized(tmp_path, lstm_model()).model.content
    graph = tflite.loads(content, "test")
    x = RNG.integers(-128, 128, (1, STEPS, FEATURES)).astype(np.int8)
    (theirs,) = litert(content).outputs([x])
    (ours,) = interpret.outputs(graph, [x])
    assert np.abs(ours.astype(int) - theirs).max() <= 2
    assert len(np.unique(ours)) > 20


def test_exporting_again_adds_no_intermediates(tmp_path: Path) -> None:
    content = quantized(tmp_path, lstm_model()).model.content
    graph = tflite.loads(content, "test")
    again = tflite.loads(exporter.dumps(graph), "test")
    assert len(again.tensors) == len(graph.tensors)


def test_the_cell_has_room_for_every_step(tmp_path: Path) -> None:
    """Also for one that is larger in the middle of a sequence than at its end."""
    fading = DATA * np.where(np.arange(STEPS) < 4, 8.0, 0.0)[:, None].astype(np.float32)
    model = lstm_model(forget=-1.0)
    call, integer = lstm_of(model), lstm_of(quantized(tmp_path, model, fading).model.content)
    operands = [t.values() if t and t.is_const else interpret.ABSENT for t in call.inputs]
    operands[HIDDEN] = operands[CELL] = np.zeros((1, UNITS), np.float32)
    seen = [np.abs(cells(call, [sample[None], *operands[1:]])) for sample in fading]
    peak, last = max(c.max() for c in seen), max(c[:, -1].max() for c in seen)
    room = integer.input(CELL).scale * 32767
    assert last < room / 2 < peak <= room


def test_a_large_bias_fits(tmp_path: Path) -> None:
    model = lstm_model(forget=1e7)
    call = lstm_of(quantized(tmp_path, model).model.content)
    assert np.abs(call.input(BIASES[1]).values().astype(np.int64)).max() <= 2**30


def test_samples_are_taken_at_once() -> None:
    graph = tflite.loads(lstm_model(), "test")
    batch = Batch.of(graph, [[sample[None]] for sample in DATA[:7]])
    (chunk,) = batch.chunks
    assert chunk[0].shape == (7, STEPS, FEATURES)
    single = [interpret.outputs(graph, [sample[None]])[0] for sample in DATA[:7]]
    np.testing.assert_allclose(batch.outputs()[0], np.concatenate(single), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("model", "data", "config", "reason"),
    [
        (lstm_model(Activation.RELU), DATA / 8, QUICK, "activation RELU"),
        (
            lstm_model(),
            DATA,
            Config(effort=Effort.LOW, activations=Activations.INT16),
            "has no kernel for int16",
        ),
        (svdf_model(), DATA[:, 0], QUICK, "must be calibrated in order"),
    ],
    ids=["relu", "int16", "svdf"],
)
def test_what_has_no_integer_form_stays_float(
    tmp_path: Path, model: bytes, data: np.ndarray, config: Config, reason: str
) -> None:
    report = quantized(tmp_path, model, data, config).report
    assert report.layers[0].is_float
    (note,) = [note for note in report.notes if "stays float" in note]
    assert note.startswith(f'layer "{report.layers[0].name}"') and reason in note
    result = mcugen.validate(tmp_path / "integer.tflite", "host", tmp_path / "x.npz", limit=5)
    assert result.passed, result.verdict


def test_a_layer_without_a_kernel_of_the_type_stays_float(tmp_path: Path) -> None:
    for name, model, op, config in (
        ("int8", softsign_model(), "DIV", QUICK),
        (
            *("int16", gelu_model(), "GELU"),
            Config(effort=Effort.LOW, activations=Activations.INT16),
        ),
    ):
        report = quantized(tmp_path, model, DATA[:, 0], config).report
        assert [layer.operator for layer in report.layers if layer.is_float] == [op]
        (note,) = [note for note in report.notes if "stays float" in note]
        assert f"{op} has no kernel for {name}" in note
        result = mcugen.validate(tmp_path / "integer.tflite", "host", tmp_path / "x.npz", limit=5)
        assert result.passed, result.verdict


def test_an_lstm_stays_float_if_asked(tmp_path: Path) -> None:
    name = lstm_of(lstm_model()).node.name
    result = quantized(tmp_path, lstm_model(), config=Config(effort=Effort.LOW, keep_float=(name,)))
    assert [layer.is_float for layer in result.report.layers] == [True, False]
    assert mcugen.validate(tmp_path / "integer.tflite", "host", tmp_path / "x.npz", limit=5).passed


def test_a_budget_may_leave_an_lstm_float(tmp_path: Path) -> None:
    plain = quantized(tmp_path, lstm_model()).report.quality.sqnr_db
    config = Config(effort=Effort.LOW, budget=plain + 3)
    assert quantized(tmp_path, lstm_model(), config=config).report.layers[0].is_float


def test_variables_that_are_read_and_assigned_are_refused(tmp_path: Path) -> None:
    b = ModelBuilder()
    x, y = (b.tensor((1, 4), "float32") for _ in range(2))
    handle, old = b.tensor((), "resource", name="memory"), b.tensor((1, 4), "float32")
    b.op("VAR_HANDLE", [], [handle], {"sharedName": "memory"})
    b.op("READ_VARIABLE", [handle], [old])
    b.op("ADD", [x, old], [y], {})
    b.op("ASSIGN_VARIABLE", [handle, y], [])
    with pytest.raises(UnsupportedModelError, match="read and assigned"):
        quantized(tmp_path, b.build([x], [y]), DATA[:, 0, :4])
