"""Runs C kernels for a Cortex-M core under the emulator: outputs, and what each call costs.

The kernel is called in place, its operands, output and scratch between guards.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mcugen import resources
from mcugen.cycles import CORES, Image, Machine, Trace
from mcugen.cycles.machine import Span
from mcugen.ops.base import Array, Const
from mcugen.target import CPUS
from mcugen.testing.kernels import WARNINGS, KernelCase, case_source, kernel_source

TIMEOUT_S = 120
NO_FPU = "-mfloat-abi=soft"


@dataclass(frozen=True, slots=True, eq=False)
class Emulated:
    """What a kernel computed, and its cost."""

    outputs: list[Array]
    trace: Trace


def run_emulated(
    cases: Sequence[KernelCase],
    core: str = "cortex-m4",
    *,
    fpu: bool = True,
    restricted: bool = False,
) -> list[Emulated]:
    """Compile the kernels of all cases as one image and call each once.

    With `fpu` False, as for a core that was made without one; if `restricted`, under the rules of
    `Machine.restrict`, with all that belongs to other cases out of reach.
    """
    flags = CPUS[core].flags
    if not fpu:
        flags = (*(f for f in flags if not f.startswith(("-mfloat-abi", "-mfpu"))), NO_FPU)
    with tempfile.TemporaryDirectory(prefix="mcugen-emulated-") as folder:
        image = _link(cases, flags, Path(folder))
    spans = [_constants(image, index, case) for index, case in enumerate(cases)]
    ends = [end for case in spans for span in case for end in span]
    watched = (min(ends), max(ends))
    done = []
    for index, case in enumerate(cases):
        machine = Machine(image, CORES[core])
        if restricted:
            machine.restrict(watched, spans[index])
        done.append(_run(machine, index, case))
    return done


def _constants(image: Image, index: int, case: KernelCase) -> list[Span]:
    """Where the params of a case and their tables are."""
    fields = case.kernel.params(case.call)
    tables = [(f"{n}{index}", v.values.nbytes) for n, v in fields.items() if isinstance(v, Const)]
    spans = [(image.symbol(name), image.symbol(name) + size) for name, size in tables]
    params = image.symbol(f"params{index}")
    following = (address for address in image.symbols.values() if address > params)
    return [*spans, (params, min(following))]


def _link(cases: Sequence[KernelCase], flags: Sequence[str], folder: Path) -> Image:
    headers = sorted({case.kernel.header for case in cases})
    source, binary = folder / "cases.c", folder / "cases.elf"
    runs = ", ".join(f"run{i}" for i in range(len(cases)))
    source.write_text(
        "\n".join(
            (
                "#include <math.h>",
                "#include <stddef.h>",
                "#include <stdint.h>",
                *(f'#include "{header}"' for header in headers),
                *(case_source(index, case) for index, case in enumerate(cases)),
                "extern void (*const runs[])(void *const *blocks);",
                f"void (*const runs[])(void *const *blocks) = {{{runs}}};",
            )
        )
    )
    names = sorted({case.kernel.name for case in cases})
    command = [
        *("arm-none-eabi-gcc", *flags, "-std=c99", "-O2", *WARNINGS),
        *("-Wno-unused-const-variable", f"-I{resources.runtime_c() / 'include'}"),
        *("-nostartfiles", "-Wl,-Ttext=0x08000000,-e,0x08000000"),
        *("-o", str(binary), str(source), *(str(kernel_source(name)) for name in names)),
    ]
    done = subprocess.run(command, capture_output=True, timeout=TIMEOUT_S, check=False)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return Image.load(binary)


def _run(machine: Machine, index: int, case: KernelCase) -> Emulated:
    operands = [
        machine.buffer(f"operand {i}", np.ascontiguousarray(value).tobytes())
        for i, value in enumerate(case.operands)
    ]
    rest = [machine.buffer("block", size) for size in case.blocks[len(operands) :]]
    if case.kernel.operands is None:  # one array of pointers to all of them
        addresses = np.array([operand.address for operand in operands], np.uint32)
        operands = [machine.buffer("operands", addresses.tobytes())]
    params = machine.image.symbol(f"params{index}")
    trace = machine.call(case.kernel.name, params, *operands, *rest)
    outputs = [
        np.frombuffer(machine.read(buffer), tensor.dtype.numpy).reshape(tensor.shape)
        for tensor, buffer in zip(case.call.outputs, rest, strict=False)
    ]
    return Emulated(outputs, trace)
