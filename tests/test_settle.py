"""Tensors move where that makes the arena smaller, and only there."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mcugen import interpret
from mcugen.arrange import arrange
from mcugen.choose import Objective
from mcugen.ir import Graph
from mcugen.lifetimes import lifetimes
from mcugen.model import load
from mcugen.plan import loads, plan
from mcugen.plan_verify import verify
from mcugen.select import Selection, select
from mcugen.settle import settle
from mcugen.target import CPUS
from mcugen.testing.chains import random_graph
from mcugen.testing.check import assert_equal, random_inputs
from mcugen.testing.fuzz.host import Host, Job

HOST = CPUS["host"]


def sizes(graph: Graph, selection: Selection) -> tuple[int, int]:
    """The arena of a verified plan, and the peak of the steps."""
    lives = lifetimes(graph, selection)
    found = plan(lives.buffers, lives.shares)
    verify(lives.buffers, found, lives.shares)
    return found.arena_bytes, max(loads(lives.buffers, lives.shares).values())


def test_moves_make_the_arena_smaller_and_change_no_value(tmp_path: Path) -> None:
    graphs, jobs = [], []
    for seed in range(60):
        graph = random_graph(np.random.default_rng(seed), 9)
        alone = select(graph, HOST)
        changed, selection, cycles = settle(graph, alone)
        arena, least = sizes(graph, alone)
        if changed is graph:
            assert cycles == 0
            continue
        assert least <= sizes(changed, selection)[0] < arena and cycles > 0
        graphs.append(graph)
        jobs.append(Job(changed, selection, [random_inputs(graph)], 1))
    assert len(graphs) > 1
    for graph, job, result in zip(graphs, jobs, Host(tmp_path).run(jobs), strict=True):
        assert not isinstance(result, str), result
        assert_equal(result[0][0], interpret.outputs(graph, job.samples[0])[0], graph.name)


def test_kws_on_helium(shared: Path) -> None:
    """Depthwise layers creep; moves bring their outputs back."""
    graph = load(shared / "models" / "kws_int8.tflite").compiled()
    fast, lean = (
        arrange(graph, CPUS["cortex-m55"], objective)
        for objective in (Objective.TIME, Objective.RAM)
    )
    assert lean.cost.ram <= 8_500 < fast.cost.ram
    assert lean.cost.cycles <= 1.03 * fast.cost.cycles
    assert [node.op for node in lean.graph.nodes].count("move") == 3
