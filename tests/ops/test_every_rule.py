"""Every rule of every operator has a call that breaks it and one that just does not.

The rules are found by walking `OPS`; `edges.EDGES` must know a change for each.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from edges import EDGES, Edge

from mcugen.exporters.builder import quant
from mcugen.ir import Call, DType, Graph, Node, Tensor
from mcugen.ops import OPS
from mcugen.ops.base import Rule
from mcugen.testing.check import broken_rule
from mcugen.testing.fuzz import generate
from mcugen.testing.fuzz.catalog import SUBJECTS

BASES = 60  # random calls to apply a change to: it may need a certain attribute or shape

# The inputs and outputs of operators without a generator: tensors 0 and 1 are alike, 2 is a
# shape, 3 a constant.
HAND_MADE = {
    "shape": ((0,), (2,)),
    "read_variable": ((0,), (1,)),
    "assign_variable": ((0, 1), (0,)),
    "densify": ((3,), (0,)),
}

PAIRS = [(name, rule) for name, op in OPS.items() for rule in op.rules]


def edge(op: str, rule: Rule) -> Edge | None:
    key = f"{rule.__module__.rpartition('.')[2]}.{rule.__name__}"
    return EDGES.get(f"{op}.{key}", EDGES.get(key))


@cache
def base(op: str, number: int) -> Call:
    """A legal call of an operator."""
    if op not in SUBJECTS:
        node = Node(op, op, *HAND_MADE[op], None, 0)
        x = Tensor("x", (2, 3), DType.INT8, quant(0.5))
        shape = Tensor("shape", (2,), DType.INT32)
        known = replace(x, data=np.zeros(x.shape, np.int8))
        tensors = {0: x, 1: x, 2: shape, 3: known}
        return Graph("g", tensors, (node,), (0,), (1,)).call(node)
    calls = generate.case(7, number, [op]).graph.calls()
    return next(call for call in calls if call.node.op == op)


def judged(op: str, edge: Edge) -> Iterator[tuple[str | None, str | None]]:
    """The rule that each side of an edge breaks, for each base that suits it."""
    for number in range(BASES):
        call = base(op, number)
        try:
            changed = edge.breaks(call), edge.passes(call)
        except (
            ArithmeticError,
            AssertionError,
            LookupError,
            AttributeError,
            TypeError,
            ValueError,
        ):
            continue  # the change needs what this base has not
        yield broken_rule(changed[0]), broken_rule(changed[1])


def test_every_rule_has_an_edge() -> None:
    missing = {f"{op}: {rule.__name__}" for op, rule in PAIRS if edge(op, rule) is None}
    assert missing == set()


def test_every_edge_belongs_to_a_rule() -> None:
    used = {id(edge(op, rule)) for op, rule in PAIRS}
    assert [key for key, each in EDGES.items() if id(each) not in used] == []


@pytest.mark.parametrize(
    ("op", "rule"), [pytest.param(op, rule, id=f"{op}-{rule.__name__}") for op, rule in PAIRS]
)
def test_one_call_breaks_it_and_one_just_does_not(op: str, rule: Rule) -> None:
    found = edge(op, rule)
    assert found is not None, "no edge"
    seen = set()
    for result in judged(op, found):
        if result == (rule.__name__, None):
            return
        seen.add(str(result))
    raise AssertionError(f"broken by each side: {sorted(seen)}")
