"""Models with a memory: the state outlives whatever happens to the arena; a reset forgets it."""

from __future__ import annotations

import ctypes
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mcugen import interpret, passes, verify
from mcugen.build import build
from mcugen.emit import emit
from mcugen.importers import tflite
from mcugen.ir import Graph
from mcugen.lifetimes import lifetimes
from mcugen.lower import lower
from mcugen.ops.base import Array
from mcugen.program import Source
from mcugen.run.runner import open_runner
from mcugen.select import select
from mcugen.spaces import STATE, Place
from mcugen.target import CPUS, load_board
from mcugen.testing.builder import ModelBuilder, quant
from mcugen.testing.check import random_inputs

X, MEMORY, Y = quant(1.0, -7), quant(0.5), quant(0.001, 11)


def memory_model() -> bytes:
    """A layer with a memory of three inferences, between two layers without one."""
    rng = np.random.default_rng(1)
    b = ModelBuilder()
    x, larger = b.tensor((1, 2, 4), "int8", X), b.tensor((1, 3, 4), "int8", X)
    pads = b.tensor((3, 2), "int32", data=[[0, 0], [0, 1], [0, 0]])
    flat, y = b.tensor((1, 12), "int8", X), b.tensor((1, 5), "int8", Y)
    last = b.tensor((1, 5), "int8", Y)
    features = b.tensor((10, 12), "int8", quant(0.2), rng.integers(-127, 127, (10, 12)))
    time = b.tensor((10, 3), "int16", quant(2.0**-14), rng.integers(-4000, 4000, (10, 3)))
    bias = b.tensor((5,), "int32", quant(2.0**-15), rng.integers(-9999, 9999, 5))
    state = b.tensor((1, 30), "int16", MEMORY, variable=True, name="memory")
    b.op("PAD", [x, pads], [larger])
    b.op("RESHAPE", [larger, b.tensor((2,), "int32", data=[1, 12])], [flat])
    b.op("SVDF", [flat, features, time, bias, state], [y], {"rank": 2})
    b.op("RELU", [y], [last])
    return b.build([x], [last])


def graph() -> Graph:
    return passes.run(tflite.loads(memory_model(), "recall"))


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("state") / "recall"
    model = graph()
    program = lower(model, select(model, CPUS["cortex-m4"]), Source("recall.tflite", "0" * 64))
    emit(program, load_board("mps2-an386"), folder)
    return folder


def test_the_state_is_not_in_the_arena() -> None:
    model = graph()
    lives = lifetimes(model, select(model, CPUS["host"]))
    (state,) = model.variables
    assert state not in lives.tensors
    assert lives.outside == {state: Place(STATE, 0)}
    assert lives.spaces == {STATE: 60}


class Library:
    """The generated C in this process; an arena and a state, aligned and not zero."""

    def __init__(self, project: Path, folder: Path) -> None:
        path = folder / "recall.so"
        sources = [project / "recall.c", project / "recall_weights.c", *project.glob("mcu/*.c")]
        subprocess.run(
            ["gcc", "-std=c99", "-O1", "-shared", "-fPIC", "-o", path, *sources],
            check=True,
            timeout=60,
        )
        self.c = ctypes.CDLL(str(path))
        self.c.recall_input.restype = self.c.recall_output.restype = ctypes.c_void_p
        header = (project / "recall.h").read_text()
        self.arena, self.state = (
            self._block(int(header.split(f"RECALL_{name}_SIZE")[1].split()[0]))
            for name in ("ARENA", "STATE")
        )

    @staticmethod
    def _block(size: int) -> Array:
        raw = np.full(size + 16, 0x55, np.uint8)
        start = -raw.ctypes.data % 16
        return raw[start : start + size]

    def reset(self, offset: int = 0) -> int:
        """The status."""
        return int(self.c.recall_reset(ctypes.c_void_p(self.state.ctypes.data + offset)))

    def invoke(self, arena: int | None, state: int | None) -> int:
        """The status."""
        return int(self.c.recall_invoke(ctypes.c_void_p(arena), ctypes.c_void_p(state)))

    def infer(self, x: Array, stale: int) -> Array:
        """An inference in an arena full of something else."""
        self.arena[:] = stale
        arena = ctypes.c_void_p(self.arena.ctypes.data)
        ctypes.memmove(self.c.recall_input(arena), x.tobytes(), x.nbytes)
        assert self.invoke(self.arena.ctypes.data, self.state.ctypes.data) == 0
        return np.frombuffer(ctypes.string_at(self.c.recall_output(arena), 5), np.int8)


