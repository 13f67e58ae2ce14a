"""Calibration data: errors name the array as its giver does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mcugen.errors import DataError
from mcugen.ir import DType, Tensor
from mcugen.quantizer.calibration import calibrate

INPUTS = [Tensor("sound", (1, 6), DType.FLOAT32), Tensor("image", (1, 4), DType.FLOAT32)]
GOOD = np.zeros((3, 6), np.float32)


@pytest.mark.parametrize("bad", [np.full((3, 4), np.nan, np.float32), np.zeros((3, 5))])
def test_errors_name_the_key_or_the_input(tmp_path: Path, bad: np.ndarray) -> None:
    np.savez(tmp_path / "bad.npz", sound=GOOD, image=bad)
    with pytest.raises(DataError, match=r"^bad\.npz\[image\]: "):
        calibrate(tmp_path / "bad.npz", INPUTS)
    with pytest.raises(DataError, match=r"^data\[image\]: "):
        calibrate({"image": bad, "sound": GOOD}, INPUTS)
    with pytest.raises(DataError, match=r"^data\[image\]: "):
        calibrate([GOOD, bad], INPUTS)
    with pytest.raises(DataError, match=r"^data\[image\]: "):
        calibrate(bad, INPUTS[1:])


def test_a_file_with_one_array_may_call_it_x(tmp_path: Path) -> None:
    np.savez(tmp_path / "bad.npz", x=np.zeros((3, 5)))
    with pytest.raises(DataError, match=r"^bad\.npz\[x\]: "):
        calibrate(tmp_path / "bad.npz", INPUTS[:1])
