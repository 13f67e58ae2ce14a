"""Reads samples and labels from .npz and .npy files and brings them to a model's input types."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mcugen.errors import DataError
from mcugen.fixed import round_half_away
from mcugen.ir import Quant, Tensor
from mcugen.ops.base import Array

LABELS_KEY = "y"
SCALE_KEY, ZERO_POINT_KEY = "in_scale", "in_zero_point"  # of a file whose integers are quantized
MAGIC = b"\x93NUMPY", b"PK"  # how .npy and .npz files begin


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """Inputs in the model's own types: one array [samples, *shape of the input] per model input.

    `real` are the same as real values, float32. `notes` says what was done to the data on the way.
    """

    inputs: tuple[Array, ...]
    real: tuple[Array, ...]
    labels: Array | None = None
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.inputs[0])

    def __getitem__(self, index: int) -> list[Array]:
        return [values[index] for values in self.inputs]


def load(
    path: Path,
    tensors: Sequence[Tensor],
    labels: Path | None = None,
    limit: int | None = None,
    are_real: bool = False,
) -> Samples:
    """Read samples for a model's inputs, and labels if there are any; raises `DataError`.

    Labels are `y` of the labels file, else `y` of the data file. Integers beside an `in_scale` and
    an `in_zero_point` stand for (q - zero_point) * scale; with `are_real`, other integers are real
    values, as calibration of a float model takes them. A limit takes that many samples, spread
    evenly over the file.
    """
    arrays = read(path)
    notes: list[str] = []
    inputs: list[Array] = []
    real: list[Array] = []
    for key, tensor in zip(input_keys(path, arrays, tensors), tensors, strict=True):
        where = f"{path.name}[{key}]"
        values = _shape(where, stored_as_real(arrays, arrays[key], tensor), tensor, notes)
        _require_finite(where, values)
        if are_real and values.dtype.kind in "iu" and SCALE_KEY not in arrays:
            notes.append(_taken_as_real(where, values))
            values = values.astype(np.float32)
        inputs.append(_convert(where, values, tensor, notes))
        is_real = values.dtype.kind == "f" or tensor.dtype.is_float
        real.append(values if is_real else dequantize(values, tensor))
    count = len(inputs[0])
    if any(len(values) != count for values in inputs):
        found = ", ".join(str(len(values)) for values in inputs)
        raise DataError(f"{path.name}: {found} samples per input; each needs the same number")
    classes = _labels(path, arrays, labels, count)
    chosen = _spread(count, limit)
    return Samples(
        tuple(values[chosen] for values in inputs),
        tuple(values[chosen].astype(np.float32) for values in real),
        None if classes is None else classes[chosen],
        tuple(notes),
    )


def read(path: Path) -> Mapping[str, Array]:
    """All arrays of an .npz or .npy file by name; that of an .npy file is called `x`.

    Pickled objects are refused, so that a data file cannot run code.
    """
    try:
        content = np.load(path, allow_pickle=False)
        if isinstance(content, np.ndarray):
            return {"x": content}
        with content:
            return {key: content[key] for key in content.files}
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except Exception as error:  # numpy and zipfile raise nearly anything on damaged files
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        if path.is_file() and not path.read_bytes().startswith(MAGIC):
            reason = "neither numpy's format nor a zip file"
        raise DataError(
            f"{path}: not a readable data file ({reason}); "
            "allowed are .npz and .npy files of numbers, without pickled objects"
        ) from None


def require_classes(where: str, labels: Array | None, scores: int) -> None:
    """Refuse labels of more classes than a classifier has scores; one score is no classifier."""
    if labels is not None and 1 < scores <= labels.max():
        raise DataError(
            f"{where}: label {labels.max()}; the model has {scores} scores, so that labels go "
            f"from 0 to {scores - 1}"
        )


def save(path: Path, outputs: Sequence[Sequence[Array]]) -> Path:
    """Write outputs, per sample and output, as `output0`, `output1`, ... of an .npz file."""
    columns = zip(*outputs, strict=True)
    arrays: dict[str, Any] = {f"output{k}": np.stack(column) for k, column in enumerate(columns)}
    with path.open("wb") as file:
        np.savez_compressed(file, **arrays)
    return path


def input_keys(path: Path, names: Collection[str], tensors: Sequence[Tensor]) -> list[str]:
    """Which array feeds which input: by the input's name, by position (x0, x1), or the only one.

    A name is that of the tensor, or that of the Keras input from which a converter made it.
    """
    called = [tensor.name for tensor in tensors]
    authors = [_authors_name(name) for name in called]
    for known in (called, authors):
        if all(name in names for name in known):
            return known
    if len(tensors) == 1:
        others = [key for key in names if key != LABELS_KEY]
        keys = ["x"] if "x" in names or len(others) != 1 else others
    else:
        keys = [f"x{position}" for position in range(len(tensors))]
    if all(key in names for key in keys):
        return keys
    found = f"arrays {', '.join(sorted(names))}" if names else "no arrays"
    listed = ", ".join(f'"{name}"' for name in authors)
    raise DataError(
        f"{path.name}: {found}; needed are {', '.join(keys)}, or the model's names {listed}"
    )


def _authors_name(name: str) -> str:
    """`image` of `serving_default_image:0`, as TensorFlow's converter calls an input."""
    return name.removeprefix("serving_default_").removesuffix(":0")


