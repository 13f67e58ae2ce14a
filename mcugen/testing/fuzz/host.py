"""Runs many generated projects on this machine: one program, under the sanitizers, over a pipe."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mcugen import resources
from mcugen.emit import render
from mcugen.ir import Graph
from mcugen.lower import lower
from mcugen.ops.base import Array
from mcugen.program import Program, Source
from mcugen.select import Selection
from mcugen.testing.kernels import CHECKED, SANITIZERS, WARNINGS

TIMEOUT_S = 300
_ENVIRONMENT = {"ASAN_OPTIONS": "detect_leaks=0"}  # it cannot run under a debugger
_STALE = 0xA5  # what the arena holds before the first inference

_PROLOGUE = """\
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int receive(void *data, size_t bytes) { return fread(data, 1, bytes, stdin) == bytes; }
static void send(const void *data, size_t bytes) { (void)fwrite(data, 1, bytes, stdout); }
"""

_RUN = """\
static int run{index}(void) {{
    void *const arena = malloc({macro}_ARENA_SIZE);
    memset(arena, {stale}, {macro}_ARENA_SIZE);
    for (int sample = 0; sample < {samples}; sample++) {{
        if (!({receive}) || {prefix}_invoke(arena) != {macro}_OK) {{
            return 1;
        }}
        {send}
    }}
    free(arena);
    return fflush(stdout);
}}
"""

_MAIN = """\
int main(void) {{
    static int (*const runs[])(void) = {{{runs}}};
    for (size_t i = 0; i < sizeof runs / sizeof runs[0]; i++) {{
        if (runs[i]() != 0) {{
            return 1;
        }}
    }}
    return 0;
}}
"""


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """A legal graph, the kernels to compute it with, and its sets of inputs."""

    graph: Graph
    selection: Selection
    samples: Sequence[Sequence[Array]]


Result = list[list[Array]] | str  # outputs for each sample, or what went wrong


class Host:
    """Compiles and runs projects; the folder keeps the kernels that were compiled for them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._compile = ("gcc", "-std=c99", "-g", *WARNINGS, *SANITIZERS, CHECKED)

    def run(self, jobs: Sequence[Job]) -> list[Result]:
        """The outputs of each job, as C computes them; every job in an arena of its own."""
        with tempfile.TemporaryDirectory(dir=self._folder) as name:
            folder = Path(name)
            (folder / "mcu").symlink_to(resources.runtime_c() / "include")
            projects = [self._project(folder, i, job) for i, job in enumerate(jobs)]
            results: list[Result] = [p if isinstance(p, str) else [] for p in projects]
            good = [(i, p) for i, p in enumerate(projects) if not isinstance(p, str)]
            while good:
                outcome, report = self._outputs(folder, good, jobs)
                for (i, _), outputs in zip(good, outcome, strict=False):
                    results[i] = outputs
                good = good[len(outcome) :]
                if good:  # the first of them ended the program
                    results[good.pop(0)[0]] = report
        return results

    def _project(self, folder: Path, index: int, job: Job) -> Program | str:
        """Write and compile one project; the compiler's messages if it refuses."""
        prefix = f"m{index}"
        program = lower(job.graph, job.selection, Source("fuzz", "0" * 64), name=prefix)
        for name, text in render(program, None).items():
            if name.endswith((".c", ".h")) and not name.startswith("mcu/"):
                (folder / name).write_text(text)
        unit = folder / f"{prefix}_all.c"
        unit.write_text(f'#include "{prefix}_weights.c"\n#include "{prefix}.c"\n')
        done = self._gcc("-O0", "-c", str(unit), "-o", str(unit.with_suffix(".o")))
        return program if done.returncode == 0 else done.stderr.decode(errors="replace")

    def _kernels(self, names: Sequence[str]) -> list[str]:
        """The objects of kernels; another process may be making the same ones."""
        for name in names:
            target = self._folder / f"{name}.o"
            if not target.exists():
                source = next((resources.runtime_c() / "kernels").rglob(name))
                include = f"-I{resources.runtime_c() / 'include'}"
                part = target.with_suffix(f".{os.getpid()}")
                done = self._gcc("-O1", include, "-c", str(source), "-o", str(part))
                assert done.returncode == 0, done.stderr.decode(errors="replace")
                part.rename(target)
        return [str(self._folder / f"{name}.o") for name in names]

    def _gcc(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        command = [*self._compile, *arguments]
        return subprocess.run(command, capture_output=True, timeout=TIMEOUT_S, check=False)

    def _outputs(
        self, folder: Path, projects: Sequence[tuple[int, Program]], jobs: Sequence[Job]
    ) -> tuple[list[list[list[Array]]], str]:
        """The outputs of the projects that ended well, and what the next one said."""
        main = folder / "main.c"
        samples = len(jobs[projects[0][0]].samples)
        main.write_text(_program([program for _, program in projects], samples))
        kernels = self._kernels(sorted({k for _, program in projects for k in program.sources}))
        objects = [str(folder / f"m{i}_all.o") for i, _ in projects]
        done = self._gcc("-O0", str(main), *objects, *kernels, "-lm", "-o", str(folder / "main"))
        assert done.returncode == 0, done.stderr.decode(errors="replace")
        data = b"".join(
            array.tobytes() for i, _ in projects for sample in jobs[i].samples for array in sample
        )
        ran = subprocess.run(
            [str(folder / "main")],
            input=data,
            capture_output=True,
            timeout=TIMEOUT_S,
            check=False,
            env={**os.environ, **_ENVIRONMENT},
        )
        found, received = [], memoryview(ran.stdout)
        for i, _ in projects:
            tensors = [jobs[i].graph.tensors[t] for t in jobs[i].graph.outputs]
            size = samples * sum(tensor.bytes for tensor in tensors)
            if len(received) < size:
                break
            part, received = received[:size], received[size:]
            outputs: list[list[Array]] = []
            for _ in range(samples):
                outputs.append([])
                for tensor in tensors:
                    values = np.frombuffer(part[: tensor.bytes], tensor.dtype.numpy)
                    outputs[-1].append(values.reshape(tensor.shape))
                    part = part[tensor.bytes :]
            found.append(outputs)
        return found, f"exit status {ran.returncode}\n{ran.stderr.decode(errors='replace')}"


def _program(programs: Sequence[Program], samples: int) -> str:
    """The C program that feeds each project from stdin and writes its outputs to stdout."""
    runs = [
        _RUN.format(
            index=i,
            macro=program.macro,
            prefix=program.prefix,
            stale=_STALE,
            samples=samples,
            receive=" && ".join(
                f"receive({program.prefix}_{port.name}(arena), {port.bytes})"
                for port in program.inputs
            ),
            send=" ".join(
                f"send({program.prefix}_{port.name}(arena), {port.bytes});"
                for port in program.outputs
            ),
        )
        for i, program in enumerate(programs)
    ]
    names = ", ".join(f"run{i}" for i in range(len(programs)))
    includes = (f'#include "{program.prefix}.h"' for program in programs)
    return "\n".join((_PROLOGUE, *includes, "", *runs, _MAIN.format(runs=names)))
