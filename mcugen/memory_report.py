"""The memory plan as people read it: a table, a chart of time and address, the peak and its causes.

Rows of the chart are moments: the caller who writes the inputs, each layer, and the caller who
reads the outputs. Columns are addresses.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from mcugen.contents_verify import verify_contents
from mcugen.ir import Call, Graph
from mcugen.layers import tensor_text
from mcugen.lifetimes import Lifetimes, lifetimes
from mcugen.limits import Figures
from mcugen.ops import OPS
from mcugen.ops.base import Kernel
from mcugen.plan import MemoryPlan, loads, plan
from mcugen.plan_verify import verify
from mcugen.reorder import order_gap
from mcugen.rows_verify import verify_chains
from mcugen.select import Selection

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
SHARED, FREE = "#", "."


@dataclass(frozen=True, slots=True)
class Block:
    """Bytes [offset, end) that hold something from moment `first` to moment `last`."""

    letter: str
    offset: int
    end: int
    first: int
    last: int
    name: str

    @property
    def bytes(self) -> int:
        """The size."""
        return self.end - self.offset


@dataclass(frozen=True, slots=True)
class Moment:
    """One layer, or the caller; `load` is the least memory that any plan has in use then."""

    layer: int  # -1 for the caller before the first layer
    name: str
    load: int


@dataclass(frozen=True, slots=True)
class MemoryReport:
    """A plan. None in this order takes less than `bound`; `peak` is the moment that needs the most.

    `beside` are the names and the bytes of what does not lie in the arena.
    """

    arena: int
    bound: int
    peak: int
    moments: tuple[Moment, ...]
    blocks: tuple[Block, ...]
    order: str  # whether the layers might run in a better one
    causes: tuple[str, ...]
    beside: tuple[tuple[str, int], ...] = ()

    @property
    def at_peak(self) -> tuple[Block, ...]:
        """The blocks in use at the peak, largest first."""
        found = (block for block in self.blocks if block.first <= self.peak <= block.last)
        return tuple(sorted(found, key=lambda block: -block.bytes))


def memory_report(graph: Graph, selection: Selection) -> MemoryReport:
    """Plan the arena of a graph and describe the plan."""
    lives = lifetimes(graph, selection)
    memory_plan = plan(lives.buffers, lives.shares)
    verify(lives.buffers, memory_plan, lives.shares)
    verify_contents(graph, selection, lives, memory_plan)
    verify_chains(graph, lives, memory_plan)
    steps = [-1, *(i for i, k in enumerate(selection.kernels) if k is not None), len(graph.nodes)]
    load = loads(lives.buffers, lives.shares)
    moments = tuple(
        Moment(number - 1, _moment_name(graph, step), _load(load, lives, step))
        for number, step in enumerate(steps)
    )
    peak = max(range(len(steps)), key=lambda number: moments[number].load)
    return MemoryReport(
        arena=memory_plan.arena_bytes,
        bound=memory_plan.bound,
        peak=peak,
        moments=moments,
        blocks=_blocks(graph, lives, memory_plan, steps),
        order=_about_order(order_gap(graph, selection)),
        causes=tuple(_causes(graph, selection, lives, memory_plan, steps[peak], load)),
        beside=tuple((space.name, size) for space, size in lives.spaces.items()),
    )


def _load(load: dict[int, int], lives: Lifetimes, step: int) -> int:
    living = sum(b.bytes for b in lives.buffers if b.first <= step <= b.last)
    return load.get(step, living)


def _moment_name(graph: Graph, step: int) -> str:
    if step < 0:
        return "inputs"
    return OPS[graph.nodes[step].op].tflite if step < len(graph.nodes) else "outputs"


def _blocks(
    graph: Graph, lives: Lifetimes, memory_plan: MemoryPlan, steps: Sequence[int]
) -> tuple[Block, ...]:
    """By first use; steps become moments, which skip alias operators."""
    names = {
        buffer: tensor_text(graph.tensors[tensor])
        for tensor, buffer in reversed(tuple(lives.tensors.items()))
    }
    names |= {
        buffer: f"scratch of layer {steps.index(step) - 1}"
        for step, buffer in lives.scratch.items()
    }
    order = sorted(range(len(lives.buffers)), key=lambda i: (lives.buffers[i].first, i))
    return tuple(
        Block(
            LETTERS[number % len(LETTERS)],
            memory_plan.offsets[i],
            memory_plan.offsets[i] + lives.buffers[i].bytes,
            next(m for m, step in enumerate(steps) if step >= lives.buffers[i].first),
            max(m for m, step in enumerate(steps) if step <= max(lives.buffers[i].last, -1)),
            names[i],
        )
        for number, i in enumerate(order)
    )


# ---- what would lower the peak


def _about_order(gap: tuple[int, int] | None) -> str:
    """What the search for the order of the layers has proven."""
    if gap is None:
        return "the layers run in the file's order, on which what they remember depends"
    peak, bound = gap
    if bound >= peak:
        return "no order of the layers has a lower peak"
    return (
        f"some order of the layers may have a peak of {bound:,} bytes, {peak - bound:,} less: the "
        "search was not exhaustive"
    )


def _causes(
    graph: Graph,
    selection: Selection,
    lives: Lifetimes,
    memory_plan: MemoryPlan,
    step: int,
    load: dict[int, int],
) -> Iterator[str]:
    """What the peak consists of beside its largest tensor, and what would take it away."""
    lost = memory_plan.arena_bytes - max(load.values(), default=0)
    if lost > 0:
        proven = " (no placement avoids it)" * (memory_plan.bound == memory_plan.arena_bytes)
        yield f"{lost:,} bytes more than the peak, as nothing may move in between{proven}"
    if not 0 <= step < len(graph.nodes):
        yield "the peak is what the caller writes or reads: only smaller inputs or outputs lower it"
        return
    call, kernel = graph.call(graph.nodes[step]), selection.kernels[step]
    touched = (*call.node.inputs, *call.node.outputs)
    used = {lives.tensors[t] for t in touched if t is not None and t in lives.tensors}
    for i, buffer in enumerate(lives.buffers):
        if buffer.first < step < buffer.last and i not in used:
            name = next(tensor_text(graph.tensors[t]) for t, b in lives.tensors.items() if b == i)
            yield f"{buffer.bytes:,} bytes wait for a later layer: {name}"
    if step in lives.scratch:
        size = lives.buffers[lives.scratch[step]].bytes
        yield f"{size:,} bytes are scratch: a kernel that needs less would save them"
    if kernel is not None:
        yield from _about_overlap(call, kernel, lives, step)


def _about_overlap(call: Call, kernel: Kernel, lives: Lifetimes, step: int) -> Iterator[str]:
    """How the output lies to the inputs of the layer at the peak."""
    output = lives.tensors.get(call.node.outputs[0])
    if output is None:
        return
    distances = {s.input: s.distance for s in lives.shares if s.output == output}
    for tensor in dict.fromkeys(call.node.inputs):
        if tensor is None or tensor not in lives.tensors:
            continue
        buffer = lives.tensors[tensor]
        least = min(lives.buffers[buffer].bytes, lives.buffers[output].bytes)
        if lives.buffers[buffer].last > step:
            yield f"an input is read again later: in place would save {least:,} bytes"
        elif buffer not in distances:
            yield f"{kernel.name} cannot overwrite an input: in place would save {least:,} bytes"
        else:
            sizes = [lives.buffers[i].bytes for i in (buffer, output)]
            excess = sizes[0] + distances[buffer] - max(sizes)
            if excess > 0:
                yield (
                    f"{kernel.name} starts its output {distances[buffer]:,} bytes in front of an "
                    f"input: {excess:,} bytes more than the larger of them"
                )


def saving(now: Figures, lean: Figures) -> tuple[str, ...]:
    """What another choice of kernels and of layers by rows would save, and what it costs."""
    if lean.ram >= now.ram:
        return ()
    more = lean.cycles / max(now.cycles, 1) - 1
    flash = f", {lean.flash - now.flash:+,} bytes of flash" if lean.flash != now.flash else ""
    return (
        f"-O ram saves {now.ram - lean.ram:,} bytes, arena {lean.ram:,}: "
        f"{more:+.1%} of the modelled cycles{flash}",
    )


# ---- pictures


def chart(report: MemoryReport, width: int) -> tuple[str, ...]:
    """One line for each moment: what is where, with SHARED where blocks meet in a column."""
    lines = []
    for number in range(len(report.moments)):
        line = [FREE] * width
        for block in report.blocks:
            if block.first <= number <= block.last:
                start, end = _columns(block, report.arena, width)
                for column in range(start, end):
                    line[column] = block.letter if line[column] == FREE else SHARED
        lines.append("".join(line))
    return tuple(lines)


def _columns(block: Block, arena: int, width: int) -> tuple[int, int]:
    """The columns that lie in a block for the most part, at least one."""
    start = (block.offset * width + arena // 2) // arena
    end = (block.end * width + arena // 2) // arena
    start = min(start, width - 1)
    return start, max(end, start + 1)


_SVG_WIDTH, _SVG_ROW, _SVG_LEFT, _SVG_TOP = 800, 24, 170, 30


def svg(report: MemoryReport, title: str) -> str:
    """The same picture as an SVG document."""
    height = _SVG_TOP + _SVG_ROW * len(report.moments) + 10
    scale = _SVG_WIDTH / max(report.arena, 1)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_SVG_LEFT + _SVG_WIDTH + 20}" '
        f'height="{height}" font-family="sans-serif" font-size="11">',
        f'<text x="{_SVG_LEFT}" y="16">{escape(title)}: {report.arena:,} bytes</text>',
    ]
    for number, moment in enumerate(report.moments):
        y = _SVG_TOP + _SVG_ROW * number
        weight = ' font-weight="bold"' if number == report.peak else ""
        parts.append(
            f'<text x="4" y="{y + 16}"{weight}>{escape(_label(moment))} {moment.load:,}</text>'
        )
    for number, block in enumerate(report.blocks):
        y = _SVG_TOP + _SVG_ROW * block.first
        rows = block.last - block.first + 1
        x = _SVG_LEFT + block.offset * scale
        parts.append(
            f'<rect x="{x:.1f}" y="{y + 1}" width="{max(block.bytes * scale, 1):.1f}" '
            f'height="{_SVG_ROW * rows - 2}" fill="hsl({number * 47 % 360},60%,70%)" '
            f'fill-opacity="0.7" stroke="#444"><title>{escape(block.name)}, '
            f"{block.bytes:,} bytes at {block.offset:,}</title></rect>"
        )
    return "\n".join([*parts, "</svg>", ""])


def _label(moment: Moment) -> str:
    return moment.name if moment.name in ("inputs", "outputs") else f"{moment.layer} {moment.name}"
