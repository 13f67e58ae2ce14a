"""Makes a failing model small: fewer nodes, smaller shapes, plainer attributes and values."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

import numpy as np

from mcugen import verify
from mcugen.ir import Graph, Node, Quant, Tensor, TensorId
from mcugen.ops import OPS
from mcugen.testing.fuzz.generate import Case, Range, case_of
from mcugen.testing.fuzz.sketch import assigned

BUDGET = 300  # verdicts


@dataclass(frozen=True, slots=True, eq=False)
class _Draft:
    """A graph, and the ranges of those inputs that have one."""

    graph: Graph
    ranges: dict[TensorId, Range]


def minimise(case: Case, fails: Callable[[Case], bool]) -> Case:
    """The smallest case found that still fails, by taking every simplification that keeps it so."""
    pairs = zip(case.graph.inputs, case.ranges, strict=True)
    draft = _Draft(case.graph, {i: limits for i, limits in pairs if limits is not None})
    left, progress = BUDGET, True
    while progress and left > 0:
        progress = False
        for simpler in _simpler(draft):
            if left == 0:
                break
            legal = _legal(simpler)
            if legal is None:
                continue
            left -= 1
            if fails(_case(legal, case)):
                draft, progress = legal, True
                break
    return _case(draft, case)


def _case(draft: _Draft, case: Case) -> Case:
    ranges = [draft.ranges.get(i) for i in draft.graph.inputs]
    return case_of(draft.graph, f"{case.name}_small", case.reference, ranges, case.exact)


def _legal(draft: _Draft) -> _Draft | None:
    """The draft with the shapes that its operators infer, or None if it breaks a rule."""
    graph = draft.graph
    for node in graph.nodes:
        shapes = verify.inferred(graph.call(node))
        if isinstance(shapes, str) or len(shapes) != len(node.outputs):
            return None
        for output, shape in zip(node.outputs, shapes, strict=True):
            graph = graph.with_tensor(output, replace(graph.tensors[output], shape=shape))
    if assigned(graph.nodes) & {*graph.inputs, *graph.outputs}:
        return None
    legal = not verify.problems(graph) and not verify.kernel_problems(graph)
    return replace(draft, graph=graph) if legal else None


def _simpler(draft: _Draft) -> Iterator[_Draft]:
    """Drafts that are one step simpler, the greatest steps first."""
    graph = draft.graph
    for changed in (*_cuts(graph), *_shrunk(graph), *_plainer(graph)):
        yield replace(draft, graph=changed)


# ---- fewer nodes


def _cuts(graph: Graph) -> Iterator[Graph]:
    """One output only; a tensor between as the output; a tensor between as an input."""
    computed = [i for node in graph.nodes for i in node.outputs]
    for i in computed:
        if graph.outputs != (i,):
            yield _needed(graph.with_(outputs=(i,)))
    for i in computed[:-1]:
        if i not in graph.outputs:
            nodes = tuple(node for node in graph.nodes if i not in node.outputs)
            yield _needed(graph.with_(nodes=nodes, inputs=(*graph.inputs, i)))


def _needed(graph: Graph) -> Graph:
    """What the outputs need; and assignments to variables that are read."""
    needed = set(graph.outputs)
    read = {node.inputs[0] for node in graph.nodes if node.op == "read_variable"}
    nodes: list[Node] = []
    for node in reversed(graph.nodes):
        kept = node.op == "assign_variable" and node.inputs[0] in read
        if kept or needed & set(node.outputs):
            nodes.insert(0, node)
            needed |= {i for i in node.inputs if i is not None} | set(node.outputs)
    return graph.with_(
        nodes=tuple(nodes),
        tensors={i: tensor for i, tensor in graph.tensors.items() if i in needed},
        inputs=tuple(i for i in graph.inputs if i in needed),
    )


# ---- smaller shapes


def _shrunk(graph: Graph) -> Iterator[Graph]:
    """A size smaller everywhere that it occurs, or along one axis of one tensor."""
    given = {i: t for i, t in graph.tensors.items() if t.is_const or i in graph.inputs}
    sizes = sorted({n for t in given.values() for n in t.shape if n > 1}, reverse=True)
    for size in sizes:
        for smaller in {1, size // 2, size - 1}:
            changed = {
                i: _cropped(t, tuple(smaller if n == size else n for n in t.shape))
                for i, t in given.items()
            }
            yield graph.with_(tensors={**graph.tensors, **changed})
    for i, tensor in given.items():
        for axis, size in enumerate(tensor.shape):
            for smaller in {1, size // 2, size - 1} - {0, size}:
                shape = (*tensor.shape[:axis], smaller, *tensor.shape[axis + 1 :])
                yield graph.with_tensor(i, _cropped(tensor, shape))


def _cropped(tensor: Tensor, shape: tuple[int, ...]) -> Tensor:
    data, affine = tensor.data, tensor.quant
    if data is not None:
        data = np.array(data[tuple(slice(n) for n in shape)], order="C")
    if affine is not None and affine.axis is not None:
        kept = shape[affine.axis]
        affine = Quant(affine.scale[:kept], affine.zero_point[:kept], affine.axis)
        if kept == 1:
            affine = replace(affine, axis=None)
    return replace(tensor, shape=shape, data=data, quant=affine)


# ---- plainer attributes, constants, quantizations


def _plainer(graph: Graph) -> Iterator[Graph]:
    for position, node in enumerate(graph.nodes):
        for attrs in _plainer_attrs(node.attrs):
            nodes = list(graph.nodes)
            nodes[position] = replace(node, attrs=attrs)
            yield graph.with_(nodes=tuple(nodes))
        low = OPS[node.op].arity[0]
        if len(node.inputs) > low and node.inputs[-1] is not None:
            nodes = list(graph.nodes)
            nodes[position] = replace(node, inputs=node.inputs[:-1])
            yield _needed(graph.with_(nodes=tuple(nodes)))
    for i, tensor in graph.tensors.items():
        if tensor.data is not None and tensor.data.any():
            yield graph.with_tensor(i, replace(tensor, data=np.zeros_like(tensor.data)))
        if tensor.quant is not None and tensor.quant != Quant((1.0,), (0,)):
            yield graph.with_tensor(i, replace(tensor, quant=Quant((1.0,), (0,))))
            if any(tensor.quant.zero_point):
                zeros = (0,) * len(tensor.quant.scale)
                plain = replace(tensor.quant, zero_point=zeros)
                yield graph.with_tensor(i, replace(tensor, quant=plain))


def _plainer_attrs(attrs: Any) -> Iterator[Any]:
    if not is_dataclass(attrs) or isinstance(attrs, type):
        return
    for each in fields(attrs):
        value = getattr(attrs, each.name)
        plain = _plain(value)
        if plain != value:
            yield replace(attrs, **{each.name: plain})


def _plain(value: Any) -> Any:
    """The plainest value of a kind: the first member of an enum, 1, 0, False."""
    if isinstance(value, enum.Enum):
        return next(iter(type(value)))
    if isinstance(value, bool):
        return False
    if isinstance(value, tuple):
        return tuple(1 for _ in value)
    if isinstance(value, int):
        return 0 if value in (1, -1) else 1
    return 1.0 if isinstance(value, float) else value
