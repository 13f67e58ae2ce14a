"""Kernel selection: for each node the cheapest kernel that the core can run."""

from __future__ import annotations

from dataclasses import dataclass

from mcugen.errors import UnsupportedModelError
from mcugen.ir import Call, Graph
from mcugen.ops import OPS
from mcugen.ops.base import Kernel
from mcugen.target import Cpu
from mcugen.verify import kernel_problems


@dataclass(frozen=True, slots=True)
class Selection:
    """One kernel per node of the graph, in its order; None where the node only renames memory."""

    kernels: tuple[Kernel | None, ...]


def select(graph: Graph, cpu: Cpu) -> Selection:
    """Choose by modelled cycles, then constants in flash, then the better family.

    Raises UnsupportedModelError with every node that no kernel can compute.
    """
    problems = kernel_problems(graph, cpu.families)
    if problems:
        raise UnsupportedModelError(problems)
    return Selection(tuple(_cheapest(call, cpu) for call in graph.calls()))


def _cheapest(call: Call, cpu: Cpu) -> Kernel | None:
    op = OPS[call.node.op]
    if op.alias:
        return None

    def rank(kernel: Kernel) -> tuple[int, int, int]:
        cost = kernel.cost(call)
        return cost.cycles, cost.flash, cpu.families.index(kernel.family)

    return min(
        (k for k in op.kernels if k.family in cpu.families and k.refusal(call) is None), key=rank
    )
