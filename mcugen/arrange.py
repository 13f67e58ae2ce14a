"""How a compiled graph is executed: the last rewrites, which no model file can express.

PADs go into convolutions, kernels and an order are chosen, and where RAM must shrink, layers run a
few rows at a time; where that is not enough, the first layers in strips of columns.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from mcugen.choose import Choice, Objective, choose
from mcugen.code_size import code_size
from mcugen.errors import BoardError
from mcugen.in_place import in_place
from mcugen.ir import Graph
from mcugen.lifetimes import lifetimes
from mcugen.limits import NO_LIMITS, Figures, Limits
from mcugen.ops import move
from mcugen.passes.fuse_pad import fuse_pad
from mcugen.passes.outputs_apart import outputs_apart
from mcugen.patches import within, worth_trying
from mcugen.plan import plan
from mcugen.select import Cycles, constants, modelled, variants
from mcugen.stream import Streamed, Streams
from mcugen.target import Cpu


def arrange(
    graph: Graph,
    cpu: Cpu,
    objective: Objective = Objective.BALANCED,
    limits: Limits = NO_LIMITS,
    cycles: Cycles = modelled,
) -> Choice:
    """The best way to execute a graph within the limits; the nearest to them if there is none.

    For the least RAM it takes at most `stream.MOST_CYCLES` times the fewest cycles. A limit on RAM
    is kept at any cost; where it cannot be, the least RAM is nearest.
    """
    graph = outputs_apart(fuse_pad(graph))
    if objective is Objective.RAM:
        fastest = _in_place(choose(graph, cpu, Objective.TIME, cycles=cycles), cpu, cycles)
        found = _least_ram(fastest, cpu, limits, cycles)
        if not limits.excess(found.cost):
            return found
    choice = _in_place(choose(graph, cpu, objective, limits, cycles), cpu, cycles)
    if not _ram_is_short(choice, limits):
        return choice
    assert limits.ram is not None
    rows = _choice(_streams(choice, cpu, cycles).within(limits.ram), cpu)
    tried = [choice, replace(rows, free=choice.free)]
    if min(choice.cost.ram, rows.cost.ram) > limits.ram:
        tried += _patched(choice, rows.cost.ram, cpu, limits, cycles)
    return min(tried, key=partial(_distance, limits))


def _patched(
    choice: Choice, ram: int, cpu: Cpu, limits: Limits, cycles: Cycles
) -> Iterator[Choice]:
    """The first layers in strips, up to the first that is within the limits."""
    assert limits.ram is not None
    for patches in worth_trying(choice.graph, ram):
        try:
            made = within(patches, limits.ram, cpu, cycles)
        except BoardError:  # measured costs are of the layers as they are, not of their strips
            return
        found = replace(_choice(made, cpu), free=choice.free, patches=patches.text)
        yield found
        if not limits.excess(found.cost):
            return


def _distance(limits: Limits, choice: Choice) -> tuple[int, int, int]:
    """How far a choice is from the limits, then its cycles."""
    short = max(choice.cost.ram - (limits.ram or 0), 0)
    return len(limits.excess(choice.cost)), short, choice.cost.cycles


def _in_place(choice: Choice, cpu: Cpu, cycles: Cycles) -> Choice:
    """Without the copies that are not needed."""
    graph, selection = in_place(choice.graph, choice.selection)
    if graph is choice.graph:
        return choice
    lives = lifetimes(graph, selection)
    arena = plan(lives.buffers, lives.shares).arena_bytes
    pairs = zip(selection.kernels, graph.calls(), strict=True)
    spent = sum(
        modelled(kernel, call) if kernel is move.KERNEL else cycles(kernel, call)
        for kernel, call in pairs
        if kernel is not None
    )
    return replace(_choice(Streamed(graph, selection, spent, arena), cpu), free=choice.free)


def _streams(choice: Choice, cpu: Cpu, cycles: Cycles) -> Streams:
    return Streams(choice.graph, [variants(call, cpu, cycles) for call in choice.graph.calls()])


def _least_ram(fastest: Choice, cpu: Cpu, limits: Limits, cycles: Cycles) -> Choice:
    """The fewest cycles with the least RAM, or within a limit."""
    streams = _streams(fastest, cpu, cycles)
    least = streams.least().arena
    found = streams.within(least if limits.ram is None else min(least, limits.ram))
    choice = _choice(found, cpu)
    return choice if choice.cost.ram >= fastest.cost.ram else replace(choice, free=fastest.cost)


def _ram_is_short(choice: Choice, limits: Limits) -> bool:
    """Whether a limit on RAM stood in the way of the objective."""
    free = choice.cost if choice.free is None else choice.free
    return limits.ram is not None and free.ram > limits.ram


def _choice(streamed: Streamed, cpu: Cpu) -> Choice:
    """What was found, with its flash: constants, and the code of every kernel once."""
    cost = Figures(streamed.cycles, 0, streamed.arena)
    choice = Choice(streamed.graph, streamed.selection, cost)
    code = {kernel.name: code_size(kernel, cpu) for _, kernel in choice.layers}
    arrays: dict[object, int] = {}  # what several strips of a layer read is there once
    for number, (call, kernel) in enumerate(choice.layers):
        read = call.node.index, *call.node.inputs[1:]
        arrays[(kernel.name, *read) if len(read) > 1 else number] = constants(kernel, call)
    flash = sum(code.values()) + sum(arrays.values())
    return replace(choice, cost=replace(cost, flash=flash))
