"""Rules that several operators share; `mcugen.ops.base.Rule` says what a rule is."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from mcugen.ir import Call, DType, Quant, Tensor
from mcugen.ops.base import Activation, Rule

INT32_MAX = 2**31 - 1


def input_is_4d(call: Call) -> str | None:
    """The input must have four dimensions [N, H, W, C]."""
    shape = call.input(0).shape
    return None if len(shape) == 4 else f"input of shape {list(shape)}"


def weights_are_4d_constant(call: Call) -> str | None:
    """The weights must be a constant of four dimensions."""
    weights = call.optional(1)
    if weights is None:
        return "no weights"
    if not weights.is_const:
        return f'weights "{weights.name}" computed at run time'
    return None if len(weights.shape) == 4 else f"weights of shape {list(weights.shape)}"


def strides_are_positive(call: Call) -> str | None:
    """Strides and dilations must be 1 or more."""
    attrs = call.attrs
    steps = (*attrs.stride, *getattr(attrs, "dilation", ()))
    return None if min(steps) >= 1 else f"strides and dilations {list(steps)}"


def window_fits(call: Call) -> str | None:
    """The output must have at least one row and one column; a VALID window must fit its input."""
    shape = call.output.shape
    return None if min(shape[1:3]) >= 1 else f"output of shape {list(shape)}"


def activation_is_a_clamp(call: Call) -> str | None:
    """A fused activation must be NONE, RELU, RELU_N1_TO_1 or RELU6."""
    activation = call.attrs.activation
    clamps = (Activation.NONE, Activation.RELU, Activation.RELU_N1_TO_1, Activation.RELU6)
    return None if activation in clamps else f"activation {activation.name}"


def clamp_fits_int32(call: Call) -> str | None:
    """The bounds of a clamp, 1 or 6, must be below 2**31 scales of an int8 output."""
    activation = call.attrs if isinstance(call.attrs, Activation) else call.attrs.activation
    finite = [abs(bound) for bound in activation.bounds if np.isfinite(bound)]
    if call.output.dtype.is_float or not finite:
        return None
    # Beyond, the reference refuses a fused clamp, and is undefined in the RELU operators.
    steps = max(finite) / call.output.scale
    return None if steps < 2.0**31 else f"a bound of {steps:g} output scales"


def _type_name(call: Call, position: int) -> str:
    tensor = call.optional(position)
    return "none" if tensor is None else tensor.dtype.value


def types_are_conv(call: Call) -> str | None:
    """Types must be float32 throughout; int8 with an int32 bias; or 16x8, with an int64 bias.

    16x8 has int16 input and output and int8 weights; convolutions and dense layers, but neither
    depthwise nor transposed convolutions, also take an int32 bias there. Weights of an int8 layer
    may be int4, but for transposed convolutions.
    """
    found = [*(_type_name(call, i) for i in range(3)), call.output.dtype.value]
    source, weights, bias, target = found
    biases = {"float32": ["float32"], "int8": ["int32"], "int16": ["int64"]}.get(source, [])
    if source == "int16" and call.node.op in ("conv2d", "fully_connected"):
        biases = ["int64", "int32"]
    fits = weights == ("int8" if source == "int16" else source)
    fits = fits or ((source, weights) == ("int8", "int4") and call.node.op != "transpose_conv")
    if fits and target == source and (bias in biases or (biases and bias == "none")):
        return None
    return "input {}, weights {}, bias {}, output {}".format(*found)


def bias_matches_channels(call: Call) -> str | None:
    """The bias must be a constant with one value per output channel."""
    bias = call.optional(2)
    if bias is None or (bias.is_const and bias.elements == call.output.shape[-1]):
        return None
    return f'bias "{bias.name}" of shape {list(bias.shape)} for {call.output.shape[-1]} channels'


def activations_are_quantized(call: Call) -> str | None:
    """An int8 or int16 input or output must have one scale and one zero point, of int16 0."""
    return _not_per_tensor((call.input(0), call.output))


def channel_axis(call: Call) -> int:
    """The axis of the weights that belongs to the output channels."""
    return 3 if call.node.op == "depthwise_conv2d" else 0


def weights_are_symmetric(call: Call) -> str | None:
    """Integer weights must have zero point 0, and one scale or one for each output channel."""
    weights = call.input(1)
    if weights.dtype not in (DType.INT8, DType.INT4):
        return None
    if weights.quant is None:
        return f'weights "{weights.name}" without quantization'
    if any(weights.quant.zero_point):
        return f"weights zero point {next(filter(None, weights.quant.zero_point))}"
    if not weights.quant.is_per_channel or weights.quant.axis == channel_axis(call):
        return None
    return f"scales along axis {weights.quant.axis} of weights of shape {list(weights.shape)}"


def sums_are_wide(call: Call) -> bool:
    """Whether the reference sums in int64: int16 inputs without a bias of int32."""
    bias = call.optional(2)
    return call.input(0).dtype is DType.INT16 and (bias is None or bias.dtype is DType.INT64)


def accumulator_bounds(call: Call) -> list[int]:
    """The largest |sum| that any input can reach, for each channel.

    For int8 sum|w| * 256 + |bias|. 256 and not 255, so that it bounds the way there too: a kernel
    may begin with the zero point's share, up to sum|w| * 128, and then add products with raw
    inputs, up to sum|w| * 128 again. For int16, whose zero point is 0, sum|w| * 2**15 + |bias|.
    """
    weights = np.abs(call.input(1).values().astype(np.int64))
    sums = weights.sum(axis=tuple(i for i in range(weights.ndim) if i != channel_axis(call)))
    bias = call.optional(2)
    # Python's own integers: |INT64_MIN| is none of numpy's.
    extra = [abs(int(b)) for b in bias.values().reshape(-1)] if bias is not None else [0]
    most = 2**15 if call.input(0).dtype is DType.INT16 else 256
    return [int(s) * most + b for s, b in np.broadcast(sums, np.array(extra, object))]


def accumulator_bound(call: Call) -> int:
    """The largest |sum| that any input can reach, over all channels."""
    return max(accumulator_bounds(call), default=0)


def moved_left(bound: int, ratio: float) -> float:
    """What a sum may reach when the reference moves it left by the shift of a real multiplier."""
    return max(bound, 1) * 2.0 ** max(math.frexp(ratio)[1], 0) if math.isfinite(ratio) else ratio


def accumulator_fits_int32(call: Call) -> str | None:
    """The sum of |weights| * 256 + |bias| must stay below 2**31 in every channel.

    For int16 inputs that of |weights| * 2**15 + |bias|, below 2**47 where the sum is an int64.
    """
    if call.input(0).dtype.is_float:
        return None
    bound = accumulator_bound(call)
    limit = 2**47 - 1 if sums_are_wide(call) else INT32_MAX
    return None if bound <= limit else f"an accumulator may reach {bound}"


def multiplier_is_defined(call: Call) -> str | None:
    """The operands' scales, multiplied, must be below 2**30 output scales; 2**7 for int64 sums."""
    weights = call.input(1)
    if call.input(0).dtype.is_float or weights.quant is None:
        return None
    # Beyond, the reference shifts an int32 by 31 bits or more, which C leaves undefined; and it
    # promises nothing for an int64 and a shift of 8 and more.
    ratio = call.input(0).scale * max(weights.quant.scale) / call.output.scale
    is_wide = call.node.op != "batch_matmul" and sums_are_wide(call)
    return None if ratio < (2.0**7 if is_wide else 2.0**30) else f"a ratio of {ratio:g}"


