"""Lowering: a graph, its kernels and a memory plan become names, numbers and C expressions."""

from __future__ import annotations

import hashlib
import json
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from mcugen import __version__, cformat, interpret, metrics, resources
from mcugen.ir import Call, DType, Graph, Tensor, TensorId
from mcugen.lifetimes import Lifetimes, lifetimes
from mcugen.ops import OPS
from mcugen.ops.base import Activation, Array, Const, CValue, Kernel
from mcugen.plan import MemoryPlan, plan
from mcugen.plan_verify import verify
from mcugen.program import (
    ArenaRow,
    ConstArray,
    Expected,
    Field,
    Layer,
    Port,
    Program,
    SelfTest,
    Source,
    State,
)
from mcugen.select import Selection

ARENA_ALIGN = 16  # vector loads, and the caches of larger cores

_CTYPES = {
    DType.FLOAT32: "float",
    DType.INT8: "int8_t",
    DType.UINT8: "uint8_t",
    DType.INT16: "int16_t",
    DType.INT32: "int32_t",
    DType.INT64: "int64_t",
    DType.BOOL: "uint8_t",
}

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
) -> Program:
    """Plan the arena and spell everything out; `name` (else the graph's) gives the prefix."""
    lives = lifetimes(graph, selection)
    memory_plan = plan(lives.buffers, lives.shares)
    verify(lives.buffers, memory_plan, lives.shares)
    prefix = project_prefix(graph.name if name is None else name)
    arena = _Arena(lives, memory_plan)
    constants = _Constants(prefix)
    layers = _layers(graph, selection, arena, constants)
    kernels = sorted({layer.kernel for layer in layers})
    outputs = _ports(graph, "output", arena)
    return Program(
        prefix=prefix,
        macro=prefix.upper(),
        version=__version__,
        abi=kernels_abi(),
        source=cformat.comment(source.name, 40),
        sha256=source.sha256,
        model_id=_model_id(prefix, source, layers, memory_plan),
        board=cformat.comment(board, 30),
        arena_bytes=memory_plan.arena_bytes,
        arena_align=ARENA_ALIGN,
        arena_bound=memory_plan.bound,
        macs=sum(layer.macs for layer in layers),
        weight_bytes=sum(array.bytes for array in constants.arrays.values()),
        inputs=_ports(graph, "input", arena),
        outputs=outputs,
        states=_states(graph, arena),
        layers=layers,
        arena=_arena_rows(graph, selection, arena),
        consts=tuple(constants.arrays.values()),
        headers=tuple(
            sorted({"mcu_port.h", *(k.header for k in selection.kernels if k is not None)})
        ),
        sources=tuple(f"{kernel}.c" for kernel in kernels),
        folders=tuple(sorted({k.folder for k in selection.kernels if k and k.folder})),
        floating=graph.is_floating,
        selftest=_selftest(graph, outputs),
    )


def kernels_abi() -> int:
    """The number that changes whenever generated code and kernels must change together."""
    text = (resources.runtime_c() / "include" / "mcu_port.h").read_text(encoding="utf-8")
    found = re.search(r"^#define MCU_KERNELS_ABI (\d+)$", text, re.MULTILINE)
    assert found is not None
    return int(found[1])


def _model_id(prefix: str, source: Source, layers: Sequence[Layer], memory_plan: MemoryPlan) -> str:
    facts = [
        __version__,
        prefix,
        source.sha256,
        [layer.kernel for layer in layers],
        [memory_plan.arena_bytes, *memory_plan.offsets],
    ]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]


# ---- memory


@dataclass(frozen=True, slots=True)
class _Arena:
    """Where everything lies, as numbers and as C expressions on `int8_t *memory`."""

    lives: Lifetimes
    plan: MemoryPlan

    def offset(self, tensor: TensorId) -> int:
        return self.plan.offsets[self.lives.tensors[tensor]]

    def tensor(self, tensor_id: TensorId, tensor: Tensor) -> str:
        address = f"memory + {self.offset(tensor_id)}"
        return address if tensor.dtype is DType.INT8 else f"(void *)({address})"

    def scratch(self, step: int) -> str:
        buffer = self.lives.scratch.get(step)
        return "NULL" if buffer is None else f"memory + {self.plan.offsets[buffer]}"


