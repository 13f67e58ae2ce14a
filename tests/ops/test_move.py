"""MOVE copies between places that overlap in any way."""

from __future__ import annotations

from itertools import product

import numpy as np

from mcugen.ir import Call, Node
from mcugen.ops import move
from mcugen.testing.graphs import activation
from mcugen.testing.kernels import KernelCase
from mcugen.testing.overlapped import Overlapped, run_overlapped


def test_any_overlap() -> None:
    runs, expected = [], []
    for size, distance in product(
        (1, 15, 16, 17, 64, 99), (-64, -17, -16, -4, -1, 0, 1, 4, 16, 33)
    ):
        tensor = activation("t", (1, size))
        call = Call(Node("move", "n", (0,), (1,)), (tensor,), (tensor,))
        values = np.random.default_rng(size).integers(-128, 128, (1, size)).astype(np.int8)
        case = KernelCase(f"{size} bytes, {distance}", call, move.KERNEL, (values,))
        runs.append(Overlapped(case, 0, distance))
        expected.append(values)
    for run, wanted, found in zip(runs, expected, run_overlapped(runs), strict=True):
        assert np.array_equal(wanted, found), run.case.name
