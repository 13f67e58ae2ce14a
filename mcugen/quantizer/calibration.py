"""Calibration data as a stream of samples, whatever it comes in: memory does not grow with it."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np

from mcugen import data
from mcugen.errors import DataError
from mcugen.ir import Tensor, printable
from mcugen.ops.base import Array
from mcugen.quantizer.observe import Sample

CHUNK = 64  # samples that are read at once
WHOLE_BYTES = 2**28  # of a file that is read at once

# A path to an .npz or .npy file, an array of samples, one array for each input (in a list or by
# name), anything that yields samples, or a function that returns such a thing.
Data = (
    Path | str | Array | Sequence[Array] | Mapping[str, Array] | Iterable[Any] | Callable[[], Any]
)


class Calibration:
    """Samples for the inputs of a float graph: lists of float32 arrays of batch 1.

    It can be iterated once, after `head`. `count` is known for files and arrays, `taken` is how
    many samples were iterated over.
    """

    def __init__(self, samples: Iterator[Sample], count: int | None, notes: list[str]) -> None:
        self._samples = samples
        self._head: list[Sample] = []
        self._notes = notes
        self.count = count
        self.taken = 0

    @property
    def notes(self) -> tuple[str, ...]:
        """What was done to the samples so far, each said once."""
        return tuple(dict.fromkeys(self._notes))

    def head(self, size: int) -> list[Sample]:
        """The first samples; raises DataError if there are none."""
        self._head = list(islice(self._samples, size))
        if not self._head:
            raise DataError("calibration data: no samples; give at least one")
        return self._head

    def __iter__(self) -> Iterator[Sample]:
        for sample in chain(self._head, self._samples):
            self.taken += 1
            yield sample


def calibrate(source: Data, tensors: Sequence[Tensor]) -> Calibration:
    """A stream of samples for a float graph's inputs; what does not suit raises `DataError`."""
    notes: list[str] = []
    if isinstance(source, str | Path):
        count, columns = _file(Path(source), tensors, notes)
    elif isinstance(source, np.ndarray):
        count, columns = _arrays([source], tensors, notes)
    elif isinstance(source, Mapping):
        keys = data.input_keys(Path("data"), source, tensors)
        given = [np.asarray(source[key]) for key in keys]
        count, columns = _arrays(given, tensors, notes, keys)
    elif _is_array_per_input(source, tensors):
        count, columns = _arrays(source, tensors, notes)
    else:
        items = iter(source() if callable(source) else source)
        return Calibration(_items(items, tensors, notes), None, notes)
    return Calibration(_rows(columns), count, notes)


def _is_array_per_input(source: Any, tensors: Sequence[Tensor]) -> TypeGuard[Sequence[Array]]:
    return (
        isinstance(source, list | tuple)
        and len(source) == len(tensors) > 1
        and all(isinstance(item, np.ndarray) and item.ndim > 0 for item in source)
        and len({len(item) for item in source}) == 1
    )


Column = Iterator[Array]  # of one input: chunks of samples, [n, 1, ...]


def _rows(columns: Sequence[Column]) -> Iterator[Sample]:
    for chunks in zip(*columns, strict=True):
        for row in zip(*chunks, strict=True):
            yield list(row)


# ---- arrays


def _arrays(
    arrays: Sequence[Array],
    tensors: Sequence[Tensor],
    notes: list[str],
    keys: Sequence[str] = (),
    where: str = "data",
) -> tuple[int, list[Column]]:
    """Arrays that errors call by their keys, or by the names of the inputs."""
    if len(arrays) != len(tensors):
        raise DataError(
            f"{where}: {len(arrays)} arrays; the model takes {len(tensors)} inputs; "
            "give one array of samples for each"
        )
    names = keys or [printable(tensor.name) for tensor in tensors]
    wholes = [
        data.prepare(f"{where}[{name}]", array, tensor, notes)
        for name, array, tensor in zip(names, arrays, tensors, strict=True)
    ]
    count = _common(where, [len(whole) for whole in wholes])
    order = np.random.default_rng(0).permutation(count)  # files are often sorted by class
    return count, [iter([whole[order]]) for whole in wholes]


