"""Samples and labels: what is read, what is converted, what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mcugen import data
from mcugen.errors import DataError
from mcugen.ir import DType, Quant, Tensor

INT8 = Tensor("input:0", (1, 2, 3, 1), DType.INT8, Quant((0.5,), (-10,)))
FLOAT = Tensor("input:0", (1, 2, 3, 1), DType.FLOAT32)


def npz(tmp_path: Path, **arrays: object) -> Path:
    path = tmp_path / "samples.npz"
    np.savez(path, **arrays)
    return path


@pytest.mark.parametrize("key", ["x", "input:0", "images"])
def test_one_input_is_found_by_its_name_by_x_or_as_the_only_array(tmp_path, key):
    x = np.arange(12, dtype=np.int8).reshape(2, 2, 3, 1)
    samples = data.load(npz(tmp_path, **{key: x, "y": np.array([1, 0])}), [INT8])
    assert np.array_equal(samples.inputs[0].ravel(), x.ravel())
    assert samples.inputs[0].shape == (2, 1, 2, 3, 1)
    assert samples.labels is not None and samples.labels.tolist() == [1, 0]


def test_an_npy_file_holds_x(tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((4, 2, 3, 1), np.int8))
    assert len(data.load(tmp_path / "x.npy", [INT8])) == 4


def test_inputs_are_found_by_the_names_that_keras_knew(tmp_path):
    """The converter prefixes them, and puts them into an order of its own."""
    right, left = (
        replace(INT8, name=f"serving_default_{name}:0") for name in ("right", "left_image")
    )
    x = np.zeros((3, *INT8.shape[1:]), np.float32)
    samples = data.load(npz(tmp_path, left_image=x + 1, right=x), [right, left])
    assert samples.real[0].max() == 0 and samples.real[1].min() == 1
    with pytest.raises(DataError, match='x0, x1, or the model\'s names "right", "left_image"'):
        data.load(npz(tmp_path, left=x), [right, left])


def test_two_inputs_are_found_by_name_or_by_position(tmp_path):
    other = Tensor("other", (1, 2), DType.INT8, Quant((1.0,), (0,)))
    x, z = np.zeros((3, 2, 3, 1), np.int8), np.ones((3, 2), np.int8)
    for arrays in ({"x0": x, "x1": z}, {"input:0": x, "other": z}):
        samples = data.load(npz(tmp_path, **arrays), [INT8, other])
        assert samples[2][1].tolist() == [[1, 1]]
    with pytest.raises(DataError, match="x0, x1"):
        data.load(npz(tmp_path, x=x), [INT8, other])
    with pytest.raises(DataError, match="3, 2 samples"):
        data.load(npz(tmp_path, x0=x, x1=z[:2]), [INT8, other])


def test_real_values_are_quantized_halves_away_from_zero_and_clamped(tmp_path):
    real = np.array([0.25, -0.25, 0.2, 1000, -1000, 68.4], np.float64).reshape(1, 2, 3, 1)
    samples = data.load(npz(tmp_path, x=real), [INT8])
    assert samples.inputs[0].ravel().tolist() == [-9, -11, -10, 127, -128, 127]
    assert samples.inputs[0].dtype == np.int8
    assert samples.real[0].ravel().tolist() == np.float32(real).ravel().tolist()
    assert any("outside the model's input range [-59, 68.5]" in note for note in samples.notes)


def test_integers_become_real_values_for_the_float_model(tmp_path):
    samples = data.load(npz(tmp_path, x=np.full((1, 2, 3, 1), -8, np.int8)), [INT8])
    assert samples.real[0].ravel().tolist() == [1.0] * 6


def test_flat_samples_are_reshaped_and_it_is_said(tmp_path):
    samples = data.load(npz(tmp_path, x=np.zeros((5, 6), np.int8)), [INT8])
    assert len(samples) == 5 and "reshaped" in samples.notes[0]
    one = data.load(npz(tmp_path, x=np.zeros((2, 3, 1), np.int8)), [INT8])
    assert len(one) == 1 and "one sample" in one.notes[0]


def test_a_limit_is_spread_over_the_file(tmp_path):
    x = np.arange(10, dtype=np.int8).repeat(6).reshape(10, 6)
    samples = data.load(npz(tmp_path, x=x, y=np.arange(10)), [INT8], limit=4)
    assert samples.labels is not None and samples.labels.tolist() == [0, 3, 6, 9]
    assert samples.inputs[0][:, 0, 0, 0, 0].tolist() == [0, 3, 6, 9]


def test_labels_of_their_own_file_win(tmp_path):
    path = npz(tmp_path, x=np.zeros((2, 6), np.int8), y=np.array([1, 1]))
    labels = tmp_path / "labels.npy"
    np.save(labels, np.array([3, 4], np.uint8))
    samples = data.load(path, [INT8], labels=labels)
    assert samples.labels is not None and samples.labels.tolist() == [3, 4]


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.full((1, 6), np.nan, np.float32), "6 of 6 values are NaN or infinite"),
        (np.full((1, 6), np.inf, np.float32), "NaN or infinite"),
        (np.zeros((0, 6), np.int8), "at least one sample"),
        (np.int8(3), "at least one sample"),
        (np.zeros((2, 7), np.int8), r"the model takes \[samples, 2, 3, 1\], 6 numbers"),
        (np.zeros((2, 6), np.uint8), "numbers of type uint8; the model takes int8"),
        (np.zeros((2, 6), np.int64), "numbers of type int64"),
        (np.zeros((2, 6), bool), "numbers of type bool"),
        (np.zeros((2, 6), complex), "numbers of type complex128"),
        (np.array([["a"] * 6]), "numbers of type <U1"),
        (np.array([[None] * 6]), "without pickled objects"),
    ],
)
def test_unsuitable_arrays_are_refused(tmp_path, array, message):
    with pytest.raises(DataError, match=message):
        data.load(npz(tmp_path, x=array), [INT8])


def test_a_float_model_refuses_nan_too(tmp_path):
    with pytest.raises(DataError, match="NaN"):
        data.load(npz(tmp_path, x=np.full((1, 6), np.nan)), [FLOAT])


@pytest.mark.parametrize(
    "labels",
    [np.array([0.5, 1]), np.array([1]), np.array([[1], [2]]), np.array([-1, 2])],
)
def test_unsuitable_labels_are_refused(tmp_path, labels):
    with pytest.raises(DataError, match="label"):
        data.load(npz(tmp_path, x=np.zeros((2, 6), np.int8), y=labels), [INT8])


def test_labels_of_more_classes_than_scores_are_refused():
    labels = np.array([0, 9])
    data.require_classes("a.npz[y]", labels, 10)
    data.require_classes("a.npz[y]", labels, 1)  # no classifier
    with pytest.raises(DataError, match=r"a.npz\[y\]: label 9; .* from 0 to 8"):
        data.require_classes("a.npz[y]", labels, 9)


def test_a_file_of_another_kind_is_not_called_pickled(tmp_path):
    (tmp_path / "a.csv").write_text("x,y\n1,2\n")
    with pytest.raises(DataError, match="neither numpy's format nor a zip file"):
        data.load(tmp_path / "a.csv", [INT8])


def test_damaged_files_are_refused(tmp_path):
    good = npz(tmp_path, x=np.zeros((2, 6), np.int8)).read_bytes()
    contents = [b"", b"PK\x03\x04", good[:100], good[:-30], good[:60] + b"\xff" * 60 + good[120:]]
    contents += [b"\x93NUMPY\x01\x00\x10\x00" + b"{" * 16, b"x,y\n1,2\n", bytes(range(256))]
    for content in contents:
        path = tmp_path / "bad.npz"
        path.write_bytes(content)
        with pytest.raises(DataError, match=r"bad\.npz"):
            data.load(path, [INT8])
    with pytest.raises(DataError, match="no such file"):
        data.load(tmp_path / "absent.npz", [INT8])
    with pytest.raises(DataError):
        data.load(tmp_path, [INT8])


def test_an_array_of_absurd_size_is_refused(tmp_path):
    header = b"{'descr': '|i1', 'fortran_order': False, 'shape': (999999999999999, 6), }"
    header += b" " * (117 - len(header)) + b"\n"
    path = tmp_path / "huge.npy"
    path.write_bytes(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)
    with pytest.raises(DataError, match=r"huge\.npy"):
        data.load(path, [INT8])


def test_the_examples_test_set_loads():
    path = Path(__file__).parent.parent / "examples" / "digits" / "digits_test.npz"
    tensor = Tensor("x", (1, 8, 8, 1), DType.INT8, Quant((1 / 255,), (-128,)))
    samples = data.load(path, [tensor])
    assert len(samples) == 300 and samples.labels is not None
    assert set(samples.labels.tolist()) == set(range(10))


def test_integers_for_a_model_that_was_float_are_real_values(tmp_path):
    x = np.arange(12, dtype=np.uint8).reshape(2, 6)
    samples = data.load(npz(tmp_path, x=x), [INT8], are_real=True)
    np.testing.assert_array_equal(samples.real[0].reshape(2, 6), x)
    assert "uint8 values taken as real values" in " ".join(samples.notes)
    again = data.load(npz(tmp_path, x=x.astype(np.float32)), [INT8])
    np.testing.assert_array_equal(samples.inputs[0], again.inputs[0])


def test_integers_with_a_scale_are_never_taken_as_they_are(tmp_path):
    x = np.arange(12, dtype=np.int8).reshape(2, 6)
    scale, zero_point = INT8.scale, INT8.zero_point
    path = npz(tmp_path, x=x, in_scale=np.array(scale), in_zero_point=np.array(zero_point))
    samples = data.load(path, [INT8], are_real=True)
    np.testing.assert_array_equal(samples.inputs[0].reshape(2, 6), x)
