"""The committed sizes of kernels are those that the compiler gives."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mcugen.code_size import CORES, UNKNOWN, _table, code_size
from mcugen.ops import OPS
from mcugen.ops.base import Family
from mcugen.target import CPUS
from mcugen.testing import code_sizes

REMEDY = "python -m mcugen.testing.code_sizes > mcugen/code_sizes.json"
BAND = 0.1  # compilers differ


@pytest.mark.parametrize("core", CORES)
def test_the_table_has_all_kernels_and_no_others(core: str) -> None:
    names = [kernel.name for kernel in code_sizes.kernels(core)]
    assert sorted(_table()[core]) == names, REMEDY


@pytest.mark.parametrize(("core", "family"), [("cortex-m4", "dsp"), ("cortex-m55", "mve")])
def test_the_table_tells_what_the_compiler_makes(core: str, family: str) -> None:
    kernels = [k for k in code_sizes.kernels(core) if k.family is Family(family)]
    measured = code_sizes.measure(core, kernels)
    for kernel in kernels:
        assert code_size(kernel, CPUS[core]) == pytest.approx(measured[kernel.name], rel=BAND), (
            REMEDY
        )


def test_similar_cores_and_unknown_kernels() -> None:
    (kernel, *_) = OPS["conv2d"].kernels
    assert code_size(kernel, CPUS["cortex-m33"]) == code_size(kernel, CPUS["cortex-m4"])
    assert code_size(replace(kernel, name="mine"), CPUS["cortex-m4"]) == UNKNOWN
