"""The manual of all operators, from their modules: `python -m mcugen.ops.manual` prints it."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from types import ModuleType

from mcugen import ops
from mcugen.ops import BY_TFLITE
from mcugen.ops.base import Kernel, Op, rule_text

_INTRODUCTION = """\
# Operators

What mcugen compiles, generated from the modules in `mcugen/ops` (`make docs`). A model that breaks
a limit is refused before a file is written; `mcugen analyze` lists everything that it breaks at
once, in the words below.

A kernel is one C function in `runtime_c/kernels`. Those of the family `ref` are plain C99 for any
core, `dsp` is for cores with the DSP extension (Cortex-M4, M7, M33), `mve` for Helium (Cortex-M55).
All kernels that take a call compute the same bytes; the one that is modelled to be the fastest on
the board is used.
"""


def text() -> str:
    """The manual in Markdown."""
    by_name = sorted(BY_TFLITE.values(), key=lambda op: op.tflite)
    rows = [
        f"| [{op.tflite}](#{op.tflite.lower()}) | {_types(op)} | {_families(op)} |"
        for op in by_name
    ]
    modules = _modules()
    parts = ["\n".join(["| operator | types | kernels |", "|---|---|---|", *rows])]
    parts += ["\n\n".join(_section(op, modules[op.name])) for op in by_name]
    return "\n\n".join((_INTRODUCTION.rstrip(), *parts)) + "\n"


def _modules() -> Mapping[str, ModuleType]:
    """The module of each operator."""
    return {
        op.name: module
        for module in vars(ops).values()
        if inspect.ismodule(module)
        for op in vars(module).values()
        if isinstance(op, Op)
    }


def _section(op: Op, module: ModuleType) -> Iterator[str]:
    yield f"## {op.tflite}"
    yield inspect.getdoc(module) or ""
    low, high = op.arity
    count = f"{low}" if low == high else f"{low} to {high}"
    yield f"Inputs: {count}. Types: {_types(op)}."
    if op.rules:
        yield "Limits:"
        yield "\n".join(f"- {rule_text(rule)}" for rule in op.rules)
    if op.kernels:
        yield "Kernels:"
        yield "\n".join(f"- {_kernel(kernel)}" for kernel in op.kernels)


def _kernel(kernel: Kernel) -> str:
    needs = "".join(f" {rule_text(rule)}" for rule in kernel.applies)
    return f"`{kernel.name}`, {kernel.family.value}, {kernel.type_text}.{needs}"


def _types(op: Op) -> str:
    if op.alias:
        return "any; renames memory"
    if not op.kernels:
        return "any; rewritten or folded away"
    listed = dict.fromkeys("any" if k.dtype is None else k.dtype.value for k in op.kernels)
    return ", ".join(listed)


def _families(op: Op) -> str:
    return ", ".join(dict.fromkeys(kernel.family.value for kernel in op.kernels)) or "none needed"


if __name__ == "__main__":
    print(text(), end="")
