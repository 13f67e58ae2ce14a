"""What the models of all chips share: memory, a cycle counter, and a pty that is the UART's wire.

Only what the firmware's drivers touch is there, written from the reference manuals, not from the
drivers: boot headers, clock tree, UART and cycle counter. A byte arrives whole only if the pty's
rate is the one that clock tree and divider make, and the UART has clock and pins; else it is
garbled, as on a wire. Two bytes of code take a clock. The counter is set back so far that it wraps
soon; the file `reads` has each value read from it.
"""

from __future__ import annotations

import os
import select
import struct
import termios
import tty
from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar

import unicorn
from elftools.elf.elffile import ELFFile
from unicorn import arm_const as arm

DWT_CYCCNT = 0xE000_1004
SET_BACK = 5000  # clocks
TOLERANCE = 0.03  # of a UART's rate
RATES = {getattr(termios, name): int(name[1:]) for name in dir(termios) if name[1:].isdigit()}


class Chip(ABC):
    """Registers that remember what was written; a chip adds those that answer something else."""

    CPU = arm.UC_CPU_ARM_CORTEX_M4
    MEMORY: ClassVar[tuple[tuple[int, int], ...]]  # addresses and sizes of flash and RAM
    REGISTERS: ClassVar = ((0x4000_0000, 0x2000_0000), (0xE000_0000, 0x10_0000))
    VECTORS = 0  # address of the table after a reset
    RESET: ClassVar[dict[int, int]] = {}  # registers that are not 0 then
    FOLLOW: ClassVar[dict[int, tuple[tuple[int, int, int], ...]]] = {}  # to (register, asked, bit)

    def __init__(self, image: Path, reads: Path) -> None:
        self.words = dict(self.RESET)
        self.clocks = -SET_BACK
        self._received = b""
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.port = os.ttyname(self._slave)
        self._reads = reads.open("w", buffering=1)
        self.uc = uc = unicorn.Uc(
            unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB | unicorn.UC_MODE_MCLASS
        )
        uc.ctl_set_cpu_model(self.CPU)
        for base, size in self.MEMORY:
            uc.mem_map(base, size)
        for base, size in self.REGISTERS:
            uc.mmio_map(base, size, self._read, base, self._write, base)
        with image.open("rb") as file:
            for segment in ELFFile(file).iter_segments("PT_LOAD"):
                if segment["p_filesz"]:
                    uc.mem_write(segment["p_paddr"], segment.data())
        uc.hook_add(unicorn.UC_HOOK_BLOCK, self._count)

    def run(self) -> None:
        sp, pc = self.boot()
        self.uc.reg_write(arm.UC_ARM_REG_SP, sp)
        while True:
            self.uc.emu_start(pc | 1, 0)  # until it waits for an interrupt
            pc = self.uc.reg_read(arm.UC_ARM_REG_PC)
            self.has_byte(None)

    def boot(self) -> tuple[int, int]:
        """Stack pointer and first instruction; a ROM looks at the flash before."""
        sp, pc = struct.unpack("<II", self.uc.mem_read(self.VECTORS, 8))
        return sp, pc

    @abstractmethod
    def core_hz(self) -> int:
        """By the clock tree; an AssertionError where the chip would not bear it."""

    @abstractmethod
    def baud(self) -> float:
        """The rate of the UART; 0 while it has no clock or no pins."""

    def field(self, address: int, at: int, width: int) -> int:
        """Bits of a register, as the firmware would read them."""
        return self.answer(address) >> at & ((1 << width) - 1)

    def answer(self, address: int) -> int:
        """What a register reads as; bits of state follow those that ask for it at once."""
        value = self.words.get(address, 0)
        for source, asked, bit in self.FOLLOW.get(address, ()):
            value = value & ~(1 << bit) | (self.words.get(source, 0) >> asked & 1) << bit
        return value

    def read(self, address: int) -> int:
        """As the firmware reads; a UART's registers change by being read."""
        return self.answer(address)

    def write(self, address: int, value: int) -> None:
        self.words[address] = value

    def send(self, byte: int) -> None:
        os.write(self._master, self._on_the_wire(bytes([byte & 0xFF])))

    def has_byte(self, seconds: float | None = 0.0) -> bool:
        """Whether a byte has come, or comes in a while; None waits for it."""
        if not self._received and select.select([self._master], [], [], seconds)[0]:
            self._received = self._on_the_wire(os.read(self._master, 256))
        return bool(self._received)

    def take_byte(self) -> int:
        byte, self._received = self._received[0], self._received[1:]
        return byte

    def _on_the_wire(self, data: bytes) -> bytes:
        right = abs(self.baud() / RATES[termios.tcgetattr(self._slave)[5]] - 1) < TOLERANCE
        return data if right else bytes(byte ^ 0x5A for byte in data)

    def _count(self, _uc: unicorn.Uc, _address: int, size: int, _data: object) -> None:
        self.clocks += size // 2

    def _read(self, _uc: unicorn.Uc, offset: int, _size: int, base: int) -> int:
        address = base + offset
        if address != DWT_CYCCNT:
            return self.read(address)
        self.clocks += 2  # a load's; blocks are counted when they begin
        self._reads.write(f"{self.clocks & 0xFFFF_FFFF}\n")
        return self.clocks & 0xFFFF_FFFF

    def _write(self, _uc: unicorn.Uc, offset: int, _size: int, value: int, base: int) -> None:
        address = base + offset
        if address == DWT_CYCCNT:
            self.clocks = value - SET_BACK
            self._reads.write("set\n")
        else:
            self.write(address, value)
