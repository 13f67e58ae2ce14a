"""Runs C kernels on the host, many cases in one program, under the sanitizers.

Every operand, output and scratch block is a heap block of exactly the size that the kernel was
promised and every table an array of its own, so that one byte too far is an error.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mcugen import cformat, resources
from mcugen.ir import Call
from mcugen.ops.base import Array, Const, CValue, Kernel

WARNINGS = (
    *("-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wsign-conversion", "-Wshadow", "-Wundef"),
    *("-Wcast-align", "-Wcast-qual", "-Wmissing-prototypes", "-Wdouble-promotion", "-Werror"),
)
SANITIZERS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")
CHECKED = "-DMCU_ASSERT(condition)=((condition) ? (void)0 : __builtin_trap())"
TIMEOUT_S = 120

_PROLOGUE = """\
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
"""

_MAIN = """\
int main(void) {
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const test_case *const c = &cases[i];
        void *blocks[MOST_BLOCKS];
        size_t b = 0;
        for (; b < c->blocks; b++) {
            blocks[b] = malloc(c->sizes[b]);
            if (b < c->operands && fread(blocks[b], 1, c->sizes[b], stdin) != c->sizes[b]) {
                return 2;
            }
        }
        c->run(blocks);
        for (b = c->operands; b < c->operands + c->outputs; b++) {
            (void)fwrite(blocks[b], 1, c->sizes[b], stdout);
        }
        (void)fflush(stdout);
        for (b = 0; b < c->blocks; b++) {
            free(blocks[b]);
        }
    }
    return 0;
}
"""


@dataclass(frozen=True, slots=True, eq=False)
class KernelCase:
    """One call of one kernel: `operands` are the values of the inputs that the kernel takes."""

    name: str
    call: Call
    kernel: Kernel
    operands: tuple[Array, ...]

    @property
    def blocks(self) -> tuple[int, ...]:
        """Bytes of each block in the order of the kernel's arguments."""
        scratch = () if self.kernel.scratch is None else (self.kernel.scratch(self.call),)
        return (
            *(value.nbytes for value in self.operands),
            *(output.bytes for output in self.call.outputs),
            *scratch,
        )


def run_kernels(cases: Sequence[KernelCase], compiler: str = "gcc") -> list[list[Array]]:
    """The outputs of each case as C computes them.

    Raises AssertionError with the compiler's or the sanitizer's report: a kernel that does not
    compile without a warning, or that touches a byte which is not its own, is our bug.
    """
    with tempfile.TemporaryDirectory(prefix="mcugen-kernels-") as folder:
        source = Path(folder, "cases.c")
        source.write_text(program(cases))
        binary = Path(folder, "cases")
        names = sorted({case.kernel.name for case in cases})
        command = [
            compiler,
            *("-std=c99", "-O1", "-g", *WARNINGS, *SANITIZERS, CHECKED),
            f"-I{resources.runtime_c() / 'include'}",
            *("-o", str(binary), str(source), *(str(kernel_source(name)) for name in names)),
        ]
        built = _run(command, b"")
        assert built.returncode == 0, built.stderr.decode(errors="replace")
        operands = b"".join(value.tobytes() for case in cases for value in case.operands)
        done = _run([str(binary)], operands)
    results, crashed = _split(done.stdout, cases)
    report = done.stderr.decode(errors="replace")
    assert done.returncode == 0, f"{crashed}: exit status {done.returncode}\n{report}"
    return results


def kernel_source(name: str) -> Path:
    """The C file of a kernel."""
    found = sorted((resources.runtime_c() / "kernels").rglob(f"{name}.c"))
    assert len(found) == 1, (name, found)
    return found[0]


def _run(command: Sequence[str], data: bytes) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        command,
        input=data,
        capture_output=True,
        timeout=TIMEOUT_S,
        check=False,
        env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"},  # it cannot run under a debugger
    )


def _split(received: bytes, cases: Sequence[KernelCase]) -> tuple[list[list[Array]], str]:
    """Cut what the program wrote into arrays; and the name of the first case that is missing."""
    position = 0
    results: list[list[Array]] = []
    for case in cases:
        outputs = []
        for tensor in case.call.outputs:
            if position + tensor.bytes > len(received):
                return results, case.name
            part = np.frombuffer(received, tensor.dtype.numpy, tensor.elements, position)
            outputs.append(part.reshape(tensor.shape))
            position += tensor.bytes
        results.append(outputs)
    return results, "after the last case"


# ---- the program


def program(cases: Sequence[KernelCase]) -> str:
    """The C program that runs the cases: blocks from stdin, outputs to stdout."""
    headers = sorted({case.kernel.header for case in cases})
    rows = (
        f"    {{run{i}, sizes{i}, {len(c.blocks)}, {len(c.operands)}, {len(c.call.outputs)}}},"
        for i, c in enumerate(cases)
    )
    return "\n".join(
        (
            _PROLOGUE,
            *(f'#include "{header}"' for header in headers),
            "",
            *(case_source(i, case) for i, case in enumerate(cases)),
            f"enum {{ MOST_BLOCKS = {max(len(case.blocks) for case in cases)} }};",
            "typedef struct {",
            "    void (*run)(void *const *blocks);",
            "    const size_t *sizes;",
            "    size_t blocks, operands, outputs;",
            "} test_case;",
            "static const test_case cases[] = {",
            *rows,
            "};",
            "",
            _MAIN,
        )
    )


def case_source(index: int, case: KernelCase) -> str:
    """One case: its tables, its params, a function that calls the kernel, its block sizes."""
    kernel, blocks = case.kernel, case.blocks
    fields = kernel.params(case.call)
    tables = [
        _table(f"{name}{index}", value)
        for name, value in fields.items()
        if isinstance(value, Const)
    ]
    given = [f"blocks[{b}]" for b in range(len(blocks))]
    if kernel.operands is None:  # one array of pointers to all of them
        count = len(case.operands)
        given[:count] = [f"(const void *const[]){{{', '.join(given[:count])}}}"]
    arguments = ", ".join((f"&params{index}", *given))
    return "\n".join(
        (
            f"/* {cformat.comment(case.name)} */",
            *tables,
            f"static const {kernel.params_type} params{index} = {{",
            *(
                f"    .{name} = {_value(f'{name}{index}', value)},"
                for name, value in fields.items()
            ),
            "};",
            f"static void run{index}(void *const *blocks) {{ {kernel.name}({arguments}); }}",
            f"static const size_t sizes{index}[] = {{{', '.join(map(str, blocks))}}};",
            "",
        )
    )


def _table(name: str, const: Const) -> str:
    lines = ",\n    ".join(cformat.rows(const.values))
    return f"static const {const.ctype} {name}[{const.values.size}] = {{\n    {lines}}};"


def _value(table: str, value: CValue) -> str:
    if isinstance(value, Const):
        return table
    if isinstance(value, tuple):
        return f"{{{', '.join(map(cformat.literal, value))}}}"
    return "NULL" if value is None else cformat.literal(value)