def stored_as_real(arrays: Mapping[str, Array], values: Array, tensor: Tensor) -> Array:
    """Real values of integers that were stored with a scale, unless it is the tensor's own."""
    if SCALE_KEY not in arrays or values.dtype.kind not in "iu":
        return values
    scale = float(arrays[SCALE_KEY].reshape(-1)[0])
    zero_point = int(arrays[ZERO_POINT_KEY].reshape(-1)[0]) if ZERO_POINT_KEY in arrays else 0
    if tensor.quant == Quant((scale,), (zero_point,)) and values.dtype == tensor.dtype.numpy:
        return values
    real: Array = (values.astype(np.float32) - np.float32(zero_point)) * np.float32(scale)
    return real


def prepare(where: str, values: Array, tensor: Tensor, notes: list[str]) -> Array:
    """Samples for one input, in the tensor's own type; raises `DataError`."""
    shaped = _shape(where, values, tensor, notes)
    _require_finite(where, shaped)
    return _convert(where, shaped, tensor, notes)


def _convert(where: str, values: Array, tensor: Tensor, notes: list[str]) -> Array:
    """Bring one array to the tensor's type."""
    wanted = tensor.dtype.numpy
    if values.dtype == wanted:
        return values
    if tensor.dtype.is_float and values.dtype.kind in "iu":
        notes.append(_taken_as_real(where, values))
    elif values.dtype.kind != "f":
        raise DataError(
            f"{where}: numbers of type {values.dtype}; the model takes {wanted} as it is, or real "
            f"values{_reach(tensor)} as float32; convert the data{_its_extent(values)}"
        )
    if tensor.dtype.is_float:
        return values.astype(wanted)
    if tensor.quant is None:
        raise DataError(f"{where}: real values; the model takes whole numbers of type {wanted}")
    return _quantized(where, values, tensor, notes)


def _taken_as_real(where: str, values: Array) -> str:
    return (
        f"{where}: warning: {values.dtype} values taken as real values, as they are; they run "
        f"{_extent(values)}; a model that was trained on values from -1 to 1, or from 0 to 1, "
        "needs them scaled"
    )


def _extent(values: Array) -> str:
    return f"from {values.min():g} to {values.max():g}"


def _its_extent(values: Array) -> str:
    return f", which run {_extent(values)}" if values.dtype.kind in "iu" else ""


def _reach(tensor: Tensor) -> str:
    """The real values that an integer input can hold."""
    if tensor.quant is None:
        return ""
    low, high = _limits(tensor)
    return f" from {low:g} to {high:g}"


def _limits(tensor: Tensor) -> tuple[float, float]:
    limits = np.iinfo(tensor.dtype.numpy)
    low = (int(limits.min) - tensor.zero_point) * tensor.scale
    high = (int(limits.max) - tensor.zero_point) * tensor.scale
    return low, high


