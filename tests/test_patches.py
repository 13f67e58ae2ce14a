"""The first layers in strips of columns compute the bytes that they compute whole."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import mcugen
from mcugen import interpret
from mcugen.arrange import arrange
from mcugen.contents_verify import verify_contents
from mcugen.ir import Graph, Tensor
from mcugen.lifetimes import lifetimes
from mcugen.limits import LEAST, Limits
from mcugen.model import load
from mcugen.ops.window import Explicit
from mcugen.patches import Patches, patches, within
from mcugen.plan import plan
from mcugen.plan_verify import verify
from mcugen.rows_verify import verify_chains
from mcugen.select import modelled, variants
from mcugen.stream import Streams
from mcugen.target import CPUS
from mcugen.testing.chains import random_graph
from mcugen.testing.check import assert_equal, random_inputs
from mcugen.testing.fuzz.host import Host, Job

M4 = CPUS["cortex-m4"]


def ways(seeds: range) -> list[tuple[Graph, Patches]]:
    """(A random graph, one of the ways to cut it)."""
    found = []
    for seed in seeds:
        graph = random_graph(np.random.default_rng(seed), 9)
        known = list(patches(graph))
        if known:
            found.append((graph, known[seed % len(known)]))
    return found


def constants(graph: Graph) -> list[Tensor]:
    read = {i for node in graph.nodes if node.op != "slice" for i in node.inputs}
    return [t for i, t in graph.tensors.items() if i in read and t.is_const]


def test_every_way_computes_the_same_bytes() -> None:
    tried = 0
    for seed in range(60):
        graph = random_graph(np.random.default_rng(seed), 9)
        inputs = random_inputs(graph)
        expected = interpret.outputs(graph, inputs)[0]
        for made in patches(graph):
            assert_equal(interpret.outputs(made.graph, inputs)[0], expected, f"{seed} {made.text}")
            assert constants(made.graph) == constants(graph)
            tried += made.macs > 0
    assert tried > 80


def test_padding_at_the_borders_only() -> None:
    for _, made in ways(range(40)):
        for node in made.graph.nodes:
            if isinstance(getattr(node.attrs, "padding", None), Explicit):
                assert all(pad >= 0 for pad in (*node.attrs.padding.rows, *node.attrs.padding.cols))


def test_strips_by_rows_in_c(tmp_path: Path) -> None:
    """Under the sanitizers, in an arena that holds other bytes at first; plans are judged."""
    jobs, expected = [], []
    for graph, made in ways(range(1000, 1009)):
        if made.strips > 3:
            continue
        streamed = within(made, LEAST, CPUS["host"], modelled)
        lives = lifetimes(streamed.graph, streamed.selection)
        found = plan(lives.buffers, lives.shares)
        verify(lives.buffers, found, lives.shares)
        verify_contents(streamed.graph, streamed.selection, lives, found)
        verify_chains(streamed.graph, lives, found)
        samples = [random_inputs(graph, seed) for seed in range(2)]
        jobs.append(Job(streamed.graph, streamed.selection, samples, len(samples)))
        expected.append([interpret.outputs(graph, sample)[0] for sample in samples])
    assert len(jobs) > 2
    for number, (wanted, result) in enumerate(zip(expected, Host(tmp_path).run(jobs), strict=True)):
        assert not isinstance(result, str), f"{number}: {result}"
        for one, outputs in zip(wanted, result, strict=True):
            assert_equal(outputs[0], one, str(number))


def test_only_where_rows_are_not_enough() -> None:
    for seed in range(3):
        graph = random_graph(np.random.default_rng(seed), 6)
        found = [variants(call, M4) for call in graph.calls()]
        rows = Streams(graph, found).within(LEAST).arena
        assert arrange(graph, M4, limits=Limits(ram=rows)).patches == ""
        least = arrange(graph, M4, limits=Limits(ram=LEAST))
        assert least.cost.ram < rows if least.patches else least.cost.ram <= rows


@pytest.mark.qemu
@pytest.mark.parametrize("board", ["host", "mps2-an386"])
def test_a_residual_network_below_what_rows_reach(shared: Path, tmp_path: Path, board: str) -> None:
    """Every layer that the file has is looked at; constants are there once."""
    model = shared / "models" / "ic_int8.tflite"
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "x.npz", x=rng.integers(-128, 128, (2, 32, 32, 3)).astype(np.int8))
    result = mcugen.validate(
        model,
        board,
        tmp_path / "x.npz",
        limits=Limits(ram=18_000),
        keep=tmp_path / "p",
        per_layer=True,
    )
    assert result.exact
    source = (tmp_path / "p" / "ic_int8.c").read_text()
    assert source.count("mcu_copy_strided_ref(&") > 2
    facts = json.loads((tmp_path / "p" / "ic_int8.json").read_text())
    file = sum(t.bytes for t in constants(load(model).compiled()))
    assert file < facts["constants_bytes"] < 1.15 * file
