"""The operators, one module each. `OPS` is the one list that everything else walks."""

from __future__ import annotations

from mcugen.ops import conv2d
from mcugen.ops.base import Op

OPS: dict[str, Op] = {op.name: op for op in (conv2d.OP,)}

BY_TFLITE: dict[str, Op] = {op.tflite: op for op in OPS.values()}
