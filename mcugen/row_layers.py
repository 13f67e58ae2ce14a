"""A chain of layers in C: a function that calls their kernels round by round.

Rounds that differ only in addresses, by the same steps each time, become a loop.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mcugen import cformat
from mcugen.ir import Call, Tensor, TensorId
from mcugen.layers import Constants, constant_operand, params, type_text
from mcugen.ops.base import Kernel
from mcugen.ops.rows import Chain, Part, Round, Step, row_bytes
from mcugen.pointers import Pointers
from mcugen.program import Layer, Params
from mcugen.spaces import ARENA, Place

_INDENT = 4


def rows_layer(
    index: int, step: int, kernel: Kernel, call: Call, pointers: Pointers, constants: Constants
) -> Layer:
    """The layer of a chain."""
    chain: Chain = call.attrs
    writer = _Writer(index, chain, call, pointers, step, constants)
    turns = [writer.statements(turn) for turn in chain.rounds]
    function = f"{constants.prefix}_rows_{index}"
    spaces = {place.space for turn in turns for statement in turn for place in statement.places}
    return Layer(
        index=index,
        node=call.node.index,
        tensor=call.node.outputs[0],
        op="ROWS",
        title=f"{len(chain.parts)} layers by rows, {chain.block} of the last at a time",
        detail=tuple(_detail(index, chain)),
        params=tuple(writer.params.values()),
        kernels=tuple(dict.fromkeys(k.name for k in chain.kernels)),
        head=f"{function}({pointers.parameters(spaces)})",
        body=tuple(_lines(turns, pointers)),
        call=(f"    {function}({pointers.arguments(spaces)});",),
        macs=sum(part.op.macs(part.call) for part in chain.parts),
        scratch_bytes=chain.bytes,
        output=pointers.tensor(call.node.outputs[0]),
        output_bytes=call.output.bytes,
    )


def _detail(index: int, chain: Chain) -> Iterator[str]:
    """A line for each part, one for the names of params, one for the rings."""
    for number, (part, kernel) in enumerate(zip(chain.parts, chain.kernels, strict=True)):
        inputs = ", ".join(type_text(part.call.input(position)) for position in part.axes)
        text = f"{part.op.tflite} {inputs} -> {type_text(part.call.output)}, {kernel.name}"
        yield cformat.comment(f"{number}: {text}", 95)
    yield f"layer_{index}_P_K are the parameters of part P; each kind K of its rows has its own,"
    yield "as those at an edge, which see less of the input."
    yield f"{chain.bytes:,} bytes of rings and scratch"


# ---- statements


@dataclass(frozen=True, slots=True)
class _Pointer:
    """A pointer argument: where it points to, and the tensor whose elements lie there."""

    place: Place
    tensor: Tensor | None  # None for plain bytes


@dataclass(frozen=True, slots=True)
class _Statement:
    """A call; texts are arguments that are the same in every round.

    The `array` arguments behind the first go as one array of pointers.
    """

    function: str
    arguments: tuple[_Pointer | str, ...]
    array: int = 0

    @property
    def form(self) -> tuple[object, ...]:
        """All but the offsets."""
        return self.function, *(a if isinstance(a, str) else a.place.space for a in self.arguments)

    @property
    def places(self) -> tuple[Place, ...]:
        """What the pointers point to."""
        return tuple(a.place for a in self.arguments if isinstance(a, _Pointer))


class _Writer:
    """Turns rounds into statements and collects the params structs that they need."""

    def __init__(
        self,
        index: int,
        chain: Chain,
        call: Call,
        pointers: Pointers,
        step: int,
        constants: Constants,
    ) -> None:
        self.params: dict[int, Params] = {}  # by the identity of a step's call
        self._index = index
        self._chain = chain
        self._constants = constants
        self._scratch = pointers.layout.scratch(step) or Place(ARENA, 0)
        whole = [i for i in (*call.node.inputs, *call.node.outputs) if i is not None]
        self._whole = {i: pointers.place(i) for i in whole}
        self._counts = [0] * len(chain.parts)

    def statements(self, turn: Round) -> list[_Statement]:
        """The moves and the calls of one round."""
        found = []
        for part in self._chain.parts[:-1]:
            ring, size = turn.rings[part.output], row_bytes(part.call.output)
            if ring.kept > 0 and ring.shift > 0:
                start = self._scratch + self._chain.rings[part.output]
                ends = _Pointer(start, None), _Pointer(start + ring.shift * size, None)
                found.append(_Statement("(void)memmove", (*ends, str(ring.kept * size))))
        found += [self._call(step, turn) for step in turn.steps]
        return found

    def _call(self, step: Step, turn: Round) -> _Statement:
        part, kernel = self._chain.parts[step.part], self._chain.kernels[step.part]
        operands = [
            self._operand(part, step, position, turn)
            for position in kernel.operand_positions(part.call)
        ]
        output = self._rows(part.output, part.call.output, step.writes.start, turn)
        scratch: tuple[_Pointer | str, ...] = ()
        if kernel.scratch is not None:
            window = self._chain.windows[step.part]
            scratch = ("NULL",) if window is None else (_Pointer(self._scratch + window, None),)
        name = self._params(step, part, kernel)
        array = len(operands) if kernel.operands is None else 0
        return _Statement(kernel.name, (f"&{name}", *operands, output, *scratch), array)

    def _params(self, step: Step, part: Part, kernel: Kernel) -> str:
        key = id(step.call)
        if key not in self.params:
            name = f"layer_{self._index}_{step.part}_{self._counts[step.part]}"
            self._counts[step.part] += 1
            array, layer = f"layer{self._index}_{step.part}", f"layer {self._index}.{step.part}"
            constants = self._constants.of(self._index, part.call.node.name)
            self.params[key] = params(name, array, layer, kernel, step.call, constants)
        return self.params[key].name

    def _operand(self, part: Part, step: Step, position: int, turn: Round) -> _Pointer | str:
        tensor, tensor_id = part.call.optional(position), part.call.node.inputs[position]
        if tensor is None or tensor_id is None:
            return "NULL"
        if tensor.is_const:
            name = f"layer{self._index}_{step.part}_operand{position}"
            constants = self._constants.of(self._index, part.call.node.name)
            return constant_operand(tensor, name, self._index, constants)
        rows = step.reads.get(position)
        return self._rows(tensor_id, tensor, 0 if rows is None else rows.start, turn)

    def _rows(self, tensor_id: TensorId, tensor: Tensor, row: int, turn: Round) -> _Pointer:
        """Where a row lies: in a ring, or in a whole tensor."""
        if tensor_id in self._whole:
            start = self._whole[tensor_id]
        else:
            start = self._scratch + self._chain.rings[tensor_id]
            row -= turn.rings[tensor_id].first
        return _Pointer(start + (row * row_bytes(tensor) if row else 0), tensor)


# ---- loops


def _lines(turns: Sequence[list[_Statement]], pointers: Pointers) -> Iterator[str]:
    """The rounds in C, those in a row that are alike as a loop."""
    start = 0
    while start < len(turns):
        end = _alike(turns, start)
        count = end - start
        if count > 1:
            yield f"    for (int32_t i = 0; i < {count}; i++) {{"
        for number, statement in enumerate(turns[start]):
            later = turns[start + 1][number] if count > 1 else statement
            yield from _spell(statement, later, _INDENT * (2 if count > 1 else 1), pointers)
        if count > 1:
            yield "    }"
        start = end


def _alike(turns: Sequence[list[_Statement]], start: int) -> int:
    """The end of the rounds from `start` on that make one loop."""

    def form(turn: list[_Statement]) -> list[object]:
        return [statement.form for statement in turn]

    def strides(number: int) -> list[int]:
        pairs = zip(turns[number], turns[number + 1], strict=True)
        return [
            b.offset - a.offset
            for one, other in pairs
            for a, b in zip(one.places, other.places, strict=True)
        ]

    end = start + 1
    while end < len(turns) and form(turns[end]) == form(turns[start]):
        if end > start + 1 and strides(end - 1) != strides(start):
            break
        end += 1
    return end


def _spell(
    statement: _Statement, later: _Statement, indent: int, pointers: Pointers
) -> tuple[str, ...]:
    """A statement; `later` is the same one in the next round of a loop."""
    texts: list[str | tuple[str, ...]] = []
    for argument, following in zip(statement.arguments, later.arguments, strict=True):
        if isinstance(argument, str) or isinstance(following, str):
            texts.append(str(argument))
            continue
        place = argument.place
        stride = following.place.offset - place.offset
        offset = f"{place.offset}" + (f" + {stride} * i" if stride else "")
        texts.append(pointers.at(place.space, offset, argument.tensor))
    if statement.array:
        end = 1 + statement.array
        texts[1:end] = [tuple(str(text) for text in texts[1:end])]
    return cformat.statement(statement.function, texts, indent)
