"""What could compute each layer, at which cost, which of it was chosen, and why the rest cannot."""

from __future__ import annotations

from dataclasses import dataclass

from mcugen.choose import Choice
from mcugen.code_size import code_size
from mcugen.ir import Call
from mcugen.limits import Figures
from mcugen.ops import OPS
from mcugen.ops.base import Kernel, rule_text
from mcugen.select import Cycles, modelled, variants
from mcugen.target import Cpu


@dataclass(frozen=True, slots=True)
class Row:
    """A kernel that can compute a layer; bytes of constants, of code, of scratch.

    `cycles` are modelled; `measured` is what it took, in the unit that the report names.
    """

    kernel: str
    chosen: bool
    cycles: int
    measured: int | None
    constants: int
    code: int
    scratch: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """A kernel that cannot compute a layer: what was found, and the rule."""

    kernel: str
    found: str
    rule: str


@dataclass(frozen=True, slots=True)
class LayerVariants:
    """One layer, the better family first."""

    index: int
    operator: str
    name: str
    rows: tuple[Row, ...]
    refusals: tuple[Refusal, ...]


@dataclass(frozen=True, slots=True)
class VariantReport:
    """All layers of a model, and what the choice costs.

    Kernels for other types and other cores are left out. `unit` is that of `measured`, empty where
    nothing was.
    """

    model: str
    board: str
    objective: str
    layers: tuple[LayerVariants, ...]
    cost: Figures
    note: str
    unit: str = ""


def variant_report(
    choice: Choice,
    cpu: Cpu,
    names: tuple[str, str, str],
    measured: Cycles | None = None,
    unit: str = "",
) -> VariantReport:
    """Describe a choice; `names` are those of the model, the board and the objective."""
    layers = tuple(_layer(call, kernel, cpu, measured) for call, kernel in choice.layers)
    return VariantReport(*names, layers, choice.cost, choice.note, unit)


def _layer(call: Call, chosen: Kernel, cpu: Cpu, measured: Cycles | None) -> LayerVariants:
    op = OPS[call.node.op]
    rows = tuple(
        Row(
            variant.kernel.name,
            variant.kernel is chosen,
            modelled(variant.kernel, call),
            None if measured is None else measured(variant.kernel, call),
            variant.constants,
            code_size(variant.kernel, cpu),
            variant.scratch,
        )
        for variant in variants(call, cpu)
    )
    refusals = tuple(
        Refusal(kernel.name, broken[1], rule_text(broken[0]))
        for kernel in op.kernels
        if kernel.family in cpu.families and kernel.takes(call) and (broken := kernel.broken(call))
    )
    return LayerVariants(call.node.index, op.tflite, call.node.name, rows, refusals)
