"""Sequences counted by hand from the timing tables of the Technical Reference Manuals."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from mcugen.cycles import CORES, Image, Machine, Usage
from mcugen.cycles.costs import Kind, Leave

# Body without the closing `bx lr` (1 + 2 on the M4; every body is a whole number of words, so the
# return target is the only branch), instructions and cycles of the body on the Cortex-M4.
STRAIGHT = {
    "data processing": ("adds r0, #1; subs r0, #2; eor r0, r0, r1; smlad r0, r0, r1, r2", 4, 4),
    "one load": ("ldr r0, [r1]; nop", 2, 3),
    "loads pipeline": ("ldr r0, [r1]; ldr r2, [r1, #4]; ldr r3, [r1, #8]", 3, 4),
    "a load that feeds the next address does not": ("ldr r0, [r1]; ldr r2, [r0]", 2, 4),
    "nothing pipelines after a store": ("str r0, [r1]; ldr r2, [r1]", 2, 3),
    "a store of what was just loaded": ("ldr r0, [r1]; str r0, [r1, #4]", 2, 3),
    "indexed store": ("str r0, [r1, r2]; nop", 2, 3),
    "indexed store after a load": ("ldr r0, [r1]; str r0, [r1, r2]", 2, 3),
    "address from data processing": ("adds r1, #4; ldr r0, [r1]", 2, 4),
    "address from data processing, stored": ("adds r1, #4; str r0, [r1]", 2, 3),
    "address after another instruction": ("adds r1, #4; nop; ldr r0, [r1]", 3, 4),
    "post-increment feeds no stall": ("ldr r0, [r1], #4; ldr r2, [r1], #4", 2, 3),
    "double load": ("ldrd r2, r3, [r1]; nop", 2, 4),
    "double store": ("strd r2, r3, [r1]; nop", 2, 4),
    "load multiple": ("ldm r1, {r0, r2, r3, r12}; nop", 2, 6),
    "push and pop": ("push {r4, r5, r6}; pop {r4, r5, r6}", 2, 8),
    "multiply": ("mul r0, r0, r2; mla r0, r0, r2, r3; smull r0, r2, r3, r12", 3, 3),
    "long accumulate": ("smlal r0, r2, r3, r12; umlal r0, r2, r3, r12", 2, 2),
    "divide": ("sdiv r0, r0, r3; udiv r0, r0, r3", 2, 14),
    "it folds after a short instruction": ("cmp r0, #0; it eq; addeq r0, #1; nop", 4, 3),
    "it costs after a long instruction": ("cmp.w r0, #0; it eq; addeq r0, #1; nop", 4, 4),
    "float loads and moves": ("vldr s0, [r1]; vmov r0, s0; vmov s1, s2, r0, r2", 3, 5),
    "float arithmetic": ("vadd.f32 s0, s1, s2; vmul.f32 s0, s1, s2; vmov.f32 s0, s1", 3, 3),
    "float accumulate and divide": ("vmla.f32 s0, s1, s2; vdiv.f32 s0, s1, s2", 2, 17),
    "float multiple": ("vldm r1, {s0-s3}; nop", 2, 6),
}


def lines(body: str) -> str:
    return body.replace("; ", "\n")


@pytest.mark.parametrize("case", STRAIGHT)
def test_straight_code_on_the_m4(assemble, case):
    body, instructions, cycles = STRAIGHT[case]
    machine = assemble(f=lines(body) + "\nbx lr")
    data = machine.buffer("data", 16)
    machine.write(data, data.address.to_bytes(4, "little") * 4)  # each word may serve as address
    trace = machine.call("f", 0, data, 0)
    assert trace.total == Usage(instructions + 1, cycles + 1)


LOOP = """
    push {{r4, lr}}
    movs r4, #100
{pad}
1:  {first} r0, r0, r4
    subs r4, #1
    bne 1b
    bl g
    pop {{r4, pc}}
