"""Which accesses of a block are not aligned, from the registers with which the block begins.

An address is followed back through the block to a sum of registers, halves of registers and words
in memory, with small factors. Where that fails the access counts as aligned; so does one in an IT
block. A word in memory is taken to change only by a store with the same base register and offset.
Only LDR, LDRH, LDRSH, STR and STRH may be unaligned at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import capstone
from capstone import arm

_SIZES = {"ldr": 4, "str": 4, "ldrh": 2, "ldrsh": 2, "strh": 2}
_ALIGNED = ("sp", "pc")  # a load relative to the PC takes it as a multiple of 4
_ADD = {"add": 1, "adds": 1, "addw": 1, "sxtah": 1, "uxtah": 1, "sub": -1, "subs": -1, "subw": -1}
_MOVE = ("mov", "movs", "movw", "vmov", "sxth", "uxth")
_SHIFT = ("lsl", "lsls")


@dataclass(frozen=True, slots=True, order=True)
class Source:
    """What a block found when it began: a register, its upper half, or a word that it points to."""

    register: str
    upper: bool = False
    points: bool = False
    offset: int = 0  # of the word


@dataclass(frozen=True, slots=True)
class Value:
    """Modulo 4: a constant and sources, times their factors."""

    constant: int = 0
    factors: tuple[tuple[Source, int], ...] = ()

    def plus(self, other: Value, times: int = 1) -> Value:
        """self + times * other."""
        sums = dict(self.factors)
        for source, factor in other.factors:
            sums[source] = (sums.get(source, 0) + times * factor) % 4
        factors = tuple(sorted((source, factor) for source, factor in sums.items() if factor))
        return Value((self.constant + times * other.constant) % 4, factors)


Known = dict[Source, Value | None]  # what the block has changed; None to what is not known


@dataclass(frozen=True, slots=True)
class Accesses:
    """The accesses of a block that may be unaligned, depending on `sources`."""

    sources: tuple[Source, ...]
    found: tuple[tuple[int, Value], ...]  # bytes and address of each

    def splits(self, contents: Sequence[int]) -> int:
        """Transfers beyond one for each access, where `sources` hold `contents`.

        A word takes two halfwords, or a byte, a halfword and a byte; a halfword two bytes.
        """
        held = dict(zip(self.sources, contents, strict=True))
        more = 0
        for size, value in self.found:
            address = value.constant + sum(held[of] * times for of, times in value.factors)
            if address % size:
                more += 2 if size == 4 and address % 2 else 1
        return more


def accesses(code: bytes, address: int) -> Accesses:
    """Follow the addresses of a block of Thumb code."""
    engine = capstone.Cs(capstone.CS_ARCH_ARM, capstone.CS_MODE_THUMB | capstone.CS_MODE_MCLASS)
    engine.detail = True
    known: Known = {}
    found = []
    for insn in engine.disasm(code, address):
        at = _address(insn, known)
        size = _SIZES.get(_name(insn), 1)
        if at is not None and size > 1 and (at.factors or at.constant % size):
            found.append((size, at))
        known.update(_written(insn, at, known))
    sources = {source for _, value in found for source, _ in value.factors}
    return Accesses(tuple(sorted(sources)), tuple(found))


def _name(insn: capstone.CsInsn) -> str:
    """The mnemonic without its width; empty in an IT block."""
    return str(insn.mnemonic.split(".")[0]) if insn.cc == arm.ARM_CC_AL else ""


def _value(insn: capstone.CsInsn, register: int, known: Known) -> Value | None:
    name = insn.reg_name(register)
    return Value() if name in _ALIGNED else _now(Source(name), known)


def _now(source: Source, known: Known) -> Value | None:
    """The value of a source where the block has come to."""
    return known.get(source, Value(0, ((source, 1),)))


def _operand(insn: capstone.CsInsn, operand: arm.ArmOp, known: Known) -> Value | None:
    """An immediate, or a register that may be shifted to the left, or its upper half."""
    if operand.type == arm.ARM_OP_IMM:
        return Value(operand.imm % 4)
    if operand.type != arm.ARM_OP_REG:
        return None
    value = _value(insn, operand.reg, known)
    if (operand.shift.type, operand.shift.value) == (arm.ARM_SFT_ROR, 16):
        source = Source(insn.reg_name(operand.reg))
        return _now(replace(source, upper=True), known) if source not in known else None
    return _shifted(value, operand)


def _shifted(value: Value | None, operand: arm.ArmOp) -> Value | None:
    if value is None or operand.shift.type not in (arm.ARM_SFT_INVALID, arm.ARM_SFT_LSL):
        return None
    return Value().plus(value, 1 << operand.shift.value)


def _address(insn: capstone.CsInsn, known: Known) -> Value | None:
    """Where a load or a store with one memory operand goes."""
    for operand in insn.operands:
        if operand.type == arm.ARM_OP_MEM:
            at = _value(insn, operand.mem.base, known)
            if at is not None and operand.mem.index:
                index = _shifted(_value(insn, operand.mem.index, known), operand)
                at = at.plus(index) if index is not None else None
            return at.plus(Value(operand.mem.disp)) if at is not None else None
    return None


def _written(insn: capstone.CsInsn, at: Value | None, known: Known) -> Known:
    """What becomes of what an instruction writes."""
    names = [insn.reg_name(register) for register in insn.regs_access()[1]]
    if any(name.startswith(("d", "q")) for name in names):  # several of the registers s0 to s31
        names += [f"s{i}" for i in range(32)]
    after: Known = {Source(name): None for name in names}
    operands, name = insn.operands, _name(insn)
    memory = [i for i, operand in enumerate(operands) if operand.type == arm.ARM_OP_MEM]
    if not memory:
        if operands and operands[0].type == arm.ARM_OP_REG:
            first = Source(insn.reg_name(operands[0].reg))
            after.update({first: _result(insn, known)} if first in after else {})
        return after
    base = operands[memory[0]].mem
    pointer = Source(insn.reg_name(base.base))
    if pointer not in known and not base.index:
        word = replace(pointer, points=True, offset=base.disp)
        if insn.mnemonic.startswith("str"):
            after[word] = _value(insn, operands[0].reg, known) if name == "str" else None
        elif name == "ldr":
            after[Source(insn.reg_name(operands[0].reg))] = _now(word, known)
    if insn.writeback and at is not None and name:
        after[pointer] = at.plus(Value(operands[memory[0] + 1].imm if insn.post_index else 0))
    return after


def _result(insn: capstone.CsInsn, known: Known) -> Value | None:
    """What an instruction without a memory operand leaves in its first operand."""
    name = _name(insn)
    if name.startswith(("ldm", "stm", "vldm", "vstm")):  # whole words
        return _value(insn, insn.operands[0].reg, known)
    values = [_operand(insn, operand, known) for operand in insn.operands]
    left, right = values[-2:] if len(values) > 1 else (None, None)
    if name in _MOVE and len(values) == 2:
        return right
    if left is None or right is None or len(values) > 3:
        return None
    if name in _ADD:
        return left.plus(right, _ADD[name])
    if name in _SHIFT and insn.operands[-1].type == arm.ARM_OP_IMM:
        return Value().plus(left, 1 << insn.operands[-1].imm)
    return None
