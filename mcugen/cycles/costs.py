"""What a Thumb instruction costs, from its disassembly: one table per core and a few pairing rules.

Sources: the instruction timing tables of the Technical Reference Manuals, Cortex-M0 (DDI 0432C
section 3.3), Cortex-M0+ (DDI 0484C section 3.3), Cortex-M3 (DDI 0337I sections 3.3.1 and 3.3.2),
Cortex-M4 (DDI 0439D sections 3.3.1 and 7.2.3). Arm publishes none for the M7 and the M33.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import capstone
from capstone import arm


class Kind(enum.Enum):
    """Classes of instructions that cost the same on a core; the value is how the manual says it."""

    SIMPLE = "data processing, SIMD, branch not taken, VADD, VMUL, VMOV"
    MULTIPLY = "MUL, SMLABB, SMLAD, SMMUL and their kin"
    MAC = "MLA, MLS"
    LONG = "SMULL, UMULL"
    LONG_MAC = "SMLAL, UMLAL and their kin"
    DIVIDE = "SDIV, UDIV"
    LOAD = "LDR and its kin"
    LOAD_PC = "LDR PC"
    TABLE = "TBB, TBH"
    STORE = "STR, immediate offset"
    STORE_INDEXED = "STR, register offset"
    MULTIPLE = "LDM, STM, LDRD, STRD, PUSH, POP, VLDM, VSTM: per register, and 1"
    FLOAT_LOAD = "VLDR"
    FLOAT_STORE = "VSTR"
    FLOAT_PAIR = "VMOV of two core registers"
    FLOAT_MAC = "VMLA, VFMA"
    FLOAT_DIVIDE = "VDIV, VSQRT"
    IT = "IT"


MEMORY = frozenset(
    {
        Kind.LOAD,
        Kind.LOAD_PC,
        Kind.TABLE,
        Kind.STORE,
        Kind.STORE_INDEXED,
        Kind.MULTIPLE,
        Kind.FLOAT_LOAD,
        Kind.FLOAT_STORE,
    }
)

MULTIPLIES = frozenset({Kind.MULTIPLY, Kind.MAC, Kind.LONG, Kind.LONG_MAC})


class Leave(enum.Enum):
    """How an instruction can change the flow."""

    NOT = "falls through"
    DIRECT = "B, Bcc, CBZ"
    CALL = "BL"
    INDIRECT = "BX, BLX, POP and LDR to PC, TBB"


@dataclass(frozen=True, slots=True)
class Step:
    """One decoded instruction. `loaded` is the destination of a single load, else empty."""

    address: int
    size: int
    kind: Kind
    leave: Leave
    registers: int  # transferred by a MULTIPLE
    reads: frozenset[int]
    writes: frozenset[int]
    base: frozenset[int]  # registers that form an address
    loaded: frozenset[int]


@dataclass(frozen=True, slots=True)
class Core:
    """The cost table of a core, in cycles."""

    name: str
    cycles: Mapping[Kind, int]
    refill: Mapping[Leave, int]  # added when a branch is taken
    pipelined_loads: bool = False  # a load or indexed store right after a load costs one less
    address_stall: int = 0  # address made by the data processing instruction just before
    wide_target_stall: int = 0  # branch to a 32-bit instruction across a word boundary
    unaligned: int = 0  # each transfer beyond the first of an access that is not aligned
    folds_it: bool = False  # IT is free after a 16-bit instruction
    dual_issue: bool = False
    rough: str = ""  # why the figures are only rough

    def block(self, steps: Sequence[Step], before: Step | None = None) -> int:
        """Cycles of a run of instructions; `before` is the instruction that falls into it."""
        total = 0
        issued_alone = False  # `before` has no partner yet
        for step in steps:
            cost = self._step(step, before)
            if self.dual_issue and issued_alone and before is not None and pairs(before, step):
                cost, issued_alone = max(0, cost - 1), False
            else:
                issued_alone = True
            total += cost
            before = step
        return total

    def _step(self, step: Step, before: Step | None) -> int:
        cost = self.cycles[step.kind]
        if step.kind is Kind.MULTIPLE:
            cost = cost * step.registers + 1
        if before is None:
            return cost
        if step.kind is Kind.IT and self.folds_it and before.size == 2:
            return 0
        if before.kind is Kind.LOAD and step.kind in (Kind.LOAD, Kind.STORE_INDEXED):
            if self.pipelined_loads and not before.loaded & step.base:
                return cost - 1
        elif before.kind not in MEMORY and before.writes & step.base:
            return cost + self.address_stall
        return cost

    def taken(self, leave: Leave, target: Step) -> int:
        """Cycles that a taken branch adds."""
        wide = target.size == 4 and target.address % 4 == 2
        return self.refill.get(leave, 0) + (self.wide_target_stall if wide else 0)


def pairs(first: Step, second: Step) -> bool:
    """May a dual-issue core issue both at once?"""
    if first.writes & (second.reads | second.writes) or first.leave is not Leave.NOT:
        return False
    if first.kind in MEMORY and second.kind in MEMORY:
        return first.kind is Kind.LOAD and second.kind is Kind.LOAD
    return first.kind not in MULTIPLIES or second.kind not in MULTIPLIES


# ---- decoding

_KINDS = {
    "mla": Kind.MAC,
    "mls": Kind.MAC,
    "smull": Kind.LONG,
    "umull": Kind.LONG,
    "smlal": Kind.LONG_MAC,
    "umlal": Kind.LONG_MAC,
    "umaal": Kind.LONG_MAC,
    "sdiv": Kind.DIVIDE,
    "udiv": Kind.DIVIDE,
    "tbb": Kind.TABLE,
    "tbh": Kind.TABLE,
    "vldr": Kind.FLOAT_LOAD,
    "vstr": Kind.FLOAT_STORE,
    "vmla": Kind.FLOAT_MAC,
    "vmls": Kind.FLOAT_MAC,
    "vfma": Kind.FLOAT_MAC,
    "vfms": Kind.FLOAT_MAC,
    "vfnma": Kind.FLOAT_MAC,
    "vdiv": Kind.FLOAT_DIVIDE,
    "vsqrt": Kind.FLOAT_DIVIDE,
}
_MULTIPLE = ("ldm", "stm", "ldrd", "strd", "push", "pop", "vldm", "vstm", "vpush", "vpop")


def decode(code: bytes, address: int) -> tuple[Step, ...]:
    """Disassemble a run of Thumb code."""
    engine = capstone.Cs(capstone.CS_ARCH_ARM, capstone.CS_MODE_THUMB | capstone.CS_MODE_MCLASS)
    engine.detail = True
    steps = tuple(_step(insn) for insn in engine.disasm(code, address))
    assert sum(step.size for step in steps) == len(code), hex(address)
    return steps


def _step(insn: capstone.CsInsn) -> Step:
    reads, writes = insn.regs_access()
    registers = [op.reg for op in insn.operands if op.type == arm.ARM_OP_REG]
    memory = [op.mem for op in insn.operands if op.type == arm.ARM_OP_MEM]
    name = insn.mnemonic.split(".")[0]
    kind = _kind(name, registers, memory)
    base = {reg for mem in memory for reg in (mem.base, mem.index) if reg}
    count = 0
    if kind is Kind.MULTIPLE:
        implicit = name.lstrip("v").startswith(("push", "pop"))
        count = len(registers) - (0 if implicit or memory else 1)
        if not memory:
            base = {arm.ARM_REG_SP} if implicit else {registers[0]}
    return Step(
        address=insn.address,
        size=insn.size,
        kind=kind,
        leave=_leave(insn, name, frozenset(writes)),
        registers=count,
        reads=frozenset(reads),
        writes=frozenset(writes),
        base=frozenset(base),
        loaded=frozenset(registers[:1]) if kind is Kind.LOAD else frozenset(),
    )


def _kind(name: str, registers: list[int], memory: list[arm.ArmOpMem]) -> Kind:
    if name.startswith(_MULTIPLE):
        return Kind.MULTIPLE
    for stem in (name, name[:-1], name[:-2]):  # flag-setting and conditional forms
        if stem in _KINDS:
            return _KINDS[stem]
    if name.startswith("it"):
        return Kind.IT
    if name.startswith(("smlal", "smlsl")):
        return Kind.LONG_MAC
    if name.startswith(("mul", "smla", "smls", "smm", "smu")):
        return Kind.MULTIPLY
    if name.startswith("vmov") and len(registers) == 4:
        return Kind.FLOAT_PAIR
    if name.startswith("ldr") and memory:
        return Kind.LOAD_PC if registers[0] == arm.ARM_REG_PC else Kind.LOAD
    if name.startswith("str") and memory:
        return Kind.STORE_INDEXED if memory[0].index else Kind.STORE
    return Kind.SIMPLE


def _leave(insn: capstone.CsInsn, name: str, writes: frozenset[int]) -> Leave:
    if name.startswith(("bx", "blx", "tbb", "tbh")):
        return Leave.INDIRECT
    if name == "bl":
        return Leave.CALL
    if insn.group(capstone.CS_GRP_JUMP) and name.startswith(("b", "cb")):
        return Leave.DIRECT
    return Leave.INDIRECT if arm.ARM_REG_PC in writes else Leave.NOT


# ---- the cores

_M0PLUS = Core(
    name="cortex-m0plus",
    cycles={
        **dict.fromkeys(Kind, 1),
        Kind.LOAD: 2,
        Kind.STORE: 2,
        Kind.STORE_INDEXED: 2,
        Kind.LOAD_PC: 2,
    },
    refill={Leave.DIRECT: 1, Leave.CALL: 2, Leave.INDIRECT: 1},
)

_M0 = replace(_M0PLUS, name="cortex-m0", refill={Leave.DIRECT: 2, Leave.CALL: 3, Leave.INDIRECT: 2})

_M4 = Core(
    name="cortex-m4",
    cycles={
        **dict.fromkeys(Kind, 1),
        Kind.DIVIDE: 7,
        Kind.LOAD: 2,
        Kind.LOAD_PC: 3,
        Kind.TABLE: 4,
        Kind.STORE_INDEXED: 2,
        Kind.FLOAT_LOAD: 2,
        Kind.FLOAT_STORE: 2,
        Kind.FLOAT_PAIR: 2,
        Kind.FLOAT_MAC: 3,
        Kind.FLOAT_DIVIDE: 14,
    },
    refill={Leave.DIRECT: 1, Leave.CALL: 1, Leave.INDIRECT: 2},
    pipelined_loads=True,
    address_stall=1,
    wide_target_stall=1,
    unaligned=1,
    folds_it=True,
)

_M3 = replace(
    _M4,
    name="cortex-m3",
    cycles={**_M4.cycles, Kind.MAC: 2, Kind.LONG: 4, Kind.LONG_MAC: 6},
)

_M33 = replace(_M4, name="cortex-m33", rough="the table of the Cortex-M4, Arm publishes none")

_M7 = replace(
    _M4,
    name="cortex-m7",
    cycles={**_M4.cycles, Kind.LOAD: 1, Kind.STORE_INDEXED: 1, Kind.FLOAT_LOAD: 1},
    refill={Leave.DIRECT: 0, Leave.CALL: 0, Leave.INDIRECT: 1},
    pipelined_loads=False,
    wide_target_stall=0,
    unaligned=0,
    dual_issue=True,
    rough="ideal dual issue and branch prediction, Arm publishes no table",
)

CORES: dict[str, Core] = {core.name: core for core in (_M0, _M0PLUS, _M3, _M4, _M7, _M33)}
