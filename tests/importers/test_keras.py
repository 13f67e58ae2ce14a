"""Keras files become the same function as a float .tflite, and no code in them runs."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

import mcugen
from mcugen import interpret, verify
from mcugen.errors import ModelFileError, UnsupportedModelError
from mcugen.importers import keras as importer
from mcugen.importers import tflite
from mcugen.quantizer.config import Config, Effort

keras = pytest.importorskip("keras")  # the optional extra; `make test` installs it
pytestmark = pytest.mark.slow

REAL_FILES = (
    "ad.h5",
    "digits_cnn.h5",
    "digits_cnn.keras",
    "ic.h5",
    "kws.keras",
    "kws_keras3.h5",
    "kws_legacy.h5",
    "vww.h5",
)


def run_float(model: bytes, x: np.ndarray) -> np.ndarray:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=model)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"]).copy()


@pytest.mark.parametrize("name", REAL_FILES)
def test_real_files_keep_their_function(shared: Path, name: str) -> None:
    model = importer.load(shared / "models" / name)
    golden = np.load(shared / "golden" / f"{name}.npz")
    cases = [key[1:-2] for key in golden.files if key.startswith("x")]
    assert cases
    for case in cases:
        expected = golden[f"keras{case}_0"]
        found = run_float(model, golden[f"x{case}_0"].astype(np.float32))
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())


def small_model() -> keras.Model:
    return keras.Sequential(
        [keras.Input((4, 4, 1)), keras.layers.Conv2D(2, 3), keras.layers.Flatten()], name="small"
    )


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_a_model_object_and_its_file_agree(tmp_path: Path, suffix: str) -> None:
    model = small_model()
    path = tmp_path / f"small{suffix}"
    model.save(path)
    x = np.linspace(-1, 1, 16, dtype=np.float32).reshape(1, 4, 4, 1)
    expected = np.asarray(model(x))
    np.testing.assert_allclose(run_float(importer.load(path), x), expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(
        run_float(importer.convert(model), x), expected, rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_a_lambda_layer_is_refused_and_not_run(tmp_path: Path, suffix: str) -> None:
    witness = tmp_path / "ran"

    def leave_a_trace(x: object) -> object:
        witness.touch()
        return x

    layer = keras.layers.Lambda(leave_a_trace, name="danger", output_shape=(3,))
    path = tmp_path / f"lambda{suffix}"
    keras.Sequential([keras.Input((3,)), layer]).save(path)
    witness.unlink(missing_ok=True)
    with pytest.raises(UnsupportedModelError, match='layer "danger": Lambda carries code'):
        importer.load(path)
    assert not witness.exists()


def with_config(path: Path, edit: object) -> Path:
    """Rewrite the configuration of a .keras file."""
    target = path.with_name("edited.keras")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name == "config.json":
                config = json.loads(data)
                edit(config)  # type: ignore[operator]
                data = json.dumps(config).encode()
            new.writestr(name, data)
    return target


def test_modules_outside_keras_are_never_imported(tmp_path: Path) -> None:
    path = tmp_path / "small.keras"
    small_model().save(path)

    def point_at_module(config: dict) -> None:
        config["config"]["layers"][1].update(module="antigravity_of_the_test", class_name="Evil")

    with pytest.raises(UnsupportedModelError, match="custom class"):
        importer.load(with_config(path, point_at_module))


def test_all_foreign_layers_are_named_at_once(tmp_path: Path) -> None:
    path = tmp_path / "small.keras"
    small_model().save(path)

    def rename(config: dict) -> None:
        for layer in config["config"]["layers"][1:]:
            layer["registered_name"] = "mine>Thing"

    with pytest.raises(UnsupportedModelError) as caught:
        importer.load(with_config(path, rename))
    assert len(caught.value.problems) == 2


def test_files_that_are_not_models(tmp_path: Path) -> None:
    import h5py

    weights = tmp_path / "weights.h5"
    with h5py.File(weights, "w") as file:
        file["w"] = np.zeros(3)
    junk = tmp_path / "junk.keras"
    junk.write_bytes(b"PK\x03\x04 and then nothing")
    empty = tmp_path / "empty.h5"
    empty.write_bytes(b"")
    for path in (weights, junk, empty):
        with pytest.raises(ModelFileError, match=path.name):
            importer.load(path)


def test_open_dimensions_are_refused() -> None:
    model = keras.Sequential([keras.Input((None, 4, 1)), keras.layers.Conv2D(2, 1)])
    with pytest.raises(UnsupportedModelError, match="every dimension but the batch must be fixed"):
        importer.convert(model)


def test_everything_that_tflite_lacks_is_named_at_once() -> None:
    x = keras.Input((4, 6, 6, 1))
    pooled = keras.layers.MaxPooling3D(2, name="deep")(x)
    model = keras.Model(x, keras.layers.AveragePooling3D(2, name="mean")(pooled))
    with pytest.raises(UnsupportedModelError) as caught:
        importer.convert(model)
    found = [problem.found for problem in caught.value.problems]
    assert sorted(found) == ["TensorFlow's AvgPool3D", "TensorFlow's MaxPool3D"]
    assert "/deep_1/MaxPool3D" in str(caught.value) and "fused[" not in str(caught.value)


def test_a_loop_is_refused_with_the_way_out() -> None:
    model = keras.Sequential([keras.Input((5, 3)), keras.layers.GRU(4)])
    (problem,) = verify.problems(tflite.loads(importer.convert(model), "gru"))
    assert problem.found == "operator WHILE" and "unroll=True" in problem.allowed


def test_keras_models_are_quantized_as_objects_and_as_files_known_by_content(
    tmp_path: Path,
) -> None:
    model = small_model()
    model.save(tmp_path / "small.keras")
    unnamed = (tmp_path / "small.keras").rename(tmp_path / "weights-of-friday")
    samples = np.random.default_rng(0).uniform(-1, 1, (40, 4, 4, 1)).astype(np.float32)
    x = np.zeros((1, 4, 4, 1), np.int8)
    first, second = (
        interpret.outputs(
            mcugen.quantize(source, samples, config=Config(effort=Effort.LOW)).model.compiled(), [x]
        )[0]
        for source in (model, unnamed)
    )
    np.testing.assert_array_equal(first, second)  # only names may differ
