"""Teensy 4.1 with an i.MX RT1062: IMXRT1060RM, sections 9.6 and 9.7 (boot), 11.7 (IOMUXC), 14.7
and 14.8 (CCM), 19.5 (DCDC), 49.4 (LPUART)."""

from __future__ import annotations

import struct
from typing import ClassVar

from lpuart import Lpuart
from unicorn import arm_const as arm

FLASH, CRYSTAL_HZ, PLL2_HZ = 0x6000_0000, 24_000_000, 528_000_000
CACRR, CBCDR, CBCMR, CSCDR1 = 0x400F_C010, 0x400F_C014, 0x400F_C018, 0x400F_C024
CCGR3, CCGR6, PLL_ARM = 0x400F_C074, 0x400F_C080, 0x400D_8000
DCDC_REG0, DCDC_REG3 = 0x4008_0000, 0x4008_000C
MUX_TX, MUX_RX, SELECT_RX = 0x401F_80C4, 0x401F_80C8, 0x401F_8550


class Rt1062(Lpuart):
    CPU = arm.UC_CPU_ARM_CORTEX_M7
    LPUART = 0x4019_8000
    MEMORY = ((FLASH, 0x80_0000), (0x2000_0000, 0x2_0000), (0x2020_0000, 0x8_0000))
    RESET: ClassVar = {  # as the ROM leaves them: 396 MHz of the Arm PLL
        CACRR: 1,
        CBCDR: 0x000A_8300,
        CBCMR: 0x2DAE_8324 | 3 << 18,
        CSCDR1: 0x0649_0B00,
        PLL_ARM: 0x8000_2042,
        DCDC_REG0: 1 << 31,
        DCDC_REG3: 14,  # 1.15 V
    }

    def boot(self) -> tuple[int, int]:
        """The ROM wants the flash's configuration, a table that points at itself, and the size."""
        assert self.uc.mem_read(FLASH, 4) == b"FCFB"
        table = struct.unpack("<8I", self.uc.mem_read(FLASH + 0x1000, 32))
        header, entry, _, dcd, data, itself, _, _ = table
        assert header == 0x4320_00D1 and itself == FLASH + 0x1000 and dcd == 0
        start, length, plugin = struct.unpack("<3I", self.uc.mem_read(data, 12))
        assert start == FLASH and entry < FLASH + length <= FLASH + 0x80_0000 and plugin == 0
        sp, pc = struct.unpack("<2I", self.uc.mem_read(entry, 8))
        return sp, pc

    def core_hz(self) -> int:
        if self.field(CBCDR, 25, 1):
            assert self.field(CBCMR, 12, 2) == 1  # the crystal
            hz = CRYSTAL_HZ // (self.field(CBCDR, 27, 3) + 1)
        elif self.field(CBCMR, 18, 2) == 3:
            assert self.arm_pll_locked()
            hz = CRYSTAL_HZ * self.field(PLL_ARM, 0, 7) // 2 // (self.field(CACRR, 0, 3) + 1)
        else:
            hz = PLL2_HZ
        core = hz // (self.field(CBCDR, 10, 3) + 1)
        volts = 0.8 + 0.025 * self.field(DCDC_REG3, 0, 5)
        assert core <= (528_000_000 if volts < 1.249 else 600_000_000)
        assert core // (self.field(CBCDR, 8, 2) + 1) <= 150_000_000  # the peripherals' bus
        return core

    def uart_hz(self) -> int:
        pins = self.words.get(MUX_TX) == self.words.get(MUX_RX) == 2 and self.words.get(SELECT_RX)
        if not pins or self.field(CCGR3, 6, 2) != 3 or not self.field(CSCDR1, 6, 1):
            return 0
        self.core_hz()
        return CRYSTAL_HZ // (self.field(CSCDR1, 0, 6) + 1)

    def answer(self, address: int) -> int:
        if address == PLL_ARM:
            return self.words[address] & ~(1 << 31) | self.arm_pll_locked() << 31
        return super().answer(address)

    def arm_pll_locked(self) -> bool:
        """On, not bypassed, and its VCO between 648 and 1296 MHz."""
        word = self.words[PLL_ARM]
        return word & (1 << 13 | 1 << 12 | 1 << 16) == 1 << 13 and 54 <= word & 0x7F <= 108

    def write(self, address: int, value: int) -> None:
        if address == PLL_ARM:
            assert self.field(CBCDR, 25, 1)  # the core runs from something else meanwhile
        if address != DCDC_REG3 or self.field(CCGR6, 6, 2) == 3:  # which hears nothing unclocked
            super().write(address, value)
