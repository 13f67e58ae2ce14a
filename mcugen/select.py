"""The kernels that can compute each node, and what each would cost there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mcugen.errors import UnsupportedModelError
from mcugen.ir import Call, Graph
from mcugen.ops import OPS
from mcugen.ops.base import Kernel
from mcugen.target import Cpu
from mcugen.verify import kernel_problems

Cycles = Callable[[Kernel, Call], int]


@dataclass(frozen=True, slots=True)
class Selection:
    """One kernel per node of the graph, in its order; None where the node only renames memory."""

    kernels: tuple[Kernel | None, ...]


@dataclass(frozen=True, slots=True)
class Variant:
    """A kernel that can compute a node: cycles of one run, bytes of its constants and scratch."""

    kernel: Kernel
    cycles: int
    constants: int
    scratch: int


def modelled(kernel: Kernel, call: Call) -> int:
    """The cycles that a kernel's own formula gives."""
    return kernel.cost(call).cycles


def variants(call: Call, cpu: Cpu, cycles: Cycles = modelled) -> tuple[Variant, ...]:
    """What can compute a call, the better family first; nothing for one that renames memory."""
    op = OPS[call.node.op]
    if op.alias:
        return ()
    return tuple(
        _variant(kernel, call, cycles)
        for family in cpu.families
        for kernel in op.kernels
        if kernel.family is family and kernel.refusal(call) is None
    )


def constants(kernel: Kernel, call: Call) -> int:
    """Bytes of a call's constants, as the kernel packs them."""
    flash = kernel.cost(call).flash
    return kernel.constants(call) if flash is None else flash


def _variant(kernel: Kernel, call: Call, cycles: Cycles) -> Variant:
    return Variant(
        kernel,
        cycles(kernel, call),
        constants(kernel, call),
        0 if kernel.scratch is None else kernel.scratch(call),
    )


def require_kernels(graph: Graph, cpu: Cpu) -> None:
    """Raise an UnsupportedModelError with every node that no kernel can compute."""
    problems = kernel_problems(graph, cpu.families)
    if problems:
        raise UnsupportedModelError(problems)


def select(graph: Graph, cpu: Cpu) -> Selection:
    """For each node by itself the fewest modelled cycles, then constants, then the better family.

    `choose` looks at the whole model. Raises UnsupportedModelError like `require_kernels`.
    """
    require_kernels(graph, cpu)
    return Selection(tuple(_fastest(variants(call, cpu)) for call in graph.calls()))


def _fastest(found: tuple[Variant, ...]) -> Kernel | None:
    best = min(found, key=lambda variant: (variant.cycles, variant.constants), default=None)
    return None if best is None else best.kernel
