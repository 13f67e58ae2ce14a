"""Row streaming: chains of layers that run a few rows at a time where that lowers the peak.

Any layers that follow one another may become one chain (`mcugen.ops.rows`), with some number of
rows a round; any other layer has several kernels, some of which take less memory. What either takes
at its step follows from what lives around it. So the layers are cut into chains and single layers
as a way into edges: of all ways whose steps stay below a limit the cheapest is taken, and the least
limit is the lowest that has a way.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf

from mcugen.choose import step_loads
from mcugen.ir import Call, Graph, Node, TensorId
from mcugen.lifetimes import lifetimes
from mcugen.ops import OPS, rows
from mcugen.ops.base import Family, Kernel
from mcugen.ops.rows import WORD, Chain, Part, Round, chain, rounds, row_bytes
from mcugen.plan import Buffer, Share, lower_bound, plan
from mcugen.select import Selection, Variant
from mcugen.settle import settle

MOST_LAYERS = 16  # of one chain
BLOCKS = (1, 2, 3, 4, 6, 8, 12, 16)  # rows a round
MOST_CYCLES = 1.15  # times the fewest there are, unless a limit asks for more
A_FEW = 4  # rows, from which on no kernel makes a difference
TRIES = 4  # limits to try, as placing may cost a little more than the peak

Variants = Sequence[Sequence[Variant]]  # what can compute each node


@dataclass(frozen=True, slots=True)
class Streamed:
    """A graph with or without chains, its kernels, its modelled cycles, the bytes of its arena."""

    graph: Graph
    selection: Selection
    cycles: int
    arena: int


@dataclass(frozen=True, slots=True)
class _Edge:
    """Layers [first, end) as one step: the bytes in use then, and the cycles that they take."""

    first: int
    end: int
    load: int
    cycles: int
    kernel: Kernel | None
    chain: Chain | None = None


class Streams:
    """The ways to execute a graph in less memory. `found` is what can compute each node."""

    def __init__(self, graph: Graph, found: Variants) -> None:
        self._ways = _Ways(graph, found)

    def fastest(self) -> Streamed:
        """Every layer by itself, with its fastest kernel."""
        return self._ways.streamed(self._ways.highest)

    def least(self) -> Streamed:
        """As small an arena as `MOST_CYCLES` allow."""
        peaks = self._ways.unbeaten(MOST_CYCLES)[:TRIES]
        return min(map(self._ways.streamed, peaks), key=lambda made: (made.arena, made.cycles))

    def within(self, limit: int) -> Streamed:
        """The least cycles in an arena of so many bytes, or as near to it as it gets."""
        ways = self._ways.unbeaten()
        low = [peak for peak in ways if peak <= limit]
        tried = []
        for peak in [*reversed(low[-TRIES:]), *ways[:TRIES]]:
            tried.append(self._ways.streamed(peak))
            if tried[-1].arena <= limit:
                return tried[-1]
        return min(tried, key=lambda made: (made.arena, made.cycles))


# ---- which layers can be cut


def part_of(call: Call) -> Part | None:
    """A layer as a part of a chain; None if it cannot be computed a few rows at a time."""
    op = OPS[call.node.op]
    axes = op.rows(call) if len(call.outputs) == 1 and not op.state else {}
    tensors = [call.output, *(call.input(position) for position in axes)]
    fits = all(len(tensor.shape) == 4 and tensor.shape[0] == 1 for tensor in tensors)
    return Part(call, op, axes) if axes and fits else None


def takes_rows(kernel: Kernel, part: Part) -> bool:
    """Whether a kernel may be given any rows of a layer: kernels for SIMD load words."""
    tensors = [part.call.output, *(part.call.input(position) for position in part.axes)]
    return kernel.family is Family.REF or all(row_bytes(t) % WORD == 0 for t in tensors)


# ---- ways through the layers


class _Ways:
    """All edges that may be of use below a peak, and the cheapest way for a limit."""

    def __init__(self, graph: Graph, found: Variants) -> None:
        self._graph = graph
        self._calls = tuple(graph.calls())
        self._found = found
        fastest = (min(variants, key=_cycles, default=None) for variants in found)
        alone = Selection(tuple(None if v is None else v.kernel for v in fastest))
        self._lives = lifetimes(graph, alone)
        self._parts = tuple(part_of(call) for call in self._calls)
        self._fits: dict[tuple[object, ...], bool] = {}
        self._edges: dict[tuple[int, int], list[_Edge]] = {}
        for step, (variants, loads) in enumerate(zip(found, step_loads(graph, found), strict=True)):
            self._edges[step, step + 1] = [
                _Edge(step, step + 1, load, variant.cycles, variant.kernel)
                for variant, load in zip(variants, loads, strict=True)
            ] or [_Edge(step, step + 1, self._living(step), 0, None)]
        self._floor = max(self._living(-1), self._living(len(graph.nodes)))
        self._explore()

    def _living(self, step: int) -> int:
        return sum(b.bytes for b in self._lives.buffers if b.first <= step <= b.last)

    def _explore(self) -> None:
        """Add the chains over each step that must be in one, the worst steps first."""
        alone = [
            min(e.load for e in self._edges[step, step + 1]) for step in range(len(self._calls))
        ]
        fast = [
            min(self._edges[step, step + 1], key=lambda edge: edge.cycles).load
            for step in range(len(self._calls))
        ]
        explored: set[tuple[int, int]] = set()
        for step in sorted(range(len(self._calls)), key=lambda step: -fast[step]):
            if fast[step] <= self._floor:
                return
            covering = [alone[step]]
            for first in range(max(0, step - MOST_LAYERS + 1), step + 1):
                for end in range(step + 1, first + MOST_LAYERS + 1):
                    if end > len(self._calls) or self._parts[end - 1] is None:
                        break
                    if (first, end) not in explored:
                        explored.add((first, end))
                        found = self._edges.setdefault((first, end), [])
                        found += self._chains(first, end)
                    covering += [edge.load for edge in self._edges[first, end]]
            self._floor = max(self._floor, min(covering))

    @property
    def highest(self) -> int:
        """The highest load of any edge: all ways stay below it."""
        return max((e.load for edges in self._edges.values() for e in edges), default=0)

    def unbeaten(self, most: float = inf) -> list[int]:
        """The peaks, rising, whose cheapest ways take fewer cycles than any below them.

        No way takes more than `most` times the fewest cycles. A peak below the floor helps nobody.
        """
        found = sorted({max(e.load, self._floor) for edges in self._edges.values() for e in edges})
        fewest = sum(edge.cycles for edge in self._way(self.highest) or ())
        peaks: list[int] = []
        least = most * fewest if fewest else 0.0  # layers that only rename memory take none
        for peak in found:
            way = self._way(peak)
            cycles = inf if way is None else sum(edge.cycles for edge in way)
            if cycles < least or (cycles <= least and not peaks):
                peaks.append(peak)
                least = cycles
        return peaks

    def streamed(self, peak: int) -> Streamed:
        """The graph and its kernels in the cheapest way with this peak."""
        way = self._way(peak) or []
        nodes = (
            self._graph.nodes[edge.first] if edge.chain is None else rows_node(edge.chain)
            for edge in way
        )
        graph = self._graph.with_(nodes=tuple(nodes))
        selection = Selection(tuple(edge.kernel for edge in way))
        graph, selection, moving = settle(graph, selection)
        lives = lifetimes(graph, selection)
        arena = plan(lives.buffers, lives.shares).arena_bytes
        return Streamed(graph, selection, sum(edge.cycles for edge in way) + moving, arena)

    def _way(self, peak: int) -> list[_Edge] | None:
        """The edges of the cheapest way below a peak; None if there is none."""
        best: dict[int, tuple[int, list[_Edge]]] = {0: (0, [])}
        for (first, end), edges in sorted(self._edges.items()):
            low = [edge for edge in edges if edge.load <= peak]
            if first in best and low:
                edge = min(low, key=lambda edge: edge.cycles)
                cycles = best[first][0] + edge.cycles
                if end not in best or cycles < best[end][0]:
                    best[end] = cycles, [*best[first][1], edge]
        return best[len(self._calls)][1] if len(self._calls) in best else None

    # ---- chains

    def _chains(self, first: int, end: int) -> Iterator[_Edge]:
        """The chains of layers [first, end): rows a round, and kernels that are fast or lean."""
        parts = [part for part in self._parts[first:end] if part is not None]
        if len(parts) < end - first or not self._is_closed(parts, end):
            return
        for block in BLOCKS:
            if block < parts[-1].height:
                turns = rounds(parts, block)
                for cycles, kernels in self._choices(first, parts, turns):
                    made = chain(parts, kernels, block, turns)
                    load = self._load(first, end, self._graph.call(rows_node(made)))
                    spent = cycles + rows.moving(made)
                    yield _Edge(first, end, load, spent, rows.KERNEL, made)

    def _is_closed(self, parts: Sequence[Part], end: int) -> bool:
        """Whether what lies between the layers is read by rows, in the chain and nowhere else."""
        inner = {part.output for part in parts[:-1]}
        by_rows = all(
            tensor not in inner or position in part.axes
            for part in parts
            for position, tensor in enumerate(part.call.node.inputs)
        )
        return by_rows and all(
            tensor in self._lives.tensors and self._buffer(tensor).last < end for tensor in inner
        )

    def _buffer(self, tensor: TensorId) -> Buffer:
        return self._lives.buffers[self._lives.tensors[tensor]]

    def _choices(
        self, first: int, parts: Sequence[Part], turns: Sequence[Round]
    ) -> Iterator[tuple[int, tuple[Kernel, ...]]]:
        """For each part the fastest kernel, and the one with the least scratch; and their cycles.

        What a kernel was measured to take for the whole layer, it takes for its rows as well.
        """
        counts: list[dict[int, int]] = [{} for _ in parts]
        calls = {id(step.call): step.call for turn in turns for step in turn.steps}
        for turn in turns:
            for step in turn.steps:
                count = counts[step.part]
                count[id(step.call)] = count.get(id(step.call), 0) + 1
        fast, lean = [], []
        for number, (part, count) in enumerate(zip(parts, counts, strict=True)):
            ranked = []
            for order, variant in enumerate(self._found[first + number]):
                kernel = variant.kernel
                if all(self._can(kernel, part, calls[i]) for i in count):
                    cycles = sum(n * kernel.cost(calls[i]).cycles for i, n in count.items())
                    cycles = cycles * variant.cycles // max(kernel.cost(part.call).cycles, 1)
                    scratch = max(kernel.scratch(calls[i]) if kernel.scratch else 0 for i in count)
                    ranked.append((cycles, scratch, order, kernel))
            if not ranked:
                return
            fast.append(min(ranked, key=lambda r: (r[0], r[1], r[2])))
            lean.append(min(ranked, key=lambda r: (r[1], r[0], r[2])))
        for choice in (fast,) if fast == lean else (fast, lean):
            yield sum(r[0] for r in choice), tuple(r[3] for r in choice)

    def _can(self, kernel: Kernel, part: Part, call: Call) -> bool:
        """Whether a kernel can compute some rows of a part.

        Many rows are taken to be like a few, as the rules are slow; `rows_verify` asks for each.
        """
        padding = getattr(call.attrs, "padding", None)
        form = kernel.name, part.output, min(call.output.shape[1], A_FEW), padding
        if form not in self._fits:
            self._fits[form] = takes_rows(kernel, part) and kernel.refusal(call) is None
        return self._fits[form]

    def _load(self, first: int, end: int, call: Call) -> int:
        """The bytes in use while a chain runs, as `plan.loads` counts them."""
        overlaps = rows.overlap(call)
        (result,) = call.node.outputs
        inside = self._lives.inside
        distances: dict[int, int] = {}
        for position, tensor in enumerate(call.node.inputs):
            assert tensor is not None
            buffer = self._lives.tensors.get(tensor)
            if buffer is None:  # outside of the arena
                continue
            distance = overlaps[position].distance + inside[result] - inside[tensor]
            distances[buffer] = max(distances.get(buffer, distance), distance)
        output = self._buffer(result) if result in self._lives.tensors else None
        scratch = set(self._lives.scratch.values())
        living = [
            number
            for number, buffer in enumerate(self._lives.buffers)
            if buffer.first < first <= buffer.last and number not in scratch
        ]
        buffers = [Buffer(self._lives.buffers[n].bytes, 0, 0, WORD) for n in living]
        is_new = output is not None and output.first >= first
        buffers.append(Buffer(output.bytes if output and is_new else 0, 0, 0, WORD))
        buffers.append(Buffer(rows.scratch(call), 0, 0, WORD))
        shares = [
            Share(len(living), number, distances[buffer])
            for number, buffer in enumerate(living)
            if is_new and buffer in distances and self._lives.buffers[buffer].last < end
        ]
        return lower_bound(buffers, shares)


def _cycles(variant: Variant) -> int:
    return variant.cycles


def rows_node(made: Chain) -> Node:
    """The node of a chain; its inputs are what its layers read from outside."""
    inner = {part.output for part in made.parts}
    inputs = {
        tensor: None
        for part in made.parts
        for tensor, value in zip(part.call.node.inputs, part.call.inputs, strict=True)
        if tensor is not None and tensor not in inner and value is not None and not value.is_const
    }
    last = made.parts[-1].call.node
    return Node("rows", last.name, tuple(inputs), last.outputs, made, last.index)
