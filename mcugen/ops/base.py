"""What an operator module is made of.

Each module in this package describes one operator, in the order in which a model flows: attributes,
decode, infer, rules, float semantics, int8 semantics, C parameters, kernels, and last the `OP` that
ties them together. `mcugen.ops.OPS` lists them all.
"""

from __future__ import annotations

import enum
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mcugen.fixed import round_half_away
from mcugen.ir import Call, DType, Quant, Tensor

if TYPE_CHECKING:
    from mcugen.ops.window import Axis

Array = NDArray[Any]
Arrays = Sequence[Array]
Shape = tuple[int, ...]
ABSENT: Array = np.empty(0)  # in the place of an optional input, which no semantics reads
CUSTOM = "custom:"  # before the name of an operator that is not one of TFLite's

Options = Mapping[str, Any]  # fields of a TFLite options table, in the schema's object API

# A rule returns what was found when it is broken, else None. Its docstring says what is allowed: it
# is the second half of the error message, and a line of the operator's documentation.
Rule = Callable[[Call], str | None]

# Numpy semantics: the outputs of a call from the values of its inputs.
Semantics = Callable[[Call, Arrays], list[Array]]


class Family(enum.Enum):
    """Instruction sets that kernels are written for."""

    REF = "ref"  # plain C99, any core
    DSP = "dsp"  # Armv7E-M and Armv8-M with the DSP extension
    MVE = "mve"  # Helium


class Activation(enum.Enum):
    """Activation functions that TFLite fuses into an operator; values are its codes."""

    NONE = 0
    RELU = 1
    RELU_N1_TO_1 = 2
    RELU6 = 3
    TANH = 4
    SIGN_BIT = 5

    @property
    def bounds(self) -> tuple[float, float]:
        """The real range that the activation clamps to."""
        inf = float("inf")
        return {
            Activation.NONE: (-inf, inf),
            Activation.RELU: (0.0, inf),
            Activation.RELU_N1_TO_1: (-1.0, 1.0),
            Activation.RELU6: (0.0, 6.0),
        }[self]


def float_bounds(activation: Activation) -> tuple[float, float]:
    """The range that an activation clamps floats to; nothing exceeds the largest finite number."""
    largest = float(np.finfo(np.float32).max)
    low, high = activation.bounds
    return max(low, -largest), min(high, largest)


def apply_activation(activation: Activation, x: Array) -> Array:
    """Clamp a float array."""
    low, high = float_bounds(activation)
    return np.clip(x, np.float32(low), np.float32(high))


def activation_range(activation: Activation, output: Tensor) -> tuple[int, int]:
    """The quantized clamp [low, high] of an output.

    The reference divides in float32 (CalculateActivationRangeQuantized, kernels/kernel_util.cc).
    """
    limits = np.iinfo(output.dtype.numpy)

    def quantized(real: float, otherwise: int) -> int:
        if np.isinf(real):
            return otherwise
        with np.errstate(over="ignore"):  # of a tiny scale; the limits below are far inside 2**31
            steps = np.clip(np.float32(real) / np.float32(output.scale), -(2.0**31), 2.0**31)
        return output.zero_point + int(round_half_away(steps))

    low, high = activation.bounds
    return (
        max(int(limits.min), quantized(low, int(limits.min))),
        min(int(limits.max), quantized(high, int(limits.max))),
    )


def folded_bias(call: Call, rows: Array) -> Array:
    """The bias with the input's zero point in it: bias - zero_point * sum of the weights.

    `rows` are the weights as [out_ch][...]. A kernel then multiplies raw inputs, where padding
    counts as the zero point.
    """
    bias = call.optional(2)
    start = np.zeros(len(rows), np.int64) if bias is None else bias.values().reshape(-1)
    folded: Array = start - call.input(0).zero_point * rows.astype(np.int64).sum(axis=1)
    assert np.all(np.abs(folded) < 2**31), call.node.where  # rules.accumulator_fits_int32
    return folded.astype(np.int32)


@dataclass(frozen=True, slots=True, eq=False)
class Const:
    """A constant array that a field of a C params struct points to; `ctype` is its element type."""

    values: Array
    ctype: str


# A tuple is a small array inside the struct, printed as {1, 2, 3}.
CValue = int | float | tuple[int, ...] | Const | None
Fields = Mapping[str, CValue]


