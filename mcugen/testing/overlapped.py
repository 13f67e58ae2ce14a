"""Runs C kernels whose output lies over an input, on the host, many cases in one program.

The two share one heap block that is as small as the distance allows and filled with poison first.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mcugen import resources
from mcugen.ops.base import Array
from mcugen.testing import kernels
from mcugen.testing.kernels import KernelCase

_TYPES = """\
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
"""

_MAIN = """\
enum { POISON = 0xA5 };

int main(void) {
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const test_case *const c = &cases[i];
        const size_t behind = (c->distance > 0) ? (size_t)c->distance : 0U;  /* the input */
        const size_t ahead = (c->distance < 0) ? (size_t)-c->distance : 0U; /* the output */
        const size_t input_end = behind + c->sizes[c->input];
        const size_t output_end = ahead + c->sizes[c->operands];
        const size_t size = (input_end > output_end) ? input_end : output_end;
        char *const shared = malloc(size);
        void *blocks[MOST_BLOCKS];
        (void)memset(shared, POISON, size);
        for (size_t b = 0; b < c->blocks; b++) {
            blocks[b] = malloc(c->sizes[b]);
        }
        void *const kept[2] = {blocks[c->input], blocks[c->operands]};
        blocks[c->input] = shared + behind;
        blocks[c->operands] = shared + ahead;
        for (size_t b = 0; b < c->operands; b++) {
            if (fread(blocks[b], 1, c->sizes[b], stdin) != c->sizes[b]) {
                return 2;
            }
        }
        c->run(blocks);
        (void)fwrite(blocks[c->operands], 1, c->sizes[c->operands], stdout);
        blocks[c->input] = kept[0];
        blocks[c->operands] = kept[1];
        for (size_t b = 0; b < c->blocks; b++) {
            free(blocks[b]);
        }
        free(shared);
    }
    return 0;
}
"""


@dataclass(frozen=True, slots=True, eq=False)
class Overlapped:
    """A kernel's only output `distance` bytes in front of an operand, behind it if negative."""

    case: KernelCase
    operand: int
    distance: int


def run_overlapped(runs: Sequence[Overlapped]) -> list[Array]:
    """The output of each run, whatever it is; compiled and sanitized as `run_kernels` does."""
    with tempfile.TemporaryDirectory(prefix="mcugen-overlapped-") as folder:
        source = Path(folder, "cases.c")
        source.write_text(_program(runs))
        names = sorted({run.case.kernel.name for run in runs})
        binary = Path(folder, "cases")
        _execute(
            [
                *("gcc", "-std=c99", "-O1", *kernels.SANITIZERS, kernels.CHECKED),
                f"-I{resources.runtime_c() / 'include'}",
                *("-o", str(binary), str(source)),
                *(str(kernels.kernel_source(name)) for name in names),
            ]
        )
        operands = (value.tobytes() for run in runs for value in run.case.operands)
        received = _execute([str(binary)], b"".join(operands))
    outputs = []
    position = 0
    for run in runs:
        tensor = run.case.call.output
        part = np.frombuffer(received, tensor.dtype.numpy, tensor.elements, position)
        outputs.append(part.reshape(tensor.shape))
        position += tensor.bytes
    return outputs


def _execute(command: Sequence[str], data: bytes = b"") -> bytes:
    done = subprocess.run(
        command,
        input=data,
        capture_output=True,
        timeout=kernels.TIMEOUT_S,
        check=False,
        env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"},  # it cannot run under a debugger
    )
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return done.stdout


def _program(runs: Sequence[Overlapped]) -> str:
    rows = (
        f"    {{run{i}, sizes{i}, {len(run.case.blocks)}, {len(run.case.operands)}, "
        f"{run.operand}, {run.distance}}},"
        for i, run in enumerate(runs)
    )
    return "\n".join(
        (
            _TYPES,
            *(f'#include "{header}"' for header in sorted({r.case.kernel.header for r in runs})),
            "",
            *(kernels.case_source(i, run.case) for i, run in enumerate(runs)),
            f"enum {{ MOST_BLOCKS = {max(len(run.case.blocks) for run in runs)} }};",
            "typedef struct {",
            "    void (*run)(void *const *blocks);",
            "    const size_t *sizes;",
            "    size_t blocks, operands, input;",
            "    long distance;",
            "} test_case;",
            "static const test_case cases[] = {",
            *rows,
            "};",
            "",
            _MAIN,
        )
    )
