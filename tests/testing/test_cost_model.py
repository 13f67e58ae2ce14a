"""The cycles by which kernels are chosen are near those that they take."""

from __future__ import annotations

from mcugen.importers import tflite
from mcugen.passes import run
from mcugen.select import variants
from mcugen.target import CPUS
from mcugen.testing import cost_model
from mcugen.testing.cost_model import Error

BAND = (0.66, 1.34)  # modelled over measured


def test_modelled_cycles_are_near_measured_ones() -> None:
    found = cost_model.errors("cortex-m4")
    low, high = BAND
    outside = [error for error in found if not low < error.ratio < high]
    assert outside == [], cost_model.table(outside)
    kernels = {error.kernel for error in found}
    assert any("dsp" in name for name in kernels) and any("ref" in name for name in kernels)


def test_the_table_shows_the_extremes() -> None:
    rows = [Error("k", "small", 50, 100), Error("k", "even", 100, 100), Error("k", "big", 300, 200)]
    assert cost_model.table(rows).splitlines()[1].split() == [
        *("k", "3", "0.50", "1.50", "small", "..", "big"),
    ]


def test_stated_constants_are_those_of_the_params() -> None:
    for name, model in cost_model.grid().items():
        (call,) = run(tflite.loads(model, name)).calls()
        for core in ("cortex-m4", "cortex-m55"):
            for variant in variants(call, CPUS[core]):
                stated = variant.kernel.cost(call).flash
                counted = variant.kernel.constants(call)
                assert stated in (None, counted), (variant.kernel.name, name)
