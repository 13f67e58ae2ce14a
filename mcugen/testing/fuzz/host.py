"""Runs many generated projects on this machine: one program, under the sanitizers, over a pipe."""

from __future__ import annotations

import os
import re
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
_STALE = 0xA5  # what the arena holds before each inference

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
{allocate}
    for (int sample = 0; sample < {samples}; sample++) {{
        memset(arena, {stale}, {macro}_ARENA_SIZE);
{reset}
        if (!({receive})) {{
            return 1;
        }}
        if ({prefix}_invoke({arguments}) != {macro}_OK) {{
            return 1;
        }}
        {check}
        {send}
    }}
{release}
    return fflush(stdout);
}}
"""

_RESET = """\
        if (sample % {period} == 0 && {prefix}_reset(state) != {macro}_OK) {{
            return 1;
        }}"""

_MAIN = """\
int main(int argc, char **argv) {{
    static int (*const runs[])(void) = {{{runs}}};
    for (int i = (argc > 1) ? atoi(argv[1]) : 0; i < (int)(sizeof runs / sizeof runs[0]); i++) {{
        if (runs[i]() != 0) {{
            return 1;
        }}
    }}
    return 0;
}}
"""


_STATIC = re.compile(r"^static [^=({\n]*?\b(\w+)(?:\[[^\n]*?\])* ?[=(]", re.MULTILINE)


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """A legal graph, the kernels to compute it with, and its sets of inputs.

    A graph with a state is reset before the first of them and after every `period`.
    """

    graph: Graph
    selection: Selection
    samples: Sequence[Sequence[Array]]
    period: int


Result = list[list[Array]] | str  # outputs for each sample, or what went wrong


class Host:
    """Compiles and runs projects; the folder keeps the kernels that were compiled for them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._compile = ("gcc", "-std=c99", "-g1", *WARNINGS, *SANITIZERS, CHECKED)

    def run(self, jobs: Sequence[Job]) -> list[Result]:
        """The outputs of each job, as C computes them; every job in an arena of its own."""
        if not jobs:
            return []
        with tempfile.TemporaryDirectory(dir=self._folder) as name:
            folder = Path(name)
            (folder / "mcu").symlink_to(resources.runtime_c() / "include")
            programs = [_written(folder, i, job) for i, job in enumerate(jobs)]
            results: list[Result] = ["" for _ in jobs]
            good = list(range(len(jobs)))
            if self._unit(folder, [programs[i] for i in good], jobs):
                for i in list(good):  # one at a time, to find those that gcc refuses
                    results[i] = self._unit(folder, [programs[i]], jobs[i : i + 1])
                good = [i for i in good if not results[i]]
                if not good:
                    return results
                refusal = self._unit(folder, [programs[i] for i in good], [jobs[i] for i in good])
                assert not refusal, refusal
            kernels = self._kernels(sorted({k for i in good for k in programs[i].sources}))
            self._link(folder, kernels)
            start = 0
            while start < len(good):
                outcome, report = _outputs(folder, start, [jobs[i] for i in good])
                for i, outputs in zip(good[start:], outcome, strict=False):
                    results[i] = outputs
                start += len(outcome)
                if start < len(good):  # the next one ended the program
                    results[good[start]] = report
                    start += 1
        return results

    def _unit(self, folder: Path, programs: Sequence[Program], jobs: Sequence[Job]) -> str:
        """Compile the projects and their main as one file; the compiler's messages."""
        (folder / "main.c").write_text(_program(programs, jobs))
        done = self._gcc("-O0", "-c", str(folder / "main.c"), "-o", str(folder / "main.o"))
        return "" if done.returncode == 0 else done.stderr.decode(errors="replace")

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

    def _link(self, folder: Path, kernels: Sequence[str]) -> None:
        done = self._gcc(str(folder / "main.o"), *kernels, "-lm", "-o", str(folder / "main"))
        assert done.returncode == 0, done.stderr.decode(errors="replace")

    def _gcc(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        command = [*self._compile, *arguments]
        return subprocess.run(command, capture_output=True, timeout=TIMEOUT_S, check=False)


def _written(folder: Path, index: int, job: Job) -> Program:
    """Write the C files of one project, with file names of its own for what is static."""
    program = lower(job.graph, job.selection, Source("fuzz", "0" * 64), name=f"m{index}")
    for name, text in render(program, None).items():
        if name.endswith((".c", ".h")) and not name.startswith("mcu/"):
            for static in sorted(set(_STATIC.findall(text))):
                text = re.sub(rf"\b{static}\b", f"{program.prefix}_{static}", text)
            (folder / name).write_text(text)
    return program


def _outputs(folder: Path, start: int, jobs: Sequence[Job]) -> tuple[list[list[list[Array]]], str]:
    """Run from a job on: the outputs of those that ended well, and what the next one said."""
    rest = jobs[start:]
    ran = subprocess.run(
        [str(folder / "main"), str(start)],
        input=b"".join(a.tobytes() for job in rest for sample in job.samples for a in sample),
        capture_output=True,
        timeout=TIMEOUT_S,
        check=False,
        env={**os.environ, **_ENVIRONMENT},
    )
    found, received = [], memoryview(ran.stdout)
    for job in rest:
        tensors = [job.graph.tensors[t] for t in job.graph.outputs]
        size = len(job.samples) * sum(tensor.bytes for tensor in tensors)
        if len(received) < size:
            break
        part, received = received[:size], received[size:]
        outputs: list[list[Array]] = []
        for _ in job.samples:
            outputs.append([])
            for tensor in tensors:
                values = np.frombuffer(part[: tensor.bytes], tensor.dtype.numpy)
                outputs[-1].append(values.reshape(tensor.shape))
                part = part[tensor.bytes :]
        found.append(outputs)
    return found, f"exit status {ran.returncode}\n{ran.stderr.decode(errors='replace')}"


def _program(programs: Sequence[Program], jobs: Sequence[Job]) -> str:
    """The C program: projects, each fed from stdin, and their outputs written to stdout."""
    runs = [
        _run(index, program, job)
        for index, (program, job) in enumerate(zip(programs, jobs, strict=True))
    ]
    names = ", ".join(f"run{i}" for i in range(len(programs)))
    includes = (
        f'#include "{program.prefix}{file}.c"' for program in programs for file in ("_weights", "")
    )
    return "\n".join((_PROLOGUE, *includes, "", *runs, _MAIN.format(runs=names)))


def _run(index: int, program: Program, job: Job) -> str:
    names = {"macro": program.macro, "prefix": program.prefix}
    arguments = [argument.name for argument in program.arguments]
    given = [a for a in program.arguments if a.kind == "input"]  # to be left as they are
    blocks = {a.name: a.bytes for a in program.arguments} | {
        f"{a.name}_was": a.bytes for a in given
    }
    copies = (f"memcpy({a.name}_was, {a.name}, {a.bytes}) != NULL" for a in given)
    places = {
        port.name: port.name if program.is_given_io else f"{program.prefix}_{port.name}(arena)"
        for port in program.ports
    }
    return _RUN.format(
        index=index,
        stale=_STALE,
        samples=len(job.samples),
        allocate="\n".join(f"    void *const {n} = malloc({size});" for n, size in blocks.items()),
        release="\n".join(f"    free({name});" for name in blocks),
        reset=_RESET.format(period=job.period, **names) if program.state else "",
        receive=" && ".join(
            [*(f"receive({places[port.name]}, {port.bytes})" for port in program.inputs), *copies]
        ),
        arguments=", ".join(arguments),
        check=" ".join(
            f"if (memcmp({a.name}_was, {a.name}, {a.bytes}) != 0) {{ return 1; }}" for a in given
        ),
        send=" ".join(f"send({places[port.name]}, {port.bytes});" for port in program.outputs),
        **names,
    )
