"""Plans the memory of random graphs and judges each plan; `make plans N=2000`.

    python -m mcugen.testing.plans -n 2000 --seed 1

A plan must pass the judges, lie between its bound and first fit by decreasing size, and equal the
optimum that a constraint solver (ortools) finds for few buffers. Graphs are cut into chains of rows
now and then. Exit status 1 if a plan breaks a rule.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context

import numpy as np

from mcugen.contents_verify import verify_contents
from mcugen.ir import Graph, Io
from mcugen.lifetimes import lifetimes
from mcugen.ops.base import Family
from mcugen.passes.outputs_apart import outputs_apart
from mcugen.plan import Buffer, MemoryPlan, Share, lower_bound, overlaps_in_time, plan
from mcugen.plan_verify import PlanError, verify
from mcugen.rows_verify import verify_chains
from mcugen.select import Selection, select
from mcugen.settle import settle
from mcugen.target import CPUS
from mcugen.testing.chains import cut, random_graph
from mcugen.testing.fuzz.emulated import union

FEW = 14  # buffers that the solver is asked about
SECONDS = 5.0  # for each of them


@dataclass(frozen=True, slots=True)
class Verdict:
    """A plan: its size, its bound, and the optimum where it is known."""

    arena: int
    bound: int
    first_fit: int
    optimum: int | None
    problem: str


def judged(seed: int, solve: bool = True) -> Verdict:
    """Plan a random graph and judge the plan."""
    graph, selection = _drawn(np.random.default_rng(seed))
    lives = lifetimes(graph, selection)
    found = plan(lives.buffers, lives.shares)
    plain = first_fit(lives.buffers, lives.shares)
    small = solve and len(lives.buffers) <= FEW and found.arena_bytes > found.bound
    best = optimum(lives.buffers, lives.shares, found.arena_bytes) if small else None
    problem = _problem(graph, selection, found, plain, best)
    return Verdict(found.arena_bytes, found.bound, plain, best, problem)


def _drawn(rng: np.random.Generator) -> tuple[Graph, Selection]:
    """One graph or two side by side, with chains or moves now and then."""
    graph = random_graph(rng, 9)
    if rng.random() < 0.4:
        graph = union([graph, random_graph(rng, 5)])
    if rng.random() < 0.3:
        graph = outputs_apart(graph.with_(io=Io.CALLER))
    name = ("host", "cortex-m4", "cortex-m55")[int(rng.integers(3))]
    selection, form = select(graph, CPUS[name]), rng.random()
    if form < 0.3:
        made = cut(graph, rng, tuple(Family), int(rng.integers(len(graph.nodes))))
        return made or (graph, selection)
    if form < 0.6:
        return settle(graph, selection)[:2]
    return graph, selection


def _problem(
    graph: Graph, selection: Selection, found: MemoryPlan, plain: int, best: int | None
) -> str:
    lives = lifetimes(graph, selection)
    try:
        verify(lives.buffers, found, lives.shares)
        verify_contents(graph, selection, lives, found)
        verify_chains(graph, lives, found)
    except PlanError as error:
        return str(error)
    least = lower_bound(lives.buffers, lives.shares)
    if not least <= found.bound <= found.arena_bytes <= plain:
        return f"bound {least}, {found.bound}; arena {found.arena_bytes}; first fit {plain}"
    if best is not None and best < found.bound:
        return f"the bound {found.bound} is above the optimum {best}"
    return ""


def first_fit(buffers: Sequence[Buffer], shares: Sequence[Share]) -> int:
    """The plain method: the largest buffer first, each at the lowest place where it may be."""
    between = {(share.output, share.input): share for share in shares}
    placed: dict[int, int] = {}
    for i in sorted(range(len(buffers)), key=lambda i: -buffers[i].bytes):
        at = 0
        while any(_collide(buffers, between, i, at, j, other) for j, other in placed.items()):
            at += buffers[i].align
        placed[i] = at
    return max((at + buffers[i].bytes for i, at in placed.items()), default=0)


def _collide(
    buffers: Sequence[Buffer],
    between: dict[tuple[int, int], Share],
    i: int,
    at: int,
    j: int,
    other: int,
) -> bool:
    """Whether two buffers may not lie where they do."""
    apart = at + buffers[i].bytes <= other or other + buffers[j].bytes <= at
    if apart or not overlaps_in_time(buffers[i], buffers[j]):
        return False
    share = between.get((i, j)) or between.get((j, i))
    if share is None:
        return True
    ahead = other - at if share.output == i else at - other
    return ahead != share.distance if share.exact else ahead < share.distance


def optimum(buffers: Sequence[Buffer], shares: Sequence[Share], most: int) -> int | None:
    """The smallest arena there is, by constraint programming; None if the time was too short."""
    return _solver().submit(_solve, tuple(buffers), tuple(shares), most).result()


@cache
def _solver() -> ProcessPoolExecutor:
    """A process for ortools: in one that has loaded TensorFlow it crashes."""
    return ProcessPoolExecutor(1, mp_context=get_context("spawn"))


def _solve(buffers: Sequence[Buffer], shares: Sequence[Share], most: int) -> int | None:
    from ortools.sat.python import cp_model

    model = cp_model.CpModel()
    arena = model.new_int_var(0, most, "arena")
    places = []
    for i, buffer in enumerate(buffers):
        step = model.new_int_var(0, most // buffer.align, f"place {i}")
        places.append(step * buffer.align)
        model.add(places[i] + buffer.bytes <= arena)
    between = {(share.output, share.input): share for share in shares}
    for i in range(len(buffers)):
        for j in range(i):
            if overlaps_in_time(buffers[i], buffers[j]):
                ways = [model.new_bool_var(f"{i} {j} {way}") for way in range(3)]
                model.add(places[i] + buffers[i].bytes <= places[j]).only_enforce_if(ways[0])
                model.add(places[j] + buffers[j].bytes <= places[i]).only_enforce_if(ways[1])
                share = between.get((i, j)) or between.get((j, i))
                if share is None:
                    model.add(ways[2] == 0)
                else:
                    ahead = places[share.input] - places[share.output]
                    rule = ahead == share.distance if share.exact else ahead >= share.distance
                    model.add(rule).only_enforce_if(ways[2])
                model.add_bool_or(ways)
    model.minimize(arena)
    solver = cp_model.CpSolver()
    solver.parameters.max_time_in_seconds = SECONDS
    solver.parameters.num_workers = 1
    return int(solver.value(arena)) if solver.solve(model) == cp_model.OPTIMAL else None


def main() -> int:
    """Judge plans; print what was found."""
    parser = argparse.ArgumentParser(description="Judge the memory plans of random graphs.")
    parser.add_argument("-n", type=int, default=1000, help="graphs")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    at_bound = solved = missed = broken = 0
    gap = 0.0
    for seed in range(given.seed, given.seed + given.n):
        verdict = judged(seed)
        if verdict.problem:
            broken += 1
            print(f"seed {seed}: {verdict.problem}")
        at_bound += verdict.arena == verdict.bound
        if verdict.optimum is not None:
            solved += 1
            missed += verdict.arena > verdict.optimum
            gap = max(gap, verdict.arena / verdict.optimum - 1)
    print(
        f"{given.n} graphs: {broken} plans broken; {at_bound} at their bound; of the others "
        f"{solved} solved, {missed} above the optimum, by {gap:.1%} at most"
    )
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
