"""RESHAPE, SQUEEZE and EXPAND_DIMS: the same bytes in another shape."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mcugen.importers import tflite
from mcugen.ir import Call, DType
from mcugen.ops import OPS
from mcugen.testing.builder import one_op, quant
from mcugen.testing.check import (
    Change,
    broken_rule,
    change_attrs,
    change_input,
    check_op,
    unchanged,
)

Shape = tuple[int, ...]
SOURCE: Shape = (1, 2, 1, 6)
Q = quant(0.1, 3)


def constant(values: Any, dtype: str = "int32") -> dict[str, Any]:
    return {"shape": np.shape(values), "dtype": dtype, "data": values}


def view(operator: str, output: Shape, *operands: dict[str, Any], **options: Any) -> bytes:
    x = {"shape": SOURCE, "quant": Q}
    return one_op(operator, [x, *operands], {"shape": output, "quant": Q}, options or None)


RESHAPES = {
    "flat": view("RESHAPE", (1, 12), constant([1, 12])),
    "minus-one": view("RESHAPE", (3, 4), constant([3, -1])),
    "whole": view("RESHAPE", (12,), constant([-1])),
    "option": view("RESHAPE", (2, 6), newShape=[2, 6]),
    "option-minus-one": view("RESHAPE", (2, 6), newShape=[-1, 6]),
    "input-before-option": view("RESHAPE", (4, 3), constant([4, 3]), newShape=[2, 6]),
}
SQUEEZES = {
    "all": view("SQUEEZE", (2, 6), squeezeDims=[]),
    "first": view("SQUEEZE", (2, 1, 6), squeezeDims=[0]),
    "negative": view("SQUEEZE", (1, 2, 6), squeezeDims=[-2]),
    "both": view("SQUEEZE", (2, 6), squeezeDims=[2, 0]),
}
EXPANSIONS = {
    f"axis{axis}": view("EXPAND_DIMS", shape, constant(axis))
    for axis, shape in {
        0: (1, 1, 2, 1, 6),
        2: (1, 2, 1, 1, 6),
        -1: (1, 2, 1, 6, 1),
        -5: (1, 1, 2, 1, 6),
    }.items()
}
GRID = {
    f"{operator}-{name}": model
    for operator, models in (
        ("reshape", RESHAPES),
        ("squeeze", SQUEEZES),
        ("expand_dims", EXPANSIONS),
    )
    for name, model in models.items()
}


def call_of(model: bytes) -> Call:
    return next(tflite.loads(model, "test").calls())


@pytest.mark.parametrize("name", GRID)
def test_numpy_equals_the_references(name: str) -> None:
    check_op(GRID[name])


def test_scalars_of_old_converters() -> None:
    x = {"shape": (1, 1), "quant": Q}
    call = call_of(one_op("RESHAPE", [x], {"shape": (), "quant": Q}, {"newShape": [0]}))
    assert OPS["reshape"].infer(call) == ((),)


def test_views_need_no_kernel() -> None:
    for name in ("reshape", "squeeze", "expand_dims"):
        assert OPS[name].alias and not OPS[name].kernels


# ---- rules

FLAT, SQUEEZED, EXPANDED = RESHAPES["flat"], SQUEEZES["first"], EXPANSIONS["axis2"]


def asking(*shape: int) -> Change:
    return change_input(1, shape=(len(shape),), data=np.array(shape, np.int32))


BROKEN: tuple[tuple[str, bytes, Change], ...] = (
    *(
        (rule, model, change)
        for model in (FLAT, SQUEEZED, EXPANDED)
        for rule, change in (
            ("same_type", change_input(0, dtype=DType.INT16)),
            ("same_quantization_in_out", change_input(0, quant=quant(0.1, 4))),
            ("same_quantization_in_out", change_input(0, quant=quant(0.2, 3))),
            ("same_quantization_in_out", change_input(0, quant=None)),
        )
    ),
    ("shape_is_known", FLAT, change_input(1, data=None)),
    ("shape_is_known", RESHAPES["option"], change_attrs(shape=None)),
    ("elements_are_kept", FLAT, asking(1, 11)),
    ("elements_are_kept", FLAT, asking(-1, -1, 12)),
    ("elements_are_kept", FLAT, asking(-1, 0)),
    ("elements_are_kept", FLAT, asking(-1, 5)),
    ("elements_are_kept", FLAT, asking(-2, -6)),
    ("elements_are_kept", FLAT, asking(-3, -4, 1)),
    ("elements_are_kept", FLAT, asking(2**31 - 1, 2**31 - 1, -1)),
    ("elements_are_kept", FLAT, asking()),
    ("elements_are_kept", FLAT, asking(0)),
    ("elements_are_kept", RESHAPES["option"], change_attrs(shape=(0,))),
    ("axes_have_size_1", SQUEEZED, change_attrs(axes=(1,))),
    ("axes_have_size_1", SQUEEZED, change_attrs(axes=(4,))),
    ("axes_have_size_1", SQUEEZED, change_attrs(axes=(-5,))),
    ("axis_is_known", EXPANDED, change_input(1, data=None)),
    ("axis_is_known", EXPANDED, change_input(1, shape=(2,))),
    ("axis_is_known", EXPANDED, change_input(1, dtype=DType.FLOAT32)),
    ("axis_fits", EXPANDED, change_input(1, data=np.array(5))),
    ("axis_fits", EXPANDED, change_input(1, data=np.array(-6))),
)

JUST_PASSING: tuple[tuple[bytes, Change], ...] = (
    (FLAT, asking(-1, 12)),
    (FLAT, asking(12, -1, 1)),
    (SQUEEZED, change_attrs(axes=(-4, 2))),
    (EXPANDED, change_input(1, shape=(1,))),
    (EXPANDED, change_input(1, dtype=DType.INT64)),
    (FLAT, unchanged),
)


@pytest.mark.parametrize(("rule", "model", "change"), BROKEN)
def test_rule_refuses(rule: str, model: bytes, change: Change) -> None:
    assert broken_rule(change(call_of(model))) == rule


@pytest.mark.parametrize(("model", "change"), JUST_PASSING)
def test_rules_accept_at_the_limit(model: bytes, change: Change) -> None:
    assert broken_rule(change(call_of(model))) is None


def test_every_rule_is_tested() -> None:
    rules = {r.__name__ for name in ("reshape", "squeeze", "expand_dims") for r in OPS[name].rules}
    assert {rule for rule, _, _ in BROKEN} == rules
