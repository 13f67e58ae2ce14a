"""Lowering: a graph, its kernels and a memory plan become names, numbers and C expressions."""

from __future__ import annotations

import hashlib
import json
import random
import re
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from mcugen import __version__, cformat, interpret, metrics, resources
from mcugen.contents_verify import verify_contents
from mcugen.ir import Call, DType, Graph, Io, Tensor, TensorId
from mcugen.layers import Constants, plain_layer, tensor_text, type_text
from mcugen.layout import Layout
from mcugen.lifetimes import WORD, lifetimes
from mcugen.ops.base import Array, Const, Kernel
from mcugen.ops.rows import Chain
from mcugen.placement import ANYWHERE, Placement, Rules, region_of
from mcugen.plan import plan
from mcugen.plan_verify import verify
from mcugen.pointers import CTYPES, Pointers
from mcugen.program import (
    ArenaRow,
    Argument,
    ConstArray,
    Copied,
    Expected,
    Layer,
    Port,
    Program,
    SelfTest,
    Source,
    State,
)
from mcugen.row_layers import rows_layer
from mcugen.rows_verify import verify_chains
from mcugen.select import Selection
from mcugen.spaces import Kind, port_names
from mcugen.target import RAM

ALIGN = 16  # of arena and state: vector loads, and the caches of larger cores

# PREFIX.h must not hide a header that somebody else includes, PREFIX a target of CMake, nor
# PREFIX_input a type of harness.h.
_TAKEN = """
assert board complex ctype errno fenv float harness inttypes iso646 limits locale math memory model
observe platform setjmp signal stdarg stdbool stddef stdint stdio stdlib string strings tgmath time
text unistd wchar wctype all clean help install package test
"""


def project_prefix(name: str) -> str:
    """The prefix of a project's names and files, from the name of a model."""
    prefix = cformat.identifier(name).lower()
    if prefix in _TAKEN.split() or re.match(r"mcu(_|$)", prefix):
        return f"model_{prefix}"
    return prefix


def lower(
    graph: Graph,
    selection: Selection,
    source: Source,
    *,
    name: str | None = None,
    board: str = "none",
    objective: str = "balanced",
    placement: Placement = ANYWHERE,
) -> Program:
    """Plan the arena and spell everything out; `name` (else the graph's) gives the prefix.

    With the objective "size" the compiler, too, is asked for the smallest code.
    """
    lives = lifetimes(graph, selection)
    memory_plan = plan(lives.buffers, lives.shares)
    verify(lives.buffers, memory_plan, lives.shares)
    verify_contents(graph, selection, lives, memory_plan)
    verify_chains(graph, lives, memory_plan)
    prefix = project_prefix(graph.name if name is None else name)
    layout = Layout(lives, memory_plan)
    pointers = Pointers(graph, layout)
    constants = Constants(prefix, placement.weights)
    layers = _layers(graph, selection, pointers, constants)
    states = _states(graph, pointers, constants)
    pairs = _pairs(graph, selection)
    placement.check_layers([(index, call.node.name) for index, call, _ in pairs])
    kernels = [kernel for _, _, kernel in pairs]
    outputs = _ports(graph, Kind.OUTPUT, pointers)
    return Program(
        prefix=prefix,
        macro=prefix.upper(),
        version=__version__,
        abi=kernels_abi(),
        source=cformat.comment(source.name, 40),
        sha256=source.sha256,
        model_id=_model_id(prefix, source, layers, layout),
        board=cformat.comment(board, 30),
        objective=objective,
        optimize="-Os" if objective == "size" else "-O2",
        arena_bytes=memory_plan.arena_bytes,
        arena_align=ALIGN,
        arena_bound=memory_plan.bound,
        arguments=_arguments(prefix, pointers, placement),
        io=graph.io,
        macs=sum(layer.macs for layer in layers),
        weight_bytes=sum(array.bytes for array in constants.arrays.values()),
        inputs=_ports(graph, Kind.INPUT, pointers),
        outputs=outputs,
        states=states,
        layers=layers,
        arena=_arena_rows(graph, selection, layout),
        consts=tuple(constants.arrays.values()),
        headers=tuple(sorted({"mcu_port.h", *(kernel.header for kernel in kernels)})),
        sources=tuple(sorted({f"{kernel.name}.c" for kernel in kernels})),
        copied=tuple(_copied(constants.arrays.values(), pairs, placement.code)),
        folders=tuple(sorted({kernel.folder for kernel in kernels if kernel.folder})),
        floating=graph.is_floating,
        selftest=_selftest(graph, outputs),
    )


