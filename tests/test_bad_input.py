"""What a new user gets wrong: each time exit status 2, one clear message, and nothing half-written.

Everything runs through the command line's entry point, in this process.
"""

from __future__ import annotations

import json
import random
import shutil
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest

from mcugen import api, cli
from mcugen.testing.builder import ModelBuilder, one_op, quant

DIGITS = Path(__file__).parent.parent / "examples" / "digits"
MODEL = DIGITS / "digits_int8.tflite"
DATA = DIGITS / "digits_test.npz"
CONTENT = MODEL.read_bytes()
Q = quant(0.5, 3)


@pytest.fixture
def refuse(tmp_path, capsys):
    """Run a command line that must be refused; returns the message."""

    def run(*arguments: object) -> str:
        before = listing(tmp_path)
        status = cli.main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        assert status == 2, captured.out + captured.err
        assert captured.err.strip(), "no message"
        assert "Traceback" not in captured.err and "internal error" not in captured.err
        assert captured.out == ""
        assert listing(tmp_path) == before, "something was written"
        return captured.err

    return run


def listing(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def generate(model: Path, out: Path, board: str = "host", *more: str) -> list[object]:
    return ["generate", model, "--board", board, "-o", out, *more]


# ---- files that are no models


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (CONTENT[:7], "not a TFLite file"),
        (CONTENT[:8], "damaged"),
        (CONTENT[:1000], "damaged"),
        (CONTENT[: len(CONTENT) // 2], "damaged"),
        (CONTENT[:-100], "damaged"),
        (random.Random(0).randbytes(5000), "not a TFLite file"),
        (b"PK\x03\x04" + bytes(100), "zip"),
        (b"\x89HDF\r\n\x1a\n" + bytes(100), "Keras"),
        (b"<html>404</html>", "not a TFLite file"),
    ],
)
@pytest.mark.parametrize("verb", ["analyze", "generate"])
def test_a_file_that_is_no_model(tmp_path, refuse, content, message, verb):
    model = tmp_path / "model.tflite"
    model.write_bytes(content)
    more = ["--board", "host", "-o", tmp_path / "out"] if verb == "generate" else []
    assert message in refuse(verb, model, *more)


def test_a_model_that_is_absent_or_a_directory(tmp_path, refuse):
    assert "absent.tflite" in refuse("analyze", tmp_path / "absent.tflite")
    assert str(tmp_path) in refuse("analyze", tmp_path)


@pytest.mark.parametrize("offset", [0xFFFFFFFF, 0x7FFFFFFF, len(CONTENT), 0, 4])
def test_a_root_offset_that_points_elsewhere(tmp_path, refuse, offset):
    model = tmp_path / "model.tflite"
    model.write_bytes(struct.pack("<I", offset) + CONTENT[4:])
    refuse(*generate(model, tmp_path / "out"))


def test_damage_anywhere_never_ends_in_a_traceback(tmp_path, capsys):
    """Offsets, lengths and types overwritten at random, and tables made to point to each other."""
    rng = random.Random(1)
    for _ in range(150):
        content = bytearray(CONTENT)
        for _ in range(rng.choice((1, 1, 3, 20))):
            position = rng.randrange(8, len(content) - 4)
            word = rng.choice((0, 1, 4, 0x7FFFFFFF, 0xFFFFFFFF, position, rng.getrandbits(32)))
            struct.pack_into("<I", content, position & ~3, word)
        model = tmp_path / "model.tflite"
        model.write_bytes(content)
        status = cli.main(["analyze", str(model)])
        captured = capsys.readouterr()
        assert status in (0, 1, 2), captured.err
        assert (status == 2) == bool(captured.err)
        assert (status == 1) == ("not supported" in captured.out)


# ---- models that break rules


def model_with(path: Path, shape: list[int], *, operator: str = "RELU", **more: object) -> Path:
    builder = ModelBuilder()
    source = builder.tensor(shape, quant=Q, name="in", **more)
    result = builder.tensor(shape, quant=Q, name="out")
    builder.op(operator, [source], [result])
    path.write_bytes(builder.build([source], [result]))
    return path


@pytest.mark.parametrize(
    "shape", [[1, 0, 4], [1, -5, 4], [1, 1 << 30, 1 << 30], [1, 1 << 20, 1 << 11]]
)
def test_tensors_of_zero_negative_or_absurd_size(tmp_path, refuse, shape):
    model = model_with(tmp_path / "model.tflite", shape)
    assert "in" in refuse(*generate(model, tmp_path / "out"))


def test_a_dimension_that_is_open(tmp_path, refuse):
    model = model_with(tmp_path / "model.tflite", [1, 1, 4], signature=[-1, -1, 4])
    assert "open" in refuse(*generate(model, tmp_path / "out"))


def unsupported_model(path: Path) -> Path:
    builder = ModelBuilder()
    tensors = [builder.tensor([1, 4], quant=Q, name=f"t{k}") for k in range(4)]
    for k, operator in enumerate(("custom:MyThing", "CUMSUM", 5000)):
        builder.op(operator, [tensors[k]], [tensors[k + 1]])
    path.write_bytes(builder.build(tensors[:1], tensors[-1:]))
    return path


def test_unknown_operators_are_all_named_with_what_is_supported(tmp_path, refuse, capsys):
    model = unsupported_model(tmp_path / "model.tflite")
    refused = refuse(*generate(model, tmp_path / "out"))
    assert cli.main(["analyze", str(model)]) == 1
    for text in (refused, capsys.readouterr().out):
        for name in ("MyThing", "CUMSUM", "5000", "CONV_2D"):
            assert name in text
        assert text.count("Supported operators are") == 1


def test_analyze_shows_everything_and_fails_for_what_cannot_be_generated(tmp_path, capsys):
    """Every rule that a model breaks, with the tensors and what is allowed, below the table."""
    builder = ModelBuilder()
    source = builder.tensor([1, 4], "uint8", Q, name="audio")
    scaled = builder.tensor([1, 4], quant=Q, name="scaled")
    total = builder.tensor([1, 4], quant=quant(1e-9), name="total")
    builder.op("RELU", [source], [scaled])
    builder.op("ADD", [scaled, scaled], [total])
    path = tmp_path / "model.tflite"
    path.write_bytes(builder.build([source], [total]))
    assert cli.main(["analyze", str(path), "--board", "microbit"]) == 1
    text = capsys.readouterr().out
    for part in ('"audio"', "same type, int8, int16 or float32", '"scaled"', "2**20 output scales"):
        assert part in text
    assert cli.main(["analyze", str(path), "--json"]) == 1
    result = json.loads(capsys.readouterr().out)
    assert not result["feasible"] and len(result["problems"]) == 2
    assert [row["operator"] for row in result["operations"]] == ["RELU", "ADD"]


def test_analyze_fails_where_a_board_has_no_room(tmp_path, capsys):
    model = model_with(tmp_path / "model.tflite", [1, 20_000])
    assert cli.main(["analyze", str(model)]) == 0
    assert cli.main(["analyze", str(model), "--board", "microbit"]) == 1
    assert "does not fit microbit" in capsys.readouterr().out


def test_half_precision_is_refused_by_name(tmp_path, refuse):
    source, target = {"shape": (1, 4), "dtype": "float16"}, {"shape": (1, 4), "dtype": "float32"}
    path = tmp_path / "half.tflite"
    path.write_bytes(one_op("DEQUANTIZE", [source], target))
    message = refuse(*generate(path, tmp_path / "out"))
    assert "float16" in message and "op#0" in message


# ---- boards


@pytest.fixture
def tiny_board(tmp_path):
    """A micro:bit with 4 KiB of flash and 448 bytes of RAM."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    text = (Path(__file__).parent.parent / "boards" / "microbit" / "board.toml").read_text()
    text = text.replace("0x4_0000", "0x1000").replace("0x4000", "0x1C0", 1).replace("2048", "256")
    (folder / "board.toml").write_text(text)
    return folder


def test_a_model_that_does_not_fit_says_by_how_much(tmp_path, refuse, tiny_board):
    message = refuse(*generate(MODEL, tmp_path / "out", str(tiny_board)))
    assert "flash" in message and "RAM" in message and "more than the" in message
    assert "4,096" in message and "448" in message


def test_an_unknown_board(tmp_path, refuse):
    message = refuse(*generate(MODEL, tmp_path / "out", "arduino"))
    assert "arduino" in message and "mps2-an386" in message


def test_a_board_file_with_an_unknown_key(tmp_path, refuse, tiny_board):
    with (tiny_board / "board.toml").open("a") as file:
        file.write("\ncolour = 'green'\n")
    assert "colour" in refuse(*generate(MODEL, tmp_path / "out", str(tiny_board)))


# ---- output directories


def test_a_board_that_the_project_was_not_made_for(tmp_path, refuse):
    project = tmp_path / "project"
    api.generate(MODEL, "mps2-an386", project)
    for arguments in (("build", project), ("run", project, "--data", DATA)):
        message = refuse(*arguments, "--board", "microbit")
        assert "made for mps2-an386, not for microbit" in message


def test_a_directory_with_other_content_is_left_alone(tmp_path, refuse):
    out = tmp_path / "out"
    out.mkdir()
    (out / "thesis.txt").write_text("irreplaceable")
    assert "--force" in refuse(*generate(MODEL, out))
    assert "thesis.txt" in refuse(*generate(MODEL, out, "host", "--force"))


def test_a_destination_that_cannot_be(tmp_path, refuse):
    file = tmp_path / "file"
    file.write_text("")
    refuse(*generate(MODEL, file))
    refuse(*generate(MODEL, file / "out"))


def test_force_replaces_a_generated_project(tmp_path, capsys, refuse):
    out = tmp_path / "out"
    arguments = [str(argument) for argument in generate(MODEL, out)]
    assert cli.main(arguments) == 0
    first = listing(out)
    capsys.readouterr()
    refuse(*arguments)
    assert cli.main([*arguments, "--force"]) == 0
    assert listing(out) == first


def test_a_failure_while_writing_leaves_nothing(tmp_path, refuse, monkeypatch):
    calls = iter(range(10))
    write = Path.write_bytes

    def fail(self: Path, data: bytes) -> int:
        if next(calls) == 5:
            raise OSError(28, "No space left on device", str(self))
        return write(self, data)

    monkeypatch.setattr(Path, "write_bytes", fail)
    assert "No space left" in refuse(*generate(MODEL, tmp_path / "out"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("output", "message"),
    [("", "is a directory"), ("no/such.out", "does not exist"), ("read", "is the file that is")],
)
@pytest.mark.parametrize("verb", ["quantize", "run"])
def test_a_file_that_cannot_be_written_is_named_before_the_work(
    tmp_path, refuse, monkeypatch, verb, output, message
):
    def work(*_: object) -> None:
        raise AssertionError("it worked for nothing")

    monkeypatch.setattr("mcugen.quantizer.pipeline.quantize", work)
    monkeypatch.setattr("mcugen.steps.build", work)
    read = tmp_path / "read"
    if verb == "quantize":
        shutil.copy(DIGITS / "digits_float32.tflite", read)
        arguments = [read, "--data", DATA]
    else:
        shutil.copy(DATA, read)
        api.generate(MODEL, "host", tmp_path / "project")
        arguments = [tmp_path / "project", "--data", read]
    assert message in refuse(verb, *arguments, "-o", tmp_path / output)


@pytest.mark.parametrize("verb", ["build", "run"])
def test_a_directory_that_is_no_project(tmp_path, refuse, verb):
    more = ["--data", DATA] if verb == "run" else []
    assert "mcugen generate" in refuse(verb, tmp_path, *more)
    (tmp_path / "x.json").write_text('{"generator": "mcugen"}')
    assert "damaged" in refuse(verb, tmp_path, *more)


# ---- names


HOSTILE = (
    "*/ int x; /*",
    "a\"b'c\\",
    "line\nbreak\r",
    "int",
    "ünïcödé 模型",
    "%s${x}{{ y }}",
    "",
    "??/",
)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_become_clean_c(tmp_path, capfd, name):
    """As the model's file, its tensors and the C prefix; the project must compile and pass."""
    builder = ModelBuilder()
    source = builder.tensor([1, 2, 2, 2], quant=Q, name=name)
    pooled = builder.tensor([1, 1, 1, 2], quant=Q, name=name)
    result = builder.tensor([1, 1, 1, 2], quant=Q, name=name)
    pool = {"padding": 1, "strideW": 2, "strideH": 2, "filterWidth": 2, "filterHeight": 2}
    builder.op("MAX_POOL_2D", [source], [pooled], pool)
    builder.op("MAX_POOL_2D", [pooled], [result], {**pool, "filterWidth": 1, "filterHeight": 1})
    model = tmp_path / f"{name.replace('/', '_')}.tflite"
    model.write_bytes(builder.build([source], [result]))
    out = tmp_path / "out"
    arguments = [str(a) for a in generate(model, out)]
    for more in ([], ["--force", "--name", name or "2"]):
        assert cli.main([*arguments, *more]) == 0, capfd.readouterr().err
        done = subprocess.run(
            ["make", "-C", str(out), "selftest", "CFLAGS=-Werror"], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr


# ---- data


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": np.full((2, 8, 8, 1), np.nan, np.float32)}, "NaN"),
        ({"x": np.zeros((2, 7, 7, 1), np.float32)}, "64 numbers"),
        ({"x": np.zeros((0, 8, 8, 1), np.float32)}, "at least one"),
        ({"x": np.zeros((2, 8, 8, 1), np.uint8)}, "uint8"),
        ({"a": np.zeros(3), "b": np.zeros(3)}, "arrays a, b"),
    ],
)
@pytest.mark.parametrize("verb", ["run", "validate"])
def test_unsuitable_data(tmp_path, refuse, capsys, arrays, message, verb):
    path = tmp_path / "data.npz"
    np.savez(path, **arrays)
    where: list[object] = [MODEL, "--board", "host"]
    if verb == "run":
        assert cli.main([str(a) for a in generate(MODEL, tmp_path / "out")]) == 0
        capsys.readouterr()
        where = [tmp_path / "out"]
    assert message in refuse(verb, *where, "--data", path)


