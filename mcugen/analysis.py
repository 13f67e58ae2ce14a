"""What a model consists of, and what it asks of a board."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from mcugen import verify
from mcugen.build import Build
from mcugen.errors import BoardError, Problem
from mcugen.ir import Call, Graph, Tensor, TensorId
from mcugen.memory_report import MemoryReport
from mcugen.model import Model
from mcugen.ops import OPS
from mcugen.passes.resolve import resolve
from mcugen.program import Copied
from mcugen.spaces import Kind, Piece
from mcugen.target import RAM, Board


@dataclass(frozen=True, slots=True)
class Edge:
    """An input or output; scale and zero point where it is quantized."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    scale: float | None
    zero_point: int | None


@dataclass(frozen=True, slots=True)
class Operation:
    """One operator; `macs` is None where mcugen does not know the operator."""

    index: int
    operator: str
    name: str
    inputs: tuple[tuple[int, ...], ...]
    output: tuple[int, ...]
    macs: int | None
    parameters: int
    weight_bytes: int


@dataclass(frozen=True, slots=True)
class Use:
    """Bytes in a region of RAM, of so many that there are; None on the host."""

    region: str
    bytes: int
    limit: int | None


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes that a model takes in flash and RAM, and the whole image that runs it on a board.

    `flash` is code and constants, `ram` arena, state, variables, the bound on the stack, and what
    is `copied` to RAM of the former. The image adds the harness, with its own copies of inputs and
    outputs and the stack that the board reserves. Before a build there is no image and no code:
    `flash` is the constants, `ram` arena, state and copied constants. `overflow` is what the linker
    said if the image does not fit. `flash_limit` is None on the host.

    `uses` are what the image takes in each region of RAM, or the least that it can; `ram` comes
    first, and of the others those that hold something. `region` is where the firmware's arena lies.
    """

    board: str
    flash: int
    ram: int
    arena: int
    state: int = 0
    variables: int = 0
    copied: int = 0
    stack: int | None = None
    image_flash: int | None = None
    flash_limit: int | None = None
    overflow: str | None = None
    region: str = RAM
    uses: tuple[Use, ...] = ()

    @property
    def measured(self) -> bool:
        """Whether the image was built."""
        return self.image_flash is not None

    @property
    def image_ram(self) -> int | None:
        """What the image takes in `ram`."""
        return self.uses[0].bytes if self.measured else None

    @property
    def excess(self) -> tuple[str, ...]:
        """What does not fit, and by how much."""
        if self.overflow is not None:
            return (self.overflow,)
        least = "" if self.measured else "at least "
        rows = [("flash", self.image_flash or self.flash, self.flash_limit)]
        rows += [("RAM" if u.region == RAM else u.region, u.bytes, u.limit) for u in self.uses]
        return tuple(
            f"{least}{used:,} bytes of {kind}, {used - limit:,} more than the {limit:,} there are"
            for kind, used, limit in rows
            if limit is not None and used > limit
        )

    @property
    def fits(self) -> bool:
        """Whether the board has room."""
        return not self.excess


@dataclass(frozen=True, slots=True)
class Analysis:
    """A model at a glance; `problems` is empty when mcugen can compile it.

    `macs` are those of the compiled graph, `file_macs` those of the file: passes remove channels
    that are constant for every input or that nothing reads.
    """

    model: str
    sha256: str
    file_bytes: int
    inputs: tuple[Edge, ...]
    outputs: tuple[Edge, ...]
    operations: tuple[Operation, ...]
    macs: int
    file_macs: int
    removed_channels: int
    parameters: int
    weight_bytes: int
    supported: bool
    problems: tuple[str, ...]
    memory: Memory | None
    plan: MemoryReport | None = None
    note: str = ""  # what limits changed

    @property
    def feasible(self) -> bool:
        """Whether mcugen can compile it, and the board, if there is one, has room."""
        return self.supported and (self.memory is None or self.memory.fits)


def analyze(model: Model, graph: Graph, problems: Sequence[Problem] = ()) -> Analysis:
    """Describe a model by its compiled graph, or by that of the file where it breaks rules."""
    operations = tuple(_operation(call) for call in graph.calls())
    constants = {id(tensor): tensor for call in graph.calls() for tensor in _constants(call)}
    return Analysis(
        model=model.path.name,
        sha256=model.sha256,
        file_bytes=len(model.content),
        inputs=_edges(graph, graph.inputs),
        outputs=_edges(graph, graph.outputs),
        operations=operations,
        macs=sum(operation.macs or 0 for operation in operations),
        file_macs=sum(_macs(call) or 0 for call in resolve(model.imported).calls()),
        removed_channels=_removed_channels(model, graph),
        parameters=sum(tensor.elements for tensor in constants.values()),
        weight_bytes=sum(tensor.bytes for tensor in constants.values()),
        supported=not problems,
        problems=tuple(str(problem) for problem in problems),
        memory=None,
    )


def at_least(
    board: Board, arguments: Sequence[Piece], constants: int, copied: Sequence[Copied] = ()
) -> Memory:
    """The memory that is known without building: constants, and what the model is handed."""
    sizes = {
        kind: sum(a.bytes for a in arguments if a.kind == kind.value)
        for kind in (Kind.ARENA, Kind.STATE)
    }
    used: dict[str, int] = {}
    for argument in arguments:
        used[argument.region] = used.get(argument.region, 0) + argument.bytes
    for copy in copied:
        used[copy.region] = used.get(copy.region, 0) + copy.constants
    copies = sum(copy.constants for copy in copied)
    return Memory(
        board=board.name,
        flash=constants,
        ram=sum(sizes.values()) + copies,
        arena=sizes[Kind.ARENA],
        state=sizes[Kind.STATE],
        copied=copies,
        flash_limit=board.flash.size if board.flash else None,
        region=next(a.region for a in arguments if a.kind == Kind.ARENA.value),
        uses=_uses(board, used),
    )


def _uses(board: Board, used: Mapping[str, int]) -> tuple[Use, ...]:
    names = (RAM, *(name for name in board.rams if name != RAM and used.get(name)))
    limits = {name: region.size for name, region in board.rams.items()}
    return tuple(Use(name, used.get(name, 0), limits.get(name)) for name in names)


def measured(board: Board, build: Build) -> Memory:
    """The memory of a project that was built."""
    assert build.whole is not None
    least = at_least(board, build.arguments, build.model.flash)
    return replace(
        least,
        ram=least.ram + build.copied + build.model.ram + (build.stack or 0),
        variables=build.model.ram,
        copied=build.copied,
        stack=build.stack,
        image_flash=build.whole.flash,
        uses=_uses(board, {RAM: build.whole.ram, **build.placed}),
    )


def require_room(memory: Memory) -> None:
    """Raise a `BoardError` that says by how much a model does not fit, in flash and in RAM."""
    if not memory.fits:
        raise BoardError(
            f"{memory.board}: the model needs {' and '.join(memory.excess)}; "
            "choose a larger board (`mcugen boards`) or a smaller model"
        )


def _edges(graph: Graph, ids: Iterable[TensorId]) -> tuple[Edge, ...]:
    return tuple(_edge(graph.tensors[i]) for i in ids)


def _edge(tensor: Tensor) -> Edge:
    quant = tensor.quant
    single = quant is not None and not quant.is_per_channel
    return Edge(
        tensor.name,
        tensor.dtype.value,
        tensor.shape,
        tensor.scale if single else None,
        tensor.zero_point if single else None,
    )


def _operation(call: Call) -> Operation:
    constants = _constants(call)
    return Operation(
        index=call.node.index,
        operator=_operator(call),
        name=call.node.name,
        inputs=tuple(t.shape for t in call.inputs if t is not None and not t.is_const),
        output=call.output.shape if call.outputs else (),
        macs=_macs(call),
        parameters=sum(math.prod(t.shape) for t in constants),
        weight_bytes=sum(t.bytes for t in constants),
    )


def _removed_channels(model: Model, graph: Graph) -> int:
    """Output channels that passes removed from layers with weights."""
    weighted = (call for call in graph.calls() if call.node.op in OPS and OPS[call.node.op].matmul)
    removed = 0
    for call in weighted:
        before = model.imported.tensors.get(call.node.outputs[0])
        if call.output.kept is not None and before is not None:
            removed += before.shape[-1] - len(call.output.kept)
    return removed


def _constants(call: Call) -> list[Tensor]:
    """Weights; the shapes that a RESHAPE reads are none."""
    op = OPS.get(call.node.op)
    if op is not None and op.alias:
        return []
    return [tensor for tensor in call.inputs if tensor is not None and tensor.is_const]


def _operator(call: Call) -> str:
    if call.node.op == verify.UNSUPPORTED:
        operator: str = call.attrs.operator
        return operator
    return OPS[call.node.op].tflite


def _macs(call: Call) -> int | None:
    """Formulas hold for legal calls; shapes in a file that breaks rules may be anything."""
    if call.node.op == verify.UNSUPPORTED or verify.call_problems(call):
        return None
    return OPS[call.node.op].macs(call)