def _common(where: str, counts: Sequence[int]) -> int:
    if len(set(counts)) > 1:
        found = ", ".join(str(count) for count in counts)
        raise DataError(f"{where}: {found} samples per input; each needs the same number")
    return counts[0]


# ---- samples one by one


def _items(items: Iterator[Any], tensors: Sequence[Tensor], notes: list[str]) -> Iterator[Sample]:
    for position, item in enumerate(items):
        where = f"calibration sample {position}"
        if isinstance(item, Mapping):
            item = [item.get(tensor.name) for tensor in tensors]
        parts = list(item) if isinstance(item, list | tuple) else [item]
        if len(parts) != len(tensors):
            raise DataError(f"{where}: {len(parts)} arrays; the model takes {len(tensors)}")
        said: list[str] = []
        inputs = [
            data.prepare(where, np.asarray(part), tensor, said)
            for part, tensor in zip(parts, tensors, strict=True)
        ]
        notes += (note for note in said if "warning" in note and position == 0)
        yield from (list(row) for row in zip(*inputs, strict=True))


# ---- files


def _file(path: Path, tensors: Sequence[Tensor], notes: list[str]) -> tuple[int, list[Column]]:
    """Files are read whole and mixed; those too large for memory in chunks, in their order."""
    if not _is_large(path):
        arrays = data.read(path)
        keys = data.input_keys(path, arrays, tensors)
        wholes = [
            data.stored_as_real(arrays, arrays[key], tensor)
            for key, tensor in zip(keys, tensors, strict=True)
        ]
        return _arrays(wholes, tensors, notes, keys, path.name)
    with np.load(path, mmap_mode="r", allow_pickle=False) as archive:
        keys = data.input_keys(path, archive.files, tensors)
        stored = {k: archive[k] for k in (data.SCALE_KEY, data.ZERO_POINT_KEY) if k in archive}
    counts, columns = [], []
    for key, tensor in zip(keys, tensors, strict=True):
        count, chunks = _member(path, f"{key}.npy")
        counts.append(count)
        columns.append(_prepared(f"{path.name}[{key}]", chunks, tensor, stored, notes))
    return _common(path.name, counts), columns


def _is_large(path: Path) -> bool:
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return sum(member.file_size for member in archive.infolist()) > WHOLE_BYTES


def _member(path: Path, name: str) -> tuple[int, Column]:
    """Number of samples, and the samples in chunks, of one array in an .npz file."""
    file = zipfile.ZipFile(path).open(name)  # noqa: SIM115  # the chunks read on from it
    version = np.lib.format.read_magic(file)
    read_header = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }.get(version)
    if read_header is None:
        raise DataError(f"{path.name}[{name}]: .npy version {version}; save it again with numpy")
    shape, is_fortran, dtype = read_header(file)
    if is_fortran or dtype.hasobject or not shape:
        raise DataError(
            f"{path.name}[{name}]: not an array of samples in C order; save it with "
            "np.ascontiguousarray"
        )
    size = dtype.itemsize * int(np.prod(shape[1:], dtype=np.int64))

    def chunks() -> Iterator[Array]:
        with file:
            for start in range(0, shape[0], CHUNK):
                rows = min(CHUNK, shape[0] - start)
                yield np.frombuffer(file.read(rows * size), dtype).reshape(rows, *shape[1:])

    return shape[0], chunks()


def _prepared(
    where: str, chunks: Column, tensor: Tensor, stored: Mapping[str, Array], notes: list[str]
) -> Column:
    for chunk in chunks:
        said: list[str] = []
        yield data.prepare(where, data.stored_as_real(stored, chunk, tensor), tensor, said)
        notes += said if not notes else []
