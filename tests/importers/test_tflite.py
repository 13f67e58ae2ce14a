"""TFLite files, as converters write them: what the importer makes of each peculiarity."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from mcugen import verify
from mcugen.errors import ModelFileError
from mcugen.importers import tflite
from mcugen.ir import DType, Graph, Unsupported
from mcugen.testing.builder import FILE_IDENTIFIER, ModelBuilder, quant

WEIGHTS = np.arange(2 * 3 * 3 * 1, dtype=np.int8).reshape(2, 3, 3, 1)
CONV = {"strideH": 1, "strideW": 1, "dilationHFactor": 1, "dilationWFactor": 1}

X, W, BIAS, Y = range(4)  # tensors of the model below


def conv_model() -> bytes:
    model = ModelBuilder()
    model.tensor([1, 8, 8, 1], quant=quant(0.5, 3), signature=[-1, 8, 8, 1])
    model.tensor([2, 3, 3, 1], quant=quant([0.25, 0.125], axis=0), data=WEIGHTS)
    model.tensor([2], "int32", quant([0.125, 0.0625], axis=0), data=[100, -100])
    model.tensor([1, 8, 8, 2], quant=quant(1.0, -7))
    model.op("CONV_2D", [X, W, BIAS], [Y], CONV)
    return model.build([X], [Y])


def edited(edit: Callable[[Any], None], data: bytes | None = None) -> bytes:
    """A model file after a change through the schema's object API."""
    model = schema.ModelT.InitFromPackedBuf(conv_model() if data is None else data)
    edit(model)
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), FILE_IDENTIFIER)
    return bytes(builder.Output())


def main(model: Any) -> Any:
    return model.subgraphs[0]


def loaded(edit: Callable[[Any], None]) -> Graph:
    return tflite.loads(edited(edit), "test.tflite")


def problem(edit: Callable[[Any], None]) -> str:
    """The one thing that the importer says it cannot express."""
    (found,) = loaded(edit).problems
    return str(found)


# ---- an ordinary file


def test_ids_are_the_indices_in_the_file() -> None:
    graph = tflite.loads(conv_model(), "folder/test.tflite")
    (node,) = graph.nodes
    assert (graph.name, graph.inputs, graph.outputs) == ("test", (X,), (Y,))
    assert (node.op, node.index, node.inputs, node.outputs) == ("conv2d", 0, (X, W, BIAS), (Y,))
    assert node.name == graph.tensors[Y].name == "t3"


def test_constants_are_read_only_views_of_the_file() -> None:
    data = conv_model()
    values = tflite.loads(data, "test").tensors[W].values()
    np.testing.assert_array_equal(values, WEIGHTS)
    assert values.dtype == np.int8
    assert np.shares_memory(values, np.frombuffer(data, np.uint8))
    assert not values.flags.writeable


def test_quantization_is_kept_per_channel() -> None:
    tensors = tflite.loads(conv_model(), "test").tensors
    assert tensors[X].quant == quant(0.5, 3)
    assert tensors[W].quant == quant([0.25, 0.125], axis=0)
    assert tensors[BIAS].values().tolist() == [100, -100]


def test_an_open_batch_is_kept_open() -> None:
    assert tflite.loads(conv_model(), "test").tensors[X].shape == (-1, 8, 8, 1)


