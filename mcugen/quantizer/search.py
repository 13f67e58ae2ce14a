"""Search over the scales of activations: keep whatever lowers the error of the outputs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from mcugen.ir import Graph, Quant, TensorId
from mcugen.ops import OPS
from mcugen.ops.base import Array
from mcugen.quantizer import simulate
from mcugen.quantizer.apply import Parameters
from mcugen.quantizer.batch import Batch, sqnr_db
from mcugen.quantizer.ranges import Grid, quant_for
from mcugen.quantizer.scheme import shared_groups

FACTORS = (0.9, 1.1, 0.8, 0.95, 1.05)  # of each end of a range
BUDGET_MACS = 20e9  # about a minute; counted, not timed, so that results are the same anywhere

Values = dict[TensorId, Array]


def search(batch: Batch, parameters: Parameters) -> Parameters:
    """Try a few ranges for each activation, first to last; weights stay as they are."""
    wanted = batch.outputs()
    cost = len(batch.chunks) * sum(
        OPS[call.node.op].macs(call) + call.output.elements for call in batch.graph.calls()
    )
    trials = int(BUDGET_MACS / max(cost, 1))
    best, known = _evaluated(batch, wanted, parameters, None, 0)
    groups = _groups(batch.graph, parameters)
    for members in groups:
        first = min(_position(batch.graph, i) for i in members)
        for quant in _candidates(parameters.activations[members[0]], parameters.grid):
            if trials == 0:
                return parameters
            trials -= 1
            changed = {**parameters.activations, **dict.fromkeys(members, quant)}
            candidate = replace(parameters, activations=changed)
            score, values = _evaluated(batch, wanted, candidate, known, first)
            if score > best:
                best, known, parameters = score, values, candidate
    return parameters


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


def _candidates(quant: Quant, grid: Grid) -> Iterator[Quant]:
    scale, zero_point = quant.scale[0], quant.zero_point[0]
    low, high = scale * (grid.low - zero_point), scale * (grid.high - zero_point)
    for factor in FACTORS:
        yield quant_for(low * factor, high * factor, grid)
    if not grid.symmetric and low < 0.0:
        for factor in FACTORS:
            yield quant_for(low * factor, high, grid)
            yield quant_for(low, high * factor, grid)


def _evaluated(
    batch: Batch,
    wanted: Sequence[Array],
    parameters: Parameters,
    known: list[Values] | None,
    first: int,
) -> tuple[float, list[Values]]:
    """The score and all values; what the calls before `first` wrote is taken from `known`."""
    calls = list(batch.graph.calls())
    every = []
    for k, chunk in enumerate(batch.chunks):
        values = simulate.start(batch.graph, chunk, parameters)
        if known is not None:
            earlier = (i for call in calls[:first] for i in call.node.outputs)
            values.update((i, known[k][i]) for i in earlier)
        for call in calls[first:]:
            values.update(simulate.step(call, values, parameters))
        every.append(values)
    found = [np.concatenate([values[i] for values in every]) for i in batch.graph.outputs]
    return sqnr_db(wanted, found), every
