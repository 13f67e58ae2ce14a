"""Tiny graphs for tests of everything behind the passes: selection, plan, C."""

from __future__ import annotations

import numpy as np

from mcugen.ir import DType, Graph, Node, Quant, Tensor
from mcugen.ops.add import AddAttrs
from mcugen.ops.base import Activation
from mcugen.ops.reshape import ReshapeAttrs
from mcugen.ops.window import ConvolutionAttrs, Padding

_SAME = ConvolutionAttrs(Padding.SAME, (1, 1), (1, 1), Activation.RELU)


def activation(name: str, shape: tuple[int, ...], scale: float = 0.5, zero: int = 0) -> Tensor:
    """An int8 tensor in the arena."""
    return Tensor(name, shape, DType.INT8, Quant((scale,), (zero,)))


def conv(name: str = "tiny", layer: str = "conv", port: str = "input") -> Graph:
    """One convolution, int8 [1, 4, 4, 2] -> [1, 4, 4, 3]; the names may be anything."""
    weights = ((np.arange(54) * 37) % 251 - 125).astype(np.int8).reshape(3, 3, 3, 2)
    scales = Quant((0.01, 0.02, 0.015), (0, 0, 0), axis=0)
    return Graph(
        name=name,
        tensors={
            0: activation(port, (1, 4, 4, 2), 0.5, -3),
            1: Tensor("weights", (3, 3, 3, 2), DType.INT8, scales, weights),
            2: Tensor("bias", (3,), DType.INT32, None, np.array([-9, 500, 0], np.int32)),
            3: activation("output", (1, 4, 4, 3), 4.0, 5),
        },
        nodes=(Node("conv2d", layer, (0, 1, 2), (3,), _SAME, 0),),
        inputs=(0,),
        outputs=(3,),
    )


def branches(name: str = "branches") -> Graph:
    """Two inputs, two outputs, a constant operand, an alias: c = a + b, d = flat(c) + constant."""
    constant = np.array([[1, -2, 3, -4, 5, -6, 7, -128]], np.int8)
    add = AddAttrs(Activation.NONE)
    return Graph(
        name=name,
        tensors={
            0: activation("a", (1, 2, 2, 2), 0.5),
            1: activation("b", (1, 2, 2, 2), 0.25, 7),
            2: activation("c", (1, 2, 2, 2), 0.75, -1),
            3: activation("flat", (1, 8), 0.75, -1),
            4: Tensor("constant", (1, 8), DType.INT8, Quant((0.125,), (0,)), constant),
            5: activation("d", (1, 8), 1.0, 2),
        },
        nodes=(
            Node("add", "sum", (0, 1), (2,), add, 0),
            Node("reshape", "flatten", (2,), (3,), ReshapeAttrs((1, 8)), 1),
            Node("add", "shift", (3, 4), (5,), add, 2),
        ),
        inputs=(0, 1),
        outputs=(2, 5),
    )