def test_tensorflow_is_not_imported(tmp_path: Path) -> None:
    model = tmp_path / "model.tflite"
    model.write_bytes(conv_model())
    script = (
        "import sys; from pathlib import Path; from mcugen.importers import tflite; "
        "tflite.load(Path(sys.argv[1])); assert 'tensorflow' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script, model], check=True, timeout=60)


def test_real_model(shared: Path) -> None:
    graph = tflite.load(shared / "models" / "kws_int8.tflite")
    ops = [node.op for node in graph.nodes]
    assert ops.count("conv2d") == 5
    assert ops.count("depthwise_conv2d") == 4
    (source,) = (graph.tensors[i] for i in graph.inputs)
    assert (source.shape, source.dtype) == ((-1, 49, 10, 1), DType.INT8)
    assert source.zero_point == 83
    assert source.scale == pytest.approx(0.5847029)
    assert graph.problems == ()


# ---- operators


@pytest.mark.parametrize(
    ("deprecated", "builtin"),
    [(3, 0), (3, 3), (127, 3)],
    ids=["old files", "files between", "placeholder"],
)
def test_operator_code_is_the_larger_field(deprecated: int, builtin: int) -> None:
    def edit(model: Any) -> None:
        code = model.operatorCodes[0]
        code.deprecatedBuiltinCode, code.builtinCode = deprecated, builtin

    (node,) = loaded(edit).nodes
    expected = "conv2d" if deprecated == 3 else "unsupported"
    assert node.op == expected


@pytest.mark.parametrize(
    ("operator", "name"),
    [
        ("ATAN2", "ATAN2"),
        ("BITCAST", "BITCAST"),
        (5000, "builtin operator 5000"),
        ("custom:Detect", "custom:Detect"),
    ],
)
def test_operator_without_module_is_kept_by_name(operator: str | int, name: str) -> None:
    model = ModelBuilder()
    x, y = model.tensor([4], quant=quant(1.0)), model.tensor([4], quant=quant(1.0))
    model.op(operator, [x], [y])
    (node,) = tflite.loads(model.build([x], [y]), "test").nodes
    assert (node.op, node.attrs) == ("unsupported", Unsupported(name))


def test_absent_optional_input_is_none() -> None:
    def edit(model: Any) -> None:
        main(model).operators[0].inputs = [X, W, -1]

    graph = loaded(edit)
    assert graph.nodes[0].inputs == (X, W, None)
    assert next(graph.calls()).optional(2) is None


# ---- tensors


def test_one_zero_point_serves_all_scales() -> None:
    def edit(model: Any) -> None:
        main(model).tensors[W].quantization.zeroPoint = [0]

    assert loaded(edit).tensors[W].quant == quant([0.25, 0.125], axis=0)


def test_axis_of_a_bias_is_zero_whatever_the_file_says() -> None:
    def edit(model: Any) -> None:
        main(model).tensors[BIAS].quantization.quantizedDimension = 3

    assert loaded(edit).tensors[BIAS].quant == quant([0.125, 0.0625], axis=0)


@pytest.mark.parametrize("scale", [None, [], [0.0]])
def test_integers_without_scale_have_no_quantization(scale: list[float] | None) -> None:
    def edit(model: Any) -> None:
        main(model).tensors[BIAS].quantization.scale = scale

    assert loaded(edit).tensors[BIAS].quant is None


def test_names_are_kept_raw_and_shown_on_one_line() -> None:
    name = b'a*/"\n\xff;b'

    def edit(model: Any) -> None:
        main(model).tensors[Y].name = name

    graph = loaded(edit)
    assert graph.tensors[Y].name == name.decode(errors="replace")
    assert graph.nodes[0].where == 'op#0 conv2d "a*/"?\N{REPLACEMENT CHARACTER}"'


@pytest.mark.parametrize(
    ("dtype", "code"), [("float16", 1), ("int16", 7), ("bool", 6), ("int64", 4)]
)
def test_types_are_kept(dtype: str, code: int) -> None:
    model = ModelBuilder()
    x, y = model.tensor([1]), model.tensor([1])
    constant = model.tensor([2], dtype, data=[0, 1])
    model.op("ATAN2", [x, constant], [y])
    tensor = tflite.loads(model.build([x], [y]), "test").tensors[constant]
    assert tensor.dtype is DType(dtype)
    assert tensor.values().tolist() == [0, 1]


@pytest.mark.parametrize("count", [1, 2, 5])
def test_int4_is_unpacked(count: int) -> None:
    values = np.array([-8, 7, -1, 0, 3])[:count]
    builder = ModelBuilder()
    w = builder.tensor([count], "int4", quant(0.5), values)
    x, y = (builder.tensor([count], "int8", quant(1.0)) for _ in range(2))
    builder.op("ADD", [x, w], [y], {})
    tensor = tflite.loads(builder.build([x], [y]), "int4").tensors[w]
    assert tensor.dtype is DType.INT4 and tensor.bytes == (count + 1) // 2
    np.testing.assert_array_equal(tensor.values(), values)


def test_empty_constant() -> None:
    model = ModelBuilder()
    x, y, axes = model.tensor([1]), model.tensor([1]), model.tensor([0], "int32", data=[])
    model.op("ATAN2", [x, axes], [y])
    assert tflite.loads(model.build([x], [y]), "test").tensors[axes].values().shape == (0,)


# ---- what a graph cannot express


def sparse_int4(model: Any) -> None:
    main(model).tensors[W].sparsity = schema.SparsityParametersT(traversalOrder=[0, 1, 2, 3])
    main(model).tensors[W].type = schema.TensorType.INT4


def external(model: Any) -> None:
    model.buffers[main(model).tensors[W].buffer].offset = 4096


def complex64(model: Any) -> None:
    main(model).tensors[W].type = schema.TensorType.COMPLEX64


def second_subgraph(model: Any) -> None:
    model.subgraphs.append(schema.SubGraphT(tensors=[], inputs=[], outputs=[], operators=[]))


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (sparse_int4, 'tensor#1 "t1": a sparse tensor of int4; Sparse tensors may be float32,'),
        (external, 'tensor#1 "t1": data outside the flatbuffer; '),
        (complex64, 'tensor#1 "t1": COMPLEX64; Supported types are float32, float16, int4'),
        (
            second_subgraph,
            "model: 2 subgraphs; One subgraph is supported, and those that CALL_ONCE runs.",
        ),
    ],
)
def test_what_a_graph_cannot_express_is_a_problem(edit: Any, expected: str) -> None:
    assert problem(edit).startswith(expected)
    assert expected.split(";")[0] in str(verify.problems(loaded(edit))[0])


