"""One model file as the source of truth for numpy, the reference interpreters and C.

A test of an operator builds models with `mcugen.testing.builder`. `check_op` imports one, runs it
in numpy and compares every tensor with the interpreters; `KernelBatch` compiles the kernels of all
cases as one program and compares them with numpy. Both compare for equality.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import EllipsisType
from typing import Any

import numpy as np

from mcugen import interpret, reference, verify
from mcugen.cycles import Trace
from mcugen.importers import tflite
from mcugen.ir import Call, DType, Graph, Quant, Tensor, TensorId
from mcugen.ops import OPS
from mcugen.ops.base import Activation, Array, Family, Kernel
from mcugen.testing.emulated import run_emulated
from mcugen.testing.helium import run_helium
from mcugen.testing.kernels import KernelCase, run_kernels

TFLM_ONLY = ("tflm",)
LITERT_ONLY = ("litert",)
BOTH = ("tflm", "litert")

# Where rounding and clamping go wrong first.
ZERO_POINTS = (-128, -127, -1, 0, 1, 126, 127)

# Real requantization multipliers: too small to represent, the largest right shifts, either side of
# a power of two (the mantissa rounds up to it), none, and left shifts.
MULTIPLIERS = (
    *(2.0**-40, 2.0**-31, 1.5 * 2.0**-24),
    *(0.25, np.nextafter(0.5, 0.0), 0.5, 0.5 + 2.0**-24, 1.0 - 2.0**-24),
    *(1.0, 1.25, 3.0, 2.0**8),
)


@dataclass(frozen=True, slots=True, eq=False)
class OpCase:
    """A model that was run in numpy, with the value of every tensor."""

    graph: Graph
    values: Mapping[TensorId, Array]

    @property
    def outputs(self) -> list[Array]:
        """The model's outputs."""
        return [self.values[tensor] for tensor in self.graph.outputs]


def run_op(model: bytes, inputs: Sequence[Array] | None = None, seed: int = 0) -> OpCase:
    """Import a model, verify it and run it in numpy; inputs are random unless given."""
    graph = tflite.loads(model, "test")
    verify.check(graph)
    if inputs is None:
        inputs = random_inputs(graph, seed)
    return OpCase(graph, interpret.run(graph, inputs))


def check_op(
    model: bytes,
    inputs: Sequence[Array] | None = None,
    seed: int = 0,
    against: Collection[str] = BOTH,
) -> OpCase:
    """`run_op`, then require that every tensor equals the reference interpreters' byte for byte.

    `against` names the references (`BOTH`, `TFLM_ONLY`, `LITERT_ONLY`): operators that LiteRT
    rounds differently, or that TFLM lacks, follow one of them.
    """
    case = run_op(model, inputs, seed)
    given = [case.values[tensor] for tensor in case.graph.inputs]
    for name in against:
        interpreter = {"tflm": reference.tflm, "litert": reference.litert}[name](model)
        expected = interpreter.tensors(given)
        for node in case.graph.nodes:
            for tensor in node.outputs:
                where = f"{node.where}, {interpreter.name}"
                assert_equal(case.values[tensor], expected[tensor], where)
    return case


def assert_equal(actual: Array, expected: Array, where: str) -> None:
    """Require equal type, shape and bits. The message shows where they differ."""
    assert actual.dtype == expected.dtype, f"{where}: {actual.dtype}, expected {expected.dtype}"
    assert actual.shape == expected.shape, f"{where}: {actual.shape}, expected {expected.shape}"
    bits = f"u{actual.itemsize}"  # 0.0 differs from -0.0, NaN does not from itself
    differ = np.argwhere(actual.view(bits) != expected.view(bits))
    if not len(differ):
        return
    shown = "\n".join(
        f"  {tuple(int(n) for n in at)}: {actual[tuple(at)]}, expected {expected[tuple(at)]}"
        for at in differ[:8]
    )
    raise AssertionError(f"{where}: {len(differ)} of {actual.size} elements differ\n{shown}")


def random_inputs(graph: Graph, seed: int = 0) -> list[Array]:
    """A value for each input of a graph; the extremes of its type always occur."""
    rng = np.random.default_rng(seed)
    return [random_values(graph.tensors[tensor], rng) for tensor in graph.inputs]


def random_values(tensor: Tensor, rng: np.random.Generator) -> Array:
    """Values of a tensor's type over its whole range: integers uniform, floats normal * 4."""
    if tensor.dtype is DType.BOOL:
        return rng.integers(0, 2, tensor.shape).astype(np.bool_)
    if tensor.dtype.is_float:
        return (4 * rng.standard_normal(tensor.shape)).astype(tensor.dtype.numpy)
    limits = np.iinfo(tensor.dtype.numpy)
    values = rng.integers(limits.min, limits.max, tensor.elements, tensor.dtype.numpy, True)
    extremes = (limits.min, limits.max)[: tensor.elements]
    values[rng.choice(tensor.elements, len(extremes), replace=False)] = extremes
    return values.reshape(tensor.shape)


