"""Test models: the file builder of the exporters, and models of one operator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mcugen.exporters.builder import FILE_IDENTIFIER as FILE_IDENTIFIER
from mcugen.exporters.builder import ModelBuilder as ModelBuilder
from mcugen.exporters.builder import quant as quant


def one_op(
    operator: str,
    inputs: Sequence[Mapping[str, Any]],
    output: Mapping[str, Any],
    options: Mapping[str, Any] | None = None,
) -> bytes:
    """A model of one operator, its tensors given as the arguments of `ModelBuilder.tensor`.

    Inputs with data are constants, the other ones are the model's inputs.
    """
    builder = ModelBuilder()
    operands = [builder.tensor(**tensor) for tensor in inputs]
    result = builder.tensor(**output)
    builder.op(operator, operands, [result], options)
    given = [i for i, tensor in zip(operands, inputs, strict=True) if tensor.get("data") is None]
    return builder.build(given, [result])
