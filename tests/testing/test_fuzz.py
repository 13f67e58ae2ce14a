"""Random models against the references and C, and that the fuzzer sees what it is there for."""

from __future__ import annotations

import enum
from dataclasses import fields, is_dataclass, replace

import numpy as np
import pytest

from mcugen import reference, verify
from mcugen.exporters.builder import ModelBuilder, quant
from mcugen.ops import BY_TFLITE, OPS
from mcugen.ops.base import Call, Family
from mcugen.target import load_board
from mcugen.testing.builder import one_op
from mcugen.testing.check import KernelBatch, run_op
from mcugen.testing.fuzz import __main__ as command
from mcugen.testing.fuzz import emulated, generate
from mcugen.testing.fuzz.catalog import EXCUSED, SUBJECTS, turns
from mcugen.testing.fuzz.host import Host
from mcugen.testing.fuzz.minimise import minimise
from mcugen.testing.fuzz.networks import Networks
from mcugen.testing.fuzz.report import Coverage
from mcugen.testing.fuzz.run import judge

SAMPLE = 2 * len(turns(SUBJECTS))  # models
LEAST, MOST = 12, 200  # models of one operator, until all that it may be has been seen
CORES = ("microbit", "mps2-an385", "mps2-an386", "mps2-an500", "mps2-an505", "mps3-an547")

needs_references = pytest.mark.skipif(
    not reference.tflm_available(), reason="TFLM is not installed"
)


def test_every_operator_has_a_generator():
    in_files = {op.name for op in BY_TFLITE.values()}
    assert sorted(in_files - SUBJECTS.keys() - EXCUSED.keys()) == []


def test_the_same_number_gives_the_same_model():
    first, second = (generate.case(5, 7) for _ in range(2))
    assert first.model == second.model
    assert first.model != generate.case(5, 8).model


@pytest.mark.parametrize("op", SUBJECTS)
def test_generators_make_legal_models_that_vary(op):
    cases = [generate.case(11, number, [op]) for number in range(4)]
    for case in cases:
        verify.check(case.graph)
        assert op in {node.op for node in case.graph.nodes}
    assert len({case.model for case in cases}) > 1


@pytest.mark.parametrize("op", SUBJECTS)
def test_generators_leave_no_type_and_no_attribute_out(op):
    """Every type that a kernel takes, every member of an attribute that the rules allow."""
    wanted = {kernel.dtype for kernel in OPS[op].kernels} - {None}
    allowed, seen, types = set(), set(), set()
    for number in range(MOST):
        calls = generate.case(12, number, [op]).graph.calls()
        for call in (call for call in calls if call.node.op == op):
            types |= {tensor.dtype for tensor in call.inputs if tensor is not None}
            seen |= set(_choices(call))
            for choice in _alternatives(call):
                if choice not in allowed and not verify.call_problems(_with(call, choice)):
                    allowed.add(choice)
        if number >= LEAST and wanted <= types and allowed <= seen:
            return
    raise AssertionError(f"never made: {sorted(map(str, (wanted - types) | (allowed - seen)))}")


Choice = tuple[str, object]  # an attribute, one of its values


def _choices(call: Call) -> list[Choice]:
    """The attributes of a few known values: enumerations and booleans."""
    if not is_dataclass(call.attrs):
        return []
    given = ((each.name, getattr(call.attrs, each.name)) for each in fields(call.attrs))
    return [(name, value) for name, value in given if isinstance(value, bool | enum.Enum)]


def _alternatives(call: Call) -> list[Choice]:
    return [
        (name, other)
        for name, value in _choices(call)
        for other in ((False, True) if isinstance(value, bool) else type(value))
    ]


def _with(call: Call, choice: Choice) -> Call:
    node = replace(call.node, attrs=replace(call.attrs, **dict([choice])))
    return replace(call, node=node)


@needs_references
@pytest.mark.slow
def test_random_models_equal_the_references(tmp_path):
    coverage = Coverage()
    host = Host(tmp_path)
    for first in range(0, SAMPLE, command.BATCH):
        numbers = range(first, min(first + command.BATCH, SAMPLE))
        for verdict in judge([generate.case(1, number) for number in numbers], host):
            coverage.add(verdict)
    assert [(v.case.name, v.mismatch) for v in coverage.mismatches] == []
    assert coverage.missing == [], coverage.text()
    assert coverage.idle == [], coverage.text()
    assert "kernels without a run: none" in coverage.text()
    assert coverage.compared > 0.9 * coverage.tried, coverage.text()


@needs_references
@pytest.mark.qemu
@pytest.mark.parametrize("board", CORES)
def test_random_models_equal_numpy_on_every_core(board):
    there = load_board(board)
    numbers = emulated.sample(there, range(len(turns(SUBJECTS))), tuple(SUBJECTS), 12)
    outcome = emulated.run([generate.case(2, number) for number in numbers], there)
    assert outcome.mismatches == ()
    own = {family for family in there.cpu.families if family is not Family.REF}
    kernels = {k.name for op in SUBJECTS for k in OPS[op].kernels if k.family in own}
    assert kernels <= outcome.kernels


