"""A layer in C: a kernel call, its arguments' addresses and its constants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from mcugen import cformat
from mcugen.ir import Call, Tensor
from mcugen.ops import OPS
from mcugen.ops.base import Activation, Const, CValue, Kernel
from mcugen.placement import Rules, region_of
from mcugen.pointers import CTYPES, Pointers
from mcugen.program import ConstArray, Field, Layer, Params


@dataclass(frozen=True, slots=True)
class Constants:
    """The arrays in flash; equal arrays are kept once, in the first region that one is wanted in.

    `rules` say which layers' arrays are copied to a region, `region` is that of one layer.
    """

    prefix: str
    rules: Rules = ()
    arrays: dict[tuple[str, bytes], ConstArray] = field(default_factory=dict)
    region: str = ""

    def of(self, index: int, name: str) -> Constants:
        """To add those of one layer."""
        return replace(self, region=region_of(self.rules, index, name))

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
        if self.region and not self.arrays[key].region:
            self.arrays[key] = replace(self.arrays[key], region=self.region)
        return self.arrays[key].name


# ---- layers of one call


def plain_layer(
    index: int, step: int, kernel: Kernel, call: Call, pointers: Pointers, constants: Constants
) -> Layer:
    """A layer that is one kernel call."""
    op, name = OPS[call.node.op], f"layer_{index}"
    constants = constants.of(index, call.node.name)
    outputs = [pointers.tensor(i) for i in call.node.outputs]
    scratch_bytes = 0 if kernel.scratch is None else kernel.scratch(call)
    operands = [
        _operand(call, position, index, pointers, constants)
        for position in kernel.operand_positions(call)
    ]
    scratch = () if kernel.scratch is None else (pointers.scratch(step),)
    arguments = [f"&{name}", *as_arguments(kernel, operands), *outputs, *scratch]
    return Layer(
        index=index,
        node=call.node.index,
        tensor=call.node.outputs[0],
        op=op.tflite,
        title=f'{op.tflite} "{cformat.comment(call.node.name)}"',
        detail=detail(kernel, call, op.macs(call), scratch_bytes),
        params=(params(name, f"layer{index}", f"layer {index}", kernel, call, constants),),
        kernels=(kernel.name,),
        head="",
        body=(),
        call=cformat.statement(kernel.name, arguments),
        macs=op.macs(call),
        scratch_bytes=scratch_bytes,
        output=outputs[0],
        output_bytes=call.output.bytes,
    )


def as_arguments(kernel: Kernel, operands: Sequence[str]) -> list[str] | list[tuple[str, ...]]:
    """A kernel's operands: an argument each, or one array for all."""
    return list(operands) if kernel.operands is not None else [tuple(operands)]


def _operand(
    call: Call, position: int, index: int, pointers: Pointers, constants: Constants
) -> str:
    """The address of an input, or of a constant."""
    tensor, tensor_id = call.optional(position), call.node.inputs[position]
    if tensor is None or tensor_id is None:
        return "NULL"
    if tensor.is_const:
        return constant_operand(tensor, f"layer{index}_operand{position}", index, constants)
    return pointers.tensor(tensor_id)


def constant_operand(tensor: Tensor, name: str, index: int, constants: Constants) -> str:
    """The address of a constant that a kernel reads as an operand."""
    const = Const(tensor.values(), CTYPES[tensor.dtype])
    added = constants.add(const, name, f"layer {index}: operand")
    # Kernels for int8 take booleans, too.
    return f"(const void *){added}" if const.ctype == "uint8_t" else added


def params(
    name: str, array: str, layer: str, kernel: Kernel, call: Call, constants: Constants
) -> Params:
    """A kernel's params struct; `array` begins the names of its arrays, `layer` their comments."""
    fields = kernel.params(call).items()
    return Params(
        kernel.params_type,
        name,
        tuple(
            Field(key, _value(value, f"{array}_{key}", f"{layer}: {key}", constants))
            for key, value in fields
        ),
    )


def _value(value: CValue, name: str, comment: str, constants: Constants) -> str:
    """A field of a params struct."""
    if value is None:
        return "NULL"
    if isinstance(value, Const):
        return constants.add(value, name, comment)
    if isinstance(value, tuple):
        return "{" + ", ".join(cformat.literal(item) for item in value) + "}"
    return cformat.literal(value)


def detail(kernel: Kernel, call: Call, macs: int, scratch_bytes: int) -> tuple[str, ...]:
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
