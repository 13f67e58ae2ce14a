"""What the machine catches, and how it splits a run."""

from __future__ import annotations

import pytest

from mcugen.cycles import EmulationError, Image
from mcugen.errors import RunError


@pytest.mark.parametrize("size", [1, 3, 4, 7, 64, 5000])
@pytest.mark.parametrize("verb", ["ldrb", "strb"])
def test_every_byte_of_a_buffer_may_be_touched(assemble, size, verb):
    body = f"1: subs r1, #1\n{verb} r2, [r0, r1]\nbne 1b\nbx lr"
    machine = assemble(f=body)
    machine.call("f", machine.buffer("data", size), size)


@pytest.mark.parametrize("size", [1, 3, 4, 7, 64, 4096])
@pytest.mark.parametrize("verb", ["reads", "writes"])
def test_the_byte_after_a_buffer_stops_the_run(assemble, size, verb):
    machine = assemble(f=f"{'ldrb' if verb == 'reads' else 'strb'} r2, [r0, r1]\nbx lr")
    data = machine.buffer("data", size)
    with pytest.raises(EmulationError, match=f"f: {verb} 1 bytes"):
        machine.call("f", data, size)


def test_the_byte_before_a_buffer_stops_the_run(assemble):
    machine = assemble(f="ldrsb r2, [r0, #-1]\nbx lr")
    with pytest.raises(EmulationError, match=r'offset -1 of buffer "data" of 64 .*in f'):
        machine.call("f", machine.buffer("data", 64))


@pytest.mark.parametrize("size", [6, 7, 8, 9])
def test_a_word_that_ends_outside_stops_the_run(assemble, size):
    machine = assemble(f="ldr r2, [r0, r1]\nbx lr")
    data = machine.buffer("data", size)
    machine.call("f", data, size - 4)
    with pytest.raises(EmulationError, match="reads"):
        machine.call("f", data, size - 3)


def test_an_it_block_may_end_a_page(assemble):
    """Unicorn 2.1 takes the branch behind it for a part of the block."""
    block = "itt ne\nldrbne.w r3, [r0], #1\nstrbne.w r3, [r0], #1\nbcc 2f\n2: bx lr"
    machine = assemble(f=f"movs r1, #1\nb 1f\n.balign 4096\n.space 4096 - 10\n1: {block}")
    data = machine.buffer("data", b"\x07\x00\x00\x00")
    trace = machine.call("f", data)
    assert machine.read(data) == b"\x07\x07\x00\x00"
    assert trace.total.instructions == 7


def test_the_message_of_a_wild_access_names_address_and_function(assemble):
    machine = assemble(f="nop\nldr r2, [r0]\nbx lr")
    with pytest.raises(EmulationError, match=r"0x90000000, outside of all memory \(pc .* in f\)"):
        machine.call("f", 0x9000_0000)


@pytest.mark.parametrize("register", ["r4", "r7", "r11"])
def test_a_lost_register_is_an_error(assemble, register):
    with pytest.raises(EmulationError, match=f"changed {register};"):
        assemble(f=f"movs {register}, #0\nbx lr".replace("movs r11", "mov r11")).call("f")


def test_a_lost_float_register_is_an_error(assemble):
    with pytest.raises(EmulationError, match="changed d8;"):
        assemble(f="vmov s17, r0\nbx lr").call("f")


def test_a_stack_that_is_not_restored_is_an_error(assemble):
    with pytest.raises(EmulationError, match="changed sp;"):
        assemble(f="sub sp, #8\nbx lr").call("f")


def test_arguments_beyond_the_fourth_are_on_an_aligned_stack(assemble):
    machine = assemble(f="ldr r0, [sp]\nmov r1, sp\nand r1, #7\nadd r0, r0, r1\nbx lr")
    machine.call("f", 1, 2, 3, 4, -55)
    assert machine.result() == -55


def test_buffers_keep_what_the_function_wrote(assemble):
    machine = assemble(f="str r1, [r0]\nbx lr")
    data = machine.buffer("data", bytes(8))
    machine.call("f", data, 0x01020304)
    assert machine.read(data) == b"\x04\x03\x02\x01\0\0\0\0"
    machine.write(data, bytes(8))
    assert machine.read(data) == bytes(8)


def test_a_restricted_read_beside_the_constants_stops_the_run(assemble):
    table = "ldr r1, =table\nldr r0, [r1, r0]\nbx lr\n.pool\ntable: .word 1, 2, 3"
    machine = assemble(f=table)
    begin = machine.image.symbol("table")
    machine.restrict((begin, begin + 12), [(begin, begin + 4), (begin + 8, begin + 12)])
    for offset in (0, 8):
        machine.call("f", offset)
    for offset in (1, 4, 5, 7):
        with pytest.raises(EmulationError, match=r"beside its constants .*in f"):
            machine.call("f", offset)


def test_what_is_below_the_stack_pointer_is_lost(assemble):
    machine = assemble(f="str r0, [sp, #-8]\nb 1f\n1: ldr r0, [sp, #-8]\nbx lr")
    machine.call("f", 7)
    assert machine.result() == 7
    machine.restrict((0, 0), [])
    machine.call("f", 7)
    assert machine.result() != 7


def test_a_restricted_call_needs_an_aligned_stack(assemble):
    machine = assemble(f="push {lr}\nbl g\npop {pc}", g="bx lr")
    machine.call("f")
    machine.restrict((0, 0), [])
    with pytest.raises(EmulationError, match="enters g with an unaligned stack"):
        machine.call("f")


def test_split_gives_one_trace_per_call(assemble):
    outer = "push {r4, lr}\nbl one\nnop\nbl two\nbl one\npop {r4, lr}\nb two"
    functions = {"outer": outer, "one": "adds r0, #1\nbx lr", "two": "nop\nnop\nnop\nbx lr"}
    machine = assemble(**functions)
    whole = machine.call("outer")
    pieces = machine.call_split("outer")
    called = [[name for name in piece.functions if name != "outer"] for piece in pieces]
    assert called == [["one"], ["two"], ["one"], ["two"]]
    assert sum(piece.cycles for piece in pieces) == whole.cycles
    assert sum(piece.instructions for piece in pieces) == whole.instructions


def test_unknown_names_and_files_are_explained(assemble, tmp_path):
    machine = assemble(f="bx lr")
    with pytest.raises(RunError, match="no symbol g"):
        machine.call("g")
    (tmp_path / "not.elf").write_bytes(b"hello")
    with pytest.raises(RunError, match=r"not\.elf"):
        Image.load(tmp_path / "not.elf")
