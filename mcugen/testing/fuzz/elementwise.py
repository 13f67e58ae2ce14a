"""Generators of operators that treat every element alike, of one operand or of two."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mcugen.exporters.builder import quant
from mcugen.ir import DType, Quant, Tensor
from mcugen.ops.add import AddAttrs
from mcugen.ops.base import Activation, Shape
from mcugen.ops.broadcast import ArithmeticAttrs
from mcugen.ops.gelu import GeluAttrs
from mcugen.ops.leaky_relu import LeakyReluAttrs
from mcugen.testing.fuzz.sketch import Sketch

Grow = Callable[[Sketch], None]

CAST = (DType.UINT8, DType.INT16, DType.INT32)
PROBABILITY, FRACTION = quant(1 / 256, -128), quant(1 / 128, 0)

# ---- one operand


def fixed(dtype: DType, int8: Quant) -> Quant | None:
    """The quantization that TFLite fixes for an output, given that of int8."""
    return {DType.INT8: int8, DType.INT16: quant(2.0**-15, 0)}.get(dtype)


def unary(
    op: str,
    attrs: Callable[[Sketch], object] = lambda sketch: None,
    *,
    output: Quant | None = None,
    gain: float = 1.0,
    shared: bool = False,
    least: float | None = None,
) -> Grow:
    """A function of one value.

    The int8 output has the quantization `output`, or the input's if `shared`, or one around `gain`
    times the input's scale. `least` is the smallest real value that the reference takes.
    """

    def grow(s: Sketch) -> None:
        dtype = s.dtype(op)
        fits: Callable[[Tensor], bool] = lambda t: least is None  # noqa: E731
        x = s.source(dtype, fits=fits)
        tensor = s.tensors[x]
        if least is not None:
            zero = tensor.zero_point if tensor.quant is not None else 0
            s.ranges[x] = (zero, 127) if tensor.quant is not None else (least, 100.0)
        affine = tensor.quant
        if affine is not None and not shared:
            affine = fixed(dtype, output) if output else s.quant(dtype, gain * tensor.scale)
        s.add(op, [x], attrs(s), dtype, affine)

    return grow


def clamp(activation: Activation) -> Grow:
    """A RELU operator; TFLite Micro ignores the scales of RELU6."""

    def grow(s: Sketch) -> None:
        kept = activation is Activation.RELU6 and s.reference == "tflm"
        unary(activation.name.lower(), lambda _: activation, shared=kept or s.flip(0.3))(s)

    return grow


def requantize(s: Sketch) -> None:
    """QUANTIZE from int8, int16 or float to int8 or int16; int8 to and from uint8."""
    source = DType.FLOAT32 if s.exact and s.flip(0.4) else s.dtype("quantize")
    x = s.source(source)
    targets = {
        DType.INT8: (DType.INT8, DType.INT16, DType.UINT8),
        DType.UINT8: (DType.INT8,),
    }
    target = s.pick(targets.get(source, (DType.INT8, DType.INT8, DType.INT16)))
    around = None
    if s.tensors[x].quant is not None:
        steps = {DType.INT8: 1, DType.UINT8: 1, DType.INT16: 256}
        around = s.tensors[x].scale * steps[source] / steps[target]
    s.add("quantize", [x], None, target, s.quant(target, around))


def dequantize(s: Sketch) -> None:
    """DEQUANTIZE to float."""
    s.add("dequantize", [s.source(s.dtype("dequantize"))], None, DType.FLOAT32, None)


def cast(s: Sketch) -> None:
    """CAST; C leaves undefined what becomes of a float beyond the range of an integer."""
    source = s.dtype("cast")
    x = s.source(source, fits=lambda tensor: not source.is_float)
    if source.is_float:
        s.ranges[x] = (0.0, 127.0)
    target = s.pick((DType.INT8, DType.BOOL, DType.FLOAT32, *CAST))
    s.add("cast", [x], None, target, s.quant(target))


def logical_not(s: Sketch) -> None:
    """LOGICAL_NOT."""
    s.add("logical_not", [s.source(DType.BOOL)], None, DType.BOOL, None)


# ---- two operands


def other_shape(s: Sketch, shape: Shape) -> Shape:
    """A shape that broadcasts with another one."""
    if s.flip(0.4):
        return shape
    if s.flip(0.4):  # over all but the channels
        return shape[-1:]
    kept = tuple(n if s.flip(0.6) else 1 for n in shape)
    return kept[s.whole(0, len(kept)) :] if s.flip(0.3) else kept


@dataclass(frozen=True, slots=True)
class Binary:
    """An operator of two operands; `power` is that of the input's scale in the output's."""

    op: str
    attrs: Callable[[Activation], object] | None = None
    power: int = 1
    shared: bool = False

    def __call__(self, s: Sketch) -> None:
        """Add it, in either order of the operands."""
        dtype = s.dtype(self.op)
        x = s.source(dtype, ranks=(1, 2, 3, 4, 4))
        first = s.tensors[x]
        shape = other_shape(s, first.shape)
        if first.quant is None or self.shared:
            y = s.operand(dtype, shape, first.quant)
        else:
            y = s.operand(dtype, shape, s.quant(dtype, first.scale))
        pair = [y, x] if s.flip(0.4) else [x, y]
        affine = first.quant
        if affine is not None and not self.shared:
            scales = first.scale * s.tensors[y].scale
            wide = dtype is DType.INT16
            around = scales**0.5 * 2 if self.power == 1 else (2**13 if wide else 30) * scales
            affine = s.quant(dtype, around)
        attrs = None if self.attrs is None else self.attrs(s.activation())
        s.add(self.op, pair, attrs, dtype, affine)


def comparison(op: str) -> Grow:
    """A comparison of tensors with scales of their own; it gives booleans."""

    def grow(s: Sketch) -> None:
        dtype = s.dtype(op)
        x = s.source(dtype, ranks=(1, 2, 3, 4))
        first = s.tensors[x]
        affine = first.quant
        if affine is not None and s.flip(0.7):
            affine = s.quant(dtype, first.scale, 1.0)
        y = s.operand(dtype, other_shape(s, first.shape), affine)
        s.add(op, [y, x] if s.flip(0.4) else [x, y], None, DType.BOOL, None)

    return grow


def logical(op: str) -> Grow:
    """LOGICAL_AND or LOGICAL_OR."""

    def grow(s: Sketch) -> None:
        x = s.source(DType.BOOL, ranks=(1, 2, 3, 4))
        y = s.operand(DType.BOOL, other_shape(s, s.tensors[x].shape), None)
        s.add(op, [y, x] if s.flip(0.4) else [x, y], None, DType.BOOL, None)

    return grow


def select(s: Sketch) -> None:
    """SELECT: a condition for each element, or for each row of the first axis."""
    x = s.source(s.pick((DType.INT8, DType.FLOAT32)), ranks=(1, 2, 3, 4))
    first = s.tensors[x]
    y = s.operand(first.dtype, first.shape, first.quant)
    shape = first.shape if s.flip() else first.shape[:1]
    s.add("select", [s.operand(DType.BOOL, shape, None), x, y], None, first.dtype, first.quant)


def select_v2(s: Sketch) -> None:
    """SELECT_V2 of three operands that broadcast."""
    x = s.source(s.pick((DType.INT8, DType.FLOAT32)), ranks=(1, 2, 3, 4))
    first = s.tensors[x]
    y = s.operand(first.dtype, other_shape(s, first.shape), first.quant)
    choices = [y, x] if s.flip(0.4) else [x, y]
    condition = s.operand(DType.BOOL, other_shape(s, first.shape), None)
    s.add("select_v2", [condition, *choices], None, first.dtype, first.quant)


def prelu(s: Sketch) -> None:
    """PRELU: factors for each channel, or of another shape that broadcasts."""
    dtype = s.dtype("prelu")
    x = s.source(dtype, ranks=(2, 3, 4, 4))
    tensor = s.tensors[x]
    shape = (*(1 for _ in tensor.shape[1:-1]), tensor.shape[-1])
    shape = shape if s.flip() else other_shape(s, tensor.shape)
    alpha = s.const(s.values(dtype, shape), dtype, s.quant(dtype, 0.01))
    affine = s.quant(dtype, tensor.scale) if tensor.quant is not None else None
    s.add("prelu", [x, alpha], None, dtype, affine)


def square(s: Sketch) -> None:
    """SQUARE of floats; there is no other."""
    x = s.source(DType.FLOAT32)
    s.add("square", [x], None, DType.FLOAT32, None)


def leaky(s: Sketch) -> LeakyReluAttrs:
    """A slope, seldom an odd one."""
    return LeakyReluAttrs(s.pick((0.01, 0.1, 0.2, 0.3, 1.0, 2.0, 0.0, -0.5)))


GENERATORS: Mapping[str, Grow] = {
    "abs": unary("abs"),
    "neg": unary("neg", shared=True),
    "elu": unary("elu"),
    "exp": unary("exp", gain=10),
    "gelu": unary("gelu", lambda s: GeluAttrs(s.flip())),
    "hard_swish": unary("hard_swish"),
    "leaky_relu": unary("leaky_relu", leaky),
    "log": unary("log", gain=2, least=0.01),
    "logistic": unary("logistic", output=PROBABILITY),
    "tanh": unary("tanh", output=FRACTION),
    "square": square,
    "rsqrt": unary("rsqrt", gain=10, least=0.01),
    "sqrt": unary("sqrt", least=0.0),
    "quantize": requantize,
    "dequantize": dequantize,
    "relu": clamp(Activation.RELU),
    "relu6": clamp(Activation.RELU6),
    "relu_n1_to_1": clamp(Activation.RELU_N1_TO_1),
    "add": Binary("add", AddAttrs),
    "sub": Binary("sub", ArithmeticAttrs),
    "mul": Binary("mul", ArithmeticAttrs, power=2),
    "div": Binary("div", ArithmeticAttrs),
    "minimum": Binary("minimum", shared=True),
    "maximum": Binary("maximum", shared=True),
    "squared_difference": Binary("squared_difference", power=2),
    "prelu": prelu,
    "cast": cast,
    "equal": comparison("equal"),
    "not_equal": comparison("not_equal"),
    "less": comparison("less"),
    "less_equal": comparison("less_equal"),
    "greater": comparison("greater"),
    "greater_equal": comparison("greater_equal"),
    "logical_and": logical("logical_and"),
    "logical_or": logical("logical_or"),
    "logical_not": logical_not,
    "select": select,
    "select_v2": select_v2,
}
