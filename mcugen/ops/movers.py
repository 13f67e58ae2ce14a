"""What the operators that only move elements share: rules, semantics, kernels for any type.

Such an operator is a view of its input (numpy's strides say where each element comes from), or one
table of offsets for each axis of its output. Either is the semantics and the kernel's parameters.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from mcugen.ir import Call
from mcugen.ops import rules
from mcugen.ops.base import (
    Array,
    Arrays,
    Const,
    Cost,
    Family,
    Fields,
    Kernel,
    Rule,
    Semantics,
    Shape,
)

AXES = 4  # of the kernels, beside the run of bytes that each step copies

RULES = (rules.same_type, rules.same_quantization_in_out)

View = Callable[[Call, Array], Array]
Offsets = Callable[[Call], Sequence[Array]]


def contiguous(x: Array, shape: Shape) -> Array:
    """The elements of a view in memory of their own."""
    return np.array(x, order="C").reshape(shape)


def _cycles(runs: int, run: int) -> int:
    return 100 + runs * (12 if run > 1 else 6) + runs * run // 2


# ---- views


def view_semantics(view: View) -> Semantics:
    """Numpy semantics of an operator that is a view, axes of its output split or not."""

    def semantics(call: Call, inputs: Arrays) -> list[Array]:
        return [contiguous(view(call, inputs[0]), call.output.shape)]

    return semantics


def walk(call: Call, view: View) -> tuple[int, list[tuple[int, int]], int]:
    """(Bytes to the first element, (size, stride) of the axes that remain, bytes of a run).

    Axes that lie one after the other in the input are merged, as are those of a run.
    """
    x = np.empty(call.input().shape, call.input().dtype.numpy)
    seen = view(call, x)
    axes: list[tuple[int, int]] = []
    for size, stride in zip(seen.shape, seen.strides, strict=True):
        if size == 1:
            continue
        if axes and axes[-1][1] == size * stride:
            axes[-1] = axes[-1][0] * size, stride
        else:
            axes.append((size, stride))
    start = seen.__array_interface__["data"][0] - x.__array_interface__["data"][0]
    run = x.itemsize
    if axes and axes[-1][1] == run:
        run *= axes.pop()[0]
    return start, axes, run


def view_kernel(view: View) -> Kernel:
    """The kernel of an operator that is a view."""

    def axes_fit(call: Call) -> str | None:
        """At most four axes may remain when those that stay neighbours count as one."""
        axes = walk(call, view)[1]
        return None if len(axes) <= AXES else f"{len(axes)} axes"

    def params(call: Call) -> Fields:
        start, axes, run = walk(call, view)
        padded = [(1, 0)] * (AXES - len(axes)) + axes
        return {
            "start": start,
            "size": tuple(size for size, _ in padded),
            "stride": tuple(stride for _, stride in padded),
            "run": run,
        }

    def cost(call: Call) -> Cost:
        _, axes, run = walk(call, view)
        return Cost(_cycles(math.prod(size for size, _ in axes), run))

    return Kernel(
        name="mcu_copy_strided_ref",
        family=Family.REF,
        dtype=None,
        params=params,
        params_type="mcu_copy_strided_params",
        header="mcu_copy.h",
        applies=(axes_fit,),
        cost=cost,
    )


# ---- tables of offsets


def table_semantics(offsets: Offsets) -> Semantics:
    """Numpy semantics of an operator with a table of element offsets for each output axis."""

    def semantics(call: Call, inputs: Arrays) -> list[Array]:
        places: Array = sum(np.ix_(*offsets(call)), np.zeros((), np.int64))
        return [inputs[0].reshape(-1)[places].reshape(call.output.shape)]

    return semantics


def _tables(call: Call, offsets: Offsets) -> tuple[list[Array], int]:
    """(Tables of byte offsets, bytes of a run): trailing axes taken whole are the run."""
    size = call.input().dtype.bytes
    tables = [np.asarray(table, np.int64) * size for table in offsets(call)]
    run = size
    while tables and np.array_equal(tables[-1], run * np.arange(len(tables[-1]))):
        run *= len(tables.pop())
    return [table for table in tables if len(table) > 1 or table[0] != 0], run


def table_kernel(offsets: Offsets) -> Kernel:
    """The kernel of an operator with a table of element offsets for each output axis."""

    def tables_fit(call: Call) -> str | None:
        """At most four axes may be rearranged, innermost ones that are taken whole not counted."""
        tables, _ = _tables(call, offsets)
        return None if len(tables) <= AXES else f"{len(tables)} axes"

    def params(call: Call) -> Fields:
        tables, run = _tables(call, offsets)
        tables = [np.zeros(1, np.int64)] * (AXES - len(tables)) + tables
        return {
            "size": tuple(len(table) for table in tables),
            "offsets": Const(np.concatenate(tables).astype(np.int32), "int32_t"),
            "run": run,
        }

    def cost(call: Call) -> Cost:
        tables, run = _tables(call, offsets)
        flash = 4 * sum(map(len, tables))
        return Cost(_cycles(math.prod(map(len, tables)), run), flash)

    return Kernel(
        name="mcu_copy_indexed_ref",
        family=Family.REF,
        dtype=None,
        params=params,
        params_type="mcu_copy_indexed_params",
        header="mcu_copy.h",
        applies=(tables_fit,),
        cost=cost,
    )


# ---- concatenation


def concat_kernel(axis: Callable[[Call], int]) -> Kernel:
    """The kernel that lays the inputs one after the other along an axis, counted from the start."""

    def bytes_of(call: Call) -> list[int]:
        tensors = [call.input(i) for i in range(len(call.inputs))]
        return [math.prod(t.shape[axis(call) :]) * t.dtype.bytes for t in tensors]

    def outer(call: Call) -> int:
        return math.prod(call.input().shape[: axis(call)])

    def params(call: Call) -> Fields:
        return {
            "count": len(call.inputs),
            "outer": outer(call),
            "bytes": Const(np.array(bytes_of(call), np.int32), "int32_t"),
        }

    def cost(call: Call) -> Cost:
        copies = outer(call) * len(call.inputs)
        return Cost(_cycles(copies, call.output.bytes // copies), 4 * len(call.inputs))

    return Kernel(
        name="mcu_concat_ref",
        family=Family.REF,
        dtype=None,
        params=params,
        params_type="mcu_concat_params",
        header="mcu_concat.h",
        operands=None,
        cost=cost,
    )


# ---- rules


def inputs_match(call: Call) -> str | None:
    """All inputs must have the type and the quantization of the output."""
    output = call.output
    for position, tensor in enumerate(call.inputs):
        if tensor is None:
            return f"input {position} is absent"
        if tensor.dtype is not output.dtype:
            return f"input {position} {tensor.dtype.value}, output {output.dtype.value}"
        if tensor.quant != output.quant:
            return f"input {position} with another quantization than the output"
    return None


def constant(position: int, what: str) -> Rule:
    """A rule that an input must be a constant of int32 or int64."""

    def rule(call: Call) -> str | None:
        tensor = call.input(position)
        if not tensor.is_const:
            return f"{what} computed at run time"
        whole = tensor.dtype.value in ("int32", "int64")
        return None if whole else f"{what} of type {tensor.dtype.value}"

    rule.__doc__ = f"The {what} must be a constant of int32 or int64."
    rule.__name__ = f"{what.replace(' ', '_')}_known"
    return rule


def integers(call: Call, position: int) -> list[int]:
    """The values of a constant input, flat."""
    return [int(n) for n in call.input(position).values().reshape(-1)]
