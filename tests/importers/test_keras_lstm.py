"""Keras's LSTM layers become LSTM operators, as they did with Keras 2."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mcugen
from mcugen import interpret
from mcugen.importers import keras as importer
from mcugen.importers import tflite
from mcugen.ir import Graph
from mcugen.quantizer.config import Config, Effort

keras = pytest.importorskip("keras")  # the optional extra; `make test` installs it
pytestmark = pytest.mark.slow

LSTM = "unidirectional_sequence_lstm"
X = np.random.default_rng(0).standard_normal((20, 6, 10)).astype(np.float32)


def model_of(*layers: Any) -> keras.Model:
    keras.utils.set_random_seed(1)
    return keras.Sequential([keras.Input((6, 10)), *layers], name="recurrent")


def graph_of(model: keras.Model) -> Graph:
    return tflite.loads(importer.convert(model), "recurrent")


def operators(graph: Graph) -> list[str]:
    return [node.op for node in graph.nodes]


@pytest.mark.parametrize(
    ("options", "count"),
    [
        ([{}], 1),
        ([{"return_sequences": True}], 1),
        ([{"use_bias": False}], 1),
        ([{"return_sequences": True, "dropout": 0.2, "recurrent_dropout": 0.1}, {}], 2),
    ],
    ids=["last", "sequence", "no-bias", "two-with-dropout"],
)
def test_layers_become_operators(options: list[dict[str, Any]], count: int) -> None:
    model = model_of(*(keras.layers.LSTM(8, **given) for given in options))
    graph = graph_of(model)
    assert operators(graph).count(LSTM) == count and not graph.problems
    assert {"read_variable", "unsupported"} & set(operators(graph)) == set()
    for x in X[:3]:
        expected = np.asarray(model(x[None]))
        np.testing.assert_allclose(interpret.outputs(graph, [x[None]])[0], expected, atol=1e-6)


def test_a_layer_in_both_directions_becomes_two() -> None:
    layer = keras.layers.Bidirectional(keras.layers.LSTM(8))
    assert operators(graph_of(model_of(layer))).count(LSTM) == 2


@pytest.mark.parametrize(
    "options", [{"activation": "relu"}, {"recurrent_activation": "hard_sigmoid"}, {"unroll": True}]
)
def test_other_layers_stay_what_they_were(options: dict[str, Any]) -> None:
    assert LSTM not in operators(graph_of(model_of(keras.layers.LSTM(4, **options))))


def test_a_mask_and_given_states_leave_a_layer_as_it_was() -> None:
    masked = model_of(keras.layers.Masking(), keras.layers.LSTM(4))
    x = keras.Input((6, 10))
    states = [keras.layers.Dense(4)(x[:, 0]) for _ in range(2)]
    given = keras.Model(x, keras.layers.LSTM(4)(x, initial_state=states))
    for model in (masked, given):
        assert LSTM not in operators(graph_of(model))


def test_the_layer_is_as_before_afterwards() -> None:
    before = keras.layers.LSTM.call
    layer = keras.layers.LSTM(4, dropout=0.2)
    graph_of(model_of(layer))
    assert keras.layers.LSTM.call is before and "inner_loop" not in vars(layer)
    assert layer.dropout == 0.2


def test_a_file_goes_all_the_way_to_int8(tmp_path: Path) -> None:
    layers = (keras.layers.LSTM(8, return_sequences=True), keras.layers.LSTM(8))
    model = model_of(*layers, keras.layers.Dense(3, activation="softmax"))
    model.save(tmp_path / "recurrent.keras")
    np.savez(tmp_path / "x.npz", x=X)
    made = mcugen.quantize(
        tmp_path / "recurrent.keras",
        tmp_path / "x.npz",
        output=tmp_path / "int8.tflite",
        config=Config(effort=Effort.LOW),
    )
    assert not any(layer.is_float for layer in made.report.layers)
    assert made.report.quality.sqnr_db > 25
    assert mcugen.validate(tmp_path / "int8.tflite", "host", tmp_path / "x.npz", limit=5).exact
    floating = mcugen.validate(tmp_path / "recurrent.keras", "host", tmp_path / "x.npz", limit=5)
    assert floating.passed