@needs_references
@pytest.mark.slow
def test_keras_networks_equal_the_references(tmp_path):
    pytest.importorskip("keras")  # the optional extra; `make test` installs it
    networks = Networks()
    made = [case for cases, _ in networks.made(3, range(4)) for case in cases]
    networks.close()
    assert {case.name.rsplit("_", 1)[1] for case in made} == {"float", "stock", "ours"}
    verdicts = judge(made, Host(tmp_path))
    assert [(v.case.name, v.mismatch) for v in verdicts if v.mismatch] == []
    assert not all(v.refused for v in verdicts)


# ---- what it finds


@needs_references
def test_wrong_semantics_are_found_and_made_small(tmp_path, monkeypatch):
    right = OPS["max_pool2d"]

    def wrong(call: Call, inputs):
        (y,) = right.quantized(call, inputs)
        return [np.where(y == y.max(), y - np.int8(1), y)]

    monkeypatch.setitem(OPS, "max_pool2d", replace(right, quantized=wrong))
    case = _longest("max_pool2d", ["max_pool2d", "abs", "add", "reshape"])
    host = Host(tmp_path)
    assert "numpy and" in judge([case], host)[0].mismatch
    small = minimise(case, lambda candidate: bool(judge([candidate], host)[0].mismatch))
    (node,) = small.graph.nodes
    assert node.op == "max_pool2d"
    elements = [sum(t.elements for t in c.graph.tensors.values()) for c in (small, case)]
    assert elements[0] < elements[1]


@needs_references
def test_a_wrong_kernel_is_found(tmp_path, monkeypatch):
    right = OPS["abs"]
    kernel = right.kernels[0]

    def params(call: Call):
        return {**kernel.params(call), "elements": call.output.elements - 1}

    wrong = replace(kernel, params=params)
    monkeypatch.setitem(OPS, "abs", replace(right, kernels=(wrong,)))
    assert kernel.name in judge([_longest("abs", ["abs"])], Host(tmp_path))[0].mismatch


@needs_references
def test_a_kernel_that_leaves_its_memory_is_found(tmp_path, monkeypatch):
    right = OPS["abs"]
    kernel = right.kernels[0]

    def params(call: Call):
        return {**kernel.params(call), "elements": call.output.elements + 10_000}

    wrong = replace(kernel, params=params)
    monkeypatch.setitem(OPS, "abs", replace(right, kernels=(wrong,)))
    cases = [_longest("abs", ["abs"]), generate.case(0, 0, ["relu"])]
    first, second = judge(cases, Host(tmp_path))
    assert "AddressSanitizer" in first.mismatch
    assert second.mismatch == ""  # it runs although the one before it ended the program


@needs_references
def test_the_command_reports_and_repeats(tmp_path, monkeypatch, capsys):
    arguments = ["-n", "2", "--jobs", "1", "--ops", "abs", "--output", str(tmp_path)]
    assert command.main(arguments) == 0
    assert "2 models tried" in capsys.readouterr().out
    right = OPS["abs"]
    monkeypatch.setitem(OPS, "abs", replace(right, quantized=right.floating))
    assert command.main(arguments) == 1
    printed = capsys.readouterr().out
    assert "--seed 0 --first 0 -n 1 --ops abs" in printed
    assert (tmp_path / "fuzz_0_0_small.tflite").exists()


def _longest(first: str, ops: list[str]) -> generate.Case:
    """An int8 model that begins with an operator, with as many more as there are."""
    order = turns(ops)
    numbers = (n for n in range(25 * len(order)) if order[n % len(order)].op == first)
    cases = [generate.case(0, number, ops) for number in numbers]
    fitting = [case for case in cases if next(case.graph.calls()).input().dtype.value == "int8"]
    return max(fitting, key=lambda case: len(case.graph.nodes))


# ---- what it found


def found(tmp_path, *, operator: str, dtypes: tuple[str, str], constant: bool) -> str:
    """The mismatch of a model of one operator, which numpy and C once disagreed about."""
    builder = ModelBuilder()
    scales = {"int8": quant(0.5, 3)}
    x = builder.tensor([2, 3], dtypes[0], scales.get(dtypes[0]))
    y = builder.tensor([2, 3], dtypes[1], scales.get(dtypes[1]))
    more = [builder.tensor([3], dtypes[0], data=[1, 0, 1])] if constant else []
    builder.op(operator, [x, *more], [y])
    case = generate.Case("found", builder.build([x], [y]), "litert", (None,), exact=True)
    verdict = judge([case], Host(tmp_path))[0]
    return verdict.refused or verdict.mismatch


@pytest.mark.parametrize("operator", ["LOGICAL_AND", "LOGICAL_OR"])
def test_a_constant_of_booleans_goes_to_a_kernel_for_bytes(tmp_path, operator):
    assert found(tmp_path, operator=operator, dtypes=("bool", "bool"), constant=True) == ""


def test_the_magnitude_of_minus_zero_is_zero():
    tensor = {"shape": [3], "dtype": "float32"}
    batch = KernelBatch()
    batch.add("abs", run_op(one_op("ABS", [tensor], tensor), [np.float32([-0.0, 0.0, -1.0])]))
    batch.check()


@pytest.mark.parametrize("source", ["int8", "bool"])
def test_any_of_the_kernels_of_one_name_will_do(tmp_path, source):
    assert found(tmp_path, operator="CAST", dtypes=(source, "bool"), constant=False) == ""
