"""How many bytes of code each kernel takes, as gcc compiles it for each core.

    python -m mcugen.testing.code_sizes > mcugen/code_sizes.json

Selection reads that file (`mcugen.code_size`), so that it needs no compiler and chooses alike on
all machines.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

from mcugen import resources
from mcugen.build import section_sizes
from mcugen.code_size import CORES
from mcugen.ops import OPS
from mcugen.ops.base import Kernel
from mcugen.target import CPUS
from mcugen.testing.kernels import kernel_source

OPTIONS = ("-std=c99", "-O2", "-ffunction-sections", "-fdata-sections", "-ffp-contract=off")


def kernels(core: str) -> list[Kernel]:
    """The kernels with a file of their own that run on a core, by name."""
    ours = (k for op in OPS.values() for k in op.kernels if k.folder is None and k.header)
    known = {kernel.name: kernel for kernel in ours}
    return [known[name] for name in sorted(known) if known[name].family in CPUS[core].families]


def measure(core: str, chosen: Iterable[Kernel]) -> dict[str, int]:
    """Bytes of code and of the tables in the kernel's own file, by its name."""
    names = [kernel.name for kernel in chosen]
    with tempfile.TemporaryDirectory(prefix="mcugen-code-") as folder:
        subprocess.run(
            [
                *("arm-none-eabi-gcc", *CPUS[core].flags, *OPTIONS, "-c"),
                f"-I{resources.runtime_c() / 'include'}",
                *(str(kernel_source(name)) for name in names),
            ],
            cwd=folder,
            check=True,
        )
        return {name: section_sizes(Path(folder, f"{name}.o")).flash for name in names}


if __name__ == "__main__":
    sizes = {core: measure(core, kernels(core)) for core in CORES}
    print(json.dumps(sizes, indent=1, sort_keys=True))