"""


def test_taken_branches_cost_a_refill(assemble):
    """push 3; movs 1; 100 (add 1, subs 1, bne 1) + 99 refills of 1; bl 1 + 1; pop 3."""
    machine = assemble(f=LOOP.format(first="adds", pad=""), g="bx lr\nnop")
    trace = machine.call("f", 1)
    assert trace.functions["f"].instructions == 2 + 300 + 1 + 1
    # The return of g (refill 2) is charged to the block of f that it enters.
    assert trace.functions["f"].cycles == 3 + 1 + 300 + 99 + 1 + 2 + 3
    assert trace.functions["g"] == Usage(1, 1 + 1)
    assert machine.result() == 1 + sum(range(1, 101))
    assert trace.stack == 8


def test_a_branch_to_an_unaligned_wide_instruction_stalls(assemble):
    aligned = assemble(f=LOOP.format(first="add.w", pad=""), g="bx lr\nnop").call("f", 1)
    shifted = assemble(f=LOOP.format(first="add.w", pad="nop"), g="bx lr\nnop").call("f", 1)
    assert shifted.cycles == aligned.cycles + 1 + 99


@pytest.mark.parametrize(
    ("core", "cycles"),
    [
        # push 1+2, movs 1, 100 * 3, 99 refills, bl, bx lr of g, pop 1+2, by each manual's table
        ("cortex-m0", 3 + 1 + 300 + 99 * 2 + (1 + 3) + (1 + 2) + 3),
        ("cortex-m0plus", 3 + 1 + 300 + 99 * 1 + (1 + 2) + (1 + 1) + 3),
        ("cortex-m3", 3 + 1 + 300 + 99 * 1 + (1 + 1) + (1 + 2) + 3),
        ("cortex-m33", 3 + 1 + 300 + 99 * 1 + (1 + 1) + (1 + 2) + 3),
    ],
)
def test_the_same_loop_on_other_cores(assemble, core, cycles):
    machine = assemble(core, f=LOOP.format(first="adds", pad=""), g="bx lr\nnop")
    assert machine.call("f", 1).cycles == cycles


def test_the_m3_pays_for_accumulating_multiplies(assemble):
    body = "mla r0, r1, r2, r3\nsmull r0, r1, r2, r3\nsmlal r0, r1, r2, r3\nbx lr"
    assert assemble("cortex-m3", f=body).call("f").cycles == 2 + 4 + 6 + 1
    assert assemble("cortex-m4", f=body).call("f").cycles == 4


def test_the_m7_issues_independent_instructions_in_pairs(assemble):
    independent = "add r0, r0, #1\nadd r1, r1, #1\nadd r2, r2, #1\nadd r3, r3, #1\nbx lr"
    chain = "add r0, r0, #1\nadd r0, r0, #1\nadd r0, r0, #1\nadd r0, r0, #1\nbx lr"
    multiplies = "mul r0, r0, r1\nmul r2, r2, r1\nmul r3, r3, r1\nmul r12, r12, r1\nbx lr"
    assert assemble("cortex-m7", f=independent).call("f").cycles == 3
    assert assemble("cortex-m7", f=chain).call("f").cycles == 4  # the last with the return
    assert assemble("cortex-m7", f=multiplies).call("f").cycles == 4


def test_rough_cores_say_so(assemble):
    assert "rough" in assemble("cortex-m7", f="bx lr").call("f").table()
    table = assemble("cortex-m4", f="bx lr").call("f").table()
    assert "rough" not in table
    assert "modelled, zero wait states" in table


def test_every_core_prices_every_kind():
    assert all(core.cycles.keys() == set(Kind) for core in CORES.values())
    assert all(core.name == name for name, core in CORES.items())


@pytest.mark.slow
def test_ten_million_instructions_take_seconds(assemble):
    body = "1: {} subs r0, #1\nbne.w 1b\nbx lr".format("eor r1, r1, r2\n" * 28)
    machine: Machine = assemble(f=body)
    assert isinstance(machine.image, Image)
    start = time.monotonic()
    trace = machine.call("f", 330_000)
    assert trace.instructions == 330_000 * 30 + 1
    assert time.monotonic() - start < 20


def test_the_document_states_the_tables_of_the_code():
    document = Path(__file__).parents[2] / "docs" / "cycle-model.md"
    rows = [
        [cell.strip() for cell in line.split("|")[1:-1]] for line in document.open() if "|" in line
    ]
    order = ("cortex-m0", "cortex-m0plus", "cortex-m3", "cortex-m4", "cortex-m33", "cortex-m7")
    stated = {row[0]: row[1:] for row in rows}
    for kind in Kind:
        assert stated[kind.value] == [str(CORES[name].cycles[kind]) for name in order], kind
    for leave in (Leave.DIRECT, Leave.CALL, Leave.INDIRECT):
        refills = [str(CORES[name].refill[leave]) for name in order]
        assert stated[f"taken, added: {leave.value}"] == refills, leave
    splits = [str(CORES[name].unaligned) for name in order]
    row = stated["access that is not aligned, for each transfer beyond the first"]
    assert [cell.lstrip("+") for cell in row] == splits
