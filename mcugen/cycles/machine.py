"""Runs one function of an image under Unicorn, as its C caller would, and watches it.

Buffers lie between guard bytes; touching one byte outside stops the run. On return the registers
that the procedure call standard preserves (r4-r11, sp, d8-d15) must hold what they held.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import unicorn
from unicorn import arm_const as arm

from mcugen.cycles.alignment import Accesses, Source, accesses
from mcugen.cycles.costs import Core, Step, decode
from mcugen.cycles.image import Image
from mcugen.cycles.trace import ENTRY, Block, Counts, Trace, measure
from mcugen.errors import RunError

PAGE = 0x1000
RETURN = 0x0FFF_0000  # where the function under test returns to
NOP = RETURN + 16
STACK_TOP = 0x3800_0000
STACK_SIZE = 0x1_0000
STACK_FILL = 0xA5
BUFFERS = 0x6000_0000
INTERRUPT_FRAME = 104  # bytes that a core with FPU pushes
GUARD_FILL = b"\x5a"
TIMEOUT_SECONDS = 120

Span = tuple[int, int]  # addresses [begin, end)

_MODELS = {
    "cortex-m0": arm.UC_CPU_ARM_CORTEX_M0,
    "cortex-m0plus": arm.UC_CPU_ARM_CORTEX_M0,
    "cortex-m3": arm.UC_CPU_ARM_CORTEX_M3,
    "cortex-m4": arm.UC_CPU_ARM_CORTEX_M4,
    "cortex-m7": arm.UC_CPU_ARM_CORTEX_M7,
    "cortex-m33": arm.UC_CPU_ARM_CORTEX_M33,
}
_ARGUMENTS = (arm.UC_ARM_REG_R0, arm.UC_ARM_REG_R1, arm.UC_ARM_REG_R2, arm.UC_ARM_REG_R3)
_SAVED = {f"r{i}": getattr(arm, f"UC_ARM_REG_R{i}") for i in range(4, 12)}
_SAVED_FLOAT = {f"d{i}": getattr(arm, f"UC_ARM_REG_D{i}") for i in range(8, 16)}
_WITH_FPU = ("cortex-m4", "cortex-m7", "cortex-m33")
_READABLE = {
    **{f"r{i}": getattr(arm, f"UC_ARM_REG_R{i}") for i in range(13)},
    **{
        name: getattr(arm, f"UC_ARM_REG_R{9 + i}")
        for i, name in enumerate(("sb", "sl", "fp", "ip"))
    },
    **{f"s{i}": getattr(arm, f"UC_ARM_REG_S{i}") for i in range(32)},
    "sp": arm.UC_ARM_REG_SP,
    "lr": arm.UC_ARM_REG_LR,
    "pc": arm.UC_ARM_REG_PC,
}


class EmulationError(RunError):
    """The code under test broke a rule: memory, registers or stack."""


@dataclass(frozen=True, slots=True)
class Buffer:
    """Memory that the function under test may touch, `size` bytes and not one more."""

    name: str
    address: int
    size: int


class Machine:
    """A core with an image loaded; each `call` runs one function and returns its trace."""

    def __init__(self, image: Image, core: Core) -> None:
        self.image = image
        self.core = core
        self._steps: dict[Block, tuple[Step, ...]] = {}
        self._accesses: dict[Block, Accesses | None] = {}
        self._split: dict[tuple[Block, tuple[int, ...]], int] = {}
        self._next = BUFFERS
        self._fault: str | None = None
        self._counted: int | None = None  # a block that was counted, and begins again
        self._uc = uc = unicorn.Uc(
            unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB | unicorn.UC_MODE_MCLASS
        )
        uc.ctl_set_cpu_model(_MODELS[core.name])
        for page in sorted(
            {
                page
                for segment in image.segments
                for page in range(segment.address & -PAGE, segment.address + segment.size, PAGE)
            }
        ):
            uc.mem_map(page, PAGE)
        for segment in image.segments:
            uc.mem_write(segment.address, segment.data)
        uc.mem_map(STACK_TOP - STACK_SIZE, STACK_SIZE)
        uc.mem_map(RETURN, PAGE)
        uc.mem_write(NOP, b"\x00\xbf")
        uc.hook_add(unicorn.UC_HOOK_MEM_INVALID, self._on_invalid)

    # ---- memory

    def buffer(self, name: str, content: bytes | int, align: int = 4) -> Buffer:
        """Place bytes, or a number of undefined ones, between guards."""
        data = GUARD_FILL * content if isinstance(content, int) else content
        pages = -(-(len(data) + align) // PAGE) + 1
        start = (self._next + pages * PAGE - len(data)) // align * align
        end = self._next + pages * PAGE
        self._uc.mem_map(self._next, pages * PAGE)
        self._uc.mem_write(self._next, GUARD_FILL * (pages * PAGE))
        self._uc.mem_write(start, data)
        placed = Buffer(name, start, len(data))
        # An access is hooked by its first byte: the widest, 8 bytes, may begin inside.
        for low, high in ((self._next, start - 1), (max(start, start + len(data) - 7), end - 1)):
            if low <= high:
                self._uc.hook_add(
                    unicorn.UC_HOOK_MEM_READ | unicorn.UC_HOOK_MEM_WRITE,
                    self._on_guarded,
                    placed,
                    low,
                    high,
                )
        self._next = end + PAGE
        return placed

    def read(self, buffer: Buffer) -> bytes:
        """The bytes of a buffer."""
        return bytes(self._uc.mem_read(buffer.address, buffer.size))

    def write(self, buffer: Buffer, data: bytes) -> None:
        """Replace the bytes of a buffer."""
        assert len(data) == buffer.size, (buffer, len(data))
        self._uc.mem_write(buffer.address, data)

    def restrict(self, watched: Span, allowed: Collection[Span]) -> None:
        """Also find what may go well here, but not elsewhere.

        To read what is watched but not allowed, and to enter a function with a stack that is not
        aligned to 8 bytes, stops the run. What lies below the stack pointer is lost at each branch,
        as if there were an interrupt.
        """

        def on_gap(_uc: Any, _access: int, address: int, size: int, _v: int, gap: Span) -> None:
            if address + size > gap[0]:
                self._stop(f"reads {size} bytes at 0x{address:08x}, beside its constants")

        def on_block(_uc: Any, address: int, _size: int, _data: Any) -> None:
            sp = self._uc.reg_read(arm.UC_ARM_REG_SP)
            self._uc.mem_write(sp - len(frame), frame)
            if address in entries and sp % 8 != 0:
                self._stop(f"enters {self.image.function_at(address)} with an unaligned stack")

        entries = frozenset(self.image.starts)
        frame = bytes([STACK_FILL]) * INTERRUPT_FRAME
        begin = watched[0]
        for low, high in sorted([*allowed, (watched[1], watched[1])]):
            if begin < low:  # allowed reads are not hooked: in an IT block that confuses Unicorn
                gap = (begin, low)
                self._uc.hook_add(
                    unicorn.UC_HOOK_MEM_READ, on_gap, gap, max(begin - 7, watched[0]), low - 1
                )
            begin = high
        self._uc.hook_add(unicorn.UC_HOOK_BLOCK, on_block)

    def _stop(self, fault: str) -> None:
        self._fault = f"{fault}{self._at()}"
        self._uc.emu_stop()

    # ---- running

    def call(self, function: str, *arguments: int | Buffer) -> Trace:
        """Run a function to its return."""
        (counts,), stack = self._run(function, arguments, split=False)
        return self._measure(counts, stack)

    def call_split(self, function: str, *arguments: int | Buffer) -> list[Trace]:
        """As `call`, but one trace per call that the function itself makes, in order.

        The function's own code counts with the call before it, its beginning with the first.
        """
        pieces, stack = self._run(function, arguments, split=True)
        return [self._measure(counts, stack) for counts in pieces]

    def result(self) -> int:
        """The int32 that the last function returned."""
        value: int = self._uc.reg_read(arm.UC_ARM_REG_R0)
        return value - (1 << 32) if value >> 31 else value

    def _run(
        self, function: str, arguments: tuple[int | Buffer, ...], split: bool
    ) -> tuple[list[Counts], int]:
        entry = self.image.symbol(function)
        saved = self._enter(arguments)
        counts = Counts()
        pieces = [counts]
        low, high = self.image.extent(function) if split else (0, 1 << 32)
        last, inside, calls = ENTRY, True, 0

        def on_block(_uc: Any, address: int, size: int, _data: Any) -> None:
            nonlocal counts, last, inside, calls
            if address in (NOP, self._counted):
                self._counted = None if address == self._counted else self._counted
                return
            if inside and not low <= address < high:
                inside, calls = False, calls + 1
                if calls > 1:
                    counts = Counts()
                    pieces.append(counts)
            elif not inside:
                inside = low <= address < high
            block = (address, size)
            counts.edges[last, block] = counts.edges.get((last, block), 0) + 1
            last = block
            if self.core.unaligned and (splits := self._splits(block)):
                counts.splits[block] = counts.splits.get(block, 0) + splits

        self._fault = None
        hook = self._uc.hook_add(unicorn.UC_HOOK_BLOCK, on_block)
        try:
            self._start(entry)
        except unicorn.UcError as error:
            raise EmulationError(f"{function}: {self._fault or error}{self._at()}") from error
        finally:
            self._uc.hook_del(hook)
        if self._fault:
            raise EmulationError(f"{function}: {self._fault}")
        if self._uc.reg_read(arm.UC_ARM_REG_PC) & ~1 != RETURN:
            raise EmulationError(f"{function}: did not return in {TIMEOUT_SECONDS} s{self._at()}")
        self._check_registers(function, saved)
        return pieces, self._stack_used()

    def _start(self, entry: int) -> None:
        """Run until the return.

        Unicorn may take an instruction for invalid that begins a page if an IT block ends the page
        before: it still believes itself in that block. A NOP elsewhere ends the block.
        """
        try:
            self._uc.emu_start(entry | 1, RETURN, timeout=TIMEOUT_SECONDS * 1_000_000)
        except unicorn.UcError as error:
            pc = self._uc.reg_read(arm.UC_ARM_REG_PC) & ~1
            if error.errno != unicorn.UC_ERR_INSN_INVALID or pc % PAGE or pc == entry:
                raise
            self._counted = pc
            self._uc.emu_start(NOP | 1, NOP + 2, count=1)
            self._start(pc)

    def _enter(self, arguments: tuple[int | Buffer, ...]) -> dict[str, int]:
        """Set up stack and registers as a caller would; returns what must be preserved."""
        values = [a.address if isinstance(a, Buffer) else a & 0xFFFF_FFFF for a in arguments]
        on_stack = values[len(_ARGUMENTS) :]
        sp = (STACK_TOP - 4 * len(on_stack)) & -8
        self._uc.mem_write(STACK_TOP - STACK_SIZE, bytes([STACK_FILL]) * STACK_SIZE)
        self._uc.mem_write(sp, b"".join(value.to_bytes(4, "little") for value in on_stack))
        saved = {"sp": sp} | {name: 0xC0DE_0000 + i for i, name in enumerate(_SAVED)}
        if self.core.name in _WITH_FPU:
            saved |= {name: 0x4242_0000_4242_0000 + i for i, name in enumerate(_SAVED_FLOAT)}
        for name, value in saved.items():
            self._uc.reg_write(_register(name), value)
        for register, value in itertools.zip_longest(_ARGUMENTS, values[:4], fillvalue=0xDEAD_0000):
            self._uc.reg_write(register, value)
        self._uc.reg_write(arm.UC_ARM_REG_LR, RETURN | 1)
        return saved

    def _check_registers(self, function: str, saved: dict[str, int]) -> None:
        changed = [n for n, value in saved.items() if self._uc.reg_read(_register(n)) != value]
        if changed:
            raise EmulationError(
                f"{function}: changed {', '.join(changed)}; a function must preserve them"
            )

    def _stack_used(self) -> int:
        stack = bytes(self._uc.mem_read(STACK_TOP - STACK_SIZE, STACK_SIZE))
        return len(stack.lstrip(bytes([STACK_FILL])))

    def _measure(self, counts: Counts, stack: int) -> Trace:
        return measure(counts, self.image, self.core, self._decode, stack)

    def _splits(self, block: Block) -> int:
        """Transfers that a block which begins now makes because of accesses that are unaligned."""
        if block not in self._accesses:
            address, size = block
            found = accesses(bytes(self._uc.mem_read(address, size)), address)
            self._accesses[block] = found if found.found else None
        of = self._accesses[block]
        if of is None:
            return 0
        contents = tuple([self._low(source) for source in of.sources])
        if (block, contents) not in self._split:
            self._split[block, contents] = of.splits(contents)
        return self._split[block, contents]

    def _decode(self, block: Block) -> tuple[Step, ...]:
        if block not in self._steps:
            address, size = block
            self._steps[block] = decode(bytes(self._uc.mem_read(address, size)), address)
        return self._steps[block]

    def _low(self, source: Source) -> int:
        """The last two bits of what a block finds."""
        value: int = self._uc.reg_read(_READABLE[source.register])
        if source.points:
            try:
                value = self._uc.mem_read(value + source.offset, 1)[0]
            except unicorn.UcError:  # the block may not come to read it
                return 0
        return (value >> 16 if source.upper else value) & 3

    # ---- faults

    def _on_invalid(
        self, _uc: Any, access: int, address: int, size: int, _value: int, _data: Any
    ) -> bool:
        verb = {unicorn.UC_MEM_FETCH_UNMAPPED: "fetches"}.get(
            access, "writes" if access == unicorn.UC_MEM_WRITE_UNMAPPED else "reads"
        )
        self._fault = f"{verb} {size} bytes at 0x{address:08x}, outside of all memory"
        return False

    def _on_guarded(
        self, _uc: Any, access: int, address: int, size: int, _value: int, buffer: Buffer
    ) -> None:
        if buffer.address <= address and address + size <= buffer.address + buffer.size:
            return
        verb = "writes" if access == unicorn.UC_MEM_WRITE else "reads"
        where = f'{address - buffer.address} of buffer "{buffer.name}" of {buffer.size}'
        self._stop(f"{verb} {size} bytes at offset {where}")

    def _at(self) -> str:
        pc = self._uc.reg_read(arm.UC_ARM_REG_PC)
        return f" (pc 0x{pc:08x} in {self.image.function_at(pc)})"


def _register(name: str) -> int:
    if name == "sp":
        return int(arm.UC_ARM_REG_SP)
    return int(_SAVED.get(name) or _SAVED_FLOAT[name])