def dequantize(values: Array, tensor: Tensor) -> Array:
    """Real values, float32, of a tensor's integers; those without a scale are only converted."""
    if tensor.quant is None:
        return values.astype(np.float32)
    centred = values.astype(np.float32) - np.float32(tensor.zero_point)
    real: Array = centred * np.float32(tensor.scale)
    return real


def quantize(values: Array, tensor: Tensor) -> Array:
    """Quantize real values as the QUANTIZE operator does: divide in float32, halves away from 0."""
    limits = np.iinfo(tensor.dtype.numpy)
    steps = _steps(values, tensor)
    return np.clip(steps, limits.min, limits.max).astype(tensor.dtype.numpy)


def _steps(values: Array, tensor: Tensor) -> Array:
    scaled = values.astype(np.float32) / np.float32(tensor.scale)
    steps: Array = round_half_away(scaled) + tensor.zero_point
    return steps


def _quantized(where: str, values: Array, tensor: Tensor, notes: list[str]) -> Array:
    limits = np.iinfo(tensor.dtype.numpy)
    steps = _steps(values, tensor)
    outside = float(np.mean((steps < limits.min) | (steps > limits.max)))
    notes.append(f"{where}: {values.dtype} values quantized to {tensor.dtype.value}")
    if outside > 0.01:
        low, high = _limits(tensor)
        notes.append(
            f"{where}: warning: {outside:.0%} of the values, which run {_extent(values)}, lie "
            f"outside the model's input range [{low:g}, {high:g}]"
        )
    return quantize(values, tensor)


def _shape(where: str, values: Array, tensor: Tensor, notes: list[str]) -> Array:
    shape = tensor.shape
    sample = shape[1:] if shape[:1] == (1,) else shape
    if values.size == 0 or values.ndim == 0:
        raise DataError(f"{where}: shape {list(values.shape)}; at least one sample is needed")
    if values.shape[1:] in (sample, shape):
        return values.reshape(-1, *shape)
    if values.size // len(values) == tensor.elements:
        notes.append(f"{where}: each sample {list(values.shape[1:])} reshaped to {list(sample)}")
        return values.reshape(-1, *shape)
    if values.size == tensor.elements:
        notes.append(f"{where}: shape {list(values.shape)} taken as one sample {list(sample)}")
        return values.reshape(1, *shape)
    raise DataError(
        f"{where}: shape {list(values.shape)}; the model takes [samples, "
        f"{', '.join(str(size) for size in sample)}], {tensor.elements} numbers per sample"
    )


def _require_finite(where: str, values: Array) -> None:
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        bad = int(np.count_nonzero(~np.isfinite(values)))
        raise DataError(
            f"{where}: {bad} of {values.size} values are NaN or infinite; "
            "only finite numbers are allowed; clean the data"
        )


def _labels(
    path: Path, arrays: Mapping[str, Array], labels: Path | None, count: int
) -> Array | None:
    where = f"{(labels or path).name}[{LABELS_KEY}]"
    if labels is not None:
        arrays = read(labels)
        if LABELS_KEY not in arrays and len(arrays) == 1:
            arrays = {LABELS_KEY: next(iter(arrays.values()))}
        if LABELS_KEY not in arrays:
            raise DataError(f"{labels.name}: arrays {', '.join(arrays)}; labels are called `y`")
    if LABELS_KEY not in arrays:
        return None
    classes = arrays[LABELS_KEY]
    if classes.dtype.kind not in "iu" or classes.shape != (count,):
        raise DataError(
            f"{where}: {classes.dtype} of shape {list(classes.shape)}; "
            f"labels are whole numbers, one for each of the {count} samples"
        )
    if classes.min() < 0:
        raise DataError(f"{where}: label {classes.min()}; classes are counted from 0")
    return classes.astype(np.int64)


def _spread(count: int, limit: int | None) -> Array:
    if limit is None or limit >= count:
        return np.arange(count)
    if limit < 1:
        raise DataError(f"--limit {limit}: at least one sample is needed")
    chosen: Array = np.linspace(0, count - 1, limit).round().astype(np.int64)
    return chosen
