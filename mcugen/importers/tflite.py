"""TensorFlow Lite files: flatbuffer to Graph, without TensorFlow.

Tensor ids are the indices in the file's first subgraph. What a file may lawfully say and the graph
cannot express (a custom quantization, a second subgraph) is kept as a problem of the graph, so that
`analyze` can list everything at once; a file that contradicts itself is a ModelFileError.
"""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from mcugen import int4
from mcugen.errors import ModelFileError, Problem
from mcugen.importers import sparse, variables
from mcugen.importers.reader import BROKEN, Reader
from mcugen.importers.variables import Handle
from mcugen.ir import DType, Graph, Node, Quant, Tensor, TensorId, Unsupported, printable
from mcugen.ops import BY_TFLITE, OPS
from mcugen.ops.base import CUSTOM

IDENTIFIER = b"TFL3"  # at offset 4
MAX_RANK = 8
MAX_DENSE = 2**26  # elements of a sparse tensor, which a small file could claim
SPARSE = (DType.FLOAT32, DType.FLOAT16, DType.INT8)  # what the reference makes dense
MAX_BYTES = 2**31 - 1  # a flatbuffer's offsets reach no further

DTYPES = {
    schema.TensorType.FLOAT32: DType.FLOAT32,
    schema.TensorType.FLOAT16: DType.FLOAT16,
    schema.TensorType.INT4: DType.INT4,
    schema.TensorType.INT8: DType.INT8,
    schema.TensorType.UINT8: DType.UINT8,
    schema.TensorType.INT16: DType.INT16,
    schema.TensorType.INT32: DType.INT32,
    schema.TensorType.INT64: DType.INT64,
    schema.TensorType.BOOL: DType.BOOL,
}


def _names(enum: type) -> dict[int, str]:
    return {code: name for name, code in vars(enum).items() if name[0].isupper()}


OPERATORS = _names(schema.BuiltinOperator)
OPTIONS = _names(schema.BuiltinOptions)
TYPES = _names(schema.TensorType)

# Operators that run subgraphs; they are refused themselves.
CALLERS = ("CALL", "IF", "WHILE")

# What people hand over instead: leading bytes, what that is, what to do.
CONVERT = "convert it with TensorFlow's tf.lite.TFLiteConverter"
FOREIGN = (
    (b"\x89HDF", "a Keras HDF5 file", CONVERT),
    (b"PK\x03\x04", "a zip archive, such as a .keras file", CONVERT),
    (b"\x1f\x8b", "a gzip archive", "unpack it"),
    (b"\x93NUMPY", "a numpy array", "give the model, not its data"),
)
SUFFIXES = {
    ".onnx": ("an ONNX model", "convert it with onnx2tf"),
    ".pb": ("a TensorFlow graph", CONVERT),
    ".pt": ("a PyTorch checkpoint", "export it with ai-edge-torch"),
    ".pth": ("a PyTorch checkpoint", "export it with ai-edge-torch"),
    ".cc": ("C source", "give the .tflite file that it was made from"),
    ".h": ("C source", "give the .tflite file that it was made from"),
}


def load(path: Path) -> Graph:
    """Read a .tflite file."""
    if path.exists() and not path.is_file():
        raise ModelFileError(
            f"{path}: not a file; a .tflite file is needed; a SavedModel folder must be converted"
        )
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ModelFileError(f"{path}: over 2 GiB; a TFLite file is smaller; check the path")
        data = path.read_bytes()
    except OSError as error:
        reason = error.strerror or str(error)
        raise ModelFileError(
            f"{path}: {reason}; a readable .tflite file is needed; check the path"
        ) from error
    return loads(data, str(path))


def loads(data: bytes, name: str) -> Graph:
    """Read a .tflite file's content; `name` is the file's, for messages."""
    _check_identifier(data, name)
    try:
        return _Importer(data, name).graph()
    except BROKEN as error:
        raise ModelFileError(
            f"{name}: a damaged or truncated TFLite file; offsets and lengths must stay within its "
            f"{len(data)} bytes; export or download it again"
        ) from error


def _check_identifier(data: bytes, name: str) -> None:
    if data[4:8] == IDENTIFIER:
        return
    found, remedy = "not a TFLite file", "export the model as .tflite"
    found, remedy = SUFFIXES.get(Path(name).suffix.lower(), (found, remedy))
    if not data:
        found, remedy = "an empty file", "export or download it again"
    for magic, what, advice in FOREIGN:
        if data.startswith(magic):
            found, remedy = what, advice
    raise ModelFileError(f"{name}: {found}; a .tflite file has TFL3 at byte 4; {remedy}")


