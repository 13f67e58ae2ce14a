"""The choice of kernels for a whole model: equal to trying every combination."""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass, replace

import pytest

from mcugen import choose as module
from mcugen.choose import Objective, choose
from mcugen.errors import OptionError
from mcugen.ir import Graph, Node
from mcugen.lifetimes import lifetimes
from mcugen.limits import NO_LIMITS, Limits
from mcugen.ops import OPS
from mcugen.ops.base import Cost, Family, Kernel, Overlap
from mcugen.plan import lower_bound, plan
from mcugen.select import Selection
from mcugen.target import Cpu
from mcugen.testing import graphs

CPU = Cpu("plain", (), (Family.REF,))
CODE = {"a": 10, "b": 40, "c": 5}


@dataclass(frozen=True)
class Figures:
    """One combination: cycles, flash, and the bytes that its plan and its worst step take."""

    cycles: int
    flash: int
    arena: int
    peak: int


def random_chain(seed: int, monkeypatch: pytest.MonkeyPatch) -> Graph:
    """A chain of `add` with three kernels whose costs, scratch and overlaps are random."""
    rng = random.Random(seed)
    count = rng.randrange(1, 5)
    rows = {
        (node, name): (
            Cost(rng.randrange(1, 30), rng.randrange(40)),
            4 * rng.randrange(0, 30),
            {0: Overlap(4 * rng.randrange(10))} if rng.random() < 0.5 else {},
        )
        for node in map(str, range(count))
        for name in CODE
    }
    add = OPS["add"].kernels[0]

    def kernel(name: str) -> Kernel:
        return replace(
            add,
            name=name,
            family=Family.REF,
            applies=(),
            cost=lambda call: rows[call.node.name, name][0],
            scratch=lambda call: rows[call.node.name, name][1],
            overlap=lambda call: rows[call.node.name, name][2],
        )

    kernels = tuple(kernel(name) for name in CODE)
    monkeypatch.setitem(OPS, "add", replace(OPS["add"], kernels=kernels))
    monkeypatch.setattr(module, "code_size", lambda kernel, cpu: CODE[kernel.name])
    sizes = [4 * rng.randrange(1, 60) for _ in range(count + 1)]
    tensors = {i: graphs.activation("", (size,)) for i, size in enumerate(sizes)}
    nodes = tuple(Node("add", str(i), (i,), (i + 1,)) for i in range(count))
    return Graph("chain", tensors, nodes, (0,), (count,))


def figures(graph: Graph, kernels: tuple[Kernel | None, ...]) -> Figures:
    lives = lifetimes(graph, Selection(kernels))
    pairs = list(zip(kernels, graph.calls(), strict=True))
    costs = [kernel.cost(call) for kernel, call in pairs if kernel]
    return Figures(
        cycles=sum(cost.cycles for cost in costs),
        flash=sum(cost.flash or 0 for cost in costs)
        + sum(CODE[name] for name in {kernel.name for kernel in kernels if kernel}),
        arena=plan(lives.buffers, lives.shares).arena_bytes,
        peak=lower_bound(lives.buffers, lives.shares),
    )


def every(graph: Graph) -> list[Figures]:
    choices = itertools.product(OPS["add"].kernels, repeat=len(graph.nodes))
    return [figures(graph, kernels) for kernels in choices]


def chosen(graph: Graph, objective: Objective, limits: Limits = NO_LIMITS) -> Figures:
    choice = choose(graph, CPU, objective, limits)
    return figures(choice.graph, choice.selection.kernels)


@pytest.mark.parametrize("seed", range(40))
def test_equal_to_trying_everything(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = random_chain(seed, monkeypatch)
    found = every(graph)
    time, size, ram, balanced = (
        chosen(graph, o)
        for o in (Objective.TIME, Objective.SIZE, Objective.RAM, Objective.BALANCED)
    )
    assert (time.cycles, time.flash) == min((f.cycles, f.flash) for f in found)
    assert (size.flash, size.cycles) == min((f.flash, f.cycles) for f in found)
    assert balanced.cycles * balanced.flash == min(f.cycles * f.flash for f in found)
    assert (ram.arena, ram.cycles) == min((f.arena, f.cycles) for f in found)


@pytest.mark.parametrize("seed", range(40))
def test_limits_hold_where_that_is_possible(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = random_chain(seed, monkeypatch)
    found = every(graph)
    rng = random.Random(seed)
    limits = Limits(rng.choice(found).flash, rng.choice(found).arena)
    assert limits.flash is not None and limits.ram is not None
    for objective in Objective:
        fast = chosen(graph, objective, replace(limits, ram=None))
        assert fast.flash <= limits.flash
        if objective is Objective.TIME:
            assert fast.cycles == min(f.cycles for f in found if f.flash <= limits.flash)
        if any(f.flash <= limits.flash and f.arena <= limits.ram for f in found):
            both = chosen(graph, objective, limits)
            assert (both.flash <= limits.flash) and (both.arena <= limits.ram)
        lean = chosen(graph, objective, replace(limits, flash=None))
        assert lean.arena <= limits.ram
        if objective is Objective.TIME:
            assert lean.cycles == min(f.cycles for f in found if f.arena <= limits.ram)


def test_what_no_choice_can_meet_is_met_as_nearly_as_possible(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    graph = random_chain(1, monkeypatch)
    found = every(graph)
    for objective in Objective:
        least = chosen(graph, objective, Limits(flash=0))
        assert objective is Objective.RAM or least.flash == min(f.flash for f in found)
        assert chosen(graph, objective, Limits(ram=0)).arena == min(f.arena for f in found)


def test_an_unknown_objective_is_an_error_that_lists_the_known_ones() -> None:
    with pytest.raises(OptionError, match=r"objective: 'fast'; known: time, balanced, size, ram"):
        Objective("fast")