def _layers(
    graph: Graph, selection: Selection, pointers: Pointers, constants: Constants
) -> tuple[Layer, ...]:
    layers: list[Layer] = []
    for step, (kernel, call) in enumerate(zip(selection.kernels, graph.calls(), strict=True)):
        if kernel is not None:
            make = rows_layer if isinstance(call.attrs, Chain) else plain_layer
            layers.append(make(len(layers), step, kernel, call, pointers, constants))
    return tuple(layers)


def _pairs(graph: Graph, selection: Selection) -> list[tuple[int, Call, Kernel]]:
    """What every kernel computes, in chains too, with the number of its layer."""
    found: list[tuple[int, Call, Kernel]] = []
    calls = (pair for pair in zip(graph.calls(), selection.kernels, strict=True) if pair[1])
    for index, (call, kernel) in enumerate(calls):
        if isinstance(call.attrs, Chain):
            parts = zip(call.attrs.parts, call.attrs.kernels, strict=True)
            found += [(index, part.call, its) for part, its in parts]
        elif kernel is not None:
            found.append((index, call, kernel))
    return found


def _copied(
    arrays: Iterable[ConstArray], pairs: Sequence[tuple[int, Call, Kernel]], rules: Rules
) -> Iterator[Copied]:
    """What goes to each region of RAM. A kernel of several layers goes where the first wants it."""
    code: dict[str, str] = {}
    for index, call, kernel in pairs:
        region = region_of(rules, index, call.node.name)
        if region:
            code.setdefault(f"{kernel.name}.o", region)
    placed = [array for array in arrays if array.region]
    for region in sorted({*(array.region for array in placed), *code.values()}):
        yield Copied(
            region,
            constants=sum(array.bytes for array in placed if array.region == region),
            objects=tuple(sorted(name for name, where in code.items() if where == region)),
        )


def kernels_abi() -> int:
    """The number that changes whenever generated code and kernels must change together."""
    text = (resources.runtime_c() / "include" / "mcu_port.h").read_text(encoding="utf-8")
    found = re.search(r"^#define MCU_KERNELS_ABI (\d+)$", text, re.MULTILINE)
    assert found is not None
    return int(found[1])


def _model_id(prefix: str, source: Source, layers: Sequence[Layer], layout: Layout) -> str:
    facts = [
        __version__,
        prefix,
        source.sha256,
        [layer.kernel for layer in layers],
        [layout.plan.arena_bytes, *layout.plan.offsets],
        *((space.name, size) for space, size in layout.lives.spaces.items()),
    ]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]


# ---- memory


def _arena_rows(graph: Graph, selection: Selection, layout: Layout) -> tuple[ArenaRow, ...]:
    """The arena map by offset, then time; steps become layers, which skip alias operators."""
    layer_of = _layer_numbers(selection)
    names: dict[int, list[str]] = {}
    for tensor_id, buffer in layout.lives.tensors.items():
        tensor = graph.tensors[tensor_id]
        names.setdefault(buffer, []).append(tensor_text(tensor))
    names.update({buffer: ["scratch"] for buffer in layout.lives.scratch.values()})
    rows = [
        ArenaRow(
            offset=offset,
            end=offset + buffer.bytes,
            first=-1 if buffer.first < 0 else layer_of[buffer.first],
            last=-1 if buffer.last < 0 else layer_of[buffer.last],
            comment=names[i][0] + (" and aliases" if len(names[i]) > 1 else ""),
        )
        for i, (buffer, offset) in enumerate(
            zip(layout.lives.buffers, layout.plan.offsets, strict=True)
        )
    ]
    return tuple(sorted(rows, key=lambda row: (row.offset, row.first, row.end)))


def _layer_numbers(selection: Selection) -> tuple[int, ...]:
    """The layer that each step is or precedes; one entry more for the caller, after the last."""
    numbers = [0]
    for kernel in selection.kernels:
        numbers.append(numbers[-1] + (kernel is not None))
    return tuple(numbers)


# ---- ports and the self-test


def _ports(graph: Graph, kind: Kind, pointers: Pointers) -> tuple[Port, ...]:
    ids = graph.inputs if kind is Kind.INPUT else graph.outputs
    names = port_names(kind, len(ids))
    return tuple(_port(kind, *named, graph, pointers) for named in zip(names, ids, strict=True))


