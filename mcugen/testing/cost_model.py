"""How far the modelled cycles of kernels are from measured ones.

    python -m mcugen.testing.cost_model [CORE]

Every kernel that can compute a layer of a small grid runs once under the emulator, on random
inputs; printed is modelled over measured, the least and the greatest, kernel by kernel.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from mcugen.cycles import CORES
from mcugen.importers import tflite
from mcugen.ir import Tensor
from mcugen.passes import run as compiled
from mcugen.select import modelled, variants
from mcugen.target import CPUS
from mcugen.testing.builder import one_op, quant
from mcugen.testing.convolutions import clamped, general
from mcugen.testing.emulated import run_emulated
from mcugen.testing.kernels import KernelCase
from mcugen.testing.wide import widened

CORE = "cortex-m4"
WIDE = (  # the layers that are in the grid with activations of int16, too
    *("1x1 8>16", "1x1 64>64", "1x1 7>5", "3x3 16>16", "3x3 3>8 /2", "10x4 1>64 /2"),
    *("dw 3x3 64", "dw 3x3 16 /2", "dense 640>128", "dense 33>7"),
)


@dataclass(frozen=True, slots=True)
class Error:
    """A kernel on a layer: what its formula says, and what it took."""

    kernel: str
    layer: str
    modelled: int
    measured: int

    @property
    def ratio(self) -> float:
        """Above 1 the formula says too much."""
        return self.modelled / self.measured


def errors(core: str = CORE) -> list[Error]:
    """Every kernel that applies on every layer of the grid."""
    cases = list(_cases(core))
    found = run_emulated(cases, core)
    return [
        Error(c.kernel.name, c.name, modelled(c.kernel, c.call), e.trace.total.cycles)
        for c, e in zip(cases, found, strict=True)
    ]


def _cases(core: str) -> Iterator[KernelCase]:
    rng = np.random.default_rng(0)
    for name, model in grid().items():
        (call,) = compiled(tflite.loads(model, name)).calls()
        for variant in variants(call, CPUS[core]):
            operands = tuple(
                np.asarray(tensor.values() if tensor.is_const else _random(rng, tensor))
                for position in variant.kernel.operand_positions(call)
                if (tensor := call.optional(position)) is not None
            )
            yield KernelCase(name, call, variant.kernel, operands)


def _random(rng: np.random.Generator, tensor: Tensor) -> np.ndarray:
    limits = np.iinfo(tensor.dtype.numpy)
    return rng.integers(limits.min, limits.max + 1, tensor.shape).astype(tensor.dtype.numpy)


def grid() -> dict[str, bytes]:
    """Layers as they occur, and shapes that are awkward for blocks of pixels and channels."""
    narrow = _int8()
    return narrow | {f"16x8 {name}": widened(narrow[name]) for name in WIDE}


def _int8() -> dict[str, bytes]:
    convolutions = {
        "1x1 8>16": clamped((12, 12), 8, 16),
        "1x1 64>64": clamped((6, 6), 64, 64),
        "1x1 60>106": clamped((3, 3), 60, 106),
        "1x1 7>5": general((5, 5), 7, 5),
        "3x3 16>16": clamped((16, 16), 16, 16, (3, 3)),
        "3x3 16>32 /2": clamped((16, 16), 16, 32, (3, 3), 2),
        "3x3 32>32 general": general((8, 8), 32, 32, (3, 3)),
        "3x3 3>8 /2": clamped((24, 24), 3, 8, (3, 3), 2),
        "10x4 1>64 /2": clamped((25, 10), 1, 64, (10, 4), 2),
        "5x5 8>8": clamped((9, 9), 8, 8, (5, 5)),
    }
    depthwise = {
        "dw 3x3 8": (24, 8, 3, 1, True),
        "dw 3x3 64": (6, 64, 3, 1, True),
        "dw 3x3 16 /2": (24, 16, 3, 2, True),
        "dw 3x3 30": (6, 30, 3, 1, True),
        "dw 3x3 31 /2 general": (7, 31, 3, 2, False),
        "dw 5x5 16": (12, 16, 5, 1, True),
        "dw 5x5 24 /2": (10, 24, 5, 2, True),
    }
    return {
        **{name: conv.model() for name, conv in convolutions.items()},
        **{name: _depthwise(*sizes) for name, sizes in depthwise.items()},
        "dense 640>128": _dense(640, 128),
        "dense 64>12": _dense(64, 12),
        "dense 33>7": _dense(33, 7),
        "max pool 2x2": _pool("MAX_POOL_2D", 8, 16, 2),
        "average pool 6x6": _pool("AVERAGE_POOL_2D", 6, 64, 6),
        "add": _add((1, 8, 8, 32)),
        "softmax": one_op(
            "SOFTMAX",
            [{"shape": (1, 12), "quant": quant(0.1, 3)}],
            {"shape": (1, 12), "quant": quant(1 / 256, -128)},
            {"beta": 1.0},
        ),
    }


def _depthwise(size: int, channels: int, kernel: int, stride: int, relu: bool) -> bytes:
    rng = np.random.default_rng(channels)
    weights = rng.integers(-127, 128, (1, kernel, kernel, channels))
    scales = (rng.uniform(0.3, 1.5, channels) / (100.0 * kernel)).tolist()
    out = -(-size // stride)
    zero_points = (-128, -128) if relu else (-7, 11)
    bias = {"shape": [channels], "dtype": "int32", "data": rng.integers(-3000, 3000, channels)}
    return one_op(
        "DEPTHWISE_CONV_2D",
        [
            {"shape": (1, size, size, channels), "quant": quant(1.0, zero_points[0])},
            {"shape": weights.shape, "quant": quant(scales, axis=3), "data": weights},
            {**bias, "quant": quant(scales, axis=0)},
        ],
        {"shape": (1, out, out, channels), "quant": quant(1.0, zero_points[1])},
        {
            "padding": 0,
            "strideH": stride,
            "strideW": stride,
            "depthMultiplier": 1,
            "fusedActivationFunction": int(relu),
        },
    )


def _dense(inputs: int, outputs: int) -> bytes:
    rng = np.random.default_rng(outputs)
    weights = rng.integers(-127, 128, (outputs, inputs))
    scale = quant(1 / (74 * inputs**0.5))
    bias = {"shape": [outputs], "dtype": "int32", "data": rng.integers(-3000, 3000, outputs)}
    return one_op(
        "FULLY_CONNECTED",
        [
            {"shape": (1, inputs), "quant": quant(1.0, -128)},
            {"shape": weights.shape, "quant": scale, "data": weights},
            {**bias, "quant": scale},
        ],
        {"shape": (1, outputs), "quant": quant(1.0, -128)},
        {"fusedActivationFunction": 1},
    )


def _pool(operator: str, size: int, channels: int, window: int) -> bytes:
    out = size // window
    return one_op(
        operator,
        [{"shape": (1, size, size, channels), "quant": quant(1.0, -128)}],
        {"shape": (1, out, out, channels), "quant": quant(1.0, -128)},
        {
            "padding": 1,
            "strideH": window,
            "strideW": window,
            "filterHeight": window,
            "filterWidth": window,
        },
    )


def _add(shape: tuple[int, ...]) -> bytes:
    return one_op(
        "ADD",
        [{"shape": shape, "quant": quant(0.5, 3)}, {"shape": shape, "quant": quant(0.4, -5)}],
        {"shape": shape, "quant": quant(0.7, 1)},
    )


def table(found: Iterable[Error]) -> str:
    """The least and the greatest ratio of each kernel, with the layers where they are."""
    kernels: dict[str, list[Error]] = {}
    for error in found:
        kernels.setdefault(error.kernel, []).append(error)
    lines = [f"{'modelled / measured':36} {'layers':>6} {'least':>6} {'greatest':>8}"]
    for name, listed in sorted(kernels.items()):
        low, high = (pick(listed, key=lambda e: e.ratio) for pick in (min, max))
        lines.append(
            f"{name:36} {len(listed):6} {low.ratio:6.2f} {high.ratio:8.2f}  "
            f"{low.layer} .. {high.layer}"
        )
    return "\n".join(lines)


def main(core: str = CORE) -> int:
    """Print the errors on a core."""
    if core not in CORES:
        print(f"{core}: has no cycle model; known: {', '.join(CORES)}", file=sys.stderr)
        return 2
    print(table(errors(core)))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))
