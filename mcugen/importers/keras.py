"""Keras files and models, by way of TensorFlow's own converter to a float `.tflite`.

Reads `.keras` (Keras 3) and `.h5` (Keras 2 and 3). A file is data, never a program: its
configuration is checked before Keras sees it, and a file with Lambda layers or custom classes is
refused. Training settings, which do not matter for inference and which old files spell in ways that
Keras 3 refuses, are removed. TensorFlow is imported here and nowhere else.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mcugen.errors import McugenError, ModelFileError, Problem, ToolError, UnsupportedModelError
from mcugen.importers import keras_lstm
from mcugen.ir import printable

SUFFIXES = (".keras", ".h5", ".hdf5")
CONFIG_LIMIT_BYTES = 64 * 2**20
FILE_LIMIT_BYTES = 2 * 2**30

# Where the converter says that an operator of TensorFlow stands for which TFLite has none.
FOREIGN_OPERATOR = re.compile(
    r"""fused\["\w+:", "([^"@]+)[^\n]*'tf\.(\w+)' op is neither a custom op nor a flex op"""
)

# Settings of layers that only training reads.
TRAINING_SETTINGS = ("_initializer", "_regularizer", "_constraint")

# Keys that old files carry with a value that changes nothing: (layer class, key, harmless value).
HARMLESS_KEYS = (("DepthwiseConv2D", "groups", 1),)


def load(path: Path) -> bytes:
    """Convert a Keras file to a float `.tflite` with the batch pinned to 1.

    Raises what `rebuild` and `convert` raise.
    """
    return convert(rebuild(path))


def rebuild(path: Path) -> Any:
    """The `keras.Model` of a file.

    Raises ModelFileError for files that are not Keras models, UnsupportedModelError for files that
    carry code, ToolError without TensorFlow.
    """
    config = read_config(path)
    found = problems(config, path.name)
    if found:
        raise UnsupportedModelError(found)
    _import_tensorflow()
    import keras

    with tempfile.TemporaryDirectory(prefix="mcugen-") as folder:
        suffix = ".keras" if zipfile.is_zipfile(path) else ".h5"  # Keras goes by the name
        copy = Path(folder) / f"model{suffix}"
        _copy_with_config(path, copy, cleaned(config))
        try:
            with quiet():
                return keras.saving.load_model(copy, compile=False, safe_mode=True)
        except Exception as error:  # Keras raises many types for a file that it cannot rebuild
            reason = str(error).strip().split("\n")[0]
            raise ModelFileError(
                f"{path.name}: Keras {keras.__version__} cannot rebuild the model: {reason}; "
                "save it again with a current Keras, or export it to .tflite"
            ) from None


def convert(model: Any) -> bytes:
    """Convert a `tf.keras.Model` to a float `.tflite` with the batch pinned to 1."""
    tf = _import_tensorflow()
    import keras

    open_inputs = [
        Problem(
            f'model "{model.name}" input {position}',
            f"shape {list(tensor.shape)}",
            "every dimension but the batch must be fixed; give the Input a full shape",
        )
        for position, tensor in enumerate(model.inputs)
        if None in tensor.shape[1:]
    ]
    if open_inputs:
        raise UnsupportedModelError(open_inputs)
    try:
        with quiet(), keras_lstm.fused():
            inputs = [
                keras.Input(
                    batch_shape=(1, *tensor.shape[1:]), dtype=tensor.dtype, name=tensor.name
                )
                for tensor in model.inputs
            ]
            pinned = keras.Model(inputs, model(inputs if len(inputs) > 1 else inputs[0]))
            return bytes(tf.lite.TFLiteConverter.from_keras_model(pinned).convert())
    except Exception as error:  # the converter reports through a dozen exception types
        foreign = dict.fromkeys(FOREIGN_OPERATOR.findall(str(error)))
        if foreign:
            raise UnsupportedModelError(
                [
                    Problem(
                        f'model "{model.name}" layer "{printable(where)}"',
                        f"TensorFlow's {operator}",
                        "TFLite has no operator for it; build the layer from others",
                    )
                    for where, operator in foreign
                ]
            ) from None
        reason = str(error).strip().split("\n")[0]
        raise McugenError(
            f'model "{model.name}": TensorFlow cannot convert it to TFLite: {reason}; '
            "replace the layer that it names"
        ) from None


def read_config(path: Path) -> dict[str, Any]:
    """The model's configuration, as JSON data."""
    try:
        with path.open("rb") as file:
            is_zip = file.read(2) == b"PK"
        config = json.loads((_read_zip_config if is_zip else _read_h5_config)(path))
    except ModelFileError:
        raise
    except (OSError, KeyError, ValueError, RecursionError, zipfile.BadZipFile) as error:
        raise ModelFileError(
            f"{path.name}: not a Keras model ({error}); a .keras or .h5 file with architecture and "
            "weights is allowed; save the whole model with model.save()"
        ) from None
    if not isinstance(config, dict) or "class_name" not in config:
        raise ModelFileError(
            f"{path.name}: the configuration describes no model; save the whole model"
        )
    return config


