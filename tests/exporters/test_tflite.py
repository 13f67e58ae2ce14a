"""An exported file is the same function in mcugen and in the reference interpreters."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mcugen import interpret, passes, reference
from mcugen.exporters import tflite as exporter
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
