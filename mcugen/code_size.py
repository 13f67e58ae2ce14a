"""Bytes of code that a kernel adds to flash, from a table that the compiler made.

`python -m mcugen.testing.code_sizes > mcugen/code_sizes.json` makes it anew.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from mcugen.ops.base import Kernel
from mcugen.target import Cpu

CORES = ("cortex-m0", "cortex-m3", "cortex-m4", "cortex-m55")
UNKNOWN = 800  # of a kernel that is not in the table, as those of plug-ins: about the average

_LIKE = {  # cores whose code is as large; on the host a part of it is as good as another
    "cortex-m0plus": "cortex-m0",
    "cortex-m7": "cortex-m4",
    "cortex-m33": "cortex-m4",
    "cortex-m85": "cortex-m55",
    "host": "cortex-m4",
}


def code_size(kernel: Kernel, cpu: Cpu) -> int:
    """Bytes of code and of the tables that come with it."""
    return _table().get(_LIKE.get(cpu.name, cpu.name), {}).get(kernel.name, UNKNOWN)


@cache
def _table() -> dict[str, dict[str, int]]:
    path = Path(__file__).with_name("code_sizes.json")
    sizes: dict[str, dict[str, int]] = json.loads(path.read_text(encoding="utf-8"))
    return sizes
