"""An exported file is the same function in mcugen and in the reference interpreters."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mcugen import interpret, passes, reference
from mcugen.exporters import tflite as exporter
from mcugen.exporters.builder import ModelBuilder, quant
from mcugen.importers import tflite as importer

INT8_MODELS = ("ad_int8", "digits_cnn_int8", "hello_world_int8", "ic_int8", "kws_int8", "vww_int8")


@pytest.mark.parametrize("name", INT8_MODELS)
def test_a_round_trip_keeps_every_byte_of_the_output(shared: Path, name: str) -> None:
    graph = passes.run(importer.load(shared / "models" / f"{name}.tflite"))
    exported = exporter.dumps(graph)
    again = passes.run(importer.loads(exported, name))
    assert [n.op for n in again.nodes] == [n.op for n in graph.nodes]
    golden = np.load(shared / "golden" / f"{name}.npz")
    inputs = [golden["x0_0"]]
    np.testing.assert_array_equal(interpret.outputs(again, inputs)[0], golden["tflm0_0"])
    np.testing.assert_array_equal(reference.tflm(exported).outputs(inputs)[0], golden["tflm0_0"])
    np.testing.assert_array_equal(reference.litert(exported).outputs(inputs)[0], golden["ref0_0"])


def test_exporting_twice_gives_the_same_bytes(shared: Path) -> None:
    graph = passes.run(importer.load(shared / "models" / "digits_cnn_int8.tflite"))
    assert exporter.dumps(graph) == exporter.dumps(graph)


def test_variables_keep_their_first_values() -> None:
    """Handles, the subgraph that runs once, and what is assigned survive a round trip."""
    builder, affine = ModelBuilder(), quant(0.5, 3)
    x, old, total = (builder.tensor((1, 4), "int8", affine) for _ in range(3))
    handle = builder.tensor((), "resource")
    builder.op("CALL_ONCE", [], [], {"initSubgraphIndex": 1})
    builder.op("VAR_HANDLE", [], [handle], {"container": "", "sharedName": "total"})
    builder.op("READ_VARIABLE", [handle], [old])
    builder.op("ADD", [x, old], [total])
    builder.op("ASSIGN_VARIABLE", [handle, total], [])
    once = builder.subgraph()
    given = once.tensor((), "resource")
    first = once.tensor((1, 4), "int8", affine, [[1, 2, 3, 4]])
    once.op("VAR_HANDLE", [], [given], {"container": "", "sharedName": "total"})
    once.op("ASSIGN_VARIABLE", [given, first], [])
    model = builder.build([x], [total])
    exported = exporter.dumps(importer.loads(model, "running"))
    samples = [[np.array([[5, -7, 9, k]], np.int8)] for k in range(3)]
    for load in (reference.tflm, reference.litert):
        runs = [load(content).sequence(samples) for content in (model, exported)]
        for expected, found in zip(*runs, strict=True):
            output = importer.loads(exported, "again").outputs[0]
            np.testing.assert_array_equal(found[output], expected[total])
    (variable,) = (t for t in importer.loads(exported, "again").tensors.values() if t.variable)
    np.testing.assert_array_equal(variable.initial, [[1, 2, 3, 4]])
