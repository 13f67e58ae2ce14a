"""Lifetimes: who needs which memory when."""

from __future__ import annotations

from dataclasses import replace

from mcugen.ir import Graph
from mcugen.lifetimes import Lifetimes, lifetimes
from mcugen.ops.base import Overlap
from mcugen.plan import Buffer, Share
from mcugen.select import Selection, select
from mcugen.target import CPUS
from mcugen.testing import graphs


def of(graph: Graph) -> Lifetimes:
    return lifetimes(graph, select(graph, CPUS["host"]))


def test_inputs_live_before_the_first_step_and_outputs_after_the_last() -> None:
    lives = of(graphs.conv())
    assert lives.buffers[lives.tensors[0]] == Buffer(32, -1, 0, 4)
    assert lives.buffers[lives.tensors[3]] == Buffer(48, 0, 1, 4)


def test_constants_have_no_buffer() -> None:
    lives = of(graphs.branches())
    assert set(lives.tensors) == {0, 1, 2, 3, 5}
    assert len(lives.buffers) == 4


def test_aliases_share_a_buffer_that_lives_for_both() -> None:
    lives = of(graphs.branches())
    assert lives.tensors[2] == lives.tensors[3]
    assert lives.buffers[lives.tensors[2]] == Buffer(8, 0, 3, 4)  # c is an output: to the end


def test_an_intermediate_dies_at_its_last_reader() -> None:
    lives = of(graphs.branches().with_(outputs=(5,)))
    assert lives.buffers[lives.tensors[2]] == Buffer(8, 0, 2, 4)


def test_an_unused_input_keeps_its_place_beside_the_other() -> None:
    graph = graphs.conv()
    graph = graph.with_tensor(9, graphs.activation("unused", (1, 5))).with_(inputs=(0, 9))
    lives = of(graph)
    assert lives.buffers[lives.tensors[9]] == Buffer(5, -1, -1, 4)


def test_a_chain_of_aliases_from_input_to_output_is_one_buffer() -> None:
    graph = graphs.branches()
    node = replace(graph.nodes[1], inputs=(0,), index=0)
    lives = of(graph.with_(nodes=(node,), inputs=(0,), outputs=(3,)))
    assert lives.tensors[0] == lives.tensors[3]
    assert lives.buffers == (Buffer(8, -1, 1, 4),)


def test_scratch_lives_for_one_step() -> None:
    graph = graphs.branches()
    selection = select(graph, CPUS["host"])
    kernels = list(selection.kernels)
    assert kernels[2] is not None
    kernels[2] = replace(kernels[2], scratch=lambda call: 100)
    lives = lifetimes(graph, Selection(tuple(kernels)))
    assert lives.buffers[lives.scratch[2]] == Buffer(100, 2, 2, 4)
    assert set(lives.scratch) == {2}


def overlapping(graph: Graph, overlaps: dict[int, dict[int, Overlap]]) -> Lifetimes:
    """Lifetimes with these overlaps, by node, in place of those that the kernels declare."""
    kernels = [
        None if kernel is None else replace(kernel, overlap=lambda call, i=i: overlaps.get(i, {}))
        for i, kernel in enumerate(select(graph, CPUS["host"]).kernels)
    ]
    return lifetimes(graph, Selection(tuple(kernels)))


def test_an_output_shares_with_every_operand_that_dies() -> None:
    lives = overlapping(graphs.branches(), {0: {0: Overlap(0), 1: Overlap(3)}})
    assert lives.shares == (Share(2, 0, 0), Share(2, 1, 3))


def test_an_output_does_not_share_with_what_lives_on() -> None:
    """c is an output of the graph: d = flat(c) + constant must not overwrite it."""
    overlap = {2: {0: Overlap(0), 1: Overlap(0)}}
    assert overlapping(graphs.branches(), overlap).shares == ()
    shares = overlapping(graphs.branches().with_(outputs=(5,)), overlap).shares
    assert shares == (Share(3, 2, 0),)


def test_a_tensor_that_is_two_operands_keeps_the_strictest_distance() -> None:
    graph = graphs.branches()
    twice = graph.with_(nodes=(replace(graph.nodes[0], inputs=(0, 0)), *graph.nodes[1:]))
    assert overlapping(twice, {0: {0: Overlap(0), 1: Overlap(5)}}).shares == (Share(2, 0, 5),)
    assert overlapping(twice, {0: {0: Overlap(0)}}).shares == ()
    assert overlapping(twice, {0: {0: Overlap(0, exact=True), 1: Overlap(5)}}).shares == ()
