"""Two STM32 boards that QEMU lacks, under Unicorn: `python chips.py BOARD IMAGE READS` prints the
path of a pty that is the board's UART, and runs the image until it is stopped.

Only what the drivers touch is there, written from the reference manuals, not from the drivers:
clock tree, UART and cycle counter. A byte arrives whole only if the pty's rate is the one that
clock tree and divider make; else it is garbled, as on a wire. Two bytes of code take a clock. The
counter is set back so far that it wraps soon; the file READS has each value read from it.
"""

from __future__ import annotations

import os
import select
import struct
import sys
import termios
import tty
from pathlib import Path
from typing import ClassVar

import unicorn
from elftools.elf.elffile import ELFFile
from unicorn import arm_const as arm

PERIPHERALS, SYSTEM = 0x4000_0000, 0xE000_0000
DWT_CTRL, DWT_CYCCNT, DEMCR = 0xE000_1000, 0xE000_1004, 0xE000_EDFC
SET_BACK = 5000  # clocks
TOLERANCE = 0.03  # of a UART's rate
RATES = {getattr(termios, name): int(name[1:]) for name in dir(termios) if name[1:].isdigit()}
RXNE, SENT = 1 << 5, 3 << 6  # of the UART's status; TXE and TC


class Stm32:
    """Registers that remember what was written; a chip adds those that answer something else."""

    HZ = 0  # after reset
    RESET: ClassVar[dict[int, int]] = {}  # registers that are not 0 then
    UART = STATUS = RECEIVE = SEND = DIVIDER = 0

    def __init__(self, image: Path, reads: Path) -> None:
        self.words = dict(self.RESET)
        self.clocks = -SET_BACK
        self.received = b""
        self.master, self.slave = os.openpty()
        tty.setraw(self.slave)
        self._reads = reads.open("w", buffering=1)
        self._uc = uc = unicorn.Uc(
            unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB | unicorn.UC_MODE_MCLASS
        )
        uc.ctl_set_cpu_model(arm.UC_CPU_ARM_CORTEX_M4)
        uc.mem_map(0x0800_0000, 0x20_0000)
        uc.mem_map(0x2000_0000, 0xA_0000)
        for base, size in ((PERIPHERALS, 0x1000_0000), (SYSTEM, 0x10_0000)):
            uc.mmio_map(base, size, self._read, base, self._write, base)
        with image.open("rb") as file:
            for segment in ELFFile(file).iter_segments("PT_LOAD"):
                if segment["p_filesz"]:
                    uc.mem_write(segment["p_paddr"], segment.data())
        uc.hook_add(unicorn.UC_HOOK_BLOCK, self._count)

    def run(self) -> None:
        sp, pc = struct.unpack("<II", self._uc.mem_read(0x0800_0000, 8))
        self._uc.reg_write(arm.UC_ARM_REG_SP, sp)
        while True:
            self._uc.emu_start(pc | 1, 0)  # until it waits for an interrupt
            pc = self._uc.reg_read(arm.UC_ARM_REG_PC)
            self._listen(None)

    def hz(self) -> int:
        """Of the UART, by the clock tree."""
        raise NotImplementedError

    def rate(self) -> float:
        """Bits per second, by the UART's divider."""
        return self.hz() / max(self.words.get(self.UART + self.DIVIDER, 0), 1)

    def answer(self, address: int) -> int:
        """What a register of the clock tree reads as."""
        return self.words.get(address, 0)

    def _count(self, _uc: unicorn.Uc, _address: int, size: int, _data: object) -> None:
        self.clocks += size // 2

    def _read(self, _uc: unicorn.Uc, offset: int, _size: int, base: int) -> int:
        address = base + offset
        if address == self.UART + self.STATUS:
            self._listen(0.0)
            return SENT | (RXNE if self.received else 0)
        if address == self.UART + self.RECEIVE and self.received:
            byte, self.received = self.received[0], self.received[1:]
            return byte
        if address == DWT_CYCCNT:
            self.clocks += 2  # a load's; blocks are counted when they begin
            self._reads.write(f"{self.clocks & 0xFFFF_FFFF}\n")
            return self.clocks & 0xFFFF_FFFF
        return self.answer(address)

    def _write(self, _uc: unicorn.Uc, offset: int, _size: int, value: int, base: int) -> None:
        address = base + offset
        if address == self.UART + self.SEND:
            os.write(self.master, self._on_the_wire(bytes([value & 0xFF])))
        elif address == DWT_CYCCNT:
            self.clocks = value - SET_BACK
            self._reads.write("set\n")
        else:
            self.words[address] = value

    def _on_the_wire(self, data: bytes) -> bytes:
        there = RATES[termios.tcgetattr(self.slave)[5]]
        right = abs(self.rate() / there - 1) < TOLERANCE
        return data if right else bytes(byte ^ 0x5A for byte in data)

    def _listen(self, seconds: float | None) -> None:
        if not self.received and select.select([self.master], [], [], seconds)[0]:
            self.received = self._on_the_wire(os.read(self.master, 256))


