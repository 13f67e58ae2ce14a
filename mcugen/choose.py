"""Which kernel each node gets, and in which order the nodes run, under an objective.

    time      fewest cycles
    balanced  least product of cycles and flash: a per cent of one is worth a per cent of the other
    size      least flash, then cycles
    ram       least RAM, then cycles

Flash is constants and the code of the kernels, which counts once for all layers that share one. RAM
is the arena, scratch included. What an objective does not spend least of is only limited.

For the modelled costs the choice is the best there is over the whole model: `frontier` adds up
cycles and flash exactly, and RAM is the peak of the steps, so that a limit of RAM leaves to every
layer the variants whose step stays within it. But the load of a step is only a bound on the plan,
so plans have the last word on RAM: while one exceeds the limit a lower peak is tried, and of the
choices with the lowest peaks the one with the smallest plan is that with the least RAM.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from mcugen.code_size import code_size
from mcugen.frontier import Option, Point, frontier
from mcugen.ir import Graph, TensorId
from mcugen.lifetimes import lifetimes
from mcugen.plan import loads, plan
from mcugen.reorder import reorder
from mcugen.select import Cycles, Selection, Variant, modelled, require_kernels, variants
from mcugen.target import Cpu


class Objective(enum.Enum):
    """What to spend least of."""

    TIME = "time"
    BALANCED = "balanced"
    SIZE = "size"
    RAM = "ram"


@dataclass(frozen=True, slots=True)
class Limits:
    """The most bytes of flash (constants, kernels) and RAM (arena); None is no limit."""

    flash: int | None = None
    ram: int | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """A graph in its order of execution, and its kernels."""

    graph: Graph
    selection: Selection


def choose(
    graph: Graph,
    cpu: Cpu,
    objective: Objective = Objective.BALANCED,
    limits: Limits = Limits(),
    cycles: Cycles = modelled,
) -> Choice:
    """The best choice within the limits; the nearest to them if there is none.

    Kernels are chosen for the graph's own order, then an order for the kernels, and then kernels
    for that order. Raises UnsupportedModelError with every node that no kernel can compute.
    """
    require_kernels(graph, cpu)
    known = {call.node.outputs[0]: variants(call, cpu, cycles) for call in graph.calls()}
    first = _Search(graph, cpu, known).best(objective, limits)
    ordered = reorder(graph, first)
    if ordered is graph:
        return Choice(graph, first)
    return Choice(ordered, _Search(ordered, cpu, known).best(objective, limits))


class _Search:
    """The choices of a graph in its order; layers are its nodes that have kernels."""

    def __init__(
        self, graph: Graph, cpu: Cpu, known: Mapping[TensorId, tuple[Variant, ...]]
    ) -> None:
        self._graph = graph
        self._variants = [known[node.outputs[0]] for node in graph.nodes]
        kernels = {v.kernel.name: v.kernel for found in self._variants for v in found}
        self._numbers = {name: number for number, name in enumerate(kernels)}
        self._code = [code_size(kernel, cpu) for kernel in kernels.values()]
        self._loads = step_loads(graph, self._variants)
        self._layers = [i for i, found in enumerate(self._variants) if found]
        self._floor = max((min(self._loads[i]) for i in self._layers), default=0)

    def best(self, objective: Objective, limits: Limits) -> Selection:
        """The best selection whose plan fits the limit of RAM; else the one with the least RAM."""
        if objective is Objective.RAM:
            return self._least_ram(limits.flash)
        for peak in self._peaks(limits.ram):
            point = self._point(objective, limits.flash, peak)
            chosen = self._selection(point)
            if limits.ram is None or self._arena(chosen) <= limits.ram:
                return chosen
        return self._least_ram(limits.flash)

    def _peaks(self, limit: int | None) -> list[int]:
        """The peaks in question, falling: the loads that leave a variant to every layer."""
        found = {load for i in self._layers for load in self._loads[i] if load >= self._floor}
        within = sorted((p for p in found if limit is None or p <= limit), reverse=True)
        return within or [self._floor]

    def _point(self, objective: Objective, flash: int | None, peak: int) -> Point:
        """The best point below a peak; the least flash where its limit cannot be met."""
        points = self._frontier(peak)
        within = [point for point in points if flash is None or point.flash <= flash]
        return min(within, key=_RANK[objective]) if within else points[-1]

    def _least_ram(self, flash: int | None) -> Selection:
        """The smallest arena among the fastest choice below each peak, and the leanest choice."""

        def rank(point: Point) -> tuple[int, int, int]:
            excess = 0 if flash is None else max(point.flash - flash, 0)
            return excess, self._arena(self._selection(point)), point.cycles

        best = self._leanest()
        least = rank(best)
        for peak in reversed(self._peaks(None)):
            if least[0] == 0 and peak > least[1]:  # no arena is smaller than its peak
                break
            point = self._point(Objective.RAM, flash, peak)
            if (found := rank(point)) < least:
                best, least = point, found
        return self._selection(best)

    def _leanest(self) -> Point:
        """For each layer the variant that needs the least memory, then the faster one."""
        least = [min(self._loads[i]) for i in self._layers]
        allowed = [
            [j for j, load in enumerate(self._loads[i]) if load == low]
            for i, low in zip(self._layers, least, strict=True)
        ]
        return self._points(allowed)[0]

    def _frontier(self, peak: int) -> tuple[Point, ...]:
        """The unbeaten choices below a peak."""
        return self._points(
            [[j for j, load in enumerate(self._loads[i]) if load <= peak] for i in self._layers]
        )

    def _points(self, allowed: Sequence[Sequence[int]]) -> tuple[Point, ...]:
        """The unbeaten choices; picks are positions among all variants of a node."""
        options = [
            [self._option(self._variants[i][j]) for j in numbers]
            for i, numbers in zip(self._layers, allowed, strict=True)
        ]
        return tuple(
            Point(p.cycles, p.flash, tuple(n[k] for n, k in zip(allowed, p.picks, strict=True)))
            for p in frontier(options, self._code)
        )

    def _option(self, variant: Variant) -> Option:
        return Option(variant.cycles, variant.constants, self._numbers[variant.kernel.name])

    def _selection(self, point: Point) -> Selection:
        picks = dict(zip(self._layers, point.picks, strict=True))
        return Selection(
            tuple(
                found[picks[i]].kernel if found else None for i, found in enumerate(self._variants)
            )
        )

    def _arena(self, selection: Selection) -> int:
        lives = lifetimes(self._graph, selection)
        return plan(lives.buffers, lives.shares).arena_bytes


def _product(point: Point) -> float:
    return float(max(point.cycles, 1)) * max(point.flash, 1)


_RANK: dict[Objective, Callable[[Point], tuple[float, float]]] = {
    Objective.TIME: lambda point: (point.cycles, point.flash),
    Objective.BALANCED: lambda point: (_product(point), point.cycles),
    Objective.SIZE: lambda point: (point.flash, point.cycles),
    Objective.RAM: lambda point: (point.cycles, point.flash),
}


def step_loads(graph: Graph, found: Sequence[Sequence[Variant]]) -> list[tuple[int, ...]]:
    """For each node the bytes in use while it runs, one figure for each of its variants.

    They depend on what the variant at this node may overlap and its scratch, not on other nodes.
    So all first variants are looked at together, then all second ones, and so on.
    """
    rounds = [
        _loads(graph, Selection(tuple(v[min(k, len(v) - 1)].kernel if v else None for v in found)))
        for k in range(max(map(len, found), default=0))
    ]
    return [
        tuple(rounds[k].get(step, 0) for k in range(len(variants)))
        for step, variants in enumerate(found)
    ]


def _loads(graph: Graph, selection: Selection) -> dict[int, int]:
    lives = lifetimes(graph, selection)
    return loads(lives.buffers, lives.shares)
