"""Which kernel each node gets, and in which order the nodes run, under an objective.

    time      fewest cycles
    balanced  least product of cycles and flash: a per cent of one is worth a per cent of the other
    size      least flash, then cycles
    ram       least RAM, then cycles; `arrange` puts its own choice first, where layers may run by
              rows, and bounds what that costs

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
from dataclasses import dataclass, replace

from mcugen.code_size import code_size
from mcugen.errors import OptionError
from mcugen.frontier import Option, Point, frontier
from mcugen.ir import Call, Graph, TensorId
from mcugen.lifetimes import lifetimes
from mcugen.limits import NO_LIMITS, Figures, Limits
from mcugen.ops.base import Kernel
from mcugen.ops.rows import Chain
from mcugen.placement import ANYWHERE, Placement
from mcugen.plan import loads, plan
from mcugen.reorder import reorder
from mcugen.select import Cycles, Selection, Variant, modelled, require_kernels, variants
from mcugen.target import RAM, Cpu


class Objective(enum.Enum):
    """What to spend least of."""

    TIME = "time"
    BALANCED = "balanced"
    SIZE = "size"
    RAM = "ram"

    @classmethod
    def _missing_(cls, value: object) -> Objective:
        known = ", ".join(objective.value for objective in cls)
        raise OptionError(f"objective: {value!r}; known: {known}")


@dataclass(frozen=True, slots=True)
class Choice:
    """A graph in its order of execution, and its kernels.

    `free` is what the objective would have cost without limits, where they stood in its way.
    `placement` says in which region of the board's memory the firmware's arena lies.
    """

    graph: Graph
    selection: Selection
    cost: Figures
    free: Figures | None = None
    objective: Objective = Objective.BALANCED
    patches: str = ""  # which layers run in strips, and what that costs
    placement: Placement = ANYWHERE

    @property
    def region(self) -> str:
        """That of the arena."""
        return self.placement.arena or RAM

    @property
    def layers(self) -> tuple[tuple[Call, Kernel], ...]:
        """Every layer with its kernel, those that run by rows one by one."""
        pairs: list[tuple[Call, Kernel]] = []
        for call, kernel in zip(self.graph.calls(), self.selection.kernels, strict=True):
            if isinstance(call.attrs, Chain):
                parts = zip(call.attrs.parts, call.attrs.kernels, strict=True)
                pairs += [(part.call, its) for part, its in parts]
            elif kernel is not None:
                pairs.append((call, kernel))
        return tuple(pairs)

    @property
    def saves_no_ram(self) -> bool:
        """True where every layer runs by itself, in its own place."""
        return not any(node.op in ("rows", "move") for node in self.graph.nodes)

    @property
    def note(self) -> str:
        """What the limits changed, and where the arena lies if not in `ram`."""
        place = "" if self.region == RAM else f"the arena lies in {self.region}"
        return "; ".join(filter(None, (self._changes, place)))

    @property
    def _changes(self) -> str:
        if self.free is None:
            return ""
        rows = (
            (kind, getattr(self.cost, kind), getattr(self.free, kind))
            for kind in ("cycles", "flash", "ram")
        )
        changes = (
            f"{kind if kind != 'ram' else 'RAM'} {now:,} instead of {then:,}"
            for kind, now, then in rows
            if now != then
        )
        chains = [node.attrs for node in self.graph.nodes if isinstance(node.attrs, Chain)]
        moves = sum(node.op == "move" for node in self.graph.nodes)
        done = [self.patches] if self.patches else []
        if chains:
            done.append(f"{sum(len(c.parts) for c in chains)} layers run a few rows at a time")
        if moves:
            done.append("1 tensor moves" if moves == 1 else f"{moves} tensors move")
        what = "for less memory, other kernels than those of the objective"
        if done:
            *most, last = done
            what = f"to save RAM, {' and '.join(filter(None, (', '.join(most), last)))}"
        return f"{what}: modelled {', '.join(changes)}"


def choose(
    graph: Graph,
    cpu: Cpu,
    objective: Objective = Objective.BALANCED,
    limits: Limits = NO_LIMITS,
    cycles: Cycles = modelled,
) -> Choice:
    """The best choice within the limits; the nearest to them if there is none.

    Kernels are chosen for the graph's own order, then an order for the kernels, and then kernels
    for that order. Raises UnsupportedModelError with every node that no kernel can compute.
    """
    require_kernels(graph, cpu)
    known = {call.node.outputs[0]: variants(call, cpu, cycles) for call in graph.calls()}

    def choice(limits: Limits) -> Choice:
        first = _Search(graph, cpu, known).best(objective, limits)
        ordered = reorder(graph, first.selection)
        return first if ordered is graph else _Search(ordered, cpu, known).best(objective, limits)

    free = choice(NO_LIMITS)
    if not limits.excess(free.cost):
        return free
    return replace(choice(limits), free=free.cost)


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
        self._arenas: dict[tuple[int, ...], int] = {}
        self._floor = max((min(self._loads[i]) for i in self._layers), default=0)

    def best(self, objective: Objective, limits: Limits) -> Choice:
        """The best choice whose plan fits the limit of RAM; else the one with the least RAM."""
        point = self._best(objective, limits)
        cost = Figures(point.cycles, point.flash, self._arena(point.picks))
        return Choice(self._graph, self._selection(point.picks), cost)

    def _best(self, objective: Objective, limits: Limits) -> Point:
        if objective is Objective.RAM:
            least = self._least_ram(limits.flash)
            return self._best(Objective.TIME, limits.and_(Limits(ram=self._arena(least.picks))))
        peaks = self._peaks(limits.ram)
        wanted = self._point(objective, limits.flash, peaks[0])
        if limits.ram is None or self._arena(wanted.picks) <= limits.ram:
            return wanted
        least = self._least_ram(limits.flash)
        ram = max(limits.ram, self._arena(least.picks))
        within = Limits(limits.flash, ram)
        lower = (self._point(objective, limits.flash, peak) for peak in peaks[1:])
        fitting = next((point for point in lower if self._fits(point, within)), least)
        found = (self._towards(wanted, least, ram), fitting)
        return min((p for p in found if self._fits(p, within)), key=_RANK[objective], default=least)

    def _fits(self, point: Point, limits: Limits) -> bool:
        return not limits.excess(Figures(point.cycles, point.flash, self._arena(point.picks)))

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

    def _least_ram(self, flash: int | None) -> Point:
        """The smallest arena among the fastest choice below each peak, and the leanest choice."""

        def rank(point: Point) -> tuple[int, int, int]:
            excess = 0 if flash is None else max(point.flash - flash, 0)
            return excess, self._arena(point.picks), point.cycles

        best = self._leanest()
        least = rank(best)
        for peak in reversed(self._peaks(None)):
            if least[0] == 0 and peak > least[1]:  # no arena is smaller than its peak
                break
            point = self._point(Objective.RAM, flash, peak)
            if (found := rank(point)) < least:
                best, least = point, found
        faster = self._towards(self._point(Objective.RAM, flash, least[1]), best, least[1])
        return min(best, faster, key=rank)

    def _towards(self, wanted: Point, least: Point, ram: int) -> Point:
        """As many layers as wanted as the plan allows within `ram` bytes; the others are fast.

        A plan may exceed all of its steps. So layers are changed together, and where that takes too
        much, by halves; those that cannot change try their other variants in turn.
        """
        picks = list(least.picks)

        def settle(changes: list[tuple[int, int]]) -> None:
            trial = list(picks)
            for position, pick in changes:
                trial[position] = pick
            if self._arena(tuple(trial)) <= ram:
                picks[:] = trial
                settled.update(position for position, _ in changes)
            elif len(changes) > 1:
                settle(changes[: len(changes) // 2])
                settle(changes[len(changes) // 2 :])

        settled: set[int] = set()
        turns = [self._turns(k, wanted.picks[k], least.picks[k]) for k in range(len(picks))]
        for turn in range(max(map(len, turns), default=0)):
            changes = [
                (k, turns[k][turn])
                for k in range(len(picks))
                if k not in settled and turn < len(turns[k])
            ]
            settle(changes)
        return self._priced(tuple(picks))

    def _turns(self, position: int, wanted: int, least: int) -> list[int]:
        """The variants of a layer that are worth trying: the wanted one, then faster ones."""
        found = self._variants[self._layers[position]]
        faster = [j for j, v in enumerate(found) if v.cycles < found[least].cycles and j != wanted]
        faster.sort(key=lambda j: found[j].cycles)
        return ([wanted] if wanted != least else []) + faster

    def _priced(self, picks: tuple[int, ...]) -> Point:
        taken = [self._variants[i][pick] for i, pick in zip(self._layers, picks, strict=True)]
        code = {self._numbers[variant.kernel.name] for variant in taken}
        flash = sum(v.constants for v in taken) + sum(self._code[number] for number in code)
        return Point(sum(v.cycles for v in taken), flash, picks)

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

    def _selection(self, picks: tuple[int, ...]) -> Selection:
        taken = dict(zip(self._layers, picks, strict=True))
        return Selection(
            tuple(
                found[taken[i]].kernel if found else None for i, found in enumerate(self._variants)
            )
        )

    def _arena(self, picks: tuple[int, ...]) -> int:
        """The bytes of the plan, which takes a while to find."""
        if picks not in self._arenas:
            lives = lifetimes(self._graph, self._selection(picks))
            self._arenas[picks] = plan(lives.buffers, lives.shares).arena_bytes
        return self._arenas[picks]


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
