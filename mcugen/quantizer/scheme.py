"""Which scale and zero point each tensor gets, by the TFLite 8-bit quantization specification.

Source: https://ai.google.dev/edge/litert/models/quantization_spec. Activations are affine per
tensor, weights symmetric per channel, biases int32 with the product of input and weight scales.
Operators that only move values share parameters between input and output; some outputs are fixed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from mcugen.ir import Graph, Quant, TensorId
from mcugen.ops import OPS
from mcugen.quantizer.logits import masks
from mcugen.quantizer.ranges import INT16, Grid, quant_for

Range = tuple[float, float]
FixedOutput = tuple[float, int]  # int8 scale and zero point

MAX_WEIGHT = 127  # int8 weights are symmetric: -128 is not used


def shared_groups(graph: Graph) -> dict[TensorId, TensorId]:
    """For each activation, the tensor whose parameters it takes (itself, or one further up).

    An operator of several inputs, a CONCATENATION for one, does not share the parameters that the
    specification fixes for some of them only: a sigmoid's would clip everything beside it to 1.
    Such an input is requantized.
    """
    leader: dict[TensorId, TensorId] = {}
    fixed: dict[TensorId, FixedOutput] = {}

    def find(tensor: TensorId) -> TensorId:
        while leader.setdefault(tensor, tensor) != tensor:
            tensor = leader[tensor]
        return tensor

    for call in graph.calls():
        scheme = OPS[call.node.op].scheme
        if scheme.output is not None:
            fixed.update((i, scheme.output) for i in call.node.outputs)
        if not scheme.shares:
            continue
        given = [i for i in call.node.inputs if i is not None and graph.tensors[i].dtype.is_float]
        common = _common(graph, given, fixed)
        if common is not None:
            fixed.update((i, common) for i in call.node.outputs)
        sharing = [i for i in given if common is not None or i not in fixed]
        moved = [*sharing, *(i for i in call.node.outputs if graph.tensors[i].dtype.is_float)]
        for tensor in moved[1:]:
            leader[find(tensor)] = find(moved[0])
    return {i: find(i) for i in list(leader)}


def _common(
    graph: Graph, given: Sequence[TensorId], fixed: Mapping[TensorId, FixedOutput]
) -> FixedOutput | None:
    """The fixed parameters that all operands have or, being constants, can take."""
    found = {fixed.get(i) for i in given if not graph.tensors[i].is_const}
    common = next(iter(found)) if len(found) == 1 else None
    if common is None:
        return None
    scale, zero_point = common
    low, high = scale * (-128 - zero_point), scale * (127 - zero_point)
    constants = (graph.tensors[i].values() for i in given if graph.tensors[i].is_const)
    fits = all(low <= values.min() and values.max() <= high for values in constants if values.size)
    return common if fits else None


def activation_quants(
    graph: Graph,
    ranges: Mapping[TensorId, Range],
    grid: Grid,
    exact: Mapping[TensorId, Quant | None] | None = None,
) -> dict[TensorId, Quant]:
    """Parameters for ranges, with what the specification fixes and shares.

    Tensors that share parameters get those of a range that covers them all; constants among them
    are listed too. `exact` are parameters that hold all values of a tensor exactly; they are taken
    where nothing is shared.
    """
    groups = shared_groups(graph)
    hulls: dict[TensorId, Range] = {}
    for i, (low, high) in _with_constants(graph, groups, ranges).items():
        known = hulls.get(groups.get(i, i), (low, high))
        hulls[groups.get(i, i)] = (min(known[0], low), max(known[1], high))
    chosen = {leader: quant_for(*hull, grid) for leader, hull in hulls.items()}
    chosen.update((i, q) for i, q in (exact or {}).items() if q is not None and i not in groups)
    for call in graph.calls():
        fixed = OPS[call.node.op].scheme.output
        if fixed is not None:
            quant = _fixed(fixed, grid)
            chosen.update((groups.get(i, i), quant) for i in call.node.outputs)
    return {i: chosen[groups.get(i, i)] for i in (*ranges, *groups)}


def _with_constants(
    graph: Graph, groups: Mapping[TensorId, TensorId], ranges: Mapping[TensorId, Range]
) -> dict[TensorId, Range]:
    """The ranges with those of constants, but for a mask of a softmax, which may be clipped."""
    constants = {
        i: (float(tensor.data.min()), float(tensor.data.max()))
        for i in groups
        if (tensor := graph.tensors[i]).data is not None and tensor.elements
    }
    for i in masks(graph):
        constants.pop(i, None)
    return {**ranges, **constants}


def _fixed(output: tuple[float, int], grid: Grid) -> Quant:
    """Where int8 outputs have a fixed scale, int16 ones cover [-1, 1)."""
    return Quant((2.0**-15,), (0,)) if grid == INT16 else Quant((output[0],), (output[1],))


def weight_scales(
    weights: NDArray[np.floating], axis: int | None, empty: NDArray[np.float64] | float = 1.0
) -> NDArray[np.float64]:
    """Symmetric scales that cover the weights: one per channel of `axis`, or a single one.

    A channel of zeros gets the scale `empty`.
    """
    magnitudes = np.abs(weights.astype(np.float64))
    others = tuple(i for i in range(weights.ndim) if axis is None or i != axis)
    peak = np.atleast_1d(magnitudes.max(axis=others))
    return np.where(peak > 0, peak / MAX_WEIGHT, empty).astype(np.float32).astype(np.float64)


def least_squares_scales(
    weights: NDArray[np.floating], scale: NDArray[np.float64], axis: int | None
) -> NDArray[np.float64]:
    """Smaller scales where clipping the largest weights costs less than it saves in rounding."""
    others = tuple(i for i in range(weights.ndim) if axis is None or i != axis)
    best, least = scale, np.full(scale.shape, np.inf)
    for factor in np.linspace(1.0, 0.5, 51):
        candidate = (scale * factor).astype(np.float32).astype(np.float64)
        shaped = along(candidate, axis, weights.ndim)
        rounded = np.clip(np.rint(weights / shaped), -MAX_WEIGHT, MAX_WEIGHT) * shaped
        error = np.atleast_1d(np.square(rounded - weights).sum(axis=others))
        best = np.where(error < least, candidate, best)
        least = np.minimum(error, least)
    return best


def along(scale: NDArray[np.float64], axis: int | None, rank: int) -> NDArray[np.float64]:
    """Scales shaped to broadcast along their axis."""
    return scale.reshape(tuple(-1 if i == axis else 1 for i in range(rank)))
