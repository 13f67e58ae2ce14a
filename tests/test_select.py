"""Kernel selection: the cheapest that applies, and a full list of what has none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from mcugen.errors import UnsupportedModelError
from mcugen.ir import Call, Graph
from mcugen.ops import OPS
from mcugen.ops.base import Cost, Family, Kernel
from mcugen.select import select
from mcugen.target import CPUS, Cpu
from mcugen.testing import graphs

REF = Cpu("plain", (), (Family.REF,))
DSP = Cpu("simd", (), (Family.DSP, Family.REF))


def never(call: Call) -> str | None:
    """The moon must be full."""
    return "a new moon"


def kernel(name: str, family: Family, cycles: int, flash: int = 0) -> Kernel:
    base = OPS["conv2d"].kernels[0]
    return replace(
        base, name=name, family=family, applies=(), cost=lambda call: Cost(cycles, flash)
    )


@pytest.fixture
def offer(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Graph]:
    """Give conv2d these kernels only."""

    def change(*kernels: Kernel) -> Graph:
        monkeypatch.setitem(OPS, "conv2d", replace(OPS["conv2d"], kernels=kernels))
        return graphs.conv()

    return change


def chosen(graph: Graph, cpu: Cpu) -> list[str | None]:
    return [None if k is None else k.name for k in select(graph, cpu).kernels]


def test_cheapest_wins(offer: Callable[..., Graph]) -> None:
    graph = offer(kernel("slow", Family.REF, 9), kernel("fast", Family.REF, 5))
    assert chosen(graph, REF) == ["fast"]


def test_equal_cycles_are_decided_by_flash_then_family(offer: Callable[..., Graph]) -> None:
    graph = offer(
        kernel("ref", Family.REF, 5, 8),
        kernel("big", Family.DSP, 5, 9),
        kernel("dsp", Family.DSP, 5, 8),
    )
    assert chosen(graph, DSP) == ["dsp"]


def test_only_families_of_the_core(offer: Callable[..., Graph]) -> None:
    graph = offer(kernel("ref", Family.REF, 9), kernel("dsp", Family.DSP, 1))
    assert chosen(graph, REF) == ["ref"]
    assert chosen(graph, DSP) == ["dsp"]


def test_a_refusing_kernel_is_passed_over(offer: Callable[..., Graph]) -> None:
    picky = replace(kernel("picky", Family.REF, 1), applies=(never,))
    assert chosen(offer(picky, kernel("ref", Family.REF, 9)), REF) == ["ref"]


def test_aliases_have_no_kernel() -> None:
    kernels = select(graphs.branches(), CPUS["host"]).kernels
    assert [k is None for k in kernels] == [False, True, False]


def test_all_refusals_are_reported(offer: Callable[..., Graph]) -> None:
    graph = offer(replace(kernel("picky", Family.REF, 1), applies=(never,)))
    graph = graph.with_(nodes=(*graph.nodes, replace(graph.nodes[0], name="second", index=1)))
    with pytest.raises(UnsupportedModelError) as caught:
        select(graph, REF)
    assert len(caught.value.problems) == 2
    assert 'op#0 conv2d "conv"' in str(caught.value) and "second" in str(caught.value)
    assert "picky The moon must be full." in str(caught.value)
