"""The execution order of a branching graph, chosen for the least memory.

A state is the set of nodes that have run; what lives in it does not depend on how it was reached.
So the best order is a path through the states whose worst step takes the fewest bytes, and states
are visited in the order of that worst step. If there are too many, a beam search finds an order,
and the worst step of the first state that was not visited bounds what any order can reach.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from mcugen.ir import Call, Graph, TensorId
from mcugen.lifetimes import lifetimes, roots_of
from mcugen.ops.base import Kernel
from mcugen.plan import plan
from mcugen.select import Selection

_STATES = 10_000  # visited before the search is given up
_BEAM = 16


@dataclass(frozen=True, slots=True)
class Order:
    """Positions of nodes, the bytes of the worst step, and a bound: no order has a better one."""

    nodes: tuple[int, ...]
    peak: int
    bound: int


def reorder(graph: Graph, selection: Selection) -> Graph:
    """The graph in the order that takes the least memory; as it is where no other takes less.

    A graph with variables stays as it is: what it reads of them depends on the order.
    """
    if graph.variables:
        return graph
    found = best_order(graph, selection)
    if found.nodes == tuple(range(len(graph.nodes))):
        return graph
    changed = graph.with_(nodes=tuple(graph.nodes[i] for i in found.nodes))
    kernels = Selection(tuple(selection.kernels[i] for i in found.nodes))
    return changed if _arena(changed, kernels) < _arena(graph, selection) else graph


def best_order(graph: Graph, selection: Selection) -> Order:
    """The order whose worst step takes the fewest bytes; that of the graph if none takes fewer."""
    memory = _Memory(graph, selection)
    given = tuple(range(len(graph.nodes)))
    peak = memory.peak(given)
    nodes, bound = _search(memory, peak)
    least = memory.peak(nodes)
    return Order(nodes, least, bound) if least < peak else Order(given, peak, bound)


def order_gap(graph: Graph, selection: Selection) -> tuple[int, int] | None:
    """Bytes at the worst step of the graph's own order, and a bound on those of any order.

    They are equal where no order is better. None for a graph with variables, whose order is fixed.
    """
    if graph.variables:
        return None
    given = _Memory(graph, selection).peak(range(len(graph.nodes)))
    return given, best_order(graph, selection).bound


def _arena(graph: Graph, selection: Selection) -> int:
    lives = lifetimes(graph, selection)
    return plan(lives.buffers, lives.shares).arena_bytes


# ---- what a state takes; sets of nodes are bits of an int


@dataclass(frozen=True, slots=True)
class _Step:
    """A node: the nodes before it, new bytes, scratch, and how far it may run over its inputs."""

    needs: int
    output: int
    scratch: int
    inputs: tuple[tuple[TensorId, int | None], ...]  # roots, and distances where allowed


class _Memory:
    """Bytes that live in each state and at each step."""

    def __init__(self, graph: Graph, selection: Selection) -> None:
        root_of = roots_of(graph)
        self.count = len(graph.nodes)
        self._sizes = {root: graph.tensors[root].bytes for root in root_of.values()}
        self._makers = {
            root_of[output]: 1 << i
            for i, node in reversed(list(enumerate(graph.nodes)))
            for output in node.outputs
        }
        self._makers |= {root_of[source]: 0 for source in graph.inputs}
        self._users = dict.fromkeys(self._sizes, 0)
        for i, node in enumerate(graph.nodes):
            for tensor in (*node.inputs, *node.outputs):
                if tensor in root_of:
                    self._users[root_of[tensor]] |= 1 << i
        self._kept = {root_of[result] for result in graph.outputs if result in root_of}
        makers = {o: 1 << i for i, node in enumerate(graph.nodes) for o in node.outputs}
        self._steps = [
            _step(call, kernel, root_of, makers)
            for call, kernel in zip(graph.calls(), selection.kernels, strict=True)
        ]

    def ready(self, done: int) -> Iterator[int]:
        """The nodes that can run next."""
        for i, step in enumerate(self._steps):
            if not done >> i & 1 and step.needs & ~done == 0:
                yield i

    def living(self, done: int) -> int:
        """The bytes that are kept between two steps."""
        return sum(
            size
            for root, size in self._sizes.items()
            if self._makers[root] & ~done == 0
            and (root in self._kept or self._users[root] & ~done != 0)
        )

    def at(self, done: int, node: int, living: int) -> int:
        """The least bytes while a node runs, outputs over dying inputs as `plan` counts them."""
        step = self._steps[node]
        after = done | 1 << node
        shared = {
            root: distance
            for root, distance in step.inputs
            if distance is not None and root not in self._kept and self._users[root] & ~after == 0
        }
        inputs = sum(self._sizes[root] for root in shared)
        apart = (self._sizes[r] + min(d, step.output) for r, d in shared.items())
        together = max(step.output, inputs, *apart) if shared else step.output
        return living - inputs + together + step.scratch

    def peak(self, order: Sequence[int]) -> int:
        """The worst step of an order."""
        done, worst = 0, self.living(0)
        for node in order:
            worst = max(worst, self.at(done, node, self.living(done)))
            done |= 1 << node
        return worst


def _step(
    call: Call,
    kernel: Kernel | None,
    root_of: Mapping[TensorId, TensorId],
    makers: Mapping[TensorId, int],
) -> _Step:
    needs, inputs = 0, dict[TensorId, int | None]()
    overlaps = {} if kernel is None or kernel.overlap is None else kernel.overlap(call)
    for position, tensor in enumerate(call.node.inputs):
        if tensor is None or tensor not in root_of:
            continue
        needs |= makers.get(tensor, 0)
        overlap, root = overlaps.get(position), root_of[tensor]
        known = inputs.get(root, 0)
        inputs[root] = None if overlap is None or known is None else max(known, overlap.distance)
    size = sum(
        tensor.bytes
        for output, tensor in zip(call.node.outputs, call.outputs, strict=True)
        if root_of[output] not in inputs
    )
    scratch = 0 if kernel is None or kernel.scratch is None else kernel.scratch(call)
    return _Step(needs, size, scratch, tuple(inputs.items()))


# ---- the search


@dataclass(frozen=True, slots=True)
class _Path:
    """An order of some nodes, as a chain of its last node and what was before it."""

    node: int
    before: _Path | None


def _nodes(path: _Path | None) -> tuple[int, ...]:
    found: list[int] = []
    while path is not None:
        found.append(path.node)
        path = path.before
    return tuple(reversed(found))


State = tuple[int, int, int, "_Path | None"]  # worst step, living bytes, done, path


def _search(memory: _Memory, enough: int) -> tuple[tuple[int, ...], int]:
    """The best order and a bound; orders that take `enough` bytes or more need not be found."""
    everything = (1 << memory.count) - 1
    start = memory.living(0)
    best = {0: start}
    heap: list[tuple[int, int, int, int, _Path | None]] = [(start, 0, 0, start, None)]
    while heap:
        worst, _, done, living, path = heapq.heappop(heap)
        if worst >= enough:
            break
        if done == everything:
            return _nodes(path), worst
        if len(best) > _STATES:
            return _beam(memory, (start, start, 0, None)), worst
        for new, left, then, longer in _next(memory, (worst, living, done, path)):
            if new < best.get(then, enough):
                best[then] = new
                heapq.heappush(heap, (new, -then.bit_count(), then, left, longer))
    return tuple(range(memory.count)), enough


def _next(memory: _Memory, state: State) -> Iterator[State]:
    """The states after one more node.

    A node that fits below the worst step and leaves no more bytes than it found goes first: to run
    it later can only be worse.
    """
    worst, living, done, path = state
    after: list[State] = []
    for node in memory.ready(done):
        then = done | 1 << node
        step, left = memory.at(done, node, living), memory.living(then)
        new = max(worst, step), left, then, _Path(node, path)
        if step <= worst and left <= living:
            yield new
            return
        after.append(new)
    yield from after


def _beam(memory: _Memory, start: State) -> tuple[int, ...]:
    """An order from the few best states after each number of nodes."""
    states = [start]
    for _ in range(memory.count):
        after = {new[2]: new for state in reversed(states) for new in _next(memory, state)}
        states = sorted(after.values(), key=lambda state: state[:3])[:_BEAM]
    return _nodes(states[0][3])
