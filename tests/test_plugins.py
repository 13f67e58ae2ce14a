"""Custom operators: the example from its model to a board, and files that are no plugins."""

from __future__ import annotations

import importlib.util
import struct
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mcugen import api, cli, interpret, plugins
from mcugen.build import build
from mcugen.errors import ModelFileError, PluginError, UnsupportedModelError
from mcugen.exporters import tflite as exporter
from mcugen.importers import tflite
from mcugen.ir import DType
from mcugen.ops import BY_TFLITE, OPS
from mcugen.run.runner import open_runner
from mcugen.target import load_board
from mcugen.testing.builder import one_op, quant
from mcugen.testing.check import random_values, run_op

EXAMPLE = Path(__file__).parent.parent / "examples" / "custom_operator"
PLUGIN = EXAMPLE / "soft_threshold.py"
OPERATOR = "custom:SoftThreshold"


@pytest.fixture
def model(tmp_path) -> Path:
    """The example's model, with its samples beside it."""
    spec = importlib.util.spec_from_file_location("make_model", EXAMPLE / "make_model.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.main(tmp_path)
    return tmp_path / "denoise.tflite"


@pytest.fixture
def operator():
    """The example's operator, known for the time of a test."""
    with plugins.registered(plugins.load(PLUGIN)):
        yield OPS["soft_threshold"]


def thresholding(threshold: bytes, zero_point: int = 3) -> bytes:
    tensor = {"shape": [1, 256], "quant": quant(0.1, zero_point)}
    return one_op(OPERATOR, [tensor], tensor, {"customOptions": threshold})


# ---- the example


@pytest.mark.parametrize("board", ["host", pytest.param("mps2-an386", marks=pytest.mark.qemu)])
def test_the_example_equals_numpy(model, tmp_path, board):
    project, outputs = tmp_path / "denoise", tmp_path / "outputs.npz"
    plugin = ["--plugin", str(PLUGIN)]
    given = [str(model), "--board", board, "-o", str(project)]
    assert cli.main([*plugin, "generate", *given]) == 0
    assert (project / "mcu" / "soft_threshold_s8.c").is_file()
    samples = tmp_path / "samples.npy"
    assert cli.main(["run", str(project), "--data", str(samples), "-o", str(outputs)]) == 0
    with plugins.registered(plugins.load(PLUGIN)):
        graph = api.load(model).compiled()
        expected = [interpret.outputs(graph, [x])[0] for x in np.load(samples)[:, np.newaxis]]
    with np.load(outputs) as file:
        (found,) = (file[name] for name in file.files)
    assert np.array_equal(found.ravel(), np.ravel(expected))
    assert len(np.unique(found)) > 20


def test_the_project_tests_itself(model, tmp_path, operator):
    api.generate(model, "host", tmp_path / "denoise")
    done = subprocess.run(["make", "-C", tmp_path / "denoise", "selftest"], capture_output=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("threshold", "zero_point"), [(0.5, 127), (1e-38, 0), (1e2, -128)])
def test_the_kernel_equals_numpy_for_every_value(tmp_path, operator, threshold, zero_point):
    path, project = tmp_path / "model.tflite", tmp_path / "project"
    path.write_bytes(thresholding(struct.pack("<f", threshold), zero_point))
    x = np.arange(-128, 128, dtype=np.int8).reshape(1, 256)
    api.generate(path, "host", project)
    with open_runner(load_board("host"), build(project).image) as runner:
        (output,) = runner.infer([x.tobytes()])
    (expected,) = interpret.outputs(api.load(path).compiled(), [x])
    assert output == expected.tobytes()


def test_it_follows_the_float_semantics(operator):
    case = run_op(thresholding(struct.pack("<f", 0.5)))
    call = next(case.graph.calls())
    x = random_values(replace(call.input(), dtype=DType.FLOAT32), np.random.default_rng(0))
    (real,) = operator.floating(call, [x])
    q = np.clip(np.round(x / 0.1) + 3, -128, 127).astype(np.int8)
    (steps,) = operator.quantized(call, [q])
    assert np.abs((steps - np.int32(3)) * 0.1 - real).max() < 0.1


def test_it_is_written_as_it_was_read(model, operator):
    graph = tflite.load(model)
    again = tflite.loads(exporter.dumps(graph), "again")
    assert [node.attrs for node in again.nodes] == [node.attrs for node in graph.nodes]


# ---- rules and registration


def test_a_broken_rule_speaks(tmp_path, operator):
    path = tmp_path / "model.tflite"
    path.write_bytes(thresholding(struct.pack("<f", -0.0)))
    with pytest.raises(UnsupportedModelError, match=r"threshold -0 .*; The threshold must be"):
        api.generate(path, "host", tmp_path / "out")


def test_wrong_options_are_damage(operator):
    with pytest.raises(ModelFileError, match="3 bytes of options"):
        tflite.loads(thresholding(b"abc"), "model")


def test_without_its_plugin_the_operator_is_not_supported(model, tmp_path, capsys):
    before = dict(OPS), dict(BY_TFLITE)
    with plugins.registered(plugins.load(PLUGIN)):
        assert OPERATOR in BY_TFLITE
    assert before == (OPS, BY_TFLITE)
    assert cli.main(["generate", str(model), "--board", "host", "-o", str(tmp_path / "out")]) == 2
    assert OPERATOR in capsys.readouterr().err


def test_what_is_known_is_not_replaced(operator):
    clash = replace(operator, tflite="custom:Other")
    with pytest.raises(PluginError, match="known already"), plugins.registered([clash]):
        pass
    assert OPS["soft_threshold"] is operator


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tflite": "ADD"}, r'named "custom:NAME"'),
        ({"folder": Path("nowhere")}, "no soft_threshold_s8.c in nowhere"),
        ({"folder": None}, "no soft_threshold_s8.c in None"),
    ],
)
def test_operators_that_cannot_work_are_refused(operator, changes, message):
    kernels = operator.kernels
    if "folder" in changes:
        kernels = (replace(kernels[0], folder=changes.pop("folder")),)
    fields = {"name": "other", "tflite": "custom:Other", **changes}
    wrong = replace(operator, kernels=kernels, **fields)
    with pytest.raises(PluginError, match=message), plugins.registered([wrong]):
        pass
    assert "other" not in OPS


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("none.py", None, "no such file"),
        ("text.txt", "OPERATORS = ()", "not a Python file"),
        ("broken.py", "OPERATORS = (", "SyntaxError"),
        ("raises.py", "1 / 0", "ZeroDivisionError"),
        ("empty.py", "", "no tuple OPERATORS"),
        ("wrong.py", "OPERATORS = (1,)", "no tuple OPERATORS"),
    ],
)
def test_files_that_are_no_plugins_are_refused(tmp_path, capsys, name, text, message):
    path = tmp_path / name
    if text is not None:
        path.write_text(text)
    assert cli.main(["--plugin", str(path), "boards"]) == 2
    assert message in capsys.readouterr().err