def test_inferences_remember_and_a_reset_forgets(project: Path, tmp_path: Path) -> None:
    """The caller overwrites the arena in between."""
    model = graph()
    library = Library(project, tmp_path)
    for _ in range(2):
        assert library.reset() == 0
        states = interpret.reset(model)
        for seed in range(5):
            x = random_inputs(model, seed)
            values, states = interpret.step(model, x, states)
            expected = values[model.outputs[0]].reshape(-1)
            found = library.infer(x[0], stale=37 * seed)
            np.testing.assert_array_equal(found, expected, f"inference {seed}")


def test_what_is_refused(project: Path, tmp_path: Path) -> None:
    library = Library(project, tmp_path)
    arena, state = library.arena.ctypes.data, library.state.ctypes.data
    assert library.c.recall_reset(None) == library.reset(offset=1) == 2
    assert library.invoke(None, state) == library.invoke(arena + 4, state) == 1
    assert library.invoke(arena, None) == library.invoke(arena, state + 4) == 2
    assert library.invoke(arena, state) == 0


@pytest.mark.qemu
@pytest.mark.parametrize("board", ["mps2-an386", "mps2-an385-m0"])
def test_a_stream_on_a_core(board: str, tmp_path: Path) -> None:
    """Inferences one after the other, each in an arena full of something else."""
    model, target = graph(), load_board(board)
    program = lower(model, select(model, target.cpu), Source("recall.tflite", "0" * 64))
    emit(program, target, tmp_path / "p")
    adaptor = tmp_path / "p" / "firmware" / "recall_firmware.c"
    text = adaptor.read_text()
    reset, place = "(void)recall_reset(state_memory.content);", "return recall_input("
    assert reset in text and place in text
    spoil = "(void)memset(arena_memory.content, 37 * runs, RECALL_ARENA_SIZE);"
    text = text.replace(reset, f"if (runs++ == 0) {{ {reset} }}")
    text = text.replace(place, f"{spoil} {place}")
    adaptor.write_text(f"#include <string.h>\nstatic int runs;\n{text}")
    states, image = interpret.reset(model), build(tmp_path / "p").image
    with open_runner(target, image) as runner:
        for seed in range(4):
            x = random_inputs(model, seed)
            values, states = interpret.step(model, x, states)
            (found,) = runner.infer([x[0].tobytes()])
            assert found == values[model.outputs[0]].tobytes(), f"inference {seed}"


def test_the_project_says_what_state_means(project: Path, clang_format: list[str]) -> None:
    files = sorted(project.glob("*.[ch]"))
    subprocess.run([*clang_format, "--dry-run", "-Werror", *files], check=True, timeout=60)
    header = (project / "recall.h").read_text()
    assert "recall_reset(void *state)" in header and "RECALL_STATE_SIZE  60" in header
    readme = (project / "README.md").read_text()
    assert "recall_reset(state)" in readme and "| state | 60 bytes" in readme


@pytest.mark.parametrize("target", ["selftest", "firmware"])
def test_the_project_builds(project: Path, target: str) -> None:
    done = subprocess.run(
        ["make", target], cwd=project, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


# ---- what is no state


def test_a_variable_must_be_a_state() -> None:
    model = tflite.loads(memory_model(), "recall")
    first = model.nodes[0]
    (state,) = model.variables
    wrong = replace(first, inputs=(state, *first.inputs[1:]))
    found = str(verify.problems(model.with_(nodes=(wrong, *model.nodes[1:])))[0])
    assert "a variable as input 0; Variables must be the state of an operator." in found


def test_a_state_must_be_a_variable() -> None:
    model = tflite.loads(memory_model(), "recall")
    (state,) = model.variables
    constant = replace(model.tensors[state], variable=False, data=np.zeros((1, 30), np.int16))
    found = str(verify.problems(model.with_tensor(state, constant))[0])
    assert "no variable as input 4; The state must be a variable." in found


def test_a_variable_is_written_by_no_output() -> None:
    model = tflite.loads(memory_model(), "recall")
    (state,) = model.variables
    wrong = replace(model.nodes[-1], outputs=(state,))
    nodes = (*model.nodes[:-1], wrong)
    found = str(verify.problems(model.with_(nodes=nodes, outputs=model.nodes[2].outputs))[0])
    assert "which has a value already" in found
