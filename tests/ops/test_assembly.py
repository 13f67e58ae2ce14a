"""What each kernel for SIMD cores owes its caller and the interrupts, with and without an FPU.

The emulator stops a kernel that touches a byte beside its operands, output, scratch and constants;
that reads what an interrupt may have overwritten; that calls with an unaligned stack, or that loses
a register which it must preserve, in the FPU too.
"""

from __future__ import annotations

import pytest
from test_overlap import forms

from mcugen.ops import OPS
from mcugen.ops.base import Family
from mcugen.testing.check import OpCase, assert_equal, run_op
from mcugen.testing.emulated import run_emulated
from mcugen.testing.kernels import KernelCase

KERNELS = {k.name: k for op in OPS.values() for k in op.kernels if k.family is Family.DSP}
MOST = 12  # cases of a kernel


@pytest.fixture(scope="module")
def found() -> dict[str, list[tuple[KernelCase, OpCase]]]:
    """Cases of each kernel."""
    cases: dict[str, list[tuple[KernelCase, OpCase]]] = {name: [] for name in KERNELS}
    for title, model in forms():
        case = run_op(model)
        (call,) = case.graph.calls()
        for kernel in OPS[call.node.op].kernels:
            if kernel.family is Family.DSP and kernel.refusal(call) is None:
                ids = [call.node.inputs[p] for p in kernel.operand_positions(call)]
                operands = tuple(case.values[i] for i in ids if i is not None)
                cases[kernel.name].append((KernelCase(title, call, kernel, operands), case))
    return cases


@pytest.mark.parametrize(("core", "fpu"), [("cortex-m4", True), ("cortex-m4", False)])
@pytest.mark.parametrize("name", KERNELS)
def test_a_kernel_keeps_to_the_rules(
    found: dict[str, list[tuple[KernelCase, OpCase]]], name: str, core: str, fpu: bool
) -> None:
    cases = found[name]
    assert cases, "the grid of test_overlap.py needs a model for this kernel"
    cases = cases[:: -(-len(cases) // MOST)]
    done = run_emulated([kernel for kernel, _ in cases], core, fpu=fpu, restricted=True)
    for (kernel, case), emulated in zip(cases, done, strict=True):
        assert_equal(emulated.outputs[0], case.outputs[0], kernel.name)