def test_all_problems_are_found_at_once() -> None:
    def edit(model: Any) -> None:
        second_subgraph(model)
        external(model)
        main(model).tensors[BIAS].type = schema.TensorType.STRING
        main(model).tensors[X].shapeSignature = [1, -1, 8, 1]
        model.operatorCodes[0].builtinCode = 0
        model.operatorCodes[0].deprecatedBuiltinCode = 32  # CUSTOM
        model.operatorCodes[0].customCode = "Mine"

    found = [str(p) for p in verify.problems(loaded(edit))]
    assert [text.split(";")[0] for text in found] == [
        "model: 2 subgraphs",
        'tensor#1 "t1": data outside the flatbuffer',
        'tensor#2 "t2": STRING',
        'tensor#0 "t0": shape [1, -1, 8, 1], -1 is open',
        "op#0: operator custom:Mine",
    ]


# ---- files that contradict themselves


def scales(values: list[float]) -> Callable[[Any], None]:
    def edit(model: Any) -> None:
        main(model).tensors[W].quantization.scale = values

    return edit


def zero_points(values: list[int]) -> Callable[[Any], None]:
    def edit(model: Any) -> None:
        main(model).tensors[W].quantization.zeroPoint = values

    return edit


def weights(**fields: Any) -> Callable[[Any], None]:
    def edit(model: Any) -> None:
        for name, value in fields.items():
            setattr(main(model).tensors[W], name, value)

    return edit


def wiring(**fields: Any) -> Callable[[Any], None]:
    def edit(model: Any) -> None:
        for name, value in fields.items():
            setattr(main(model).operators[0], name, value)

    return edit