class KernelBatch:
    """Collects the kernels of many cases, so that they compile as one program.

    All kernels of some families, or one only.
    """

    def __init__(
        self, families: Iterable[Family] = (Family.REF,), only: Kernel | None = None
    ) -> None:
        self._families = frozenset(families)
        self._only = only
        self._cases: list[KernelCase] = []
        self._expected: list[list[Array]] = []

    @classmethod
    def of(cls, kernel: Kernel, cases: Mapping[str, OpCase]) -> KernelBatch:
        """One kernel on all cases."""
        batch = cls(only=kernel)
        for name, case in cases.items():
            batch.add(name, case)
        return batch

    def add(self, name: str, case: OpCase) -> None:
        """Add every kernel that can compute a node of the case; each node needs one."""
        for call in case.graph.calls():
            op = OPS[call.node.op]
            kernels = [
                kernel
                for kernel in op.kernels
                if (kernel is self._only if self._only else kernel.family in self._families)
                and kernel.refusal(call) is None
            ]
            assert kernels or op.alias, f"{name}: no kernel for {call.node.where}"
            for kernel in kernels:
                ids = [call.node.inputs[position] for position in kernel.operand_positions(call)]
                operands = tuple(case.values[i] for i in ids if i is not None)
                title = f"{name}: {kernel.name}"
                self._cases.append(KernelCase(title, call, kernel, operands))
                self._expected.append([case.values[i] for i in call.node.outputs])

    def check(self, compiler: str = "gcc") -> None:
        """Require that C equals numpy byte for byte in every case."""
        self._compare(run_kernels(self._cases, compiler), compiler)

    def check_emulated(self, core: str, *, fpu: bool = True) -> list[Trace]:
        """As `check`, for the code of a Cortex-M core; returns what each case costs.

        A Cortex-M33 runs the assembly that a Cortex-M4 runs, so that every third case will do.
        """
        some = slice(None, None, 3 if core == "cortex-m33" else 1)
        done = run_emulated(self._cases[some], core, fpu=fpu)
        self._compare([emulated.outputs for emulated in done], core, some)
        return [emulated.trace for emulated in done]

    def check_helium(self) -> None:
        """As `check`, for the code of a Cortex-M55, in QEMU."""
        self._compare(run_helium(self._cases), "cortex-m55")

    def _compare(self, results: list[list[Array]], where: str, some: slice = slice(None)) -> None:
        judged = zip(self._cases[some], results, self._expected[some], strict=True)
        for case, actual, expected in judged:
            for ours, theirs in zip(actual, expected, strict=True):
                assert_equal(ours, theirs, f"{case.name} ({where})")


@dataclass(frozen=True, slots=True)
class Price:
    """What a layer takes on the Cortex-M4, modelled, zero wait states."""

    products_per_cycle: float
    cost: float  # what the kernel's formula says over what it took


def price(kernel: Kernel, model: bytes) -> Price:
    """Check a kernel on a model of one layer, in the emulator, and see what it takes."""
    case = run_op(model)
    (call,) = case.graph.calls()
    (trace,) = KernelBatch.of(kernel, {call.node.op: case}).check_emulated("cortex-m4")
    return Price(
        OPS[call.node.op].macs(call) / trace.cycles, kernel.cost(call).cycles / trace.cycles
    )


# ---- rules

Change = Callable[[Call], Call]


def call_of(model: bytes) -> Call:
    """The first operator of a model, as the file has it: it may break rules."""
    return next(tflite.loads(model, "test").calls())


def broken_rule(call: Call) -> str | None:
    """The name of the first rule that a call breaks; later rules may rely on the earlier ones."""
    rules = OPS[call.node.op].rules
    return next((rule.__name__ for rule in rules if rule(call) is not None), None)


def change_input(position: int, tensor: EllipsisType | None = ..., **fields: Any) -> Change:
    """A change of one input: absent if `tensor` is None, else with some of its fields replaced.

    The data of a constant is repeated or cut to a new shape, and converted to a new type.
    """

    def change(call: Call) -> Call:
        inputs = list(call.inputs)
        inputs[position] = None if tensor is None else _changed(call.input(position), fields)
        return replace(call, inputs=tuple(inputs))

    return change


def change_output(**fields: Any) -> Change:
    """A change of some fields of the first output."""

    def change(call: Call) -> Call:
        return replace(call, outputs=(_changed(call.output, fields), *call.outputs[1:]))

    return change


def _changed(old: Tensor, fields: Mapping[str, Any]) -> Tensor:
    shape, dtype = fields.get("shape", old.shape), fields.get("dtype", old.dtype)
    data = None if old.data is None else np.resize(old.data, shape).astype(dtype.numpy)
    return replace(old, **{"data": data, **fields})


def change_attrs(**fields: Any) -> Change:
    """A change of some attributes."""

    def change(call: Call) -> Call:
        return replace(call, node=replace(call.node, attrs=replace(call.attrs, **fields)))

    return change


def clamped_to_6(scale: float) -> Change:
    """A change of the fused activation to RELU6, and of the output's scale."""

    def change(call: Call) -> Call:
        return change_output(quant=Quant((scale,), (0,)))(
            change_attrs(activation=Activation.RELU6)(call)
        )

    return change


def unchanged(call: Call) -> Call:
    """No change."""
    return call
