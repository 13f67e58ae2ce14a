"""Resource variables of a TFLite file: handles and their initial values become variable tensors.

A VAR_HANDLE names a variable, READ_VARIABLE and ASSIGN_VARIABLE take its handle, and a CALL_ONCE
runs a subgraph that assigns the initial values. In the graph the first handle's tensor is the
variable itself, and ASSIGN_VARIABLE has an output, of an id that no tensor of the file has.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mcugen.errors import Problem
from mcugen.ir import Graph, Node, Tensor, TensorId, printable

HANDLE, ONCE = "VAR_HANDLE", "CALL_ONCE"  # operators that the graph does not keep
READ, ASSIGN = "read_variable", "assign_variable"


@dataclass(frozen=True, slots=True)
class Handle:
    """Attributes of a VAR_HANDLE: what all handles of one variable have in common."""

    container: str
    name: str


@dataclass(frozen=True, slots=True)
class Once:
    """Attributes of a CALL_ONCE: the subgraph that it runs."""

    subgraph: int


def decode(operator: str, options: Any) -> Handle | Once:
    """Read VarHandleOptions or CallOnceOptions."""
    if operator == ONCE:
        return Once(options.InitSubgraphIndex())
    texts = (options.Container(), options.SharedName())
    return Handle(*((text or b"").decode("utf-8", errors="replace") for text in texts))


def handles(nodes: tuple[Node, ...]) -> dict[TensorId, Handle]:
    """The tensors that are handles."""
    return {node.outputs[0]: node.attrs for node in nodes if node.op == HANDLE and node.outputs}


def with_variables(graph: Graph, initial: Mapping[Handle, np.ndarray[Any, Any]]) -> Graph:
    """The graph with variables in place of handles, given those that do not begin at zero."""
    found = handles(graph.nodes)
    first = {handle: i for i, handle in reversed(found.items())}
    tensors = {i: tensor for i, tensor in graph.tensors.items() if i not in found}
    problems = list(graph.problems)
    nodes: list[Node] = []
    for node in graph.nodes:
        if node.op in (HANDLE, ONCE):
            continue
        handle = found.get(_handle_id(node))
        if handle is not None:
            variable = first[handle]
            value = node.outputs[0] if node.op == READ else node.inputs[1]
            if variable not in tensors and value is not None:
                tensors[variable] = _variable(handle, graph.tensors[value], initial, problems)
            node = replace(node, inputs=(variable, *node.inputs[1:]))
            if node.op == ASSIGN and variable in tensors:
                after = max(*tensors, *found) + 1
                tensors[after] = replace(tensors[variable], variable=False, initial=None)
                node = replace(node, name=handle.name, outputs=(after,))
        nodes.append(node)
    return graph.with_(tensors=tensors, nodes=tuple(nodes), problems=tuple(problems))


def _handle_id(node: Node) -> TensorId:
    """The handle that a node takes, as it should; -1 if it takes none."""
    expected = {READ: (1, 1), ASSIGN: (2, 0)}.get(node.op)
    if expected != (len(node.inputs), len(node.outputs)) or node.inputs[0] is None:
        return -1
    return node.inputs[0]


def _variable(
    handle: Handle,
    value: Tensor,
    initial: Mapping[Handle, np.ndarray[Any, Any]],
    problems: list[Problem],
) -> Tensor:
    """A variable that holds such a value; an open batch is 1."""
    variable = Tensor(
        handle.name, tuple(map(abs, value.shape)), value.dtype, value.quant, variable=True
    )
    data = initial.get(handle)
    if data is None:
        return variable
    if (data.shape, data.dtype) != (variable.shape, variable.dtype.numpy):
        found = f"{data.dtype} of shape {list(data.shape)} as its first value"
        allowed = f"It must be {variable.dtype.value} of shape {list(variable.shape)}."
        problems.append(Problem(f'variable "{printable(handle.name)}"', found, allowed))
        return variable
    return replace(variable, initial=data)