class _Importer:
    """One reading of one file."""

    def __init__(self, data: bytes, name: str) -> None:
        self.name = name
        self.reader = Reader(data)
        model = schema.Model.GetRootAs(data)
        self.buffers = list(self.reader.tables(model, "Buffers"))
        self.codes = list(self.reader.tables(model, "OperatorCodes"))
        self.subgraphs = list(self.reader.tables(model, "Subgraphs"))
        self.problems: list[Problem] = []

    def graph(self) -> Graph:
        """The first subgraph."""
        if not self.subgraphs:
            self.problem("model", "0 subgraphs", "One subgraph is supported.")
            return Graph(Path(self.name).stem, {}, (), (), (), tuple(self.problems))
        main = self.subgraphs[0]
        tables = list(self.reader.tables(main, "Tensors"))
        inputs = self.ids(main, "Inputs", "graph", len(tables))
        outputs = self.ids(main, "Outputs", "graph", len(tables))
        nodes = tuple(
            self.node(index, operator, len(tables))
            for index, operator in enumerate(self.reader.tables(main, "Operators"))
        )
        initial = self.initial_values(nodes)
        handles = variables.handles(nodes)
        given = set(inputs)
        computed = {*given, *(output for node in nodes for output in node.outputs)}
        tensors = {
            i: Tensor("", (), DType.OTHER)
            if i in handles
            else self.tensor(i, table, is_input=i in given, is_const=i not in computed)
            for i, table in enumerate(tables)
        }
        named = tuple(
            replace(node, name=tensors[node.outputs[0]].name) if node.outputs else node
            for node in nodes
        )
        problems = tuple(self.problems)
        graph = Graph(Path(self.name).stem, tensors, named, inputs, outputs, problems)
        return variables.with_variables(graph, initial)

    def initial_values(self, nodes: tuple[Node, ...]) -> dict[Handle, np.ndarray[Any, Any]]:
        """What the subgraphs that CALL_ONCE runs assign to variables."""
        once = [node for node in nodes if node.op == variables.ONCE]
        called = {node.attrs.subgraph for node in once}
        calls = any(isinstance(n.attrs, Unsupported) and n.attrs.operator in CALLERS for n in nodes)
        if len(self.subgraphs) != 1 + len(called - {0}) and not calls:
            found = f"{len(self.subgraphs)} subgraphs"
            allowed = "One subgraph is supported, and those that CALL_ONCE runs."
            self.problem("model", found, allowed)
        values: dict[Handle, np.ndarray[Any, Any]] = {}
        for node in once:
            index = node.attrs.subgraph
            if not 0 < index < len(self.subgraphs):
                found = f"subgraph {index}"
                raise self.damaged(node.where, found, f"the file has {len(self.subgraphs)}")
            values |= self.assigned(self.subgraphs[index], node.where)
        return values

    def assigned(self, subgraph: Any, where: str) -> dict[Handle, np.ndarray[Any, Any]]:
        """The constants that a subgraph assigns to variables, if it does nothing else."""
        tables = list(self.reader.tables(subgraph, "Tensors"))
        operators = enumerate(self.reader.tables(subgraph, "Operators"))
        nodes = tuple(self.node(index, operator, len(tables)) for index, operator in operators)
        handles = variables.handles(nodes)
        values = {}
        for node in nodes:
            handle, value = (*node.inputs, None, None)[:2]
            data = None
            if node.op == variables.ASSIGN and value is not None and handle in handles:
                data = self.tensor(value, tables[value], is_input=False, is_const=True).data
            if data is not None and handle is not None:
                values[handles[handle]] = data
            elif node.op != variables.HANDLE:
                found = f"an initial subgraph with {printable(self.shown(node))}"
                self.problem(where, found, "It may assign constants to variables, nothing else.")
        return values

    def shown(self, node: Node) -> str:
        """The operator of a node in a message."""
        if isinstance(node.attrs, Unsupported):
            return node.attrs.operator
        return OPS[node.op].tflite if node.op in OPS else node.op

    # ---- messages

    def damaged(self, where: str, found: str, allowed: str) -> ModelFileError:
        """The error for a file that contradicts itself."""
        return ModelFileError(
            f"{self.name}: {where}: {found}; {allowed}; export or download the file again"
        )

    def problem(self, where: str, found: str, allowed: str) -> None:
        """Note something lawful that the graph cannot express."""
        self.problems.append(Problem(where, found, allowed))

    # ---- operators

    def optional_ids(
        self, table: Any, field: str, where: str, count: int
    ) -> tuple[TensorId | None, ...]:
        """Tensor indices, each of them in range or -1 for an absent one."""
        ids = self.reader.numbers(table, field)
        for i in ids:
            if not -1 <= i < count:
                raise self.damaged(where, f"tensor index {i}", f"the file has {count} tensors")
        return tuple(None if i == -1 else i for i in ids)

    def ids(self, table: Any, field: str, where: str, count: int) -> tuple[TensorId, ...]:
        """Tensor indices of which none may be absent."""
        ids = self.optional_ids(table, field, where, count)
        if None in ids:
            raise self.damaged(where, f"an absent tensor in {field}", "only inputs are optional")
        return tuple(i for i in ids if i is not None)

    def node(self, index: int, operator: Any, count: int) -> Node:
        """One operator; `count` is the number of tensors."""
        where = f"op#{index}"
        inputs = self.optional_ids(operator, "Inputs", where, count)
        outputs = self.ids(operator, "Outputs", where, count)
        name = self.operator_name(operator, where)
        op = BY_TFLITE.get(name)
        if name in (variables.HANDLE, variables.ONCE):
            options = self.options(operator)
            if options is None:
                raise self.damaged(where, "no options of its own", f"{name} needs them")
            return Node(name, "", inputs, outputs, variables.decode(name, options), index)
        if op is None:
            return Node("unsupported", "", inputs, outputs, Unsupported(name), index)
        try:
            is_custom = name.startswith(CUSTOM)
            attrs = op.decode((self.custom_options if is_custom else self.options)(operator))
        except AttributeError as error:  # None, or the options of another operator
            raise self.damaged(where, "no options of its own", f"{name} needs them") from error
        except ValueError as error:  # of an enum
            raise self.damaged(where, str(error), f"{name} does not know it") from error
        return Node(op.name, "", inputs, outputs, attrs, index)

    def operator_name(self, operator: Any, where: str) -> str:
        """The operator's name in the schema; its number where the schema is older than the file."""
        position = operator.OpcodeIndex()
        if position >= len(self.codes):
            raise self.damaged(
                where, f"operator code {position}", f"the file has {len(self.codes)} codes"
            )
        code = self.codes[position]
        # Old files use the one field, new files the other for codes above 127.
        builtin = max(code.DeprecatedBuiltinCode(), code.BuiltinCode())
        if builtin == schema.BuiltinOperator.CUSTOM:
            return CUSTOM + self.reader.text(code.CustomCode())
        return OPERATORS.get(builtin, f"builtin operator {builtin}")

    def options(self, operator: Any) -> Any:
        """The operator's options as an accessor of their own type; None where there are none."""
        table = operator.BuiltinOptions()
        kind = OPTIONS.get(operator.BuiltinOptionsType(), "NONE")
        if table is None or kind == "NONE":
            return None
        options = getattr(schema, kind)()
        options.Init(table.Bytes, table.Pos)
        return options

    def custom_options(self, operator: Any) -> bytes:
        """The options of a custom operator, in a format of its own."""
        return self.reader.array(operator, "CustomOptions").tobytes()

    # ---- tensors

    def tensor(self, index: int, table: Any, *, is_input: bool, is_const: bool) -> Tensor:
        """One tensor; `is_const` if nothing computes it, so that its data is its value."""
        name = self.reader.text(table.Name())
        where = f'tensor#{index} "{printable(name)}"'
        shape = self.shape(table, where)
        if is_input:
            shape = self.open_shape(table, shape)
        dtype = DTYPES.get(table.Type(), DType.OTHER)
        obstacle = self.obstacle(table, dtype, where)
        if obstacle is not None:
            self.problem(where, *obstacle)
            return Tensor(name, shape, DType.OTHER)
        quant = self.quantization(table, shape, dtype, where)
        if table.IsVariable():
            return Tensor(name, shape, dtype, quant, variable=True)
        data = self.constant(table, shape, dtype, where) if is_const else None
        return Tensor(name, shape, dtype, quant, data)

    def obstacle(self, table: Any, dtype: DType, where: str) -> tuple[str, str] | None:
        """What keeps a tensor out of the graph: (found, allowed)."""
        if dtype is DType.OTHER:
            found = TYPES.get(table.Type(), f"type {table.Type()}")
            return found, f"Supported types are {', '.join(t.value for t in DTYPES.values())}."
        if table.Sparsity() is not None and dtype not in SPARSE:
            allowed = f"Sparse tensors may be {', '.join(t.value for t in SPARSE)}."
            return f"a sparse tensor of {dtype.value}", allowed
        if table.ExternalBuffer() or self.buffer(table, where).Offset() > 1:
            return "data outside the flatbuffer", "Weights must be stored in the flatbuffer."
        return None

    def buffer(self, table: Any, where: str) -> Any:
        """The tensor's buffer."""
        position = table.Buffer()
        if position >= len(self.buffers):
            raise self.damaged(
                where, f"buffer {position}", f"the file has {len(self.buffers)} buffers"
            )
        return self.buffers[position]

    def shape(self, table: Any, where: str) -> tuple[int, ...]:
        """The stored shape. It may be wrong where an operator computes the tensor."""
        shape = self.reader.numbers(table, "Shape")
        if len(shape) > MAX_RANK:
            raise self.damaged(where, f"rank {len(shape)}", f"at most {MAX_RANK} dimensions")
        return shape

    def open_shape(self, table: Any, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of a graph input, -1 where its signature leaves a dimension open."""
        signature = self.reader.numbers(table, "ShapeSignature")
        if len(signature) != len(shape):
            return shape
        return tuple(-1 if s == -1 else d for s, d in zip(signature, shape, strict=True))

    def quantization(
        self, table: Any, shape: tuple[int, ...], dtype: DType, where: str
    ) -> Quant | None:
        """The affine quantization of an integer tensor, if it has one.

        What makes no sense is noted, and a plain one stands in for it, so that rules find the rest.
        """
        parameters = table.Quantization()
        if parameters is None or dtype.is_float or dtype is DType.BOOL:
            return None
        if parameters.DetailsType():
            self.problem(where, "a custom quantization", "Quantization must be affine.")
            return None
        scale = self.reader.numbers(parameters, "Scale")
        zero_point = self.reader.numbers(parameters, "ZeroPoint") or (0,)
        is_index = dtype in (DType.INT32, DType.INT64) and not any(scale)
        if not scale or is_index:  # old converters give shapes and indices a scale of zero
            return None
        if len(zero_point) == 1:
            zero_point *= len(scale)
        # Converters copy the axis of the weights to the bias, which has only axis 0.
        axis = 0 if len(shape) == 1 else parameters.QuantizedDimension()
        obstacle = self.senseless(scale, zero_point, axis, shape, dtype)
        if obstacle is not None:
            self.problem(where, *obstacle)
            return Quant((1.0,), (0,))
        return Quant(scale, zero_point, None if len(scale) == 1 else axis)

    @staticmethod
    def senseless(
        scale: tuple[float, ...],
        zero_point: tuple[int, ...],
        axis: int,
        shape: tuple[int, ...],
        dtype: DType,
    ) -> tuple[str, str] | None:
        """What is wrong with a quantization in itself: (found, allowed)."""
        if len(scale) > 1 and (not 0 <= axis < len(shape) or shape[axis] != len(scale)):
            found = f"{len(scale)} scales along axis {axis} of shape {list(shape)}"
            return found, "There must be one scale, or one for each channel."
        wrong = [s for s in scale if not (math.isfinite(s) and s > 0)]
        if wrong:
            return f"scale {wrong[0]:g}", "Scales must be finite and above zero."
        limits = np.iinfo(dtype.numpy)
        if len(zero_point) != len(scale):
            found = f"{len(zero_point)} zero points, {len(scale)} scales"
            return found, "There must be a zero point for each scale."
        outside = [z for z in zero_point if not limits.min <= z <= limits.max]
        if outside:
            allowed = f"Zero points of {dtype.value} must be {limits.min} to {limits.max}."
            return f"zero point {outside[0]}", allowed
        return None

    def constant(
        self, table: Any, shape: tuple[int, ...], dtype: DType, where: str
    ) -> np.ndarray[Any, Any] | None:
        """The value of a tensor that nothing computes; None where the file has no value for it."""
        raw = self.reader.array(self.buffer(table, where), "Data")
        if table.Sparsity() is not None:
            return self.sparse_constant(table, raw, shape, dtype, where)
        elements = math.prod(shape)
        if raw.size == 0 and elements != 0:
            return None
        is_int4 = dtype is DType.INT4
        size = int4.packed_bytes(elements) if is_int4 else elements * dtype.bytes
        if min(shape, default=1) < 0 or raw.size != size:
            raise self.damaged(
                where,
                f"{raw.size} bytes of data",
                f"{dtype.value} of shape {list(shape)} takes {size}",
            )
        if is_int4:
            return int4.unpack(raw, elements).reshape(shape)
        if dtype is DType.BOOL:
            raw = raw != 0  # a boolean of another value is true, and numpy wants 1
        values: np.ndarray[Any, Any] = raw.view(dtype.numpy.newbyteorder("<"))
        return values.reshape(shape)

    def sparse_constant(
        self,
        table: Any,
        raw: np.ndarray[Any, Any],
        shape: tuple[int, ...],
        dtype: DType,
        where: str,
    ) -> np.ndarray[Any, Any]:
        """The dense value of a tensor that is stored sparsely, as pruned weights may be."""
        if min(shape, default=1) < 0 or math.prod(shape) > MAX_DENSE:
            allowed = f"A sparse tensor may have {MAX_DENSE:,} elements at most."
            raise self.damaged(where, f"a sparse tensor of shape {list(shape)}", allowed)
        try:
            values = raw.view(dtype.numpy.newbyteorder("<"))
            return sparse.dense(self.reader, table.Sparsity(), shape, values)
        except BROKEN as error:
            found = "a sparse tensor whose levels contradict each other"
            raise self.damaged(where, found, f"{error}; its values must fit its shape") from error
