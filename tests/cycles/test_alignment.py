"""Accesses that are not aligned: what they cost, and that each is found."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import pytest
import unicorn

from mcugen.cycles import CORES, Machine, Trace
from mcugen.ops.base import Family
from mcugen.select import variants
from mcugen.target import CPUS
from mcugen.testing import cost_model, emulated
from mcugen.testing.check import run_op
from mcugen.testing.kernels import KernelCase

# The access at r0 + r1, r0 a multiple of 16, and the transfers beyond one that it takes for
# r1 = 0, 1, 2, 3.
WORD, HALF, BYTE = (0, 2, 1, 2), (0, 1, 0, 1), (0, 0, 0, 0)
CASES = {
    "word": ("ldr r2, [r0, r1]", WORD),
    "word stored": ("str r2, [r0, r1]", WORD),
    "halves": (
        "ldrh r2, [r0, r1]; ldrsh r2, [r0, r1]; strh r2, [r0, r1]",
        tuple(3 * n for n in HALF),
    ),
    "bytes": ("ldrb r2, [r0, r1]; ldrsb r2, [r0, r1]; strb r2, [r0, r1]", BYTE),
    "offset": ("add r0, r1; nop; ldr r2, [r0, #11]; ldr r2, [r0, #4]", (2, 2, 3, 3)),
    "shifted index": ("ldr r2, [r0, r1, lsl #1]; ldr r2, [r0, r1, lsl #2]", (0, 1, 0, 1)),
    "after it": ("add r0, r1; nop; ldr r2, [r0], #1; ldr r2, [r0], #4", (2, 3, 3, 2)),
    "before it": ("add r0, r1; nop; ldr r2, [r0, #1]!; ldr r2, [r0]", (4, 2, 4, 0)),
    "difference": ("sub r0, r0, r1, lsl #1; nop; ldr r2, [r0, #8]", (0, 1, 0, 1)),
    "sums": ("add r3, r1, r1; add r0, r0, r3; nop; ldr r2, [r0, r1]", (0, 2, 1, 2)),
    "moved": ("mov r3, r1; lsls r3, r3, #1; ldr r2, [r3, r0]; nop", (0, 1, 0, 1)),
    "in the FPU": ("add r0, r1; vmov s7, r0; vmov r3, s7; ldr r2, [r3]; nop", WORD),
    "upper half": ("lsl r1, #16; b 1f; 1: sxtah r0, r0, r1, ror #16; nop; ldr r2, [r0]", WORD),
    "loop": (
        "movs r3, #8; 1: ldr r2, [r0, r1]; subs r3, #1; bne 1b; nop",
        tuple(8 * n for n in WORD),
    ),
}


def body(text: str) -> str:
    return text.replace("; ", "\n") + "\nbx lr"


@pytest.mark.parametrize("core", ["cortex-m3", "cortex-m4", "cortex-m33"])
@pytest.mark.parametrize("case", CASES)
def test_each_further_transfer_costs_a_cycle(assemble, core, case):
    if core == "cortex-m3" and case in ("in the FPU", "upper half"):
        pytest.skip("no such instructions")
    text, transfers = CASES[case]
    machine = assemble(core, f=body(text))
    data = machine.buffer("data", 32, align=16)
    cycles = [machine.call("f", data, at).cycles for at in range(4)]
    assert [count - cycles[0] + transfers[0] for count in cycles] == list(transfers)


def test_an_aligned_word_costs_two_cycles_and_one_at_an_odd_address_four(assemble):
    machine = assemble(f=body("ldr r2, [r0, r1]"))
    data = machine.buffer("data", 16, align=16)
    assert [machine.call("f", data, at).cycles for at in range(4)] == [3, 5, 4, 5]


def test_the_m7_is_not_charged(assemble):
    machine = assemble("cortex-m7", f=body("ldr r2, [r0, r1]"))
    data = machine.buffer("data", 16, align=16)
    assert machine.call("f", data, 1).cycles == machine.call("f", data, 0).cycles


def test_an_address_may_be_loaded(assemble):
    """Pointers in memory as the block finds them, and one that it stores itself."""
    machine = assemble(f=body("ldr r1, [r0, #4]; nop; ldr r2, [r1]"))
    cycles = []
    for at in range(4):
        data = machine.buffer("data", 16, align=16)
        machine.write(data, (data.address + at).to_bytes(4, "little") * 4)
        cycles.append(machine.call("f", data).cycles)
    assert [count - cycles[0] for count in cycles] == [0, 2, 1, 2]
    store = "push {r4, lr}; sub sp, #8; add r3, r0, r1; b 1f; 1: str r3, [sp, #4]; nop"
    machine = assemble(
        f=body(f"{store}; ldr r4, [sp, #4]; nop; ldr r2, [r4]; add sp, #8; pop {{r4, lr}}")
    )
    data = machine.buffer("data", 16, align=16)
    cycles = [machine.call("f", data, at).cycles for at in range(4)]
    assert [count - cycles[0] for count in cycles] == [0, 2, 1, 2]


def test_an_address_that_is_not_followed_counts_as_aligned(assemble):
    text = "add r3, r0, r1; eor r3, r3, r2; nop; ldr r2, [r3]"
    machine = assemble(f=body(text))
    data = machine.buffer("data", 16, align=16)
    assert machine.call("f", data, 1, 0).cycles == machine.call("f", data, 0, 0).cycles


class Watched(Machine):
    """Counts transfers beyond the first of each access by hooks on all of memory."""

    seen: ClassVar[list[int]] = []

    def call(self, function, *arguments) -> Trace:
        self.seen.append(0)

        def on_access(_uc, _access, address, size, _value, _data) -> None:
            if size in (2, 4) and address % size:
                self.seen[-1] += 2 if size == 4 and address % 2 else 1

        both = unicorn.UC_HOOK_MEM_READ | unicorn.UC_HOOK_MEM_WRITE
        hook = self._uc.hook_add(both, on_access)
        trace = super().call(function, *arguments)
        self._uc.hook_del(hook)
        return trace


def test_unaligned_accesses_of_kernels_are_found(monkeypatch):
    """But for kernels that call memcpy: with hooks on memory Unicorn does its conditional loads
    wrong, depending on where the linker puts it."""
    cases = []
    for name in ("3x3 3>8 /2", "1x1 7>5", "dw 3x3 30", "dw 3x3 31 /2 general"):
        case = run_op(cost_model.grid()[name])
        (call,) = case.graph.calls()
        for variant in variants(call, CPUS["cortex-m4"]):
            if variant.kernel.name.endswith("_packed_s8_ref"):
                continue
            ids = [call.node.inputs[p] for p in variant.kernel.operand_positions(call)]
            operands = tuple(case.values[i] for i in ids if i is not None)
            cases.append(KernelCase(name, call, variant.kernel, operands))
    charged = emulated.run_emulated(cases)
    monkeypatch.setattr(emulated, "Machine", Watched)
    monkeypatch.setitem(CORES, "cortex-m4", replace(CORES["cortex-m4"], unaligned=0))
    free = emulated.run_emulated(cases)
    found = [
        one.trace.cycles - other.trace.cycles for one, other in zip(charged, free, strict=True)
    ]
    for case, count, seen in zip(cases, found, Watched.seen, strict=True):
        followed = 0.8 if case.kernel.family is Family.DSP else 0.45
        assert followed * seen <= count <= seen, (case.kernel.name, case.name)
    assert sum(count > 0 for count in found) >= 8