@dataclass(frozen=True, slots=True)
class Cost:
    """What one run of a kernel costs: modelled cycles, and bytes of constants in flash.

    With `flash` None they are counted in the params, which takes longer than to know them.
    """

    cycles: int
    flash: int | None = None


@dataclass(frozen=True, slots=True)
class Overlap:
    """How a kernel's output may lie over one of its inputs that is not needed afterwards.

              input      |---------------------------|
        output    |-------------------|
                  <----->
                  distance

    A kernel that works its way forwards may write where it has read for the last time. So the
    output may start `distance` bytes in front of the input, or further in front; `exact` means that
    it may start there and nowhere else. The bytes that the output has written after a step then
    end, counted from the output's start, at most `distance` bytes behind the lowest byte that a
    later step reads, counted from the input's start; 0 is in place. Memory that they do not share
    is always allowed.
    """

    distance: int
    exact: bool = False


Overlaps = Mapping[int, Overlap]  # by the position of the input; absent where nothing is allowed


@dataclass(frozen=True, slots=True)
class Kernel:
    """One C function that can compute an operator.

    `name` is the function and, with `.c`, its file. It is called as
    `name(&params, operands..., output[, scratch])`, where the operands are the node's inputs whose
    positions are in `operands`; with `operands` None they are all its inputs, handed over as one
    array of pointers. `dtype` is that of the first operand; a kernel of none moves bytes and takes
    any. `overlap` tells which inputs the (only) output may overwrite; None means none. `folder` is
    where the file and the header are, if they are not mcugen's. One that
    `takes_int4` unpacks weights of int4, and takes no others.
    """

    name: str
    family: Family
    dtype: DType | None
    params: Callable[[Call], Fields]
    params_type: str
    header: str
    operands: tuple[int, ...] | None = (0,)
    applies: tuple[Rule, ...] = ()
    scratch: Callable[[Call], int] | None = None
    overlap: Callable[[Call], Overlaps] | None = None
    takes_int4: bool = False
    folder: Path | None = None
    cost: Callable[[Call], Cost] = lambda call: Cost(cycles=10 * call.output.elements)

    def operand_positions(self, call: Call) -> tuple[int, ...]:
        """The positions of the inputs that a call reads at run time."""
        return tuple(range(len(call.inputs))) if self.operands is None else self.operands

    def takes(self, call: Call) -> bool:
        """Whether the first operand has the kernel's type, and weights are what it unpacks."""
        fits = self.dtype in (None, self._dtype(call))
        return fits and self.takes_int4 is _has_int4(call)

    @property
    def type_text(self) -> str:
        """What it computes with."""
        return _with_weights(
            "any type" if self.dtype is None else self.dtype.value, self.takes_int4
        )

    def _dtype(self, call: Call) -> DType:
        return call.input(self.operands[0] if self.operands else 0).dtype

    def refusal(self, call: Call) -> str | None:
        """Why this kernel cannot serve a call, or None if it can."""
        if not self.takes(call):
            found = _with_weights(self._dtype(call).value, _has_int4(call))
            return f"takes {self.type_text}, not {found}"
        broken = self.broken(call)
        return None if broken is None else rule_text(broken[0])

    def broken(self, call: Call) -> tuple[Rule, str] | None:
        """The first rule that a call breaks, and what was found."""
        for rule in self.applies:
            found = rule(call)
            if found is not None:
                return rule, found
        return None

    def constants(self, call: Call) -> int:
        """Bytes of all constants that a call reads: those of the params, and constant operands."""
        inputs = (call.optional(position) for position in self.operand_positions(call))
        return sum(
            value.values.nbytes for value in self.params(call).values() if isinstance(value, Const)
        ) + sum(tensor.bytes for tensor in inputs if tensor is not None and tensor.is_const)


def _with_weights(dtype: str, has_int4: bool) -> str:
    return f"{dtype} with int4 weights" if has_int4 else dtype


def _has_int4(call: Call) -> bool:
    return any(tensor is not None and tensor.dtype is DType.INT4 for tensor in call.inputs)


def no_options(call: Call) -> Options:
    """Encode for operators that have no options."""
    return {}