def _read_zip_config(path: Path) -> str:
    with zipfile.ZipFile(path) as archive:
        sizes = {member.filename: member.file_size for member in archive.infolist()}
        if (
            sizes.get("config.json", 0) > CONFIG_LIMIT_BYTES
            or sum(sizes.values()) > FILE_LIMIT_BYTES
        ):
            raise ModelFileError(
                f"{path.name}: unpacks to more than {FILE_LIMIT_BYTES} bytes; models are smaller"
            )
        return archive.read("config.json").decode()


def _read_h5_config(path: Path) -> str:
    try:
        import h5py
    except ImportError:
        raise _missing_tensorflow() from None
    with h5py.File(path, "r") as file:
        if "model_config" not in file.attrs:
            raise ModelFileError(
                f"{path.name}: weights without an architecture; save the whole model"
            )
        text = file.attrs["model_config"]
        return text.decode() if isinstance(text, bytes) else str(text)


def problems(config: Mapping[str, Any], where: str) -> list[Problem]:
    """Everything in a configuration that would run code, or that Keras does not own."""
    found = []
    for entry in _objects(config):
        name = str(entry["class_name"])
        inner = entry.get("config")
        layer = inner.get("name", name) if isinstance(inner, dict) else name
        place = f'{where} layer "{layer}"'
        module = entry.get("module")
        registered = entry.get("registered_name")
        if name in ("Lambda", "TFOpLambda", "SlicingOpLambda"):
            found.append(
                Problem(
                    place,
                    f"{name} carries code",
                    "code in a model file is never run; replace it by a built-in layer",
                )
            )
        elif (module is not None and str(module).split(".")[0] not in ("keras", "builtins")) or (
            registered not in (None, "Functional", "Sequential", name)
        ):
            found.append(
                Problem(
                    place,
                    f"custom class {registered or f'{module}.{name}'}",
                    "only Keras's own classes can be read; convert the model to .tflite where its "
                    "classes are defined, or pass the model object to the Python API",
                )
            )
        elif name == "function":
            found.append(
                Problem(
                    place, f"custom function {inner!r}", "only Keras's own functions can be read"
                )
            )
    return found


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    """All serialized objects in a configuration, outermost first."""
    if isinstance(value, dict):
        if "class_name" in value and not str(value["class_name"]).startswith("__"):
            yield value
        for item in value.values():
            yield from _objects(item)
    elif isinstance(value, list):
        for item in value:
            yield from _objects(item)


def cleaned(config: Any) -> Any:
    """The configuration without what only training needs and what Keras 3 refuses for no reason."""
    if isinstance(config, list):
        return [cleaned(item) for item in config]
    if not isinstance(config, dict):
        return config
    result = {key: cleaned(value) for key, value in config.items()}
    settings = result.get("config")
    if "class_name" in result and isinstance(settings, dict):
        harmless = {
            key
            for name, key, value in HARMLESS_KEYS
            if name == result["class_name"] and settings.get(key) == value
        }
        result["config"] = {
            key: value
            for key, value in settings.items()
            if key not in harmless and not key.endswith(TRAINING_SETTINGS)
        }
    return result


def _copy_with_config(source: Path, target: Path, config: dict[str, Any]) -> None:
    """Write a copy of a Keras file that has another configuration."""
    text = json.dumps(config)
    if zipfile.is_zipfile(source):
        with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
            for member in old.infolist():
                if member.filename == "config.json":
                    new.writestr("config.json", text)
                else:
                    with old.open(member) as reader, new.open(member.filename, "w") as writer:
                        shutil.copyfileobj(reader, writer)
        return
    import h5py

    shutil.copyfile(source, target)
    with h5py.File(target, "r+") as file:
        file.attrs["model_config"] = text


def _missing_tensorflow() -> ToolError:
    return ToolError(
        "Keras models need TensorFlow, which is not installed; pip install 'mcugen[keras]'"
    )


def _import_tensorflow() -> Any:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    try:
        with quiet():
            import tensorflow as tf
    except ImportError:
        raise _missing_tensorflow() from None
    return tf


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Silence what the converter prints, also from C++ straight to the file descriptors."""
    streams = (sys.stdout, sys.stderr)
    saved = [os.dup(descriptor) for descriptor in (1, 2)]
    try:
        with Path(os.devnull).open("w") as null:
            for descriptor, stream in enumerate(streams, start=1):
                stream.flush()
                os.dup2(null.fileno(), descriptor)
            with contextlib.redirect_stdout(null), contextlib.redirect_stderr(null):
                yield
    finally:
        for descriptor, copy in enumerate(saved, start=1):
            os.dup2(copy, descriptor)
            os.close(copy)