@dataclass(frozen=True, slots=True)
class _Constants:
    """The arrays in flash; equal arrays are kept once."""

    prefix: str
    arrays: dict[tuple[str, bytes], ConstArray] = field(default_factory=dict)

    def add(self, const: Const, name: str, comment: str) -> str:
        """Add an array unless it is there; the name under which it is kept."""
        values = np.ascontiguousarray(const.values)
        key = (const.ctype, values.tobytes())
        if key not in self.arrays:
            self.arrays[key] = ConstArray(
                name=f"{self.prefix}_{name}",
                ctype=const.ctype,
                elements=values.size,
                bytes=values.nbytes,
                comment=f"{comment}, {shape_text(values.shape)}",
                lines=cformat.rows(values),
            )
        return self.arrays[key].name


def _arena_rows(graph: Graph, selection: Selection, arena: _Arena) -> tuple[ArenaRow, ...]:
    """The arena map by offset, then time; steps become layers, which skip alias operators."""
    layer_of = _layer_numbers(selection)
    names: dict[int, list[str]] = {}
    for tensor_id, buffer in arena.lives.tensors.items():
        tensor = graph.tensors[tensor_id]
        names.setdefault(buffer, []).append(tensor_text(tensor))
    names.update({buffer: ["scratch"] for buffer in arena.lives.scratch.values()})
    rows = [
        ArenaRow(
            offset=offset,
            end=offset + buffer.bytes,
            first=-1 if buffer.first < 0 else layer_of[buffer.first],
            last=-1 if buffer.last < 0 else layer_of[buffer.last],
            comment=names[i][0] + (" and aliases" if len(names[i]) > 1 else ""),
        )
        for i, (buffer, offset) in enumerate(
            zip(arena.lives.buffers, arena.plan.offsets, strict=True)
        )
    ]
    return tuple(sorted(rows, key=lambda row: (row.offset, row.first, row.end)))


def _layer_numbers(selection: Selection) -> tuple[int, ...]:
    """The layer that each step is or precedes; one entry more for the caller, after the last."""
    numbers = [0]
    for kernel in selection.kernels:
        numbers.append(numbers[-1] + (kernel is not None))
    return tuple(numbers)


# ---- layers


def _layers(
    graph: Graph, selection: Selection, arena: _Arena, constants: _Constants
) -> tuple[Layer, ...]:
    layers: list[Layer] = []
    for step, (kernel, call) in enumerate(zip(selection.kernels, graph.calls(), strict=True)):
        if kernel is not None:
            layers.append(_layer(len(layers), step, kernel, call, arena, constants))
    return tuple(layers)


def _layer(
    index: int, step: int, kernel: Kernel, call: Call, arena: _Arena, constants: _Constants
) -> Layer:
    op = OPS[call.node.op]
    params_name = f"layer_{index}"
    outputs = [
        arena.tensor(i, tensor) for i, tensor in zip(call.node.outputs, call.outputs, strict=True)
    ]
    scratch_bytes = 0 if kernel.scratch is None else kernel.scratch(call)
    arguments = [
        f"&{params_name}",
        *_operands(kernel, call, index, arena, constants),
        *outputs,
        *(() if kernel.scratch is None else (arena.scratch(step),)),
    ]
    fields = kernel.params(call)
    return Layer(
        index=index,
        node=call.node.index,
        tensor=call.node.outputs[0],
        op=op.tflite,
        title=f'{op.tflite} "{cformat.comment(call.node.name)}"',
        detail=_detail(kernel, call, op.macs(call), scratch_bytes),
        params_type=kernel.params_type,
        params_name=params_name,
        fields=tuple(
            Field(key, _value(value, f"layer{index}_{key}", constants))
            for key, value in fields.items()
        ),
        kernel=kernel.name,
        call=cformat.statement(kernel.name, arguments),
        macs=op.macs(call),
        scratch_bytes=scratch_bytes,
        output=outputs[0],
        output_bytes=call.output.bytes,
    )


def _operands(
    kernel: Kernel, call: Call, index: int, arena: _Arena, constants: _Constants
) -> list[str] | list[tuple[str, ...]]:
    """The addresses of a kernel's operands as its arguments: one each, or one array for all."""
    addresses = [
        _operand(call, position, index, arena, constants)
        for position in kernel.operand_positions(call)
    ]
    return addresses if kernel.operands is not None else [tuple(addresses)]


