"""Writes `.tflite` files: any operator, attributes, shapes and quantization, legal or not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import ArrayLike

from mcugen import int4
from mcugen.ir import DType, Quant, TensorId
from mcugen.ops.base import CUSTOM

FILE_IDENTIFIER = b"TFL3"
ALIGNMENT = 16  # of constants: the interpreters read them in place

# Operators whose options table is not named after them; the other ones without a table have none.
_OPTIONS = {
    "AVERAGE_POOL_2D": "Pool2DOptions",
    "MAX_POOL_2D": "Pool2DOptions",
    "L2_POOL_2D": "Pool2DOptions",
    "L2_NORMALIZATION": "L2NormOptions",
    "MAXIMUM": "MaximumMinimumOptions",
    "MINIMUM": "MaximumMinimumOptions",
    "MEAN": "ReducerOptions",
    "SUM": "ReducerOptions",
    "REDUCE_ALL": "ReducerOptions",
    "REDUCE_ANY": "ReducerOptions",
    "REDUCE_MAX": "ReducerOptions",
    "REDUCE_MIN": "ReducerOptions",
    "REDUCE_PROD": "ReducerOptions",
    "UNIDIRECTIONAL_SEQUENCE_RNN": "SequenceRNNOptions",
}


def quant(
    scale: float | Sequence[float], zero_point: int | Sequence[int] = 0, axis: int | None = None
) -> Quant:
    """A `Quant` whose scales are rounded to float32, as a file keeps them."""
    scales = tuple(float(s) for s in np.atleast_1d(np.asarray(scale, np.float32)))
    zero_points = tuple(int(z) for z in np.broadcast_to(zero_point, len(scales)))
    return Quant(scales, zero_points, axis)


class _AlignedBuffer(schema.BufferT):  # type: ignore[misc]  # the schema module has no types
    """A buffer of bytes that starts at a multiple of `ALIGNMENT` in the file."""

    def Pack(self, builder: Any) -> int:
        if not self.data:
            return int(super().Pack(builder))
        builder.StartVector(1, len(self.data), ALIGNMENT)
        start = builder.head - len(self.data)
        builder.Bytes[start : builder.head] = self.data
        builder.head = start
        data = builder.EndVector()
        schema.BufferStart(builder)
        schema.BufferAddData(builder, data)
        return int(schema.BufferEnd(builder))


def _options(operator: str, fields: Mapping[str, Any]) -> tuple[int, Any]:
    """The (union type, table) that belongs to an operator; (0, None) if it takes no options."""
    plain = {name.lower(): name for name in vars(schema.BuiltinOptions) if name[0] != "_"}
    name = _OPTIONS.get(operator) or plain.get(operator.replace("_", "").lower() + "options")
    if name is None:
        assert not fields, f"{operator} has no options"
        return 0, None
    return getattr(schema.BuiltinOptions, name), getattr(schema, name + "T")(**fields)


class ModelBuilder:
    """Collects tensors and operators of one subgraph, then packs them.

    Tensor ids are positions in the file. Operators must be added in execution order.
    """

    def __init__(self) -> None:
        self._buffers: list[Any] = [schema.BufferT()]  # buffer 0 is the empty one, by convention
        self._tensors: list[Any] = []
        self._codes: list[Any] = []
        self._operators: list[Any] = []
        self._subgraphs: list[ModelBuilder] = []

    def subgraph(self) -> ModelBuilder:
        """Another subgraph of the same file, the next one, without inputs and outputs."""
        other = ModelBuilder()
        other._buffers, other._codes = self._buffers, self._codes
        self._subgraphs.append(other)
        return other

    def tensor(
        self,
        shape: Sequence[int],
        dtype: str = "int8",
        quant: Quant | None = None,
        data: ArrayLike | None = None,
        name: str | None = None,
        signature: Sequence[int] | None = None,
        variable: bool = False,
    ) -> TensorId:
        """Add a tensor, constant if it has data; `signature` is its shape with -1 for unknown."""
        tensor = schema.TensorT(
            shape=list(shape),
            type=getattr(schema.TensorType, dtype.upper()),
            name=f"t{len(self._tensors)}" if name is None else name,
            shapeSignature=None if signature is None else list(signature),
            isVariable=variable,
        )
        if quant is not None:
            tensor.quantization = schema.QuantizationParametersT(
                scale=list(quant.scale),
                zeroPoint=list(quant.zero_point),
                quantizedDimension=quant.axis or 0,
            )
        if data is not None:
            values = np.asarray(data, DType(dtype).numpy)
            if dtype == DType.INT4.value:
                values = int4.pack(values)
            tensor.buffer = len(self._buffers)
            self._buffers.append(_AlignedBuffer(data=values.tobytes()))
        self._tensors.append(tensor)
        return len(self._tensors) - 1

    def op(
        self,
        operator: str | int,
        inputs: Sequence[TensorId | None],
        outputs: Sequence[TensorId],
        options: Mapping[str, Any] | None = None,
        version: int = 1,
        intermediates: Sequence[TensorId] = (),
    ) -> None:
        """Add an operator.

        `operator` is a builtin name (`"CONV_2D"`), a number for a builtin code that the schema may
        not know, or `"custom:NAME"`. `options` has the field names of the schema's object API; a
        custom operator's are the bytes `customOptions`.
        """
        table, kind = None, 0
        custom = custom_options = None
        if isinstance(operator, int):
            code = operator
        elif operator.startswith(CUSTOM):
            code, custom = schema.BuiltinOperator.CUSTOM, operator.removeprefix(CUSTOM)
            custom_options = (options or {}).get("customOptions")
        else:
            code = getattr(schema.BuiltinOperator, operator)
            kind, table = _options(operator, options or {})
        # Codes above 126 do not fit the old one-byte field, which then holds a placeholder.
        old = min(code, schema.BuiltinOperator.PLACEHOLDER_FOR_GREATER_OP_CODES)
        self._codes.append(schema.OperatorCodeT(old, custom, version, code))
        self._operators.append(
            schema.OperatorT(
                opcodeIndex=len(self._codes) - 1,
                inputs=[-1 if tensor is None else tensor for tensor in inputs],
                outputs=list(outputs),
                intermediates=list(intermediates) or None,
                builtinOptionsType=kind,
                builtinOptions=table,
                customOptions=custom_options,
            )
        )

    def build(self, inputs: Sequence[TensorId], outputs: Sequence[TensorId]) -> bytes:
        """The finished file."""
        model = schema.ModelT(
            version=3,
            operatorCodes=self._codes,
            subgraphs=[
                self._packed("main", inputs, outputs),
                *(other._packed(f"sub{k}", (), ()) for k, other in enumerate(self._subgraphs)),
            ],
            description="",
            buffers=self._buffers,
        )
        packer = flatbuffers.Builder(1024)
        packer.Finish(model.Pack(packer), FILE_IDENTIFIER)
        return bytes(packer.Output())

    def _packed(self, name: str, inputs: Sequence[TensorId], outputs: Sequence[TensorId]) -> Any:
        return schema.SubGraphT(
            tensors=self._tensors,
            inputs=list(inputs),
            outputs=list(outputs),
            operators=self._operators,
            name=name,
        )
