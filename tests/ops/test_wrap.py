"""Multipliers so large that the reference's left shift wraps: no short cut may be taken there."""

from __future__ import annotations

import numpy as np

from mcugen import interpret, passes
from mcugen.importers import tflite
from mcugen.ops.base import Family
from mcugen.testing.builder import one_op, quant
from mcugen.testing.check import TFLM_ONLY, KernelBatch, check_op

CONV = {"strideH": 1, "strideW": 1, "dilationHFactor": 1, "dilationWFactor": 1}
SCALES = [0.04, 0.02, 0.01, 5_555_873.0]  # the last one asks for a left shift by 24


def depthwise() -> bytes:
    weights = np.array([121, 45, -112, -63], np.int8).reshape(1, 1, 1, 4)
    return one_op(
        "DEPTHWISE_CONV_2D",
        [
            {"shape": (1, 5, 3, 4), "quant": quant(1.0)},
            {"shape": weights.shape, "quant": quant(SCALES, axis=3), "data": weights},
        ],
        {"shape": (1, 5, 3, 4), "quant": quant(0.469)},
        {**CONV, "depthMultiplier": 1},
    )


def test_kernels_agree_where_sums_wrap() -> None:
    batch = KernelBatch(families=(Family.REF, Family.DSP))
    batch.add("depthwise", check_op(depthwise(), against=TFLM_ONLY))
    batch.check()


def test_no_channel_is_taken_for_constant_where_sums_wrap() -> None:
    imported = tflite.loads(depthwise(), "wrap")
    compiled = passes.run(imported)
    x = np.random.default_rng(3).integers(-128, 128, (1, 5, 3, 4)).astype(np.int8)
    wanted = interpret.outputs(passes.resolve(imported), [x])
    np.testing.assert_array_equal(interpret.outputs(compiled, [x])[0], wanted[0])
    assert len(np.unique(wanted[0][..., 3])) > 1


def test_dense_layers_with_one_scale_multiply_scales_in_double() -> None:
    """A product in float32 would give other bytes in some of these."""
    rng = np.random.default_rng(4)
    batch = KernelBatch(families=(Family.REF, Family.DSP))
    for case in range(24):
        weights = rng.integers(-127, 128, (8, 64)).astype(np.int8)
        model = one_op(
            "FULLY_CONNECTED",
            [
                {"shape": (4, 64), "quant": quant(float(rng.uniform(0.01, 0.1)), 3)},
                {
                    "shape": weights.shape,
                    "quant": quant(float(rng.uniform(0.001, 0.01))),
                    "data": weights,
                },
            ],
            {"shape": (4, 8), "quant": quant(float(rng.uniform(0.05, 0.2)), -4)},
        )
        batch.add(f"dense {case}", check_op(model, seed=case, against=TFLM_ONLY))
    batch.check()