def _port(kind: Kind, name: str, tensor_id: TensorId, graph: Graph, pointers: Pointers) -> Port:
    tensor = graph.tensors[tensor_id]
    quantized = tensor.quant is not None and not tensor.dtype.is_float
    low = high = ""
    if quantized:
        limits = np.iinfo(tensor.dtype.numpy)
        low, high = (
            f"{tensor.scale * (int(q) - tensor.zero_point):.4g}" for q in (limits.min, limits.max)
        )
    return Port(
        role=kind.value,
        suffix=name.removeprefix(kind.value),
        comment=cformat.comment(tensor.name, 40),
        ctype=CTYPES[tensor.dtype],
        shape=tensor.shape,
        elements=tensor.elements,
        bytes=tensor.bytes,
        scale=cformat.literal(tensor.scale) if quantized else "",
        zero_point=tensor.zero_point if quantized else 0,
        offset=None if graph.io is Io.CALLER else pointers.place(tensor_id).offset,
        address=pointers.tensor(tensor_id),
        low=low,
        high=high,
    )


def _arguments(prefix: str, pointers: Pointers, placement: Placement) -> tuple[Argument, ...]:
    """What the caller hands over, in this order."""
    macro, graph = prefix.upper(), pointers.graph
    ports = [graph.tensors[i] for i in (*graph.inputs, *graph.outputs)]
    io_align = max(WORD, *(tensor.dtype.bytes for tensor in ports))
    regions = {Kind.ARENA: placement.arena or RAM, Kind.STATE: placement.state}
    found = []
    for space, size in pointers.layout.spaces.items():
        is_port = space.kind in (Kind.INPUT, Kind.OUTPUT)
        argument = Argument(
            kind=space.kind.value,
            name=space.name,
            bytes=max(size, 1),  # an array of nothing is no array
            align=io_align if is_port else ALIGN,
            region=regions.get(space.kind, RAM),
            parameter=pointers.parameter(space) if is_port else f"void *{space.name}",
            base=pointers.base(space),
            ctype=pointers.ctype(space),
            size_macro=f"{macro}_{space.name.upper()}_SIZE",
            align_macro=f"{macro}_{'IO' if is_port else space.name.upper()}_ALIGN",
        )
        found.append(argument)
    return tuple(found)


def _states(graph: Graph, pointers: Pointers, constants: Constants) -> tuple[State, ...]:
    return tuple(_state(k, i, pointers, constants) for k, i in enumerate(graph.variables))


def _state(number: int, tensor_id: TensorId, pointers: Pointers, constants: Constants) -> State:
    variable, place = pointers.graph.tensors[tensor_id], pointers.place(tensor_id)
    source = ""
    if variable.initial is not None:
        const = Const(variable.initial, CTYPES[variable.dtype])
        source = constants.add(const, f"state{number}", f"state {number} after a reset")
    return State(
        comment=tensor_text(variable),
        offset=place.offset,
        address=pointers.at(place.space, str(place.offset), None),
        bytes=variable.bytes,
        value=variable.reset_value,
        source=source,
    )


def _selftest(graph: Graph, ports: Sequence[Port]) -> SelfTest:
    inputs = [_pseudo_random(graph.tensors[i]) for i in graph.inputs]
    outputs = interpret.outputs(graph, inputs)
    arrays = _test_arrays("expected", outputs, [graph.tensors[i] for i in graph.outputs])
    return SelfTest(
        inputs=_test_arrays("input", inputs, [graph.tensors[i] for i in graph.inputs]),
        outputs=tuple(
            Expected(port.name, array, _tolerance(values))
            for port, array, values in zip(ports, arrays, outputs, strict=True)
        ),
    )


def _tolerance(output: Array) -> str:
    """How far floats may be off: compilers are free to round a product and a sum at once."""
    if output.dtype.kind != "f":
        return ""
    return cformat.literal(np.float32(metrics.allowance(output)))


def _test_arrays(
    name: str, values: Sequence[Array], tensors: Sequence[Tensor]
) -> tuple[ConstArray, ...]:
    return tuple(
        ConstArray(
            name=name if len(values) == 1 else f"{name}_{k}",
            ctype=CTYPES[tensor.dtype],
            elements=array.size,
            bytes=array.nbytes,
            comment=type_text(tensor),
            lines=cformat.rows(array),
        )
        for k, (array, tensor) in enumerate(zip(values, tensors, strict=True))
    )


def _pseudo_random(tensor: Tensor) -> Array:
    """The same bytes each time; int32 and int64 inputs are indices, of which 0 is always legal."""
    dtype = np.int16 if tensor.dtype is DType.INT16 else np.int8
    data = random.Random(0).randbytes(tensor.elements * np.dtype(dtype).itemsize)
    noise = np.frombuffer(data, dtype).reshape(tensor.shape)
    if tensor.dtype in (DType.INT32, DType.INT64):
        return np.zeros(tensor.shape, tensor.dtype.numpy)
    if tensor.dtype.is_float:
        return (noise / 64.0).astype(tensor.dtype.numpy)
    return noise.astype(tensor.dtype.numpy)
