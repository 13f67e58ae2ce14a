"""What the templates see: a generated project as names, numbers and finished C expressions.

`lower.py` makes it, `emit.py` prints it. Every string here is already safe to print into C: names
are identifiers, comments contain nothing that could end them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mcugen.ir import Io
from mcugen.spaces import Piece


@dataclass(frozen=True, slots=True)
class Source:
    """The model file that a project is generated from."""

    name: str  # without its folder
    sha256: str


@dataclass(frozen=True, slots=True)
class Port:
    """An input or output of the model.

    `suffix` is empty when the model has one such port, else `_0`, `_1`, ... (`kws_input_0`).
    `low` and `high` are the real values of the smallest and the largest integer, for the comment.
    """

    role: str  # input or output
    suffix: str
    comment: str  # original name
    ctype: str
    shape: tuple[int, ...]
    elements: int
    bytes: int
    scale: str  # C literal; empty for types without quantization
    zero_point: int
    offset: int | None  # in the arena; None where the caller gives the memory
    address: str  # C expression
    low: str
    high: str

    @property
    def name(self) -> str:
        """`input`, or `output_1` where there are several."""
        return self.role + self.suffix


@dataclass(frozen=True, slots=True)
class Argument(Piece):
    """A piece of memory as an argument of the functions of the API."""

    parameter: str  # in the head of a function: const int8_t *input
    base: str  # the name of the pointer that addresses in it begin with
    ctype: str  # of the elements of an array that the caller may make for it
    size_macro: str  # of this array
    align_macro: str


@dataclass(frozen=True, slots=True)
class Field:
    """One designated initialiser of a params struct: `.name = value`."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Params:
    """The constant arguments of a kernel call: a struct with its name and fields."""

    type: str
    name: str
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class Layer:
    """One kernel call, or a chain of layers with a function of its own, which is then called.

    The index is the position among the layers.
    """

    index: int
    node: int  # the operator's position in the model file
    tensor: int  # id of the first output in the model file
    op: str
    title: str  # original name and operator
    detail: tuple[str, ...]  # shapes, activation, MACs, kernel, scratch
    params: tuple[Params, ...]
    kernels: tuple[str, ...]
    head: str  # name and parameters of the function PREFIX_rows_INDEX; empty for a kernel call
    body: tuple[str, ...]  # its lines
    call: tuple[str, ...]  # lines of the C statement
    macs: int
    scratch_bytes: int
    output: str  # C expression of the output's address
    output_bytes: int

    @property
    def kernel(self) -> str:
        """What computes it, by name."""
        return ", ".join(self.kernels)


@dataclass(frozen=True, slots=True)
class ConstArray:
    """A constant in flash; `lines` are rows of comma-separated literals.

    Start-up copies it to a region of RAM if it has one.
    """

    name: str
    ctype: str
    elements: int
    bytes: int
    comment: str
    lines: tuple[str, ...]
    region: str = ""


@dataclass(frozen=True, slots=True)
class Copied:
    """What start-up copies from flash to a region of RAM: constants, and the code of kernels."""

    region: str
    constants: int  # bytes
    objects: tuple[str, ...]  # object files whose code

    @property
    def sections(self) -> tuple[str, ...]:
        """Those of the linker script."""
        kinds = (("weights", self.constants), ("code", self.objects))
        return tuple(f".{kind}_{self.region}" for kind, content in kinds if content)


@dataclass(frozen=True, slots=True)
class ArenaRow:
    """One line of the arena map."""

    offset: int
    end: int
    first: int  # layer that writes it, -1 for inputs
    last: int  # last layer that reads it; the number of layers for outputs
    comment: str


@dataclass(frozen=True, slots=True)
class State:
    """A variable: memory that a reset fills with one byte, or copies from `source`."""

    comment: str  # type and original name
    offset: int
    address: str  # C expression
    bytes: int
    value: int
    source: str = ""  # the name of a constant

    @property
    def end(self) -> int:
        """The offset of what follows."""
        return self.offset + self.bytes


@dataclass(frozen=True, slots=True)
class Expected:
    """What an output must be; `tolerance` is a C literal for floats, empty for exact bytes."""

    port: str
    array: ConstArray
    tolerance: str


@dataclass(frozen=True, slots=True)
class SelfTest:
    """One input and the expected output, as rows of literals, per port."""

    inputs: tuple[ConstArray, ...]
    outputs: tuple[Expected, ...]

    @property
    def arrays(self) -> tuple[ConstArray, ...]:
        """Inputs, then expected outputs."""
        return (*self.inputs, *(expected.array for expected in self.outputs))

    @property
    def has_exact(self) -> bool:
        """True if some output is compared by its bytes."""
        return any(not expected.tolerance for expected in self.outputs)

    @property
    def has_close(self) -> bool:
        """True if some output is compared within a tolerance."""
        return any(expected.tolerance for expected in self.outputs)


@dataclass(frozen=True, slots=True)
class Program:
    """A whole project."""

    prefix: str  # kws
    macro: str  # KWS
    version: str  # of mcugen
    abi: int  # MCU_KERNELS_ABI of the kernels
    source: str  # the model file's name, for the banner
    sha256: str  # of the model file
    model_id: str  # first 16 digits of a hash over the source model, kernels and plan
    board: str
    objective: str  # that the kernels were chosen under
    optimize: str  # option of the compiler
    arena_bytes: int
    arena_align: int
    arena_bound: int  # no plan of these buffers can be smaller
    arguments: tuple[Argument, ...]  # of invoke()
    io: Io
    macs: int
    weight_bytes: int
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    states: tuple[State, ...]
    layers: tuple[Layer, ...]
    arena: tuple[ArenaRow, ...]
    consts: tuple[ConstArray, ...]
    headers: tuple[str, ...]  # headers of the kernels used
    sources: tuple[str, ...]  # kernel files used, relative to mcu/
    copied: tuple[Copied, ...]
    folders: tuple[Path, ...]  # where those are that are not mcugen's
    floating: bool  # some layer computes in float32
    selftest: SelfTest

    @property
    def has_hot_constants(self) -> bool:
        """Whether constants are copied anywhere."""
        return any(copied.constants for copied in self.copied)

    @property
    def hot_objects(self) -> tuple[str, ...]:
        """All object files whose code does not stay in flash."""
        return tuple(name for copied in self.copied for name in copied.objects)

    @property
    def has_rows(self) -> bool:
        """True if some layer is a chain that runs by rows."""
        return any(layer.body for layer in self.layers)

    @property
    def region(self) -> str:
        """That of the firmware's arena."""
        return self.arguments[0].region

    @property
    def state(self) -> Argument | None:
        """What outlives an inference, if anything does."""
        return next((a for a in self.arguments if a.kind == "state"), None)

    @property
    def memory(self) -> tuple[Argument, ...]:
        """The arguments but for the inputs: what the self-test is given."""
        return tuple(a for a in self.arguments if a.kind != "input")

    @property
    def is_given_io(self) -> bool:
        """Whether inputs and outputs are arguments, instead of places in the arena."""
        return self.io is Io.CALLER

    @property
    def ports(self) -> tuple[Port, ...]:
        """Inputs, then outputs."""
        return self.inputs + self.outputs
