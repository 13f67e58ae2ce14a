"""Rules are sufficient: what they let through has a shape, runs in numpy, and suits its kernels.

Hypothesis damages legal calls: other sizes, types, scales, zero points, attributes.
"""

from __future__ import annotations

import enum
from dataclasses import fields, is_dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mcugen import verify
from mcugen.ir import Call, DType, Quant, Tensor
from mcugen.ops import OPS
from mcugen.testing.check import assert_equal, change_input, random_values
from mcugen.testing.fuzz import generate
from mcugen.testing.fuzz.catalog import SUBJECTS

MODELS = 24  # of each operator, to be damaged
MAX_ELEMENTS = 50_000  # of what is run
SIZES = st.integers(0, 9)
SCALES = st.sampled_from([2.0**e for e in (-60, -31, -20, -8, -1, 0, 1, 8, 20, 31, 60)])
ZERO_POINTS = st.sampled_from((-128, -127, -1, 0, 1, 126, 127))


@cache
def legal(op: str, number: int) -> Call:
    calls = generate.case(13, number, [op]).graph.calls()
    return next(call for call in calls if call.node.op == op)


@st.composite
def damaged_tensors(draw: st.DrawFn, tensor: Tensor) -> Tensor:
    what = draw(st.sampled_from(("shape", "type", "quantization", "rank", "value")))
    if what == "value" and tensor.data is not None and tensor.data.size:
        data = tensor.data.copy()
        limits = (-3, 9) if tensor.dtype in (DType.INT32, DType.INT64) else (0, 1)
        data.reshape(-1)[draw(st.integers(0, data.size - 1))] = draw(st.integers(*limits))
        return replace(tensor, data=data)
    if what == "quantization" and tensor.quant is not None:
        zero_point = draw(ZERO_POINTS)
        quant = draw(st.one_of(st.none(), st.builds(lambda s: Quant((s,), (zero_point,)), SCALES)))
        return replace(tensor, quant=quant)
    if what == "type":
        dtype = draw(st.sampled_from([t for t in DType if t is not DType.OTHER]))
        with np.errstate(all="ignore"):
            data = None if tensor.data is None else tensor.data.astype(dtype.numpy)
        return replace(tensor, dtype=dtype, data=data)
    shape = list(tensor.shape)
    if what == "rank":
        shape = shape[1:] if draw(st.booleans()) else [*shape, draw(SIZES)]
    elif shape:
        shape[draw(st.integers(0, len(shape) - 1))] = draw(SIZES)
    data = None if tensor.data is None else np.resize(tensor.data, shape)
    return replace(tensor, shape=tuple(shape), data=data, quant=_fitting(tensor.quant, shape))


def _fitting(quant: Quant | None, shape: list[int]) -> Quant | None:
    """Importers refuse scales that do not fit their axis."""
    if quant is None or quant.axis is None:
        return quant
    fits = quant.axis < len(shape) and shape[quant.axis] == len(quant.scale)
    return quant if fits else Quant(quant.scale[:1], quant.zero_point[:1])


@st.composite
def damaged_attrs(draw: st.DrawFn, attrs: Any) -> Any:
    if not is_dataclass(attrs) or isinstance(attrs, type):
        return attrs
    name = draw(st.sampled_from([each.name for each in fields(attrs)] or [""]))
    value = getattr(attrs, name, None)
    if isinstance(value, enum.Enum):
        return replace(attrs, **{name: draw(st.sampled_from(list(type(value))))})
    if isinstance(value, bool):
        return replace(attrs, **{name: not value})
    if isinstance(value, int):
        return replace(attrs, **{name: draw(st.integers(-3, 9))})
    if isinstance(value, float):
        return replace(attrs, **{name: draw(st.sampled_from((0.0, -1.0, 1e-30, 1e30, np.nan)))})
    if isinstance(value, tuple) and value and all(isinstance(n, int) for n in value):
        return replace(attrs, **{name: tuple(draw(st.integers(-1, 4)) for _ in value)})
    return attrs


@st.composite
def damaged_calls(draw: st.DrawFn) -> Call:
    op = draw(st.sampled_from(sorted(SUBJECTS)))
    call = legal(op, draw(st.integers(0, MODELS - 1)))
    for _ in range(draw(st.integers(1, 2))):
        what = draw(st.sampled_from(("input", "input", "output", "attributes")))
        if what == "attributes":
            node = replace(call.node, attrs=draw(damaged_attrs(call.attrs)))
            call = replace(call, node=node)
        elif what == "output":
            call = replace(call, outputs=(draw(damaged_tensors(call.output)), *call.outputs[1:]))
        else:
            position = draw(st.integers(0, len(call.inputs) - 1))
            tensor = call.inputs[position]
            inputs = list(call.inputs)
            inputs[position] = None if tensor is None else draw(damaged_tensors(tensor))
            call = replace(call, inputs=tuple(inputs))
    return call


@settings(
    max_examples=400, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
@given(damaged_calls())
def test_what_rules_let_through_can_be_computed(call: Call) -> None:
    shapes = verify.inferred(call)  # the passes put in what is inferred
    if not isinstance(shapes, str) and len(shapes) == len(call.outputs):
        pairs = zip(call.outputs, shapes, strict=True)
        call = replace(call, outputs=tuple(replace(t, shape=s) for t, s in pairs))
    found = verify.call_problems(call)
    tensors = [t for t in (*call.inputs, *call.outputs) if t is not None]
    if found:
        assert all(problem.found and problem.allowed for problem in found)
        assert not any("make no sense" in problem.found for problem in found), found
        return
    if min((n for t in tensors for n in t.shape), default=1) < 1:
        return  # verify refuses sizes of 0
    if max(t.elements for t in tensors) > MAX_ELEMENTS:
        return
    op, rng = OPS[call.node.op], np.random.default_rng(0)
    inputs = [
        np.empty(0) if t is None else t.values() if t.is_const else random_values(t, rng)
        for t in call.inputs
    ]
    if call.node.op == "gather" and not call.input(1).is_const:
        inputs[1] = np.zeros_like(inputs[1])  # indices are data: they must be within the axis
    semantics = op.floating if call.input().dtype.is_float else op.quantized
    if semantics is not None:
        with np.errstate(all="ignore"):
            for tensor, value in zip(call.outputs, op.run(call, inputs), strict=False):
                assert (value.shape, value.dtype) == (tensor.shape, tensor.dtype.numpy)
    for kernel in op.kernels:
        if kernel.refusal(call) is None:
            kernel.params(call)
            kernel.cost(call)
            if kernel.scratch is not None:
                assert kernel.scratch(call) >= 0
            if kernel.overlap is not None:
                kernel.overlap(call)


@pytest.mark.parametrize("op", ["conv2d", "depthwise_conv2d", "fully_connected", "transpose_conv"])
def test_a_bias_may_have_any_shape(op: str) -> None:
    position = 3 if op == "transpose_conv" else 2
    calls = (legal(op, number) for number in range(MODELS))
    call = next(c for c in calls if c.optional(position) is not None and c.output.elements > 1)
    tall = change_input(position, shape=(call.input(position).elements, 1))(call)
    assert verify.call_problems(tall) == []
    rng = np.random.default_rng(0)
    given = [np.empty(0) if t is None or t.is_const else random_values(t, rng) for t in call.inputs]
    flat, other = (
        OPS[op].run(
            each,
            [
                t.values() if t is not None and t.is_const else x
                for t, x in zip(each.inputs, given, strict=True)
            ],
        )[0]
        for each in (call, tall)
    )
    assert_equal(other, flat, op)
