"""Builds small images from assembly text."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from mcugen.cycles import CORES, Image, Machine
from mcugen.target import CPUS

Assemble = Callable[..., Machine]

HEAD = """\
.syntax unified
.thumb
.text
"""

FUNCTION = """\
.balign 8
.global {name}
.type {name}, %function
{name}:
{body}
.size {name}, . - {name}
"""


@pytest.fixture
def assemble(tmp_path: Path) -> Assemble:
    """A function that makes a machine out of named function bodies."""

    def build(core: str = "cortex-m4", **functions: str) -> Machine:
        source, image = tmp_path / "code.S", tmp_path / "code.elf"
        bodies = (FUNCTION.format(name=name, body=body) for name, body in functions.items())
        source.write_text(HEAD + "\n".join(bodies))
        subprocess.run(
            [
                "arm-none-eabi-gcc",
                *CPUS[core].flags,
                "-nostdlib",
                "-Wl,-Ttext=0x08000000,-e,0x08000000",
                *("-o", str(image), str(source)),
            ],
            check=True,
            timeout=60,
        )
        return Machine(Image.load(image), CORES[core])

    return build
