"""Measured costs of kernels, kept between runs in the user's cache.

A cost is kept under a hash of all that it depends on: the kernel's C files, the compiler, the core,
and the call as the kernel sees it, which is every plain field of its params and the sizes of its
tables; not the weights themselves.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import mcugen
from mcugen.build import run_tool
from mcugen.choose import Choice
from mcugen.emit import kernel_files
from mcugen.errors import BoardError
from mcugen.ir import Call, Graph
from mcugen.lifetimes import lifetimes
from mcugen.limits import Figures
from mcugen.ops.base import Const, Kernel
from mcugen.plan import plan
from mcugen.select import Selection, variants
from mcugen.target import Cpu


@dataclass(slots=True)
class Measurements:
    """What was measured on one core with one compiler; a cost that is not there is an error."""

    cpu: Cpu
    compiler: str
    unit: str  # cycles or instructions
    costs: dict[str, int] = field(default_factory=dict)

    @classmethod
    def load(cls, cpu: Cpu, unit: str) -> Measurements:
        """Those of the cache; a file that cannot be read counts as empty."""
        found = cls(cpu, compiler_version(cpu), unit)
        with contextlib.suppress(OSError, ValueError):
            stored = json.loads(found._file.read_text(encoding="utf-8"))
            found.costs = {str(key): int(cost) for key, cost in stored.items()}
        return found

    def save(self) -> None:
        """Add to the cache what it lacks, in one step, so that no reader sees half a file."""
        self.costs = {**Measurements.load(self.cpu, self.unit).costs, **self.costs}
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", dir=self._file.parent, delete=False
        ) as file:
            json.dump(self.costs, file, indent=0, sort_keys=True)
        Path(file.name).replace(self._file)

    @property
    def _file(self) -> Path:
        return cache_folder() / f"{self.unit}-{self.cpu.name}.json"

    def has(self, kernel: Kernel, call: Call) -> bool:
        """Whether the cost is known."""
        return self._key(kernel, call) in self.costs

    def add(self, kernel: Kernel, call: Call, cost: int) -> None:
        """Keep a cost."""
        self.costs[self._key(kernel, call)] = cost

    def cycles(self, kernel: Kernel, call: Call) -> int:
        """A cost, for `choose`; BoardError if it was not measured."""
        if not self.has(kernel, call):
            raise BoardError(
                f"{call.node.where}: {kernel.name} was not measured on a {self.cpu.name} yet; "
                "run `mcugen profile MODEL --board B --tune` first"
            )
        return self.costs[self._key(kernel, call)]

    def _key(self, kernel: Kernel, call: Call) -> str:
        folders = () if kernel.folder is None else (kernel.folder,)
        facts = (
            mcugen.__version__,
            self.cpu.name,
            self.cpu.flags,
            self.compiler,
            kernel.name,
            _sources(kernel.name, kernel.header, folders),
            _seen(kernel, call),
        )
        return hashlib.sha256(repr(facts).encode()).hexdigest()[:32]


def _seen(kernel: Kernel, call: Call) -> Mapping[str, object]:
    """The call as the kernel sees it, tables by their sizes."""
    shapes = [None if t is None else (t.dtype.value, t.shape) for t in (*call.inputs, call.output)]
    fields = {
        name: (value.ctype, value.values.size) if isinstance(value, Const) else value
        for name, value in kernel.params(call).items()
    }
    return {"tensors": shapes, **fields}


@cache
def _sources(name: str, header: str, folders: tuple[Path, ...]) -> str:
    digest = hashlib.sha256()
    for path in kernel_files((f"{name}.c", header), folders):
        digest.update(path.read_bytes())
    return digest.hexdigest()


@cache
def compiler_version(cpu: Cpu) -> str:
    """What builds for a core; ToolError if it is missing."""
    compiler = "gcc" if cpu.name == "host" else "arm-none-eabi-gcc"
    return f"{compiler} {run_tool([compiler, '-dumpfullversion']).stdout.strip()}"


def rounds(graph: Graph, measured: Measurements) -> list[Choice]:
    """Choices that together have every kernel of every layer that was not measured yet."""
    found = [variants(call, measured.cpu) for call in graph.calls()]
    waiting = [
        [v.kernel for v in options if not measured.has(v.kernel, call)]
        for options, call in zip(found, graph.calls(), strict=True)
    ]
    choices = []
    for turn in range(max(map(len, waiting), default=0)):
        kernels = tuple(
            new[turn] if turn < len(new) else options[0].kernel if options else None
            for new, options in zip(waiting, found, strict=True)
        )
        selection = Selection(kernels)
        lives = lifetimes(graph, selection)
        arena = plan(lives.buffers, lives.shares).arena_bytes
        choices.append(Choice(graph, selection, Figures(0, 0, arena)))
    return choices


def unit_of(cpu: Cpu) -> str:
    """What is measured on a core: cycles where the emulator has a model of it, or instructions."""
    try:
        from mcugen.cycles.costs import CORES
    except ImportError:
        return "instructions"
    return "cycles" if cpu.name in CORES else "instructions"


def cache_folder() -> Path:
    """The user's cache, as each system has it."""
    home = Path.home()
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = home / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache")
    return base / "mcugen"