def test_labels_of_another_data_set(tmp_path, refuse):
    np.save(tmp_path / "labels.npy", np.zeros(5, np.int64))
    message = refuse(
        *("validate", MODEL, "--board", "host", "--data", DATA),
        *("--labels", tmp_path / "labels.npy"),
    )
    assert "300 samples" in message


@pytest.mark.parametrize("verb", ["validate", "quantize"])
def test_labels_of_more_classes_than_scores(tmp_path, refuse, monkeypatch, verb):
    def work(*_: object) -> None:
        raise AssertionError("it worked for nothing")

    monkeypatch.setattr("mcugen.quantizer.pipeline.quantize", work)
    monkeypatch.setattr("mcugen.steps.build", work)
    labels = tmp_path / "labels.npz"
    np.savez(labels, x=np.load(DATA)["x"], y=np.arange(300) % 11)
    arguments = {
        "validate": (MODEL, "--board", "host"),
        "quantize": (DIGITS / "digits_float32.tflite", "-o", tmp_path / "q.tflite"),
    }[verb]
    message = refuse(verb, *arguments, "--data", DATA, "--labels", labels)
    assert message.startswith("labels.npz[y]: label 10; the model has 10 scores")


# ---- tools


@pytest.fixture
def only(tmp_path_factory, monkeypatch):
    """Leave only the named programs on PATH."""

    def limit(*programs: str) -> None:
        folder = tmp_path_factory.mktemp("bin")
        for program in programs:
            found = shutil.which(program)
            assert found, program
            (folder / program).symlink_to(found)
        monkeypatch.setenv("PATH", str(folder))

    return limit


