"""Inputs and outputs in memory of the caller's: `--io caller`."""

from __future__ import annotations

import ctypes
import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mcugen
from mcugen import cli, interpret
from mcugen.arrange import arrange
from mcugen.choose import Choice, Objective
from mcugen.contents_verify import verify_contents
from mcugen.emit import emit
from mcugen.errors import OptionError
from mcugen.ir import Graph, Io
from mcugen.lifetimes import lifetimes
from mcugen.lower import lower
from mcugen.passes.outputs_apart import outputs_apart
from mcugen.placement import Placement
from mcugen.plan import plan
from mcugen.plan_verify import PlanError
from mcugen.program import Source
from mcugen.project import Project
from mcugen.run.runner import open_runner
from mcugen.spaces import Kind, Space
from mcugen.target import CPUS
from mcugen.testing import graphs
from mcugen.testing.check import random_inputs
from mcugen.testing.fuzz.host import Host, Job

DIGITS = Path(__file__).parent.parent / "examples" / "digits"
MODEL, DATA = DIGITS / "digits_int8.tflite", DIGITS / "digits_test.npz"
CALLER = Placement(io=Io.CALLER)
SOURCE = Source("test.tflite", "0" * 64)


def arranged(graph: Graph, objective: Objective = Objective.BALANCED, cpu: str = "host") -> Choice:
    return arrange(graph.with_(io=Io.CALLER), CPUS[cpu], objective)


def assert_computes(graph: Graph, choice: Choice, folder: Path) -> None:
    """Compiled under the sanitizers, each input and output in a block of its own."""
    samples = [random_inputs(graph, seed) for seed in range(2)]
    (found,) = Host(folder).run([Job(choice.graph, choice.selection, samples, 2)])
    assert not isinstance(found, str), found
    for ours, sample in zip(found, samples, strict=True):
        for one, other in zip(ours, interpret.outputs(graph, sample), strict=True):
            np.testing.assert_array_equal(one, other)


# ---- what lies where


def test_ports_are_not_planned() -> None:
    graph = graphs.conv().with_(io=Io.CALLER)
    choice = arranged(graph)
    lives = lifetimes(choice.graph, choice.selection)
    places = {place.space.kind: place for place in lives.outside.values()}
    assert set(places) == {Kind.INPUT, Kind.OUTPUT}
    assert not {*graph.inputs, *graph.outputs} & set(lives.tensors)
    assert lives.spaces == {
        Space(Kind.INPUT, "input"): graph.tensors[graph.inputs[0]].bytes,
        Space(Kind.OUTPUT, "output"): graph.tensors[graph.outputs[0]].bytes,
    }


@pytest.mark.parametrize(
    ("outputs", "moves"),
    [
        ((5,), 0),
        ((2, 5), 0),
        ((3, 5), 0),
        ((2, 3), 1),
        ((3, 2), 1),
        ((0, 5), 1),
        ((5, 5), 1),
        ((0, 0, 2), 2),
    ],
)
def test_every_output_has_memory_of_its_own(
    outputs: tuple[int, ...], moves: int, tmp_path: Path
) -> None:
    """Of an alias and what it shows one is moved; so is an input that the model returns."""
    graph = graphs.branches().with_(outputs=outputs)
    apart = outputs_apart(graph.with_(io=Io.CALLER))
    assert [node.op for node in apart.nodes].count("move") == moves
    choice = arranged(graph)
    lives = lifetimes(choice.graph, choice.selection)
    spaces = [lives.outside[output].space for output in choice.graph.outputs]
    assert len(set(spaces)) == len(outputs) and {s.kind for s in spaces} == {Kind.OUTPUT}
    assert_computes(graph, choice, tmp_path)


def test_the_judge_finds_an_input_that_is_overwritten() -> None:
    choice = arranged(graphs.branches())
    graph, selection = choice.graph, choice.selection
    lives = lifetimes(graph, selection)
    found = plan(lives.buffers, lives.shares)
    verify_contents(graph, selection, lives, found)
    first, output = graph.nodes[0].outputs[0], graph.outputs[0]
    place = lives.outside[graph.inputs[0]]
    over = replace(lives, outside={**lives.outside, first: place})
    with pytest.raises(PlanError, match=f"tensor {first} would overwrite an input of the caller"):
        verify_contents(graph, selection, over, found)
    beside = replace(lives, outside={**lives.outside, output: lives.outside[output] + 4})
    with pytest.raises(PlanError, match=f"tensor {output} lies outside of the output"):
        verify_contents(graph, selection, beside, found)


# ---- the generated C


