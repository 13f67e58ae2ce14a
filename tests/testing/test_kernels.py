"""The kernel harness must catch what it is for: bytes out of bounds, wrong sums, warnings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from mcugen.ops import OPS
from mcugen.testing import kernels
from mcugen.testing.builder import ModelBuilder, quant
from mcugen.testing.check import KernelBatch, check_op, run_op

KERNEL = """
#include "mcu_conv2d.h"
#include "mcu_port.h"
void mcu_conv2d_s8_ref(const mcu_conv2d_s8_params *params, const int8_t *input, int8_t *output) {{
    const int32_t taps = params->in_h * params->in_w;
    for (int32_t i = 0; i < taps; i++) {{
        output[i] = input[i];
    }}
    {extra}
}}
"""


def identity() -> bytes:
    """A 1x1 convolution with weight 1: the output is the input."""
    builder = ModelBuilder()
    x = builder.tensor([1, 3, 5, 1], "int8", quant(1.0))
    w = builder.tensor([1, 1, 1, 1], "int8", quant(1.0), [[[[1]]]])
    b = builder.tensor([1], "int32", quant(1.0), [0])
    y = builder.tensor([1, 3, 5, 1], "int8", quant(1.0))
    builder.op("CONV_2D", [x, w, b], [y], {"strideH": 1, "strideW": 1})
    return builder.build([x], [y])


@pytest.fixture
def batch() -> KernelBatch:
    """Two cases of one kernel."""
    kernel = next(k for k in OPS["conv2d"].kernels if k.name == "mcu_conv2d_s8_ref")
    cases = KernelBatch(only=kernel)
    for name in ("first */ case", "second"):
        cases.add(name, check_op(identity()))
    return cases


@pytest.fixture
def kernel_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Replace the convolution by a copy of the input, and one more statement."""

    def install(extra: str) -> None:
        source = tmp_path / "kernel.c"
        source.write_text(KERNEL.format(extra=extra))
        monkeypatch.setattr(kernels, "kernel_source", lambda name: source)

    return install


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_the_real_kernel_passes(batch: KernelBatch, compiler: str) -> None:
    batch.check(compiler)


def test_the_copy_passes(batch: KernelBatch, kernel_with: Callable[[str], None]) -> None:
    kernel_with("")
    batch.check()


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ("output[0] = (int8_t)(output[0] ^ 1);", "first .* case.*1 of 15 elements differ"),
        ("output[15] = 0;", "first .*heap-buffer-overflow"),
        ("output[0] = input[15];", "heap-buffer-overflow"),
        ("output[0] = input[-1];", "heap-buffer-overflow"),
        ("output[0] = params->weights[1];", "global-buffer-overflow"),
        ("output[0] = (int8_t)params->bias[-1];", "global-buffer-overflow"),
        ("MCU_ASSERT(taps == 16);", "first .* case.*exit status"),
        ("output[0] = (int8_t)((taps + INT32_MAX) / 99);", "signed integer overflow"),
        ("output[0] = taps;", "conversion"),
        ("int32_t unused;", "unused"),
    ],
)
def test_a_bad_kernel_fails(
    batch: KernelBatch, kernel_with: Callable[[str], None], extra: str, message: str
) -> None:
    kernel_with(extra)
    with pytest.raises(AssertionError, match=f"(?s){message}"):
        batch.check()


def test_scratch_is_exactly_sized() -> None:
    case = run_op(identity())
    call = next(case.graph.calls())
    kernel = replace(OPS["conv2d"].kernels[0], scratch=lambda call: 7)
    with_scratch = kernels.KernelCase("scratch", call, kernel, (case.values[0],))
    assert with_scratch.blocks == (15, 15, 7)
    assert "(&params0, blocks[0], blocks[1], blocks[2]);" in kernels.program([with_scratch])
