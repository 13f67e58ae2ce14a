"""Logarithm and reciprocal square root: near the real functions, and the C twin equals numpy."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from mcugen import resources
from mcugen.fixed import INT32_MAX, inverse_sqrt, log
from mcugen.testing.kernels import SANITIZERS, WARNINGS

PROGRAM = """
#include <stdio.h>
#include "mcu_log.h"
int main(void) {
    int32_t v[2]; /* argument of the logarithm, in Q12.19, and of the square root */
    while (fread(v, sizeof v, 1, stdin) == 1) {
        int32_t r[3] = {mcu_log(v[0], 12), 0, 0};
        r[1] = mcu_inverse_sqrt(v[1], &r[2]);
        (void)fwrite(r, sizeof r, 1, stdout);
    }
    return 0;
}
"""


def arguments(least: int) -> np.ndarray:
    """Both sides of the powers of 2, and random values of every magnitude, up to INT32_MAX."""
    rng = np.random.default_rng(1)
    edges = [2**n + d for n in range(31) for d in (-1, 0, 1)]
    spread = 2 ** rng.uniform(np.log2(max(least, 1)), 31, 20000)
    values = np.concatenate([edges, spread, [least, INT32_MAX]]).astype(np.int64)
    return values[(values >= least) & (values <= INT32_MAX)]


def test_log_is_near_the_real_one() -> None:
    x = arguments(2**19)
    np.testing.assert_allclose(log(x, 12) / 2**26, np.log(x / 2**19), atol=1e-7)


def test_inverse_sqrt_is_near_the_real_one() -> None:
    x = arguments(1)
    multiplier, shift = inverse_sqrt(x)
    np.testing.assert_allclose(multiplier * 2.0 ** (shift - 31) * np.sqrt(x), 1, rtol=2e-6)


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_c_equals_numpy(compiler: str, tmp_path: Path) -> None:
    x = arguments(2**19)
    values = np.stack([x, np.resize(arguments(0), len(x))], axis=1).astype(np.int32)
    source, binary = tmp_path / "log.c", tmp_path / "log"
    source.write_text(PROGRAM)
    include = f"-I{resources.runtime_c() / 'include'}"
    flags = ("-std=c99", "-O1", *WARNINGS, *SANITIZERS, include)
    subprocess.run([compiler, *flags, "-o", str(binary), str(source)], check=True, timeout=60)
    done = subprocess.run([binary], input=values.tobytes(), capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    found = np.frombuffer(done.stdout, np.int32).reshape(-1, 3)
    expected = np.stack([log(values[:, 0], 12), *inverse_sqrt(values[:, 1])], axis=1)
    np.testing.assert_array_equal(found, expected)