@dataclass(frozen=True, slots=True)
class Scheme:
    """How the TFLite 8-bit quantization specification treats an operator.

    `weights_axis`: input 1 is a constant weight, symmetric, quantized per channel of this axis;
    `data` and `bias` are the positions of what it is multiplied with and of what is added.
    `output`: the (scale, zero point) that the specification fixes for int8. `shares`: inputs and
    outputs have the same scale and zero point.
    """

    weights_axis: int | None = None
    data: int = 0
    bias: int = 2
    output: tuple[float, int] | None = None
    shares: bool = False


@dataclass(frozen=True, slots=True)
class Matmul:
    """A weighted operator seen as matrix products, one for each group of channels.

    `inputs` arranges the data as [group][row][k], `weights` the weights as [group][out][k], so that
    inputs times transposed weights is the result before bias and activation, [group][row][out].
    `restore` undoes `weights`. `finish` makes int8 outputs of sums [..., channel], bias included.
    """

    inputs: Callable[[Call, Array], Array]
    weights: Callable[[Call, Array], Array]
    restore: Callable[[Call, Array], Array]
    finish: Callable[[Call, Array], Array]


@dataclass(frozen=True, slots=True)
class Recurrent:
    """How the quantizer makes a layer with a state integer.

    `traced` is the position of a state whose range it must know, `trace` what values that takes in
    a run on floats, [batch][...]. `integers` gives the constants and the states of the int8 layer,
    by position, from the quantization of its input and output and the traced state's peak.
    """

    traced: int
    trace: Callable[[Call, Arrays], Array]
    integers: Callable[[Call, Quant, Quant, float], Mapping[int, Tensor]]


@dataclass(frozen=True, slots=True)
class Op:
    """One operator.

    `decode` makes attributes from the TFLite options table (None where the file has none), `encode`
    the fields of that table. The `tflite` of a custom operator is "custom:NAME"; its options are
    bytes, and `encode` gives them as the field `customOptions`.
    `infer` gives the output shapes. `floating` and `quantized` are the numpy semantics, the latter
    exact to the bit. An `alias` operator only renames memory: it has no kernel. `fold` gives the
    outputs where they are known although the inputs are not constant (the shape of a tensor, for
    one). `state` are the positions of inputs that the operator updates; their new values follow the
    outputs in its semantics; where `in_state` is set, the output lies in the first of them, and is
    computed although nobody reads it. `arity` is the least and the greatest number of inputs.
    `scheme` and, for operators with weights, `matmul` are what the quantizer needs; `hybrid` are
    the positions of weights that files have as int8 beside float data, if not that of `scheme`, 1.
    Without a `recurrent` the quantizer leaves a layer with a state float. `intermediates` are
    tensors of int16 or int8 that LiteRT wants in a file beside inputs and outputs. `rows` are the
    windows through which the rows of the output see those of the inputs, by position; an input
    without one is alike for all rows. An operator without any cannot be computed a few rows at a
    time.
    """

    name: str
    tflite: str
    decode: Callable[[Any], Any]
    infer: Callable[[Call], tuple[Shape, ...]]
    encode: Callable[[Call], Options] = no_options
    rules: tuple[Rule, ...] = ()
    floating: Callable[[Call, Arrays], list[Array]] | None = None
    quantized: Callable[[Call, Arrays], list[Array]] | None = None
    kernels: tuple[Kernel, ...] = ()
    alias: bool = False
    macs: Callable[[Call], int] = lambda call: 0
    fold: Callable[[Call], list[Array] | None] = lambda call: None
    arity: tuple[int, int] = (1, 64)
    state: tuple[int, ...] = ()
    in_state: bool = False
    scheme: Scheme = Scheme()
    matmul: Matmul | None = None
    recurrent: Recurrent | None = None
    intermediates: Callable[[Call], Sequence[Tensor]] = lambda call: ()
    hybrid: tuple[int, ...] = ()
    rows: Callable[[Call], Mapping[int, Axis]] = lambda call: {}

    def run(self, call: Call, inputs: Arrays) -> list[Array]:
        """Compute the outputs in numpy, by the float or the quantized semantics."""
        semantics = self.floating if call.input().dtype.is_float else self.quantized
        assert semantics is not None, (self.name, call.input().dtype)
        return semantics(call, inputs)


def rule_text(rule: Rule) -> str:
    """What a rule allows: the first paragraph of its docstring on one line."""
    doc = inspect.getdoc(rule)
    assert doc, rule
    return " ".join(doc.split("\n\n")[0].split())


def no_attributes(options: Any) -> None:
    """Decode for operators that have no options."""
    return None
