"""Layers that run by rows compute the bytes that they compute whole, and a judge watches them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mcugen import interpret
from mcugen.build import build
from mcugen.emit import emit
from mcugen.ir import Call, Graph
from mcugen.lifetimes import lifetimes
from mcugen.lower import lower
from mcugen.ops.base import Family, Overlap
from mcugen.ops.rows import Chain
from mcugen.plan import MemoryPlan, plan
from mcugen.plan_verify import PlanError, verify
from mcugen.program import Source
from mcugen.rows_verify import verify_chains
from mcugen.run.runner import open_runner
from mcugen.select import Selection
from mcugen.target import load_board
from mcugen.testing.chains import cut, random_graph
from mcugen.testing.check import assert_equal, random_inputs
from mcugen.testing.fuzz.emulated import union
from mcugen.testing.fuzz.host import Host, Job

GRAPHS = 40
HOST = (Family.REF, Family.DSP)


def cuts(
    seeds: range, families: tuple[Family, ...] = HOST
) -> Iterator[tuple[Graph, Graph, Selection]]:
    """(A random graph, the same with a chain, its kernels)."""
    for seed in seeds:
        rng = np.random.default_rng(seed)
        graph = random_graph(rng)
        first = int(rng.integers(0, len(graph.nodes)))
        made = cut(graph, rng, families, first) or cut(graph, rng, families)
        assert made is not None
        yield graph, *made


def test_chains_compute_the_same_bytes_in_c(tmp_path: Path) -> None:
    """Under the sanitizers, each in an arena that holds other bytes at first, twice."""
    graphs, jobs = [], []
    for graph, changed, selection in cuts(range(GRAPHS)):
        graphs.append(graph)
        samples = [random_inputs(graph, seed) for seed in range(2)]
        jobs.append(Job(changed, selection, samples, len(samples)))
    for number, (graph, job, result) in enumerate(
        zip(graphs, jobs, Host(tmp_path).run(jobs), strict=True)
    ):
        assert not isinstance(result, str), f"{number}: {result}"
        for inputs, outputs in zip(job.samples, result, strict=True):
            assert_equal(outputs[0], interpret.outputs(graph, inputs)[0], str(number))


@pytest.mark.qemu
@pytest.mark.parametrize("name", ["mps2-an386", "mps3-an547"])
def test_chains_compute_the_same_bytes_on_boards(tmp_path: Path, name: str) -> None:
    """Twelve graphs in one image, each a chain of all its layers."""
    board, graphs = load_board(name), []
    for seed in range(1000, 1012):
        graphs.append(random_graph(np.random.default_rng(seed)))
    whole = changed = union(graphs)
    for at, graph in enumerate(graphs):  # those before are one node each by now
        rng = np.random.default_rng(at)
        made = cut(changed, rng, board.cpu.families, at, at + len(graph.nodes))
        assert made is not None
        changed, selection = made
    assert {node.op for node in changed.nodes} == {"rows"}
    program = lower(changed, selection, Source("chains", "0" * 64), board=name)
    emit(program, board, tmp_path / "p")
    with open_runner(board, build(tmp_path / "p").image) as runner:
        for seed in range(2):
            inputs = random_inputs(whole, seed)
            outputs = runner.infer([values.tobytes() for values in inputs])
            expected = [values.tobytes() for values in interpret.outputs(whole, inputs)]
            assert outputs == expected


def test_the_code_says_what_the_numbers_of_params_are(tmp_path: Path) -> None:
    made = (cut_once(seed) for seed in range(1000, 1100))
    graph, selection = next(found for found in made if found is not None)
    emit(lower(graph, selection, Source("chain.tflite", "0" * 64)), load_board("host"), tmp_path)
    text = (tmp_path / "chain.c").read_text()
    names = re.findall(r"^static const \w+ layer_(\d+)_(\d+)_(\d+) = {$", text, re.MULTILINE)
    parts = re.findall(r"^ \* (\d+): [A-Z_0-9]+ ", text, re.MULTILINE)
    assert names and {part for _, part, _ in names} <= set(parts)
    (index,) = {layer for layer, _, _ in names}
    assert f"layer_{index}_P_K are the parameters of part P" in text


def cut_once(seed: int) -> tuple[Graph, Selection] | None:
    """A random graph as one chain of all its layers."""
    rng = np.random.default_rng(seed)
    graph = random_graph(rng)
    return cut(graph, rng, load_board("host").cpu.families, 0, len(graph.nodes))


def test_cutting_changes_nothing_in_numpy() -> None:
    for graph, changed, _ in cuts(range(10)):
        inputs = random_inputs(graph)
        ours, theirs = interpret.outputs(changed, inputs), interpret.outputs(graph, inputs)
        assert_equal(ours[0], theirs[0], "numpy")


def test_layers_without_bias(tmp_path: Path) -> None:
    """In numpy and in C: an input that is not there is no tensor to look for."""
    graphs, jobs = [], []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        graph = random_graph(rng)
        nodes = (
            replace(node, inputs=(*node.inputs[:2], None)) if len(node.inputs) == 3 else node
            for node in graph.nodes
        )
        graph = graph.with_(nodes=tuple(nodes))
        made = cut(graph, rng, HOST)
        if made is not None and any(None in p.call.node.inputs for p in the_chain(made[0]).parts):
            graphs.append(graph)
            jobs.append(Job(*made, [random_inputs(graph, 0)], 1))
    assert jobs
    for graph, job, result in zip(graphs, jobs, Host(tmp_path).run(jobs), strict=True):
        assert not isinstance(result, str), result
        expected = interpret.outputs(graph, job.samples[0])
        for whole, by_rows, c in zip(
            expected, interpret.outputs(job.graph, job.samples[0]), result[0], strict=True
        ):
            assert_equal(by_rows, whole, "numpy")
            assert_equal(c, whole, "C")


def planned(graph: Graph, selection: Selection) -> MemoryPlan:
    lives = lifetimes(graph, selection)
    found = plan(lives.buffers, lives.shares)
    verify(lives.buffers, found, lives.shares)
    return found


def test_the_judge_accepts_all_plans() -> None:
    for _, changed, selection in cuts(range(200), tuple(Family)):
        verify_chains(changed, lifetimes(changed, selection), planned(changed, selection))


# ---- the judge finds what is wrong


@pytest.fixture(scope="module")
def sample() -> tuple[Graph, Selection]:
    """A chain with a ring that keeps rows, a stride of one block, and scratch."""
    for _, changed, selection in cuts(range(400)):
        (call,) = (c for c in changed.calls() if isinstance(c.attrs, Chain))
        made: Chain = call.attrs
        keeps = any(r.kept and r.shift for turn in made.rounds for r in turn.rings.values())
        if keeps and len(made.rounds) > 3 and any(w is not None for w in made.windows):
            return changed, selection
    raise AssertionError("no such chain")


def judge(graph: Graph, selection: Selection, changed: Chain) -> None:
    nodes = tuple(
        replace(node, attrs=changed) if isinstance(node.attrs, Chain) else node
        for node in graph.nodes
    )
    graph = graph.with_(nodes=nodes)
    verify_chains(graph, lifetimes(graph, selection), planned(graph, selection))


def the_chain(graph: Graph) -> Chain:
    (found,) = (node.attrs for node in graph.nodes if isinstance(node.attrs, Chain))
    return found


def test_a_sound_chain_passes(sample: tuple[Graph, Selection]) -> None:
    judge(*sample, the_chain(sample[0]))


def test_rows_that_did_not_move_are_missed(sample: tuple[Graph, Selection]) -> None:
    made = the_chain(sample[0])
    rounds = tuple(
        replace(t, rings={i: replace(r, shift=0) for i, r in t.rings.items()}) for t in made.rounds
    )
    with pytest.raises(PlanError, match="not whole"):
        judge(*sample, replace(made, rounds=rounds))


def test_rows_that_were_not_kept_are_missed(sample: tuple[Graph, Selection]) -> None:
    made = the_chain(sample[0])
    rounds = tuple(
        replace(t, rings={i: replace(r, kept=0) for i, r in t.rings.items()}) for t in made.rounds
    )
    with pytest.raises(PlanError, match="not whole"):
        judge(*sample, replace(made, rounds=rounds))


def test_a_step_that_is_left_out_is_missed(sample: tuple[Graph, Selection]) -> None:
    made = the_chain(sample[0])
    for number, turn in enumerate(made.rounds):
        for at in range(len(turn.steps)):
            steps = turn.steps[:at] + turn.steps[at + 1 :]
            rounds = list(made.rounds)
            rounds[number] = replace(turn, steps=steps)
            with pytest.raises(PlanError):
                judge(*sample, replace(made, rounds=tuple(rounds)))


def test_rings_over_one_another_are_found(sample: tuple[Graph, Selection]) -> None:
    made = the_chain(sample[0])
    everything = dict.fromkeys(made.rings, 0)
    windows = tuple(None if window is None else 0 for window in made.windows)
    with pytest.raises(PlanError):
        judge(*sample, replace(made, rings=everything, windows=windows))


def test_a_ring_that_is_too_short_is_found(sample: tuple[Graph, Selection]) -> None:
    made = the_chain(sample[0])
    with pytest.raises(PlanError, match=r"no room|outside"):
        judge(*sample, replace(made, bytes=made.bytes - 4))


def test_windows_that_see_other_rows_are_found(sample: tuple[Graph, Selection]) -> None:
    """A step whose reads are one row further down, in the tensor that the chain reads whole."""
    made = the_chain(sample[0])
    turn = made.rounds[2]
    step = next(s for s in turn.steps if 0 in s.reads)
    reads = {p: r._replace(start=r.start + 1, end=r.end + 1) for p, r in step.reads.items()}
    steps = tuple(replace(s, reads=reads) if s is step else s for s in turn.steps)
    rounds = (*made.rounds[:2], replace(turn, steps=steps), *made.rounds[3:])
    with pytest.raises(PlanError):
        judge(*sample, replace(made, rounds=rounds))


def test_a_chain_that_promises_too_much_overlap_is_found() -> None:
    """The output runs over rows of the input that are still to be read."""
    found = 0
    for _, graph, selection in cuts(range(200)):
        at = next(n for n, node in enumerate(graph.nodes) if isinstance(node.attrs, Chain))
        kernel = selection.kernels[at]
        assert kernel is not None and kernel.overlap is not None
        true = kernel.overlap

        def bold(call: Call, true=true) -> dict[int, Overlap]:  # type: ignore[no-untyped-def]
            return {i: Overlap(max(0, o.distance - 4)) for i, o in true(call).items()}

        kernels = list(selection.kernels)
        kernels[at] = replace(kernel, overlap=bold)
        changed = Selection(tuple(kernels))
        try:
            verify_chains(graph, lifetimes(graph, changed), planned(graph, changed))
        except PlanError:
            found += 1
    assert found > 5
