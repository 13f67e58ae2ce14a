"""Models with a memory: the state lives in the arena, and a reset forgets it."""

from __future__ import annotations

import ctypes
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mcugen import interpret, passes, verify
from mcugen.emit import emit
from mcugen.importers import tflite
from mcugen.ir import Graph
from mcugen.lifetimes import lifetimes
from mcugen.lower import lower
from mcugen.ops.base import Array
from mcugen.program import Source
from mcugen.select import select
from mcugen.target import CPUS, load_board
from mcugen.testing.builder import ModelBuilder, quant
from mcugen.testing.check import random_inputs

X, STATE, Y = quant(1.0, -7), quant(0.5), quant(0.001, 11)


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
    state = b.tensor((1, 30), "int16", STATE, variable=True, name="memory")
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


def test_the_state_shares_memory_with_nothing() -> None:
    model = graph()
    lives = lifetimes(model, select(model, CPUS["host"]))
    state = lives.buffers[lives.tensors[model.variables[0]]]
    assert (state.first, state.last) == (-1, len(model.nodes))


class Library:
    """The generated C in this process."""

    def __init__(self, project: Path, folder: Path, arena_bytes: int) -> None:
        path = folder / "recall.so"
        sources = [project / "recall.c", project / "recall_weights.c", *project.glob("mcu/*.c")]
        subprocess.run(
            ["gcc", "-std=c99", "-O1", "-shared", "-fPIC", "-o", path, *sources],
            check=True,
            timeout=60,
        )
        self.c = ctypes.CDLL(str(path))
        self.c.recall_input.restype = self.c.recall_output.restype = ctypes.c_void_p
        raw = np.full(arena_bytes + 16, 0x55, np.uint8)
        self.memory = raw[-raw.ctypes.data % 16 :]  # aligned, and not zero
        self.arena = ctypes.c_void_p(self.memory.ctypes.data)

    def reset(self) -> None:
        assert self.c.recall_reset(self.arena) == 0

    def infer(self, x: Array) -> Array:
        ctypes.memmove(self.c.recall_input(self.arena), x.tobytes(), x.nbytes)
        assert self.c.recall_invoke(self.arena) == 0
        return np.frombuffer(ctypes.string_at(self.c.recall_output(self.arena), 5), np.int8)


def test_inferences_remember_and_a_reset_forgets(project: Path, tmp_path: Path) -> None:
    model = graph()
    header = (project / "recall.h").read_text()
    size = int(header.split("RECALL_ARENA_SIZE")[1].split()[0])
    library = Library(project, tmp_path, size)
    for _ in range(2):
        library.reset()
        states = interpret.reset(model)
        for seed in range(5):
            x = random_inputs(model, seed)
            values, states = interpret.step(model, x, states)
            expected = values[model.outputs[0]].reshape(-1)
            np.testing.assert_array_equal(library.infer(x[0]), expected, f"inference {seed}")
    assert library.c.recall_reset(None) != 0
    assert library.c.recall_reset(ctypes.c_void_p(library.memory.ctypes.data + 1)) != 0


def test_the_project_says_what_state_means(project: Path) -> None:
    header = (project / "recall.h").read_text()
    assert "recall_reset" in header and "holds the state" in header
    assert "recall_reset" in (project / "README.md").read_text()


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
