"""The model writer: what it writes is read back by others as it was meant."""

from __future__ import annotations

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from mcugen import reference
from mcugen.ir import Quant
from mcugen.testing.builder import ModelBuilder, quant


def code_of(operator: str | int) -> schema.OperatorCodeT:
    builder = ModelBuilder()
    x, y = builder.tensor([1]), builder.tensor([1])
    builder.op(operator, [x], [y])
    return schema.ModelT.InitFromPackedBuf(builder.build([x], [y])).operatorCodes[0]


@pytest.mark.parametrize(
    ("operator", "old", "new"),
    [("ADD", 0, 0), ("CONV_2D", 3, 3), ("CUMSUM", 127, 128), ("GELU", 127, 150), (250, 127, 250)],
)
def test_operator_codes_are_written_in_both_fields(operator: str | int, old: int, new: int) -> None:
    code = code_of(operator)
    assert (code.deprecatedBuiltinCode, code.builtinCode) == (old, new)


def test_custom_operators_have_a_name() -> None:
    code = code_of("custom:Wobble")
    assert (code.builtinCode, code.customCode) == (32, b"Wobble")


@pytest.mark.parametrize(
    ("operator", "table"),
    [
        ("CONV_2D", "Conv2DOptions"),
        ("MAX_POOL_2D", "Pool2DOptions"),
        ("MEAN", "ReducerOptions"),
        ("SPACE_TO_BATCH_ND", "SpaceToBatchNDOptions"),
        ("LOGISTIC", None),
    ],
)
def test_options_table_follows_from_the_operator(operator: str, table: str | None) -> None:
    builder = ModelBuilder()
    x, y = builder.tensor([1]), builder.tensor([1])
    builder.op(operator, [x], [y])
    model = schema.ModelT.InitFromPackedBuf(builder.build([x], [y]))
    kind = model.subgraphs[0].operators[0].builtinOptionsType
    assert kind == (getattr(schema.BuiltinOptions, table) if table else 0)


def test_unknown_options_are_refused() -> None:
    builder = ModelBuilder()
    with pytest.raises(TypeError, match="wobble"):
        builder.op("CONV_2D", [0], [1], {"wobble": 1})


def test_constants_are_aligned() -> None:
    builder = ModelBuilder()
    constants = [builder.tensor([n], "int8", data=np.arange(n)) for n in (1, 3, 17)]
    y = builder.tensor([21])
    builder.op("CONCATENATION", constants, [y])
    data = builder.build([], [y])
    model = schema.Model.GetRootAs(data)
    for tensor, size in zip(constants, (1, 3, 17), strict=True):
        buffer = model.Buffers(model.Subgraphs(0).Tensors(tensor).Buffer())
        assert buffer.DataAsNumpy().tolist() == list(range(size))
        assert buffer._tab.Vector(buffer._tab.Offset(4)) % 16 == 0


def test_a_chain_of_operators_runs_in_both_references() -> None:
    builder = ModelBuilder()
    x = builder.tensor([1, 4], "float32", signature=[-1, 4])
    q = builder.tensor([1, 4], "int8", quant(0.5, -3))
    p = builder.tensor([1, 6], "int8", quant(0.5, -3))
    y = builder.tensor([1, 6], "float32")
    pads = builder.tensor([2, 2], "int32", data=[[0, 0], [1, 1]])
    builder.op("QUANTIZE", [x], [q])
    builder.op("PAD", [q, pads], [p])
    builder.op("DEQUANTIZE", [p], [y])
    model = builder.build([x], [y])
    values = np.array([[-1.5, 0.0, 0.26, 100.0]], np.float32)
    for load in (reference.tflm, reference.litert):
        assert load(model).outputs([values])[0].tolist() == [[0.0, -1.5, 0.0, 0.5, 65.0, 0.0]]


def test_scales_are_what_a_file_can_hold() -> None:
    assert quant(0.1, 3) == Quant((float(np.float32(0.1)),), (3,), None)
    assert quant([1.0, 0.5], axis=2) == Quant((1.0, 0.5), (0, 0), 2)