def _operand(call: Call, position: int, index: int, arena: _Arena, constants: _Constants) -> str:
    """The address of an input: in the arena, or of a constant."""
    tensor, tensor_id = call.optional(position), call.node.inputs[position]
    if tensor is None or tensor_id is None:
        return "NULL"
    if tensor.is_const:
        const = Const(tensor.values(), _CTYPES[tensor.dtype])
        name = constants.add(const, f"layer{index}_operand{position}", f"layer {index}: operand")
        # Kernels for int8 take booleans, too.
        return f"(const void *){name}" if const.ctype == "uint8_t" else name
    return arena.tensor(tensor_id, tensor)


def _value(value: CValue, name: str, constants: _Constants) -> str:
    """A field of a params struct."""
    if value is None:
        return "NULL"
    if isinstance(value, Const):
        layer, _, key = name.partition("_")
        return constants.add(value, name, f"{layer.replace('layer', 'layer ')}: {key}")
    if isinstance(value, tuple):
        return "{" + ", ".join(cformat.literal(item) for item in value) + "}"
    return cformat.literal(value)


def _detail(kernel: Kernel, call: Call, macs: int, scratch_bytes: int) -> tuple[str, ...]:
    """The lines below a layer's title."""
    operands = [call.optional(position) for position in kernel.operand_positions(call)]
    inputs = ", ".join(type_text(tensor) for tensor in operands if tensor is not None)
    outputs = ", ".join(type_text(tensor) for tensor in call.outputs)
    activation = getattr(call.attrs, "activation", Activation.NONE)
    fused = "" if activation is Activation.NONE else f", fused {activation.name}"
    facts = [kernel.name]
    if macs:
        facts.append(f"{macs:,} MAC")
    if scratch_bytes:
        facts.append(f"{scratch_bytes:,} bytes of scratch")
    return (cformat.comment(f"{inputs} -> {outputs}{fused}", 95), ", ".join(facts))


# ---- ports and the self-test


def _ports(graph: Graph, role: str, arena: _Arena) -> tuple[Port, ...]:
    ids = graph.inputs if role == "input" else graph.outputs
    return tuple(
        _port(role, "" if len(ids) == 1 else f"_{k}", tensor_id, graph.tensors[tensor_id], arena)
        for k, tensor_id in enumerate(ids)
    )


def _port(role: str, suffix: str, tensor_id: TensorId, tensor: Tensor, arena: _Arena) -> Port:
    quantized = tensor.quant is not None and not tensor.dtype.is_float
    low = high = ""
    if quantized:
        limits = np.iinfo(tensor.dtype.numpy)
        low, high = (
            f"{tensor.scale * (int(q) - tensor.zero_point):.4g}" for q in (limits.min, limits.max)
        )
    return Port(
        role=role,
        suffix=suffix,
        comment=cformat.comment(tensor.name, 40),
        ctype=_CTYPES[tensor.dtype],
        shape=tensor.shape,
        elements=tensor.elements,
        bytes=tensor.bytes,
        scale=cformat.literal(tensor.scale) if quantized else "",
        zero_point=tensor.zero_point if quantized else 0,
        offset=arena.offset(tensor_id),
        address=arena.tensor(tensor_id, tensor),
        low=low,
        high=high,
    )


def _states(graph: Graph, arena: _Arena) -> tuple[State, ...]:
    return tuple(
        State(
            comment=tensor_text(graph.tensors[i]),
            address=f"memory + {arena.offset(i)}",
            bytes=graph.tensors[i].bytes,
            value=graph.tensors[i].reset_value,
        )
        for i in graph.variables
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
            ctype=_CTYPES[tensor.dtype],
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


# ---- text


def shape_text(shape: tuple[int, ...]) -> str:
    """[1, 49, 10, 1]."""
    return str(list(shape))


def type_text(tensor: Tensor) -> str:
    """int8 [1, 49, 10, 1]."""
    return f"{tensor.dtype.value} {shape_text(tensor.shape)}"


def tensor_text(tensor: Tensor) -> str:
    """Type and name, at most 56 characters."""
    return cformat.comment(f'{type_text(tensor)} "{tensor.name}"', 56)
