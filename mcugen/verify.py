"""What a legal Graph is, as code: `problems` lists everything that is wrong with one.

Passes keep a graph legal, and `mcugen.passes.run` checks it after each of them. The functions of an
operator module may assume that the rules hold; here they meet graphs for which this is not yet
known, so whatever they raise is turned into a problem.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

import numpy as np

from mcugen.errors import Problem, UnsupportedModelError
from mcugen.ir import Call, DType, Graph, TensorId, printable
from mcugen.ops import BY_TFLITE, OPS
from mcugen.ops.base import CUSTOM, Family, Op, Rule, Shape, rule_text

UNSUPPORTED = "unsupported"  # the `op` of nodes that the importer has no module for
NAMED = 4  # tensors in a message
MAX_BYTES = 2**31 - 1  # kernels count in int32


def check(graph: Graph) -> None:
    """Raise an UnsupportedModelError with all problems, if there are any."""
    found = problems(graph)
    if found:
        raise UnsupportedModelError(found)


def problems(graph: Graph) -> list[Problem]:
    """Everything that keeps a graph from being compiled."""
    broken = wiring(graph)
    if broken:  # rules have nothing to say where it is not clear what an operator reads
        return [*graph.problems, *broken]
    calls = {call.node.index: call_problems(call) for call in graph.calls()}
    unsure = _unsure(graph)
    for node in graph.nodes:
        shapes = [
            graph.tensors[i].shape for i in unsure.intersection((*node.inputs, *node.outputs))
        ]
        if any(min(shape, default=1) < 1 for shape in shapes):
            calls.pop(node.index, None)
    return [
        *graph.problems,
        *_edges(graph),
        *_sizes(graph, {index for index, found in calls.items() if found}, unsure),
        *_constants(graph),
        *unsupported(graph),
        *_variables(graph),
        *(problem for found in calls.values() for problem in found),
    ]


# ---- structure


def wiring(graph: Graph) -> list[Problem]:
    """Tensors that are not there, that are read before they are written, or written twice."""
    return list(_missing(graph)) or list(_order(graph))


def _label(graph: Graph, tensor_id: int) -> str:
    return graph.tensors[tensor_id].label(tensor_id)


def _missing(graph: Graph) -> Iterator[Problem]:
    for node in graph.nodes:
        if not node.outputs:
            yield Problem(node.where, "no outputs", "Every operator must write a tensor.")
        for i in (*node.inputs, *node.outputs):
            if i is not None and i not in graph.tensors:
                found = f"tensor#{i}, which does not exist"
                yield Problem(node.where, found, "Operators must use tensors of the model.")
    for kind, ids in (("input", graph.inputs), ("output", graph.outputs)):
        if not ids:
            yield Problem("model", f"no {kind}", "A model must have inputs and outputs.")
        for i in ids:
            if i not in graph.tensors:
                found = f"{kind} tensor#{i}, which does not exist"
                yield Problem("model", found, "Inputs and outputs must be tensors of the model.")


def _order(graph: Graph) -> Iterator[Problem]:
    known = {i for i, t in graph.tensors.items() if t.is_const or t.dtype is DType.OTHER}
    known.update(graph.inputs)
    known.update(graph.variables)
    valued = {i for i, t in graph.tensors.items() if t.is_const or t.variable} | set(graph.inputs)
    for node in graph.nodes:
        for i in node.inputs:
            if i is not None and i not in known:
                found = f"reads {_label(graph, i)} before it is written"
                yield Problem(node.where, found, "Operators must be in order of execution.")
        for i in node.outputs:
            if i in valued:
                found = f"writes {_label(graph, i)}, which has a value already"
                yield Problem(node.where, found, "Every tensor must be written once.")
        valued.update(node.outputs)
        known.update(node.outputs)


def _edges(graph: Graph) -> Iterator[Problem]:
    for kind, ids in (("input", graph.inputs), ("output", graph.outputs)):
        if len(set(ids)) != len(ids):
            yield Problem("model", f"an {kind} listed twice", f"Each {kind} must be listed once.")
    for i in graph.inputs:
        tensor = graph.tensors[i]
        if tensor.is_const:
            yield Problem(_label(graph, i), "a constant input", "Inputs must be given at run time.")
        elif -1 in tensor.shape:
            found = f"shape {list(tensor.shape)}, -1 is open"
            allowed = "Only the batch dimension may be open; convert it with fixed input shapes."
            yield Problem(_label(graph, i), found, allowed)
    computed = {i for node in graph.nodes for i in node.outputs}
    for i in graph.outputs:
        if i not in computed:
            found = "an output that no operator computes"
            yield Problem(_label(graph, i), found, "Outputs must depend on the inputs.")


def _variables(graph: Graph) -> Iterator[Problem]:
    for call in graph.calls():
        state = OPS[call.node.op].state if call.node.op in OPS else ()
        for position, tensor in enumerate(call.inputs):
            is_variable = tensor is not None and tensor.variable
            if is_variable and position not in state:
                found = f"a variable as input {position}"
                yield Problem(call.node.where, found, "Variables must be the state of an operator.")
            elif position in state and not is_variable:
                found = f"no variable as input {position}"
                yield Problem(call.node.where, found, "The state must be a variable.")


def _unsure(graph: Graph) -> set[TensorId]:
    """Tensors behind an open input or an unsupported operator, whose stored sizes mean nothing."""
    unsure = {i for i in graph.inputs if -1 in graph.tensors[i].shape[1:]}
    for node in graph.nodes:
        if node.op == UNSUPPORTED or unsure.intersection(node.inputs):
            unsure.update(node.outputs)
    return unsure


def _sizes(
    graph: Graph, broken: Collection[int], unsure: Collection[TensorId]
) -> Iterator[Problem]:
    """Sizes that cannot be, but for the outputs of nodes that break rules: those say it better."""
    computed = (i for node in graph.nodes if node.index not in broken for i in node.outputs)
    for i in sorted({*graph.inputs, *computed}):
        tensor = graph.tensors[i]
        if min(tensor.shape, default=1) < 1 and -1 not in tensor.shape:
            if i in unsure:
                continue
            found = f"shape {list(tensor.shape)}"
            yield Problem(_label(graph, i), found, "Dimensions must be 1 or more.")
        elif abs(tensor.bytes) > MAX_BYTES:
            found = f"shape {list(tensor.shape)}, {tensor.bytes} bytes"
            yield Problem(_label(graph, i), found, "A tensor must be smaller than 2 GiB.")


def _constants(graph: Graph) -> Iterator[Problem]:
    read = {i for node in graph.nodes for i in node.inputs if i is not None}
    for i in sorted(read):
        data = graph.tensors[i].data
        if data is not None and data.dtype.kind == "f" and not np.isfinite(data).all():
            count = np.count_nonzero(~np.isfinite(data))
            found = f"{count} of {data.size} values NaN or infinite"
            yield Problem(_label(graph, i), found, "Constants must be finite numbers.")


# ---- operators


# What to do instead of an operator.
ADVICE = {
    "WHILE": " It is the loop of a recurrent layer: build Keras's GRU or SimpleRNN with "
    "unroll=True, which makes some operators for each step, or take an LSTM as it is by default."
}


def _advice(operator: str) -> str:
    if operator.startswith(CUSTOM):
        return " A plugin, a Python file and a C file, can bring it (mcugen --plugin FILE)."
    return ADVICE.get(operator, "")


def unsupported(graph: Graph) -> list[Problem]:
    """One problem for each kind of operator that has no module; the last lists those that have."""
    positions: dict[str, list[str]] = {}
    for node in graph.nodes:
        if node.op == UNSUPPORTED:
            positions.setdefault(node.attrs.operator, []).append(f"op#{node.index}")
    last = len(positions) - 1
    supported = f" Supported operators are {', '.join(sorted(BY_TFLITE))}."
    return [
        Problem(
            ", ".join(where),
            f"operator {printable(operator)}",
            f"Not supported.{_advice(operator)}{supported if i == last else ''}",
        )
        for i, (operator, where) in enumerate(positions.items())
    ]


def is_known(call: Call) -> bool:
    """True if there is a module that can judge a call; all else is reported in another place."""
    tensors = (*call.inputs, *call.outputs)
    return call.node.op != UNSUPPORTED and all(t is None or t.dtype != DType.OTHER for t in tensors)


def call_problems(call: Call) -> list[Problem]:
    """The rules that one call breaks."""
    if not is_known(call):
        return []
    op, where = OPS[call.node.op], call.node.where
    low, high = op.arity
    if not low <= len(call.inputs) <= high or any(t is None for t in call.inputs[:low]):
        present = sum(t is not None for t in call.inputs)
        found_count = "1 input" if present == 1 else f"{present} inputs"
        takes = f"{low}" if low == high else f"{low} to {high}"
        return [Problem(where, found_count, f"{op.tflite} takes {takes}.")]
    found: list[Problem] = []
    with np.errstate(all="ignore"):  # constants may hold NaN, or be floats where rules want int8
        for rule in op.rules:
            broken = _judge(rule, call, already_broken=bool(found))
            if broken is not None:
                found.append(Problem(where, broken + _read(call, broken), rule_text(rule)))
    return found or _shape_problems(op, call)


def _read(call: Call, found: str) -> str:
    """Which tensors a call reads, for a message that names none."""
    names = [f'"{printable(t.name)}"' for t in call.inputs if t is not None]
    if '"' in found or not names:
        return ""
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f" (reads {', '.join(names[:NAMED])}{more})"


def _judge(rule: Rule, call: Call, *, already_broken: bool) -> str | None:
    """What a rule finds. Later rules rely on earlier ones, and may fail where those are broken."""
    try:
        return rule(call)
    except Exception as error:
        return None if already_broken else f"inputs that make no sense ({_reason(error)})"


def _shape_problems(op: Op, call: Call) -> list[Problem]:
    stored = tuple(tensor.shape for tensor in call.outputs)
    shapes = inferred(call)
    if isinstance(shapes, str):
        found, allowed = shapes, f"The inputs of {op.tflite} must have shapes that fit together."
    elif shapes != stored:
        found = f"outputs of shape {_shapes(stored)}"
        allowed = f"The inputs make it {_shapes(shapes)}."
    else:
        return []
    return [Problem(call.node.where, found, allowed)]


def _shapes(shapes: tuple[Shape, ...]) -> str:
    return ", ".join(str(list(shape)) for shape in shapes)


def inferred(call: Call) -> tuple[Shape, ...] | str:
    """The output shapes that an operator infers, or why it cannot."""
    try:
        return tuple(tuple(int(d) for d in shape) for shape in OPS[call.node.op].infer(call))
    except Exception as error:
        shapes = tuple(tensor.shape for tensor in call.inputs if tensor is not None)
        return f"inputs of shape {_shapes(shapes)} ({_reason(error)})"


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


# ---- kernels


def kernel_problems(graph: Graph, families: Collection[Family] = tuple(Family)) -> list[Problem]:
    """One problem for each call of a legal graph that no kernel of the families can compute."""
    found = []
    for call in graph.calls():
        op = OPS[call.node.op]
        kernels = [kernel for kernel in op.kernels if kernel.family in families]
        # The rules of some kernels take long, so none is asked behind the first that serves.
        if not op.alias and all(kernel.refusal(call) is not None for kernel in kernels):
            reasons = "; ".join(f"{kernel.name} {kernel.refusal(call)}" for kernel in kernels)
            allowed = reasons or f"{op.tflite} is supported where it folds away."
            found.append(Problem(call.node.where, "no kernel for this call", allowed))
    return found
