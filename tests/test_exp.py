"""Exponential and reciprocal: numpy against gemmlowp's values and the C twin against numpy."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from mcugen import resources
from mcugen.fixed import INT32_MAX, INT32_MIN, exp_on_negative_values, one_over_one_plus_x
from mcugen.testing.kernels import SANITIZERS, WARNINGS

# What gemmlowp/fixedpoint.h computes, by integer bits of the argument.
GEMMLOWP_EXP = {
    0: {
        0: 2147483647,
        -1: 2147483155,
        -16777217: 2130771441,
        -67108864: 2081412406,
        -268435456: 1895147668,
        -987654321: 1355790146,
        -2147483647: 790015308,
    },
    4: {
        0: 2147483647,
        -1: 2147483140,
        -12345678: 1958765233,
        -16777216: 1895147668,
        -123456789: 855963115,
        -987654321: 1368142,
        -2147483647: 242,
    },
    5: {
        0: 2147483647,
        -1: 2147483124,
        -12345678: 1786631188,
        -16777215: 1672462444,
        -67108864: 790015308,
        -268435456: 39332546,
        -987654321: 872,
        -2080374784: 0,
    },
}
GEMMLOWP_RECIPROCAL = {
    0: 2147483647,
    1: 2147483647,
    2**20: 2146435584,
    123456789: 2030738432,
    2**30: 1431655762,
    1500000000: 1264347280,
    INT32_MAX: 1073741820,
}

PROGRAM = """
#include <stdio.h>
#include "mcu_exp.h"
int main(void) {
    int32_t v[3]; /* argument of exp, its integer bits, argument of the reciprocal */
    while (fread(v, sizeof v, 1, stdin) == 1) {
        const int32_t r[2] = {mcu_exp_negative(v[0], v[1]), mcu_one_over_one_plus(v[2])};
        (void)fwrite(r, sizeof r, 1, stdout);
    }
    return 0;
}
"""


@pytest.mark.parametrize("integer_bits", GEMMLOWP_EXP)
def test_exp_equals_gemmlowp(integer_bits: int) -> None:
    values = GEMMLOWP_EXP[integer_bits]
    found = exp_on_negative_values(list(values), integer_bits)
    assert found.tolist() == list(values.values())


def test_reciprocal_equals_gemmlowp() -> None:
    found = one_over_one_plus_x(list(GEMMLOWP_RECIPROCAL))
    assert found.tolist() == list(GEMMLOWP_RECIPROCAL.values())


@pytest.mark.parametrize("integer_bits", range(6))
def test_exp_is_near_exp(integer_bits: int) -> None:
    x = -np.geomspace(1, 2**31, 10_000).astype(np.int64)
    real = 2.0**31 * np.exp(x / 2.0 ** (31 - integer_bits))
    np.testing.assert_allclose(exp_on_negative_values(x, integer_bits), real, rtol=0, atol=1000)


def test_reciprocal_is_near_the_quotient() -> None:
    x = np.geomspace(1, INT32_MAX, 10_000).astype(np.int64)
    np.testing.assert_allclose(one_over_one_plus_x(x), 2.0**31 / (1 + x / 2.0**31), atol=16)


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_c_equals_numpy(compiler: str, tmp_path: Path) -> None:
    source, binary = tmp_path / "exp.c", tmp_path / "exp"
    source.write_text(PROGRAM)
    include = f"-I{resources.runtime_c() / 'include'}"
    flags = ["-std=c99", "-O1", *WARNINGS, *SANITIZERS, include]
    subprocess.run([compiler, *flags, "-o", binary, source], check=True)

    rng = np.random.default_rng(1)
    steps = np.arange(0, -(2**31), -(2**23))  # quarters and their neighbours
    x = np.concatenate([steps, steps - 1, steps[1:] + 1, rng.integers(INT32_MIN, 0, 40_000)])
    a = np.concatenate([[0, 1, INT32_MAX], rng.integers(0, INT32_MAX, len(x) - 3)])
    bits = np.arange(len(x)) % 6
    rows = np.stack([x, bits, a], axis=1).astype(np.int32)
    done = subprocess.run([binary], input=rows.tobytes(), capture_output=True, check=True)
    found = np.frombuffer(done.stdout, np.int32).reshape(-1, 2)

    for integer_bits in range(6):
        mine = bits == integer_bits
        expected = exp_on_negative_values(x[mine], integer_bits)
        np.testing.assert_array_equal(found[mine, 0], expected)
    np.testing.assert_array_equal(found[:, 1], one_over_one_plus_x(a))
