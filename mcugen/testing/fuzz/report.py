"""What a run of the fuzzer covered and found, as text."""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any

from mcugen.ir import Call, Tensor
from mcugen.ops import OPS
from mcugen.testing.fuzz.catalog import SUBJECTS
from mcugen.testing.fuzz.run import HOST_FAMILIES, Verdict

SHOWN = 6  # values of an attribute


@dataclass(slots=True)
class _Row:
    """What is known of one operator."""

    models: int = 0
    types: Counter[str] = field(default_factory=Counter)
    features: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class Coverage:
    """Counts over many verdicts; cases of which nothing was compared do not count."""

    tried: int = 0
    compared: int = 0
    mismatches: list[Verdict] = field(default_factory=list)
    refusals: Counter[str] = field(default_factory=Counter)
    references: Counter[str] = field(default_factory=Counter)
    kernels: Counter[str] = field(default_factory=Counter)
    rows: dict[str, _Row] = field(default_factory=dict)

    def add(self, verdict: Verdict) -> None:
        """Count one."""
        self.tried += 1
        if verdict.refused:
            self.refusals[_kind(verdict)] += 1
            return
        self.compared += 1
        self.references[verdict.case.reference] += 1
        self.kernels.update(verdict.kernels)
        if verdict.mismatch:
            self.mismatches.append(verdict)
        for call in verdict.case.graph.calls():
            row = self.rows.setdefault(call.node.op, _Row())
            row.models += 1
            row.types[_types(call)] += 1
            row.features.update(_features(call))

    @property
    def missing(self) -> list[str]:
        """Operators that have a generator and were not compared."""
        return sorted(set(SUBJECTS) - set(self.rows))

    @property
    def idle(self) -> list[str]:
        """Kernels that this computer can run, and that no model ran."""
        kernels = {k.name for op in SUBJECTS for k in OPS[op].kernels if k.family in HOST_FAMILIES}
        return sorted(kernels - self.kernels.keys())

    def text(self, *, whole: bool = True) -> str:
        """The report; of a sample that is not `whole`, without what it has not covered."""
        counted = ", ".join(f"{n} against {name}" for name, n in sorted(self.references.items()))
        lines = [
            f"{self.tried} models tried, {self.compared} compared ({counted}), "
            f"{len(self.mismatches)} mismatches",
            "",
            f"{'operator':24}{'calls':>7}  types; attributes",
        ]
        for op, row in sorted(self.rows.items()):
            types = " ".join(f"{name}:{n}" for name, n in sorted(row.types.items()))
            features = ", ".join(_values(row.features))
            lines.append(f"{op:24}{row.models:7}  {types}; {features}")
        names = ", ".join(f"{name} {n}" for name, n in sorted(self.kernels.items()))
        lines += ["", f"{len(self.kernels)} kernels: {names}"]
        if whole:
            lines.append(f"kernels without a run: {', '.join(self.idle) or 'none'}")
            lines.append(f"kernels that only a board runs (--board): {', '.join(elsewhere())}")
        if whole and self.missing:
            lines.append(f"not covered: {', '.join(self.missing)}")
        lines += [f"refused {n} times: {why}" for why, n in self.refusals.most_common()]
        return "\n".join(lines)


def elsewhere() -> list[str]:
    """Kernels that this computer cannot run."""
    kernels = (kernel for op in SUBJECTS for kernel in OPS[op].kernels)
    return sorted({kernel.name for kernel in kernels if kernel.family not in HOST_FAMILIES})


def _kind(verdict: Verdict) -> str:
    """A refusal without what differs from model to model."""
    text = " ".join(verdict.refused.split())
    _, _, reason = text.partition("refuses the model (")
    ops = sorted({node.op for node in verdict.case.graph.nodes})
    where = f" [{', '.join(ops)}]" if len(ops) == 1 else ""
    return f"{verdict.case.reference}{where}: {(reason or text)[:90]}"


def _types(call: Call) -> str:
    source, target = call.input().dtype.value, call.output.dtype.value
    return source if source == target else f"{source}->{target}"


def _features(call: Call) -> Iterator[str]:
    """`name=value` for each attribute and each trait of the operands."""
    if isinstance(call.attrs, enum.Enum):
        yield f"attribute={call.attrs.name}"
    elif is_dataclass(call.attrs):
        for each in fields(call.attrs):
            yield f"{each.name}={_spelled(getattr(call.attrs, each.name))}"
    yield f"operands={''.join(map(_operand, call.inputs))}"
    yield f"rank={len(call.input().shape)}"
    if any(t is not None and t.quant is not None and t.quant.is_per_channel for t in call.inputs):
        yield "scales=per-channel"
    if len(call.input().shape) > 2 and call.input().shape[0] > 1:
        yield "batch=many"


def _operand(tensor: Tensor | None) -> str:
    """v for a value at run time, c for a constant, - for none."""
    return "-" if tensor is None else "c" if tensor.is_const else "v"


def _spelled(value: Any) -> str:
    if isinstance(value, enum.Enum):
        return value.name
    if isinstance(value, tuple):
        return "x".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def _values(features: Counter[str]) -> Sequence[str]:
    """`name a b c` for each name; how many values there were where they are too many to list."""
    values: dict[str, list[str]] = {}
    for feature in sorted(features):
        name, _, value = feature.partition("=")
        values.setdefault(name, []).append(value)
    return [
        f"{name} {' '.join(found) if len(found) <= SHOWN else f'({len(found)} values)'}"
        for name, found in values.items()
    ]