def test_the_interface(tmp_path: Path) -> None:
    """What is refused, and that nothing but the output and the arena is written."""
    choice = arranged(graphs.conv())
    emit(lower(choice.graph, choice.selection, SOURCE, name="one"), None, tmp_path / "p")
    header = (tmp_path / "p" / "one.h").read_text()
    assert "one_invoke(void *arena, const int8_t *input, int8_t *output);" in header
    assert "one_input(" not in header and "one_output(" not in header
    library = tmp_path / "one.so"
    sources = [p for p in (tmp_path / "p").rglob("*.c") if "selftest" not in p.name]
    command = ["gcc", "-std=c99", "-O1", "-shared", "-fPIC", "-o", library, *sources]
    subprocess.run(command, check=True, timeout=60)
    invoke = ctypes.CDLL(str(library)).one_invoke
    block = np.zeros(4096, np.uint8)
    arena = block.ctypes.data + -block.ctypes.data % 16
    given, taken = arena + 2048, arena + 3072

    def status(*addresses: int) -> int:
        return int(invoke(*(ctypes.c_void_p(address) for address in addresses)))

    assert status(arena, given, taken) == 0
    assert status(arena, given + 4, taken + 4) == 0
    assert status(0, given, taken) == status(arena + 8, given, taken) == 1
    assert status(arena, 0, taken) == status(arena, given + 2, taken) == 3
    assert status(arena, given, 0) == status(arena, given, taken + 1) == 4


@pytest.mark.parametrize("target", ["selftest", "firmware"])
def test_the_project_builds(target: str, tmp_path: Path, clang_format: list[str]) -> None:
    project = tmp_path / "p"
    mcugen.generate(MODEL, "mps2-an386", project, placement=CALLER)
    done = subprocess.run(
        ["make", target], cwd=project, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    files = sorted(project.glob("*.[ch]"))
    subprocess.run([*clang_format, "--dry-run", "-Werror", *files], check=True, timeout=60)
    assert "memcpy" not in (project / "README.md").read_text()


def test_an_arena_of_nothing_is_still_an_array(tmp_path: Path) -> None:
    """One layer from the input to the output works in no arena."""
    graph = graphs.branches()
    graph = graph.with_(nodes=graph.nodes[:1], outputs=graph.nodes[0].outputs)
    choice = arranged(graph)
    program = lower(choice.graph, choice.selection, SOURCE, name="one")
    assert program.arena_bytes == 0 and program.arguments[0].bytes == 1
    assert_computes(graph, choice, tmp_path)


# ---- whole models


@pytest.mark.parametrize(
    ("name", "objective"),
    [
        ("kws_int8", Objective.RAM),
        ("ic_int8", Objective.BALANCED),
        ("vww_int8", Objective.RAM),
        ("ad_int8", Objective.TIME),
    ],
)
def test_real_models_are_exact(
    name: str, objective: Objective, golden: Callable[[str], Any], tmp_path: Path
) -> None:
    known = golden(name)
    graph = mcugen.load(known.model).compiled()
    choice = arranged(graph, objective, "cortex-m4")
    (found,) = Host(tmp_path).run([Job(choice.graph, choice.selection, known.inputs, 1)])
    assert not isinstance(found, str), found
    for ours, theirs in zip(found, known.tflm, strict=True):
        for one, other in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.qemu
@pytest.mark.parametrize("name", ["kws_int8", "ad_int8"])
def test_real_models_on_a_core(name: str, golden: Callable[[str], Any], tmp_path: Path) -> None:
    known = golden(name)
    made = mcugen.generate(known.model, "mps2-an386", tmp_path / "p", placement=CALLER)
    assert made.arena <= mcugen.generate(known.model, "mps2-an386", tmp_path / "inside").arena
    project = Project.open(tmp_path / "p")
    image = mcugen.build_project(project.directory).image
    with open_runner(project.board, image) as runner:
        for inputs, outputs in zip(known.inputs[:2], known.tflm, strict=False):
            for ours, theirs in zip(project.infer(runner, inputs), outputs, strict=True):
                np.testing.assert_array_equal(ours, theirs)


@pytest.mark.qemu
def test_the_verbs_take_it() -> None:
    """Layers by rows read the caller's input and write the caller's output, too."""
    for objective in ("balanced", "ram"):
        options = {"objective": objective, "placement": CALLER}
        result = mcugen.validate(MODEL, "mps2-an386", DATA, limit=2, per_layer=True, **options)
        assert result.passed and result.layers and all(x.differing == 0 for x in result.layers)
    profile = mcugen.profile(MODEL, "mps2-an386", placement=CALLER)
    assert profile.cycles is not None
    plan = mcugen.analyze(MODEL, "mps2-an386", placement=CALLER, plan=True).plan
    assert plan is not None and plan.beside == (("input", 64), ("output", 10))


def test_the_command_line(tmp_path: Path) -> None:
    out = tmp_path / "p"
    arguments = ["generate", str(MODEL), "--board", "host", "-o", str(out), "--io", "caller"]
    assert cli.main(arguments) == 0
    record = json.loads((out / "digits_int8.json").read_text())
    assert [argument["name"] for argument in record["arguments"]] == ["arena", "input", "output"]
    assert record["inputs"][0]["offset"] is None
    with pytest.raises(OptionError, match="io: 'stack'; known: arena, caller"):
        Placement.parse([], "stack")
