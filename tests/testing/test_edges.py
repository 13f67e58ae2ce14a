"""Random models of each operator meet the edges: sizes, strides, zero points, saturation."""

from __future__ import annotations

import enum
from collections.abc import Iterator

import numpy as np
import pytest

from mcugen import interpret
from mcugen.ir import Call, DType, TensorId
from mcugen.ops import OPS
from mcugen.ops.base import Array
from mcugen.testing.fuzz import generate
from mcugen.testing.fuzz.catalog import SUBJECTS

MOST = 600  # models of an operator

SIZES = {"an axis of 1", "a long axis"}
ZERO_POINTS = {"zero point -128", "zero point 127"}
SATURATION = {"result -128", "result 127"}

# Where a rule leaves no choice.
ZERO_POINT_IS_FIXED = {"neg"}


def traits(call: Call, values: dict[TensorId, Array]) -> Iterator[str]:
    """The edges that a call meets."""
    given = [t for t in call.inputs if t is not None and not t.is_const and not t.variable]
    for tensor in given[:1] or [call.output]:  # READ_VARIABLE is given a variable only
        if 1 in tensor.shape:
            yield "an axis of 1"
        if max(tensor.shape, default=0) > 9:
            yield "a long axis"
        if tensor.dtype is DType.INT8 and tensor.quant is not None:
            yield f"zero point {tensor.zero_point}"
    result = values[call.node.outputs[0]]
    if result.dtype == np.int8:
        yield from (f"result {limit}" for limit in (-128, 127) if (result == limit).any())
    for name in ("stride", "dilation", "window", "padding", "activation"):
        value = getattr(call.attrs, name, None)
        if isinstance(value, enum.Enum):
            yield f"{name} {value.name}"
        elif value is not None:
            yield f"{name} {'1' if max(value) == 1 else 'more'}"


def wanted(call: Call) -> set[str]:
    """The edges that an operator must meet, judged by one of its calls."""
    found = set(SIZES)
    for name in ("stride", "dilation", "window"):
        if hasattr(call.attrs, name):
            found |= {f"{name} 1", f"{name} more"}
    if hasattr(call.attrs, "padding"):
        found |= {"padding SAME", "padding VALID"}
    clamps = {"activation NONE", "activation RELU", "activation RELU6", "activation RELU_N1_TO_1"}
    if "activation_is_a_clamp" in {rule.__name__ for rule in OPS[call.node.op].rules}:
        found |= clamps
    if any(t is not None and t.dtype is DType.INT8 and t.quant for t in call.inputs):
        found |= set() if call.node.op in ZERO_POINT_IS_FIXED else ZERO_POINTS
    if call.output.dtype is DType.INT8:
        found |= SATURATION
    return found


@pytest.mark.parametrize("op", sorted(SUBJECTS))
def test_models_meet_the_edges(op: str) -> None:
    needed: set[str] = set()
    met: set[str] = set()
    for number in range(MOST):
        case = generate.case(8, number, [op])
        call = next(call for call in case.graph.calls() if call.node.op == op)
        needed |= wanted(call)
        met |= set(traits(call, interpret.run(case.graph, case.samples()[0])))
        if number > 10 and needed <= met:
            return
    raise AssertionError(f"never met: {', '.join(sorted(needed - met))}")