class F446(Stm32):
    """NUCLEO-F446RE: RM0390, sections 6.3 (RCC), 5.4 (PWR), 25.6 (USART2 on APB1)."""

    HZ = 16_000_000
    HSE = 8_000_000
    CR, PLLCFGR, CFGR, APB1ENR = 0x4002_3800, 0x4002_3804, 0x4002_3808, 0x4002_3840
    PWR_CR, PWR_CSR, FLASH_ACR = 0x4000_7000, 0x4000_7004, 0x4002_3C00
    RESET: ClassVar = {CR: 0x83, PLLCFGR: 0x2400_3010}
    UART, STATUS, RECEIVE, SEND, DIVIDER = 0x4000_4400, 0x00, 0x04, 0x04, 0x08

    def answer(self, address: int) -> int:
        value = self.words.get(address, 0)
        if address == self.CR:
            return value | (value & (1 << 16)) << 1 | (value & (1 << 24)) << 1  # HSERDY, PLLRDY
        if address == self.CFGR:
            return value & ~0xC | (value & 3) << 2  # SWS
        if address == self.PWR_CSR:
            return self.words.get(self.PWR_CR, 0) & 3 << 16  # ODRDY, ODSWRDY
        return value

    def hz(self) -> int:
        cfgr, pll = self.words.get(self.CFGR, 0), self.words[self.PLLCFGR]
        core = self.HZ
        if cfgr & 3 == 2 and self.answer(self.CR) & 1 << 25:
            source = self.HSE if pll & 1 << 22 else self.HZ
            core = source // (pll & 0x3F) * (pll >> 6 & 0x1FF) // ((pll >> 16 & 3) * 2 + 2)
            assert core <= 180_000_000 and self.words[self.FLASH_ACR] & 0xF >= core // 30_000_001
            assert core <= 168_000_000 or self.answer(self.PWR_CSR) & 1 << 17
        enabled = self.words.get(self.APB1ENR, 0) & 1 << 17
        divided = cfgr >> 10 & 7
        return core >> (divided - 3 if divided & 4 else 0) if enabled else 0


class L4R5(Stm32):
    """NUCLEO-L4R5ZI: RM0432, sections 6.4 (RCC), 5.4 (PWR), 49.7 (LPUART1 on PCLK1)."""

    HZ = 4_000_000
    CR, CFGR, PLLCFGR, APB1ENR2 = 0x4002_1000, 0x4002_1008, 0x4002_100C, 0x4002_105C
    PWR_CR2, PWR_CR5, FLASH_ACR = 0x4000_7004, 0x4000_7080, 0x4002_2000
    RESET: ClassVar = {CR: 0x63, PLLCFGR: 0x1000, PWR_CR5: 0x100}
    UART, STATUS, RECEIVE, SEND, DIVIDER = 0x4000_8000, 0x1C, 0x24, 0x28, 0x0C

    def answer(self, address: int) -> int:
        value = self.words.get(address, 0)
        if address == self.CR:
            return value | (value & (1 << 24)) << 1  # PLLRDY
        if address == self.CFGR:
            return value & ~0xC | (value & 3) << 2  # SWS
        return value

    def hz(self) -> int:
        cfgr, pll = self.words.get(self.CFGR, 0), self.words[self.PLLCFGR]
        core = self.HZ
        if cfgr & 3 == 3 and self.answer(self.CR) & 1 << 25 and pll & 3 == 1 and pll & 1 << 24:
            core = (
                self.HZ // ((pll >> 4 & 0xF) + 1) * (pll >> 8 & 0x7F) // ((pll >> 25 & 3) * 2 + 2)
            )
            boosted = not self.words[self.PWR_CR5] & 1 << 8
            assert core <= (120_000_000 if boosted else 80_000_000)
            assert self.words[self.FLASH_ACR] & 0xF >= core // 20_000_001
        powered = self.words.get(self.PWR_CR2, 0) & 1 << 9  # IOSV: port G
        enabled = self.words.get(self.APB1ENR2, 0) & 1
        return core if powered and enabled else 0

    def rate(self) -> float:
        return 256 * super().rate()


CHIPS = {"nucleo-f446re": F446, "nucleo-l4r5zi": L4R5}

if __name__ == "__main__":
    chip = CHIPS[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3]))
    print(os.ttyname(chip.slave), flush=True)
    chip.run()