def test_a_missing_compiler_is_named_with_its_package(tmp_path, refuse, only, capsys):
    assert cli.main([str(a) for a in generate(MODEL, tmp_path / "out", "mps2-an386")]) == 0
    capsys.readouterr()
    only("make", "sh", "mkdir", "rm")
    assert "gcc-arm-none-eabi" in refuse("build", tmp_path / "out")


def test_a_missing_emulator_is_named_with_its_package(refuse, only):
    tools = (f"arm-none-eabi-{tool}" for tool in ("gcc", "ar", "objdump"))
    only("make", "sh", "mkdir", "rm", *tools)
    message = refuse("profile", MODEL, "--board", "mps2-an386")
    assert "qemu-system-arm" in message and "apt" in message


def test_analyze_does_without_a_toolchain(only, capsys):
    only()
    assert cli.main(["analyze", str(MODEL), "--board", "mps2-an386"]) == 0
    assert "at least" in capsys.readouterr().out


# ---- the command line itself


@pytest.mark.parametrize(
    "arguments",
    [
        ("analyse",),
        ("analyze",),
        ("generate", MODEL),
        ("generate", MODEL, "--board", "host"),
        ("validate", MODEL, "--board", "host"),
        ("validate", MODEL, "--board", "host", "--data", DATA, "--limit", "0"),
        ("validate", MODEL, "--board", "host", "--data", DATA, "--limit", "many"),
        ("validate", MODEL, "--board", "host", "--data", "absent.npz"),
        ("profile", MODEL, "--board", "host"),
        ("boards", "--colour"),
    ],
)
def test_wrong_arguments(refuse, arguments):
    refuse(*arguments)
