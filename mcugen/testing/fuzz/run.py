"""Judges random models: numpy against a reference, the passes against numpy, C against numpy."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mcugen import interpret, passes, verify
from mcugen.arrange import arrange
from mcugen.choose import Choice, Objective
from mcugen.errors import McugenError
from mcugen.ir import Call, Graph, Io, TensorId
from mcugen.ops import OPS
from mcugen.ops.base import Array, Family
from mcugen.passes.fuse_pad import fuse_pad
from mcugen.select import Selection
from mcugen.target import CPUS
from mcugen.testing.check import assert_equal
from mcugen.testing.fuzz.generate import Case
from mcugen.testing.fuzz.host import Host, Job
from mcugen.testing.fuzz.references import Tensors, answers

# Helium has no stand-ins in C; QEMU runs it.
HOST_FAMILIES = tuple(family for family in Family if family is not Family.MVE)
TOLERANCE = 1e-4  # of floats behind a transcendental function, relative to the largest value


@dataclass(frozen=True, slots=True, eq=False)
class Verdict:
    """What became of a case.

    `refused`: why the reference does not take the model, or that no kernel does. `mismatch`: what
    differs from what. `kernels` are those that C was run with.
    """

    case: Case
    refused: str = ""
    mismatch: str = ""
    kernels: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, eq=False)
class Expected:
    """What C must compute: the graph after the passes, its inputs, and the outputs by numpy.

    The samples follow one another. A graph with a state is reset after `period` of them, and is
    then given the same ones again.
    """

    case: Case
    graph: Graph
    samples: list[list[Array]]
    outputs: list[list[Array]]

    @property
    def period(self) -> int:
        """Samples between two resets."""
        return len(self.samples) // (2 if self.graph.variables else 1)


def judge(cases: Sequence[Case], host: Host) -> list[Verdict]:
    """A verdict on each case; the C of all of them is one program."""
    models = [expected(case, answer) for case, answer in zip(cases, answers(cases), strict=True)]
    jobs = [
        (model, Job(model.graph, selection, model.samples, model.period))
        for model in models
        if isinstance(model, Expected)
        for selection in variants(model.graph, HOST_FAMILIES)
    ]
    jobs += [
        (model, Job(choice.graph, choice.selection, model.samples, model.period))
        for model in models
        if isinstance(model, Expected)
        for choice in _rewritten(model.graph)
    ]
    results = host.run([job for _, job in jobs])
    verdicts = {id(model.case): Verdict(model.case) for model, _ in jobs}
    for (model, job), result in zip(jobs, results, strict=True):
        old = verdicts[id(model.case)]
        used = frozenset(kernel.name for kernel in job.selection.kernels if kernel is not None)
        found = result if isinstance(result, str) else difference(result, model)
        mismatch = f"C ({', '.join(sorted(used))}): {found}" if found else ""
        verdicts[id(model.case)] = Verdict(
            model.case, "", old.mismatch or mismatch, old.kernels | used
        )
    return [model if isinstance(model, Verdict) else verdicts[id(model.case)] for model in models]


def _rewritten(graph: Graph) -> Iterator[Choice]:
    """The way with the least RAM, if another; and that for a caller with memory of its own."""
    for io in Io:
        choice = arrange(graph.with_(io=io), CPUS["cortex-m4"], Objective.RAM)
        if io is Io.CALLER or choice.graph.nodes != graph.nodes:
            yield choice


def variants(graph: Graph, families: Collection[Family]) -> Iterator[Selection]:
    """Selections in which every kernel that can compute a node does so once."""
    choices = []
    for call in graph.calls():
        op = OPS[call.node.op]
        kernels = [k for k in op.kernels if k.family in families and k.refusal(call) is None]
        choices.append([None] if op.alias else kernels)
    for turn in range(max(map(len, choices), default=1)):
        yield Selection(tuple(kernels[turn % len(kernels)] for kernels in choices))


def difference(results: Sequence[Sequence[Array]], model: Expected) -> str:
    """Where the outputs of all samples differ from numpy's; empty where they do not."""
    for k, (outputs, wanted) in enumerate(zip(results, model.outputs, strict=True)):
        for output, ours, numpys in zip(model.graph.outputs, outputs, wanted, strict=True):
            found = compare(ours, numpys, f"sample {k}, tensor#{output}", model.case)
            if found:
                return found
    return ""


def compare(actual: Array, expected: Array, where: str, case: Case) -> str:
    """How an output differs from what it should be; empty where it does not."""
    try:
        _check(actual, expected, where, case.exact)
    except AssertionError as error:
        return str(error)
    return ""


def expected(case: Case, answer: Sequence[Tensors] | str) -> Expected | Verdict:
    """What C must compute, or a verdict where numpy differs already or nothing can be compared."""
    if isinstance(answer, str):
        return Verdict(case, refused=answer)
    try:
        model = _numpy(case, answer)
    except _UndefinedError as error:
        return Verdict(case, refused=f"undefined: {error}")
    except (AssertionError, McugenError) as error:
        return Verdict(case, mismatch=f"numpy and {case.reference}: {error}")
    missing = verify.kernel_problems(model.graph, HOST_FAMILIES)
    return Verdict(case, refused=f"mcugen: {missing[0]}") if missing else model


class _UndefinedError(Exception):
    """The reference leaves undefined what it makes of a sample."""


def _require_defined(call: Call, values: Mapping[TensorId, Array]) -> None:
    """Raise for what depends on the data, so that no rule can refuse it."""
    first = call.node.inputs[0]
    if call.node.op == "quantize" and call.input().dtype.is_float and first is not None:
        most = np.max(np.abs(values[first]), initial=0.0) / call.output.scale
        if not most < 2.0**30:  # the reference converts to int32 before it saturates
            raise _UndefinedError(f"QUANTIZE of a float beyond int32 [{call.node.where}]")


def _numpy(case: Case, answer: Sequence[Tensors]) -> Expected:
    """Run numpy; AssertionError where it differs from the reference, or after the passes."""
    imported = case.graph
    compiled = fuse_pad(passes.run(imported))
    samples, outputs = [], []
    states, compiled_states = interpret.reset(imported), interpret.reset(compiled)
    for sample, tensors in zip(case.samples(), answer, strict=True):
        values, states = interpret.step(imported, sample, states)
        for call in imported.calls():
            node = call.node
            _require_defined(call, values)
            for output in () if node.op == "assign_variable" else node.outputs:
                _check(values[output], tensors[output], node.where, case.exact)
        samples.append([values[i] for i in compiled.inputs])  # the passes may strip a QUANTIZE
        found, compiled_states = interpret.step(compiled, samples[-1], compiled_states)
        outputs.append([found[i] for i in compiled.outputs])
        for output, value in zip(compiled.outputs, outputs[-1], strict=True):
            _check(value, values[output], f"passes, tensor#{output}", exact=True)
    rounds = 2 if compiled.variables else 1
    return Expected(case, compiled, rounds * samples, rounds * outputs)


def _check(actual: Array, expected: Array, where: str, exact: bool) -> None:
    if exact or not np.issubdtype(actual.dtype, np.floating):
        assert_equal(actual, expected, where)
        return
    finite = np.isfinite(expected)
    assert np.array_equal(finite, np.isfinite(actual)), f"{where}: other values are finite"
    allowed = TOLERANCE * np.max(np.abs(expected[finite]), initial=0.0)
    worst = np.max(np.abs(actual[finite] - expected[finite]), initial=0.0)
    assert worst <= allowed, f"{where}: differs by {worst:g}, allowed {allowed:g}"
