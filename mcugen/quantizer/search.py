"""Search over the scales of activations: keep whatever lowers the error of the outputs."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import accumulate

import numpy as np

from mcugen.ir import Call, Graph, Quant, TensorId
from mcugen.ops import OPS
from mcugen.ops.base import Array
from mcugen.quantizer import simulate
from mcugen.quantizer.apply import Parameters
from mcugen.quantizer.batch import Batch
from mcugen.quantizer.judge import Judge
from mcugen.quantizer.ranges import Grid, quant_for
from mcugen.quantizer.scheme import shared_groups

FACTORS = (1.1, 0.9, 0.8, 0.7, 0.6, 0.5)  # of each end of a range
BUDGET_MACS = 20e9  # about a minute; counted, not timed, so that results are the same anywhere

Values = dict[TensorId, Array]


def search(batch: Batch, parameters: Parameters, judge: Judge) -> Parameters:
    """Try a few ranges for each activation, first to last.

    Each is judged with all others, and all weights, in float: small errors add up, whereas in the
    quantized model they also cancel, by a chance that other samples do not repeat.
    """
    batch = Batch(judge.judged(batch.graph), batch.chunks)
    wanted = batch.outputs()
    exact = [simulate.float_values(batch.graph, chunk) for chunk in batch.chunks]
    work = list(accumulate(_cost(batch, call) for call in reversed(list(batch.graph.calls()))))
    left = BUDGET_MACS
    found = dict(parameters.activations)
    for members in _groups(batch.graph, parameters):
        first = min(_position(batch.graph, i) for i in members)
        left -= work[len(work) - 1 - first] * (1 + 2 * len(FACTORS))
        if left < 0:
            break

        def score(low: float, high: float, members: list[TensorId] = members) -> float:
            quants = dict.fromkeys(members, quant_for(low, high, parameters.grid))
            alone = replace(parameters, activations=quants, weights={}, bias={})
            return judge.score(wanted, _outputs(batch, alone, exact))

        best = _best(found[members[0]], parameters.grid, score)
        found.update(dict.fromkeys(members, best))
    return replace(parameters, activations=found)


def _cost(batch: Batch, call: Call) -> int:
    return len(batch.chunks) * (OPS[call.node.op].macs(call) + call.output.elements)


def _best(start: Quant, grid: Grid, score: Callable[[float, float], float]) -> Quant:
    """The range that scores best, one end after the other; the one to start from if none is."""
    scale, zero_point = start.scale[0], start.zero_point[0]
    low, high = scale * (grid.low - zero_point), scale * (grid.high - zero_point)
    best = at_start = score(low, high)
    if at_start == math.inf:
        return start
    for factor in FACTORS:
        best, high = max((best, high), (score(low, high * factor), high * factor))
    for factor in FACTORS if low < 0.0 and not grid.symmetric else ():
        best, low = max((best, low), (score(low * factor, high), low * factor))
    return quant_for(low, high, grid) if best > at_start else start


def _groups(graph: Graph, parameters: Parameters) -> list[list[TensorId]]:
    """Activations that must change together; those whose scale is fixed are left out."""
    shared = shared_groups(graph)
    fixed = {
        shared.get(i, i)
        for call in graph.calls()
        if OPS[call.node.op].scheme.output is not None
        for i in call.node.outputs
    }
    groups: dict[TensorId, list[TensorId]] = {}
    for i in parameters.activations:
        leader = shared.get(i, i)
        if leader not in fixed:
            groups.setdefault(leader, []).append(i)
    return list(groups.values())


def _position(graph: Graph, tensor: TensorId) -> int:
    """The first call that sees a tensor's scale: its writer, or 0 for an input."""
    writers = (k for k, node in enumerate(graph.nodes) if tensor in node.outputs)
    return next(writers, 0)


def _outputs(batch: Batch, parameters: Parameters, exact: Sequence[Values]) -> list[Array]:
    """The outputs; what comes before the tensors that are rounded is taken from `exact`."""
    calls = list(batch.graph.calls())
    rounded = parameters.activations
    first = min(_position(batch.graph, i) for i in rounded)
    every = []
    for chunk, known in zip(batch.chunks, exact, strict=True):
        values = simulate.start(batch.graph, chunk, parameters)
        values.update((i, known[i]) for call in calls[:first] for i in call.node.outputs)
        for call in calls[first:]:
            values.update(simulate.step(call, values, parameters))
        every.append([values[i] for i in batch.graph.outputs])
    return [np.concatenate(column) for column in zip(*every, strict=True)]