def _same_type(*allowed: DType) -> Rule:
    def same_type_in_out(call: Call) -> str | None:
        source, target = call.input(0).dtype, call.output.dtype
        if source is target and source in allowed:
            return None
        return f"input {source.value}, output {target.value}"

    names = [dtype.value for dtype in allowed]
    listed = f"{', '.join(names[:-1])} or {names[-1]}"
    same_type_in_out.__doc__ = f"Input and output must have the same type, {listed}."
    return same_type_in_out


same_type_in_out = _same_type(DType.INT8, DType.FLOAT32)
same_type_in_out_16 = _same_type(DType.INT8, DType.INT16, DType.FLOAT32)


def same_quantization_in_out(call: Call) -> str | None:
    """Input and output must share scale and zero point."""
    source, target = call.input(0).quant, call.output.quant
    return None if source == target else f"input {_affine(source)}, output {_affine(target)}"


def _affine(quant: Quant | None) -> str:
    if quant is None:
        return "without quantization"
    if quant.is_per_channel:
        return f"{len(quant.scale)} scales"
    return f"scale {quant.scale[0]:g} zero point {quant.zero_point[0]}"


def not_scaled_by(tensor: Tensor, scale: float, zero_point: int) -> str | None:
    """What a rule says of an int8 tensor that has not the scale and zero point that are fixed."""
    if tensor.dtype.is_float or (tensor.scale, tensor.zero_point) == (scale, zero_point):
        return None
    return f'"{tensor.name}" with {_affine(tensor.quant)}'


def same_quantization_throughout(call: Call) -> str | None:
    """All int8 inputs and outputs must share scale and zero point."""
    return different_quantization([tensor for tensor in (*call.inputs, *call.outputs) if tensor])


def different_quantization(tensors: Sequence[Tensor]) -> str | None:
    """What a rule says of int8 tensors that do not share scale and zero point."""
    quants = [tensor.quant for tensor in tensors if tensor.dtype is DType.INT8]
    if all(quant == quants[0] for quant in quants):
        return None
    return ", ".join(map(_affine, quants))


def same_type(call: Call) -> str | None:
    """Input and output must have the same type."""
    source, target = call.input(0).dtype, call.output.dtype
    return None if source is target else f"input {source.value}, output {target.value}"


def _equal_types(*allowed: DType) -> Rule:
    def types_are_equal(call: Call) -> str | None:
        operands = map(call.input, range(len(call.inputs)))
        found = [tensor.dtype for tensor in (*operands, call.output)]
        if found[0] in allowed and len(set(found)) == 1:
            return None
        return ", ".join(dtype.value for dtype in found)

    listed = ", or all ".join(dtype.value for dtype in allowed)
    types_are_equal.__doc__ = f"All inputs and the output must be {listed}."
    return types_are_equal


types_are_equal = _equal_types(DType.FLOAT32, DType.INT8)
types_are_equal_16 = _equal_types(DType.FLOAT32, DType.INT8, DType.INT16)


def quantized_per_tensor(call: Call) -> str | None:
    """Every int8 or int16 input and output must have one scale and one zero point, of int16 0."""
    return _not_per_tensor((*call.inputs, *call.outputs))


def _not_per_tensor(tensors: Sequence[Tensor | None]) -> str | None:
    """What a rule says of an activation without a single scale, or an int16 that is not centred."""
    for tensor in tensors:
        if tensor is None or tensor.dtype not in (DType.INT8, DType.INT16):
            continue
        centred = tensor.dtype is DType.INT8 or (tensor.quant and not any(tensor.quant.zero_point))
        if tensor.quant is None or tensor.quant.is_per_channel or not centred:
            return f'"{tensor.name}" {_affine(tensor.quant)}'
    return None
