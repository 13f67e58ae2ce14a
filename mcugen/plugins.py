"""Custom operators: Python files that define operators of their own, with kernels beside them.

Such a file has a tuple `OPERATORS` of `mcugen.ops.base.Op`, whose kernels name the folder of their
C files. `examples/custom_operator` is one.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from mcugen.errors import PluginError
from mcugen.ops import BY_TFLITE, OPS
from mcugen.ops.base import CUSTOM, Op


def load(path: Path) -> tuple[Op, ...]:
    """The operators that a file defines; the file is run. Raises PluginError."""
    if not path.is_file():
        raise PluginError(f"{path}: no such file; give a .py file that defines OPERATORS")
    spec = importlib.util.spec_from_file_location(f"mcugen_plugin_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise PluginError(f"{path}: not a Python file; give a .py file that defines OPERATORS")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses look for it
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # whatever somebody else's code raises
        raise PluginError(f"{path}: {type(error).__name__}: {error}; mend the file") from error
    operators = getattr(module, "OPERATORS", None)
    if isinstance(operators, tuple) and all(isinstance(op, Op) for op in operators):
        return operators
    raise PluginError(f"{path}: no tuple OPERATORS of mcugen.ops.base.Op; define it")


@contextmanager
def registered(operators: Iterable[Op]) -> Iterator[None]:
    """Know more operators until the block ends. Raises PluginError."""
    added: list[Op] = []
    try:
        for op in operators:
            _check(op)
            OPS[op.name] = BY_TFLITE[op.tflite] = op
            added.append(op)
        yield
    finally:
        for op in added:
            del OPS[op.name], BY_TFLITE[op.tflite]


def _check(op: Op) -> None:
    if not op.tflite.startswith(CUSTOM):
        raise PluginError(
            f"operator {op.name}: named {op.tflite} in files; "
            f'custom operators are named "{CUSTOM}NAME"; change `tflite`'
        )
    if op.name in OPS or op.tflite in BY_TFLITE:
        raise PluginError(f"operator {op.name} ({op.tflite}): known already; choose other names")
    for kernel in op.kernels:
        for name in (f"{kernel.name}.c", kernel.header):
            if kernel.folder is None or not (kernel.folder / name).is_file():
                raise PluginError(
                    f"operator {op.name}: no {name} in {kernel.folder}; "
                    "a kernel's `folder` has its C file and its header; add them"
                )
