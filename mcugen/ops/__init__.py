"""The operators, one module each. `OPS` is the one list that everything else walks."""

from __future__ import annotations

from mcugen.ops import (
    abs,
    add,
    average_pool2d,
    conv2d,
    depthwise_conv2d,
    dequantize,
    exp,
    expand_dims,
    fully_connected,
    gelu,
    hard_swish,
    leaky_relu,
    logistic,
    max_pool2d,
    mean,
    pack,
    pad,
    quantize,
    relu,
    reshape,
    shape,
    softmax,
    sqrt,
    squeeze,
    strided_slice,
)
from mcugen.ops.base import Op

OPS: dict[str, Op] = {
    op.name: op
    for op in (
        abs.ABS,
        abs.NEG,
        add.OP,
        average_pool2d.OP,
        conv2d.OP,
        depthwise_conv2d.OP,
        dequantize.OP,
        expand_dims.OP,
        exp.ELU,
        exp.EXP,
        exp.LOG,
        fully_connected.OP,
        gelu.OP,
        hard_swish.OP,
        leaky_relu.OP,
        logistic.LOGISTIC,
        logistic.TANH,
        max_pool2d.OP,
        mean.OP,
        pack.OP,
        pad.OP,
        pad.PADV2,
        quantize.OP,
        relu.RELU,
        relu.RELU6,
        relu.RELU_N1_TO_1,
        reshape.OP,
        shape.OP,
        softmax.OP,
        sqrt.RSQRT,
        sqrt.SQRT,
        squeeze.OP,
        strided_slice.OP,
    )
}

BY_TFLITE: dict[str, Op] = {op.tflite: op for op in OPS.values()}