def edges(**fields: list[int]) -> Callable[[Any], None]:
    def edit(model: Any) -> None:
        for name, value in fields.items():
            setattr(main(model), name, value)

    return edit


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (scales([0.5, float("nan")]), "scale nan; Scales must be finite and above zero."),
        (scales([0.5, float("inf")]), "scale inf; Scales must be finite and above zero."),
        (scales([0.5, 0.0]), "scale 0; Scales must be finite and above zero."),
        (scales([0.5, -1.0]), "scale -1; Scales must be finite and above zero."),
        (scales([0.5] * 3), "3 scales along axis 0 of shape [2, 3, 3, 1]; There must be one"),
        (zero_points([0] * 3), "3 zero points, 2 scales; There must be a zero point for each"),
        (zero_points([0, 128]), "zero point 128; Zero points of int8 must be -128 to 127."),
    ],
)
def test_senseless_quantizations_are_reported_with_all_else(edit: Any, expected: str) -> None:
    def and_zero_strides(model: Any) -> None:
        edit(model)
        main(model).operators[0].builtinOptions.strideW = 0

    first, *_, last = (str(problem) for problem in verify.problems(loaded(and_zero_strides)))
    assert first.startswith(f'tensor#{W} "') and expected in first
    assert "strides" in last


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (weights(shape=[2, 3, 3, 2]), r"18 bytes of data; int8 of shape \[2, 3, 3, 2\] takes 36"),
        (weights(shape=[2, -3, -3, 1]), "18 bytes of data"),
        (weights(shape=[2, *[2**31 - 1] * 3]), "18 bytes of data"),
        (weights(shape=[1] * 9), "rank 9; at most 8 dimensions"),
        (weights(buffer=99), "buffer 99; the file has"),
        (wiring(inputs=[X, 99, BIAS]), "op#0: tensor index 99; the file has 4 tensors"),
        (wiring(inputs=[X, -2, BIAS]), "op#0: tensor index -2"),
        (wiring(outputs=[-1]), "op#0: an absent tensor in Outputs; only inputs are optional"),
        (wiring(opcodeIndex=7), "op#0: operator code 7; the file has 1 codes"),
        (wiring(builtinOptionsType=0, builtinOptions=None), "op#0: no options of its own"),
        (
            wiring(builtinOptionsType=9, builtinOptions=schema.SoftmaxOptionsT()),
            "op#0: no options of its own; CONV_2D needs them",
        ),
        (
            wiring(builtinOptions=schema.Conv2DOptionsT(padding=9)),
            "op#0: 9 is not a valid Padding; CONV_2D does not know it",
        ),
        (edges(inputs=[4]), "graph: tensor index 4"),
        (edges(outputs=[-1]), "graph: an absent tensor in Outputs"),
    ],
)
def test_contradictions_are_refused(edit: Any, expected: str) -> None:
    with pytest.raises(ModelFileError, match=expected) as caught:
        loaded(edit)
    assert str(caught.value).startswith("test.tflite: ")


# ---- files that are something else


@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [
        ("a.tflite", b"", "an empty file.*export or download it again"),
        ("a.tflite", b"TFL", "not a TFLite file"),
        ("a.tflite", bytes(range(256)) * 40, "not a TFLite file"),
        ("a.h5", b"\x89HDF\r\n\x1a\n" + bytes(99), "a Keras HDF5 file.*TFLiteConverter"),
        ("a.keras", b"PK\x03\x04" + bytes(99), "a zip archive, such as a .keras file"),
        ("a.tflite", b"PK\x03\x04" + bytes(99), "a zip archive"),
        ("a.onnx", b"\x08\x07\x12\x07pytorch", "an ONNX model"),
        ("a.pb", b"\x0a\x05input", "a TensorFlow graph"),
        ("a.tflite.gz", b"\x1f\x8b" + bytes(99), "a gzip archive.*unpack it"),
        ("a.cc", b"const unsigned char model[] = {", "C source"),
    ],
)
def test_foreign_files_get_a_hint(name: str, data: bytes, expected: str) -> None:
    with pytest.raises(ModelFileError, match=rf"^{name}: {expected}"):
        tflite.loads(data, name)


def test_unreadable_paths(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match=r"absent.tflite: No such file or directory; "):
        tflite.load(tmp_path / "absent.tflite")
    for path in (tmp_path, Path("/dev/null")):
        with pytest.raises(ModelFileError, match=f"^{path}: not a file; "):
            tflite.load(path)
